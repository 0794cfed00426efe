//! Watches the server's messages on their way to the driver.
//!
//! Two things need it. The driver keeps the process id of `BackendKeyData` to itself, and a pooler gives itself
//! away there: its id is not the one that `pg_backend_pid()` returns. And the driver drops a connection whose
//! notices, errors or parameters are not UTF-8, which is ordinary on servers with other encodings.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The process id from `BackendKeyData`; 0 until it came.
pub(super) type KeyPid = Arc<AtomicI32>;

/// A stream with an eye on the messages that arrive.
pub(super) struct Tap<S> {
    stream: S,
    scanner: Scanner,
}

impl<S> Tap<S> {
    /// Wraps a stream before its first message; the process id appears in the second value.
    pub(super) fn new(stream: S) -> (Self, KeyPid) {
        let pid = KeyPid::default();
        let scanner = Scanner { pid: Arc::clone(&pid), ..Scanner::default() };
        (Self { stream, scanner }, pid)
    }

    /// The stream underneath.
    pub(super) fn get_ref(&self) -> &S {
        &self.stream
    }
}

/// Where in the byte stream the next byte is.
#[derive(Default)]
struct Scanner {
    pid: KeyPid,
    /// Tag and length, as far as they have come.
    header: [u8; 5],
    header_len: usize,
    /// Bytes of the current body that are still to come.
    body_left: usize,
    /// The current body's bytes read so far, of `BackendKeyData` only.
    key: Vec<u8>,
}

impl Scanner {
    /// Looks at fresh bytes, and makes those of text messages valid UTF-8 in place.
    fn scan(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            if self.body_left == 0 {
                bytes = self.take_header(bytes);
            } else {
                let length = self.body_left.min(bytes.len());
                let (body, rest) = bytes.split_at_mut(length);
                self.body_left -= length;
                self.look_at_body(body);
                bytes = rest;
            }
        }
    }

    fn take_header<'a>(&mut self, bytes: &'a mut [u8]) -> &'a mut [u8] {
        let wanted = (self.header.len() - self.header_len).min(bytes.len());
        let (head, rest) = bytes.split_at_mut(wanted);
        if let Some(free) = self.header.get_mut(self.header_len..self.header_len + wanted) {
            free.copy_from_slice(head);
        }
        self.header_len += wanted;
        if self.header_len == self.header.len() {
            let [_, length @ ..] = self.header;
            self.body_left =
                usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX).saturating_sub(4);
            self.header_len = 0;
            self.key.clear();
        }
        rest
    }

    fn look_at_body(&mut self, body: &mut [u8]) {
        match self.header {
            [b'K', ..] if self.key.len() < 4 => {
                self.key.extend(body.iter().take(4 - self.key.len()));
                if let Ok(pid) = <[u8; 4]>::try_from(self.key.as_slice()) {
                    self.pid.store(i32::from_be_bytes(pid), Ordering::Relaxed);
                }
            }
            [b'E' | b'N' | b'S', ..] => replace_invalid(body),
            _ => {}
        }
    }
}

/// Every byte that is not UTF-8 becomes `?`; the length stays.
fn replace_invalid(bytes: &mut [u8]) {
    let mut start = 0;
    while let Some(rest) = bytes.get_mut(start..) {
        let Err(error) = std::str::from_utf8(rest) else { return };
        let bad = error.valid_up_to();
        let length = error.error_len().unwrap_or(rest.len() - bad);
        if let Some(invalid) = rest.get_mut(bad..bad + length) {
            invalid.fill(b'?');
        }
        start += bad + length;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let this = &mut *self;
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        if let Some(fresh) = buf.filled_mut().get_mut(before..) {
            this.scanner.scan(fresh);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One message with its tag and length.
    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[tag][..], &length.to_be_bytes(), body].concat()
    }

    /// Scans in pieces of `size` bytes and returns what the driver would see.
    fn scanned(bytes: &[u8], size: usize) -> (Vec<u8>, i32) {
        let mut scanner = Scanner::default();
        let mut seen = bytes.to_vec();
        for piece in seen.chunks_mut(size) {
            scanner.scan(piece);
        }
        (seen, scanner.pid.load(Ordering::Relaxed))
    }

    #[test]
    fn the_process_id_is_seen_however_the_bytes_arrive() {
        let key = [&4711_i32.to_be_bytes()[..], &[9; 32]].concat();
        let bytes = [message(b'R', &[0; 4]), message(b'K', &key), message(b'Z', b"I")].concat();
        for size in 1..bytes.len() {
            assert_eq!(scanned(&bytes, size), (bytes.clone(), 4711), "pieces of {size}");
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_replaced_in_messages_and_kept_in_rows() {
        let bytes = [message(b'E', b"Mcaf\xe9\0"), message(b'D', b"caf\xe9")].concat();
        let expected = [message(b'E', b"Mcaf?\0"), message(b'D', b"caf\xe9")].concat();
        assert_eq!(scanned(&bytes, bytes.len()).0, expected);
        let valid = message(b'N', "Mcafé\0".as_bytes());
        assert_eq!(scanned(&valid, valid.len()).0, valid);
    }
}
