//! Messages over a link, one at a time.

use std::io;

use bytes::BytesMut;
use postgres_protocol::message::backend::{Header, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::connect::link::Link;
use crate::connect::tap::Tap;

/// The most memory that one answer may take; a console's largest list is far below.
pub(super) const ANSWER_LIMIT: usize = 64 << 20;

/// Bytes asked for at a time. Rows keep the buffer that they came in, and a buffer that is shared grows by next to nothing
/// of its own accord: a large list would be read in thousands of crumbs.
const CHUNK: usize = 64 << 10;

/// One end of a conversation in PostgreSQL's protocol.
pub(super) struct Talk {
    link: Tap<Link>,
    incoming: BytesMut,
}

impl Talk {
    pub(super) fn new(link: Link) -> Self {
        // The tap makes texts of errors and notices valid UTF-8; the announced process id is of no use here.
        let (link, _) = Tap::new(link);
        Self { link, incoming: BytesMut::new() }
    }

    /// What SCRAM binds itself to, where there is TLS.
    pub(super) fn binding(&self) -> Option<Vec<u8>> {
        self.link.get_ref().binding()
    }

    /// Whether TLS protects it.
    pub(super) fn is_encrypted(&self) -> bool {
        self.link.get_ref().is_encrypted()
    }

    /// Whether it runs over a Unix socket.
    pub(super) fn is_unix(&self) -> bool {
        self.link.get_ref().path().ends.is_none()
    }

    /// Encodes and sends one message.
    pub(super) async fn send(
        &mut self,
        encode: impl FnOnce(&mut BytesMut) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut message = BytesMut::new();
        encode(&mut message)?;
        self.link.write_all(&message).await?;
        self.link.flush().await
    }

    /// Ends the session politely.
    pub(super) async fn terminate(&mut self) -> io::Result<()> {
        self.send(|buf| {
            frontend::terminate(buf);
            Ok(())
        })
        .await
    }

    /// The next message. An end of the stream is an error: there is always an answer to come.
    pub(super) async fn next(&mut self) -> io::Result<Message> {
        loop {
            self.check_length()?;
            if let Some(message) = Message::parse(&mut self.incoming)? {
                return Ok(message);
            }
            if self.incoming.capacity() - self.incoming.len() < CHUNK / 16 {
                self.incoming.reserve(CHUNK);
            }
            if self.link.read_buf(&mut self.incoming).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Whatever is on the line may be no PostgreSQL at all; its "length" must not reserve gigabytes.
    fn check_length(&self) -> io::Result<()> {
        let length = Header::parse(&self.incoming)?.map(|header| usize::try_from(header.len()));
        match length {
            Some(Ok(length)) if length <= ANSWER_LIMIT => Ok(()),
            None => Ok(()),
            Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "a message is impossibly long")),
        }
    }
}
