//! The simple-protocol client for consoles of poolers.
//!
//! A PgBouncer console ends the connection at a Parse and even at a bare Sync, a Cancel from it can resume a paused
//! pooler (or, on 1.18, crash it), and the general driver drops the command tag that tells a PAUSE from a
//! `WAIT_CLOSE`. So this client knows simple queries and Terminate, nothing else.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{DataRowBody, ErrorFields, Message, RowDescriptionBody};
use postgres_protocol::message::frontend;
use tokio::time::timeout;

use super::conninfo::{Conninfo, SessionAttrs};
use super::error::{self, Said};
use super::link::Link;
use super::open::{self, Attempt, CONNECT, Entry, Failure};
use crate::model::target::TargetError;
use crate::text::Text;

mod authenticate;
mod talk;

use talk::{ANSWER_LIMIT, Talk};

/// How long a `SHOW` may take.
const QUERY_LIMIT: Duration = Duration::from_secs(5);
/// Rows of one answer that are kept. A pooler with more clients than this is not one process.
pub const ROW_LIMIT: usize = 50_000;
/// How long ending a session politely may take.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);

/// One session on a pooler's console. Also speaks to a PostgreSQL server, in simple queries.
pub struct Console {
    /// `None` once an answer was lost half-way: what would come next belongs to the question before.
    talk: Option<Talk>,
    endpoint: Text,
    server_version: Text,
    encrypted: bool,
    announced_pid: i32,
    unix: bool,
}

/// What a console answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Column names, in the order of the wire.
    pub columns: Vec<String>,
    /// Rows of raw bytes; `None` is NULL.
    pub rows: Vec<Vec<Option<Bytes>>>,
    /// The command tag: `SHOW`, `PAUSE`. Tells what the pooler believes it did.
    pub tag: String,
    /// Notices; the answer of `SHOW HELP` is one.
    pub notices: Vec<Text>,
    /// Rows beyond [`ROW_LIMIT`], which were received but not kept.
    pub left_off: usize,
}

impl Answer {
    /// The position of a column. Always address columns by name: every few versions some are added in the middle.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// Adds one message and returns how much memory it takes. Of several result sets the last one stays: pgpool-II
    /// sends an empty one first.
    fn take(&mut self, message: &Message) -> Result<usize, Trouble> {
        match message {
            Message::RowDescription(body) => {
                (self.columns, self.rows, self.left_off) = (columns(body)?, Vec::new(), 0);
            }
            Message::DataRow(body) if self.rows.len() >= ROW_LIMIT => {
                self.left_off += 1;
                return Ok(body.buffer().len());
            }
            Message::DataRow(body) => {
                let row = cells(body)?;
                // An empty cell takes four bytes on the wire and eight times as much here.
                let size = body.buffer().len() + row.capacity() * size_of::<Option<Bytes>>();
                self.rows.push(row);
                return Ok(size);
            }
            Message::CommandComplete(body) => body.tag()?.clone_into(&mut self.tag),
            Message::NoticeResponse(body) => {
                let notice = notice(&said(body.fields()));
                let size = notice.len() + size_of::<Text>();
                self.notices.push(notice);
                return Ok(size);
            }
            Message::ParameterStatus(_) | Message::EmptyQueryResponse | Message::NotificationResponse(_) => {}
            _ => return Err(Trouble::Words("unexpected message from the server")),
        }
        Ok(0)
    }

    /// A cell as one clean line; `None` where the column does not exist or the cell is NULL.
    pub fn text(&self, row: &[Option<Bytes>], name: &str) -> Option<Text> {
        row.get(self.column(name)?)?.as_deref().map(Text::line_bytes)
    }
}

/// What went wrong in the protocol.
enum Trouble {
    Io(io::Error),
    Said(Said),
    NoPassword,
    Words(&'static str),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Trouble {
    fn explain(&self, what: &str, endpoint: &str) -> TargetError {
        match self {
            Self::Io(cause) => error::system(what, endpoint, cause),
            Self::Said(said) => error::refused(what, endpoint, said),
            Self::NoPassword => error::no_password(what, endpoint),
            Self::Words(words) => error::down(what, endpoint, words, error::hint_for(words)),
        }
    }
}

/// Opens consoles; hosts are searched as for a session.
struct Consoles;

impl Entry for Consoles {
    type Session = Console;

