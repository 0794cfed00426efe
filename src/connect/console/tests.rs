//! Whatever is on the line, reading it ends, within bounds and with no panic.

use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use proptest::prelude::*;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use super::talk::Talk;
use super::{Answer, ROW_LIMIT, Trouble, ask};
use crate::connect::link::Link;
use crate::connect::socket::Socket;

/// What a client makes of these bytes from the other end, which then hangs up.
fn answered(bytes: &[u8]) -> Result<Answer, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (own, mut other) = UnixStream::pair().unwrap();
        let mut talk = Talk::new(Link::Plain(Socket::Unix(own)));
        let bytes = bytes.to_vec();
        tokio::spawn(async move {
            let _ = other.write_all(&bytes).await;
            let _ = other.shutdown().await;
            // Kept open for reading, so that the question does not fail before the answer is read.
            tokio::time::sleep(Duration::from_secs(60)).await;
        });
        let asked = tokio::time::timeout(Duration::from_secs(30), ask(&mut talk, "SHOW POOLS")).await;
        match asked.expect("an end of the stream ends the answer") {
            Ok(answer) => answer.map_err(|said| said.message),
            Err(Trouble::Words(words)) => Err(words.to_owned()),
            Err(Trouble::Said(said)) => Err(said.message),
            Err(_) => Err(String::new()),
        }
    })
}

fn message(tag: u8, body: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    out.put_u8(tag);
    out.put_u32(u32::try_from(body.len()).unwrap() + 4);
    out.put_slice(body);
    out
}

/// A row of so many empty cells.
fn row(cells: u16) -> BytesMut {
    let mut body = BytesMut::new();
    body.put_u16(cells);
    (0..cells).for_each(|_| body.put_i32(0));
    message(b'D', &body)
}

const READY: &[u8] = b"Z\0\0\0\x05I";

fn messages() -> impl Strategy<Value = Vec<u8>> {
    let tag = prop::sample::select(b"TDCENSIAZRKXt1".to_vec());
    let one =
        (tag, prop::collection::vec(any::<u8>(), 0..48)).prop_map(|(tag, body)| message(tag, &body).to_vec());
    let row = (0_u16..40).prop_map(|cells| row(cells).to_vec());
    prop::collection::vec(prop_oneof![one, row], 0..12).prop_map(|all| all.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_bytes_make_the_client_panic_or_hang(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = answered(&bytes);
    }

    #[test]
    fn no_messages_make_the_client_panic_or_hang(mut bytes in messages()) {
        bytes.extend_from_slice(READY);
        let _ = answered(&bytes);
    }
}

#[test]
fn rows_beyond_the_limit_are_counted_and_not_kept() {
    let mut bytes = row(1).repeat(ROW_LIMIT + 7);
    bytes.extend_from_slice(READY);
    let answer = answered(&bytes).unwrap();
    assert_eq!((answer.rows.len(), answer.left_off), (ROW_LIMIT, 7));
}

#[test]
fn an_answer_is_cut_off_by_the_memory_that_it_takes_not_by_its_bytes() {
    // 8 MB on the line, 64 MiB here.
    let error = answered(&row(40_000).repeat(60)).unwrap_err();
    assert!(error.contains("64 MiB"), "{error}");
}

#[test]
fn an_impossible_length_is_an_error_before_anything_is_reserved() {
    for length in [i32::MAX, -1, 3] {
        let bytes = [&b"D"[..], &length.to_be_bytes(), &[0; 32]].concat();
        assert!(answered(&bytes).is_err(), "{length}");
    }
}
