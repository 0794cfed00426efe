//! Values as bytes and back: MessagePack with field names, in zstd that knows what came before.
//!
//! Field names, so that a later version can add a field with a default; they cost nothing, because what stands in the
//! bytes before is referred to and not written again.

use std::io::{self, Read as _, Write as _};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Nothing unpacks to more than this: 10,000 backends with statements of 4 kB are well below.
pub(super) const LARGEST: u64 = 96 << 20;
/// How deep values are nested at most; what pooltop writes stays below 12.
const DEPTH: usize = 64;
/// Compression: what repeats is found at any level, the rest is not worth more time.
const LEVEL: i32 = 3;
/// The window that every reader accepts, as a power of two.
const WIDEST: u32 = 27;

/// A value as bytes.
pub(super) fn pack(value: &impl Serialize) -> io::Result<Vec<u8>> {
    rmp_serde::to_vec_named(value).map_err(io::Error::other)
}

/// Bytes as a value.
pub(super) fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(DEPTH);
    T::deserialize(&mut deserializer).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Makes bytes small. Only who has the same `before` can read them again.
pub(super) fn squeeze(bytes: &[u8], before: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::stream::write::Encoder::with_ref_prefix(Vec::new(), LEVEL, before)?;
    encoder.set_pledged_src_size(Some(bytes.len() as u64))?;
    encoder.window_log(window(bytes.len() + before.len()))?;
    encoder.include_checksum(true)?;
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// The reverse of [`squeeze`]; an error where they are not whole, or unpack to more than [`LARGEST`].
pub(super) fn unsqueeze(squeezed: &[u8], before: &[u8]) -> io::Result<Vec<u8>> {
    let decoder = zstd::stream::read::Decoder::with_ref_prefix(squeezed, before)?.single_frame();
    let mut bytes = Vec::new();
    decoder.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        let words = format!("it unpacks to more than {} MiB", LARGEST >> 20);
        return Err(io::Error::new(io::ErrorKind::InvalidData, words));
    }
    Ok(bytes)
}

/// The smallest window in which so many bytes can refer to each other.
fn window(bytes: usize) -> u32 {
    bytes.next_power_of_two().trailing_zeros().clamp(10, WIDEST)
}
