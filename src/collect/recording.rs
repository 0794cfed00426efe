//! Samples in a file: zstd around lines of JSON, a header first and then one sample per line.
//!
//! Samples of several targets may follow each other in any order of targets, each target's own in the order of time.

use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::recording::FORMAT;
pub use crate::model::recording::Header;
use crate::model::sample::Sample;

/// A file that unpacks to more than this is refused: it is no recording, or one that no machine could hold.
const LARGEST: u64 = 1 << 30;
/// Compression: samples repeat each other, so little effort goes far.
const LEVEL: i32 = 9;

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It is not packed as a recording is, or it ends in the middle.
    #[error("the recording cannot be unpacked: {0}")]
    Unpack(#[from] io::Error),
    /// A line is not what it should be.
    #[error("line {line} of the recording cannot be read: {reason}")]
    Line {
        /// Counted from 1; the header is line 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// The first line says that it is something else.
    #[error("this is no recording of pooltop that this version can read (found `{0}`, expected `{FORMAT}`)")]
    Format(String),
    /// There is nothing in it.
    #[error("the recording is empty")]
    Empty,
}

/// A recording in memory.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Its first line.
    pub header: Header,
    /// Its samples, in the order in which they were written.
    pub samples: Vec<Arc<Sample>>,
}

impl Recording {
    /// Reads a whole recording. Texts in it are cleaned like a server's, because the file comes from outside.
    pub fn read(packed: &[u8]) -> Result<Self, RecordingError> {
        let unpacked = zstd::stream::read::Decoder::new(packed)?.take(LARGEST);
        let mut lines = BufReader::new(unpacked).lines().enumerate();
        let (_, first) = lines.next().ok_or(RecordingError::Empty)?;
        let header: Header = parse(1, &first?)?;
        if &*header.format != FORMAT {
            return Err(RecordingError::Format(header.format.to_string()));
        }
        let samples = lines.map(|(index, line)| parse(index + 1, &line?).map(Arc::new));
        let samples = samples.collect::<Result<Vec<_>, RecordingError>>()?;
        if samples.is_empty() {
            return Err(RecordingError::Empty);
        }
        Ok(Self { header, samples })
    }
}

fn parse<'a, T: Deserialize<'a>>(line: usize, json: &'a str) -> Result<T, RecordingError> {
    serde_json::from_str(json).map_err(|error| RecordingError::Line { line, reason: error.to_string() })
}

/// Writes a recording, sample by sample.
pub struct Writer<W: Write>(zstd::stream::write::Encoder<'static, W>);

impl<W: Write> Writer<W> {
    /// Begins a recording.
    pub fn new(out: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self(zstd::stream::write::Encoder::new(out, LEVEL)?);
        writer.line(header)?;
        Ok(writer)
    }

    /// Adds a sample.
    pub fn push(&mut self, sample: &Sample) -> io::Result<()> {
        self.line(sample)
    }

    /// Ends the recording. One that was never ended cannot be read.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, value)?;
        self.0.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::replay::tests::sample_at;
    use crate::model::time::Timestamp;

    fn written(lines: &[&str]) -> Vec<u8> {
        zstd::encode_all(lines.join("\n").as_bytes(), 1).unwrap()
    }

    #[test]
    fn what_was_written_is_read_again() {
        let at = Timestamp::from_micros(1_795_252_800_000_000);
        let header = Header { time_scale: 0.1, ..Header::new("a leak", at, 1.0) };
        let mut writer = Writer::new(Vec::new(), &header).unwrap();
        let samples: Vec<Sample> = (0..3).map(|second| sample_at("db1", second)).collect();
        for sample in &samples {
            writer.push(sample).unwrap();
        }
        let recording = Recording::read(&writer.finish().unwrap()).unwrap();
        assert_eq!(recording.header, header);
        assert_eq!(recording.samples.iter().map(|sample| Sample::clone(sample)).collect::<Vec<_>>(), samples);
    }

    #[test]
    fn what_is_no_recording_is_refused_with_the_reason() {
        let header = serde_json::to_string(&Header::new("x", Timestamp::from_micros(1), 1.0)).unwrap();
        let other = header.replace(FORMAT, "other/9");
        for (bytes, words) in [
            (b"plain text".to_vec(), "cannot be unpacked"),
            (written(&[""]), "empty"),
            (written(&["{}"]), "line 1"),
            (written(&[&other, "{}"]), "found `other/9`"),
            (written(&[&header]), "empty"),
            (written(&[&header, "{\"target\": 1}"]), "line 2"),
            (written(&[&header, "x"])[..10].to_vec(), "cannot be unpacked"),
        ] {
            let error = Recording::read(&bytes).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
