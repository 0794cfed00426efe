//! Operations on a pooler's console.
//!
//! A PAUSE blocks its connection until server connections are released, and no RESUME answers it. Nothing but simple
//! queries is ever sent there; a cancel could resume the whole pooler.

use std::time::Duration;

use super::line::STATEMENT;
use super::solo::{End, Killed, Way, watch};
use crate::connect::{Answer, Console};
use crate::control::confirm::Why;
use crate::control::dialect::Dialect;
use crate::model::backend::Client;
use crate::model::operation::{OperationKind, Outcome, PoolScope, PoolerWords};
use crate::model::pooler::PoolerClient;
use crate::model::target::TargetError;
use crate::text::Text;

/// How long a PAUSE may wait for server connections to be released before pooltop hangs up. The pause stays.
const RELEASE: Duration = Duration::from_secs(5);

/// Carries out an operation on pools.
pub(super) async fn command_pools(
    way: &Way,
    kind: OperationKind,
    pooler: &PoolerWords,
    scope: &PoolScope,
) -> Result<End, End> {
    let dialect = Dialect::of(pooler);
    let command = dialect.on_pools(kind, scope).map_err(End::unsent)?;
    let waits = kind == OperationKind::Pause && dialect.pause_waits();
    let mut console = Console::open(&way.conninfo).await.map_err(End::unsent)?;
    let limit = if waits { RELEASE } else { STATEMENT };
    match console.query_within(&command, limit).await {
        Ok(answer) => Ok(accepted(way, kind, scope, &answer).await),
        Err(error) if waits && console.is_closed() && !error.refused => {
            Ok(still_pausing(way, scope, &error).await)
        }
        Err(error) => Err(refusal(&error)),
    }
}

/// Kills one client.
pub(super) async fn kill(way: &Way, pooler: &PoolerWords, client: &PoolerClient) -> Result<End, End> {
    let command = Dialect::of(pooler).kill_client(client).map_err(End::unsent)?;
    let mut console = Console::open(&way.conninfo).await.map_err(End::unsent)?;
    check(&mut console, client).await?;
    console.query_within(&command, STATEMENT).await.map_err(|error| refusal(&error))?;
    Ok(watch(&way.clock, Killed::Pooled(&mut console, client)).await)
}

/// Whether the client is still there.
pub(super) async fn is_there(console: &mut Console, client: &PoolerClient) -> Result<bool, TargetError> {
    Ok(matches!(find(console, client).await?, Found::Same))
}

/// What an answer without an error means.
async fn accepted(way: &Way, kind: OperationKind, scope: &PoolScope, answer: &Answer) -> End {
    if !Dialect::is_done(kind, &answer.tag) {
        let now = in_use(way, scope).await;
        let text = format!("the console answered {}, which is not what was asked; {now}", answer.tag);
        return End::new(Outcome::Unconfirmed, text);
    }
    let text = match kind {
        OperationKind::Pause => "paused: queries queue until RESUME",
        OperationKind::Resume => "resumed",
        OperationKind::Reconnect => "accepted: each server connection is replaced once it is released",
        OperationKind::KillDatabase => "killed, and paused since: RESUME lets it work again",
        _ => "accepted",
    };
    End::new(Outcome::Signalled, text)
}

/// A PAUSE that was not answered.
async fn still_pausing(way: &Way, scope: &PoolScope, error: &TargetError) -> End {
    let now = in_use(way, scope).await;
    let text = format!(
        "{error}; {now}. New queries queue all the same, and hanging up has not undone the pause: RESUME does"
    );
    End::new(Outcome::Unconfirmed, text)
}

/// How many server connections of these pools are in use, asked over another connection.
async fn in_use(way: &Way, scope: &PoolScope) -> String {
    let asked = async {
        let mut console = Console::open(&way.conninfo).await?;
        console.query("SHOW POOLS").await
    };
    match asked.await {
        Ok(answer) => match sv_active(&answer, scope) {
            1 => "1 server connection is still in use".to_owned(),
            0 => "no server connection is in use now".to_owned(),
            many => format!("{many} server connections are still in use"),
        },
        Err(error) => format!("how many server connections are in use cannot be seen: {error}"),
    }
}

/// Who has a client's identifier now.
enum Found {
    Same,
    Other,
    Nobody,
}

/// The last look before a kill: identifiers are compared together with address, user and database.
async fn check(console: &mut Console, client: &PoolerClient) -> Result<(), End> {
    if client.client == Client::Unknown {
        return Err(End::unsent("the client's address is not known, so it could not be told from another"));
    }
    match find(console, client).await.map_err(End::unsent)? {
        Found::Same => Ok(()),
        Found::Nobody => Err(End::left_alone(&Why::Ended)),
        Found::Other => Err(End::left_alone(&Why::OtherClient)),
    }
}

async fn find(console: &mut Console, client: &PoolerClient) -> Result<Found, TargetError> {
    let answer = console.query("SHOW CLIENTS").await?;
    let text = |row: &[Option<bytes::Bytes>], name| answer.text(row, name).unwrap_or_default();
    let Some(row) = answer.rows.iter().find(|row| text(row, "id") == client.id) else {
        return Ok(Found::Nobody);
    };
    let (addr, port) = (text(row, "addr"), text(row, "port"));
    let from = match &client.client {
        Client::Tcp { addr: seen, port: seen_port } => *addr == **seen && *port == *seen_port.to_string(),
        Client::Local => addr.starts_with("unix"),
        Client::Unknown => false,
    };
    let same = from && text(row, "user") == client.user && text(row, "database") == client.database;
    Ok(if same { Found::Same } else { Found::Other })
}

/// Server connections in use in these pools.
fn sv_active(answer: &Answer, scope: &PoolScope) -> u64 {
    let of = |row: &&Vec<Option<bytes::Bytes>>, name: &str, wanted: &Option<Text>| {
        wanted.as_ref().is_none_or(|wanted| answer.text(row, name).as_ref() == Some(wanted))
    };
    let rows =
        answer.rows.iter().filter(|row| of(row, "database", &scope.database) && of(row, "user", &scope.user));
    rows.filter_map(|row| answer.text(row, "sv_active")?.parse::<u64>().ok()).sum()
}

/// What an answer of these words means: rights, somebody who is not there, a state that is not the one seen.
const WORDS: &[(&str, Outcome)] = &[
    ("admin access needed", Outcome::Denied),
    ("not allowed", Outcome::Denied),
    ("client not found", Outcome::Gone),
    ("no such database", Outcome::Gone),
    ("No pool configured", Outcome::Gone),
    ("already suspended/paused", Outcome::Changed),
    ("not paused", Outcome::Changed),
];

/// What an answer that is an error, or is lost, means.
fn refusal(error: &TargetError) -> End {
    if !error.refused {
        return End::lost(error);
    }
    let known = WORDS.iter().find(|(words, _)| error.message.contains(words));
    let denied = error.code.as_deref() == Some("42501");
    let outcome = known.map_or(if denied { Outcome::Denied } else { Outcome::Refused }, |known| known.1);
    End::new(outcome, error)
}