    async fn enter(&self, attempt: &Attempt<'_>, endpoint: &Text, link: Link) -> Result<Console, Failure> {
        let mut talk = Talk::new(link);
        let overdue = "connected, but the console did not answer the login";
        let login = authenticate::log_in(&mut talk, attempt.info, attempt.password);
        let greeting = open::within(attempt.until, endpoint, overdue, login)
            .await
            .map_err(Failure::next)?
            .map_err(|trouble| Failure::of_login(trouble.explain(CONNECT, endpoint)))?;
        Ok(Console {
            endpoint: endpoint.clone(),
            server_version: Text::line(&greeting.server_version),
            encrypted: talk.is_encrypted(),
            announced_pid: greeting.pid,
            unix: talk.is_unix(),
            talk: Some(talk),
        })
    }
}

impl Console {
    /// Opens a session on a console, within the connect timeout.
    pub async fn open(info: &Conninfo) -> Result<Self, TargetError> {
        open::search(info, &Consoles, &[SessionAttrs::Any]).await
    }

    /// Asks one question, with the limit for a `SHOW`.
    pub async fn query(&mut self, sql: &str) -> Result<Answer, TargetError> {
        self.query_within(sql, QUERY_LIMIT).await
    }

    /// Asks one question. An error answer leaves the session usable; a time-out or a lost connection ends it, and a
    /// future that is dropped half-way does too.
    pub async fn query_within(&mut self, sql: &str, limit: Duration) -> Result<Answer, TargetError> {
        const ASK: &str = "cannot ask";
        let Some(mut talk) = self.talk.take() else {
            return Err(error::down(ASK, &self.endpoint, "the session has ended", Some("connect again")));
        };
        match timeout(limit, ask(&mut talk, sql)).await {
            Ok(Ok(answer)) => {
                self.talk = Some(talk);
                answer.map_err(|said| error::refused(ASK, &self.endpoint, &said))
            }
            Ok(Err(trouble)) => Err(trouble.explain(ASK, &self.endpoint)),
            Err(_) => {
                let reason = format!("no answer within {} s", limit.as_secs_f32());
                Err(error::down(ASK, &self.endpoint, &reason, None))
            }
        }
    }

    /// `server_version` as the other end writes it: `1.18.0/bouncer`.
    pub fn server_version(&self) -> &Text {
        &self.server_version
    }

    /// `host:port/database` of the host in use.
    pub fn endpoint(&self) -> &Text {
        &self.endpoint
    }

    /// Whether TLS protects it.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// The process id that the other end announced. A pooler makes one up.
    pub fn announced_pid(&self) -> i32 {
        self.announced_pid
    }

    /// Whether it runs over a Unix socket.
    pub fn is_unix(&self) -> bool {
        self.unix
    }

    /// Whether it can no longer be asked anything.
    pub fn is_closed(&self) -> bool {
        self.talk.is_none()
    }
}

impl Drop for Console {
    /// Says goodbye in the background, so that the pooler's log shows no unexpected end.
    fn drop(&mut self) {
        if let (Some(mut talk), Ok(runtime)) = (self.talk.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { timeout(GOODBYE_LIMIT, talk.terminate()).await });
        }
    }
}

/// Sends a question and reads its whole answer; an error answer is one too, once the console is ready again.
async fn ask(talk: &mut Talk, sql: &str) -> Result<Result<Answer, Said>, Trouble> {
    talk.send(|buf| frontend::query(sql, buf)).await?;
    let mut answer = Answer::default();
    let mut refusal: Option<Said> = None;
    let mut size = 0;
    loop {
        match (talk.next().await, &refusal) {
            (Ok(Message::ReadyForQuery(_)), _) => return Ok(refusal.map_or(Ok(answer), Err)),
            (Ok(Message::ErrorResponse(body)), _) => refusal = Some(said(body.fields())),
            (Ok(message), _) => size += answer.take(&message)?,
            // Said no and hung up: its words matter more than the silence after them.
            (Err(_), Some(said)) => return Err(Trouble::Said(said.clone())),
            (Err(error), None) => return Err(error.into()),
        }
        if size > ANSWER_LIMIT {
            return Err(Trouble::Words("the answer is larger than 64 MiB"));
        }
    }
}

fn columns(body: &RowDescriptionBody) -> io::Result<Vec<String>> {
    body.fields().map(|field| Ok(field.name().to_owned())).collect()
}

fn cells(body: &DataRowBody) -> io::Result<Vec<Option<Bytes>>> {
    body.ranges().map(|range| Ok(range.map(|range| body.buffer_bytes().slice(range)))).collect()
}

/// A notice's text; the help of a console stands in its detail.
fn notice(said: &Said) -> Text {
    if said.detail.is_empty() {
        return Text::block(&said.message);
    }
    Text::block(&format!("{}\n{}", said.message, said.detail))
}

/// The fields of an error or notice. A pooler sends few of them; none is relied on.
fn said(mut fields: ErrorFields<'_>) -> Said {
    let mut said = Said::default();
    while let Ok(Some(field)) = fields.next() {
        let value = || String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'S' => said.severity = value(),
            b'C' => said.code = value(),
            b'M' => said.message = value(),
            b'D' => said.detail = value(),
            _ => {}
        }
    }
    said
}
