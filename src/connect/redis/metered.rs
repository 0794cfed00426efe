//! A link whose bytes are counted, and whose first words are kept.
//!
//! A server that is full says so at once and hangs up, before anything was asked; the driver drops what nobody asked for.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connect::link::Link;
use crate::text::Text;

/// How much of the first words is kept.
const FIRST_WORDS: usize = 512;

/// What is known about the bytes of one connection.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    left: AtomicUsize,
    first: Mutex<Vec<u8>>,
}

impl Gauge {
    /// Lets so many more bytes come in.
    pub(super) fn allow(&self, bytes: usize) {
        self.left.store(bytes, Ordering::Relaxed);
    }

    /// The server's first words, where they are an error.
    pub(super) fn farewell(&self) -> Option<Text> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let line = first.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
        line.strip_prefix(b"-").filter(|line| !line.is_empty()).map(Text::line_bytes)
    }

    fn note(&self, bytes: &[u8]) -> io::Result<()> {
        let left = self.left.load(Ordering::Relaxed);
        if bytes.len() > left {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is larger than 64 MiB"));
        }
        self.left.store(left - bytes.len(), Ordering::Relaxed);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let room = FIRST_WORDS.saturating_sub(first.len());
        first.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        Ok(())
    }
}

/// A link that tells its gauge what comes in.
pub(super) struct Metered {
    link: Link,
    gauge: Arc<Gauge>,
}

impl Metered {
    pub(super) fn new(link: Link, gauge: Arc<Gauge>) -> Self {
        Self { link, gauge }
    }
}

impl AsyncRead for Metered {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = std::task::ready!(Pin::new(&mut this.link).poll_read(cx, buf));
        Poll::Ready(read.and_then(|()| this.gauge.note(buf.filled().get(before..).unwrap_or_default())))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().link).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().link).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().link).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_beyond_the_limit_is_an_error() {
        let gauge = Gauge::default();
        gauge.allow(10);
        assert!(gauge.note(b"0123456789").is_ok());
        assert!(gauge.note(b"0").is_err());
        gauge.allow(10);
        assert!(gauge.note(b"0").is_ok());
    }

    #[test]
    fn only_an_error_is_a_farewell() {
        for (bytes, farewell) in [
            ("-ERR max number of clients reached\r\n", Some("ERR max number of clients reached")),
            ("+OK\r\n-ERR later\r\n", None),
            ("-", None),
            ("", None),
        ] {
            let gauge = Gauge::default();
            gauge.allow(100);
            gauge.note(bytes.as_bytes()).unwrap();
            assert_eq!(gauge.farewell().as_deref(), farewell, "{bytes:?}");
        }
    }
}
