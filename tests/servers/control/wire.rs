//! A network between us and the server that fails at the worst moment.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::Postgres;

/// What happens to the first message that holds a given word. Everything else passes.
#[derive(Clone, Copy)]
pub(super) enum Wire {
    /// It arrives; then the wire is cut, so that nobody hears the answer.
    Cut,
    /// It arrives much later.
    Slow(Duration),
}

impl Wire {
    /// A URL that leads to the server over such a wire.
    pub(super) async fn to(self, server: &Postgres, word: &'static [u8]) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (port, behind) = (listener.local_addr().unwrap().port(), server.port);
        tokio::spawn(async move {
            let mut armed = true;
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", behind)).await.unwrap();
                let word = std::mem::take(&mut armed).then_some(word);
                tokio::spawn(self.forward(client, server, word));
            }
        });
        format!("postgres://postgres@127.0.0.1:{port}/postgres")
    }

    async fn forward(self, client: TcpStream, server: TcpStream, word: Option<&'static [u8]>) {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let back = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
        let mut buffer = [0; 16_384];
        while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
            let sent = &buffer[..count];
            let hit = word.is_some_and(|word| sent.windows(word.len()).any(|part| part == word));
            match self {
                Self::Slow(delay) if hit => tokio::time::sleep(delay).await,
                // Dropping both halves of the client's side closes it.
                Self::Cut if hit => back.abort(),
                _ => {}
            }
            if to_server.write_all(sent).await.is_err() || (hit && matches!(self, Self::Cut)) {
                // The server reads what it was sent before it notices the end.
                return;
            }
        }
        back.abort();
    }
}
