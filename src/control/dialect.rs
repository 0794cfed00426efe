//! What each pooler's console can be told to do, and how it is written there.
//!
//! Only what is known to work is written; for everything else there is the reason.

use crate::model::operation::{OperationKind, PoolScope, PoolerWords};
use crate::model::pooler::PoolerClient;
use crate::model::target::TargetKind;
use crate::text::Text;

/// The most bytes that PgBouncer's console takes as one argument, quotes included.
const ARGUMENT: usize = 63;

/// First PgBouncer with `RECONNECT`, and with `KILL_CLIENT`.
const RECONNECT: (u32, u32) = (1, 9);
const KILL_CLIENT: (u32, u32) = (1, 24);

/// First PgBouncer whose `SHOW STATE` tells that everything is paused.
const STATE: (u32, u32) = (1, 19);

/// One pooler's way to be told what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    kind: TargetKind,
    /// Major and minor; `None` = the pooler's own words hold no number.
    version: Option<(u32, u32)>,
    /// The pooler's own words.
    words: Text,
}

/// On how much of a pooler one command acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// On everything only.
    Whole,
    /// On a database, and not on everything at once.
    Database,
    /// On a database, or on everything.
    DatabaseOrWhole,
    /// On the pool of one user, or on everything.
    PoolOrWhole,
    /// On one client.
    Client,
}

impl Dialect {
    /// The dialect of a pooler.
    pub fn of(pooler: &PoolerWords) -> Self {
        Self { kind: pooler.kind, version: number(&pooler.version), words: pooler.version.clone() }
    }

    /// On what this pooler takes an operation; the reason where it takes none.
    pub fn part(&self, operation: OperationKind) -> Result<Part, String> {
        use OperationKind::{Cancel, KillClient, KillDatabase, Pause, Reconnect, Resume, Terminate};
        match (self.kind, operation) {
            (_, Cancel | Terminate) => Err("sessions are signalled on their PostgreSQL server".to_owned()),
            (TargetKind::Pgbouncer | TargetKind::Pgdog, Pause | Resume) => Ok(Part::DatabaseOrWhole),
            (TargetKind::Pgbouncer, KillDatabase) => Ok(Part::Database),
            (TargetKind::Pgbouncer, Reconnect) => self.since(RECONNECT, "RECONNECT", Part::DatabaseOrWhole),
            (TargetKind::Pgbouncer, KillClient) => self.since(KILL_CLIENT, "KILL_CLIENT", Part::Client),
            (TargetKind::Odyssey, Pause | Resume) | (TargetKind::Pgdog, Reconnect) => Ok(Part::Whole),
            (TargetKind::Odyssey, KillClient) => Ok(Part::Client),
            (TargetKind::Pgcat, Pause | Resume) => Ok(Part::PoolOrWhole),
            _ => Err(format!("{} has no command to {operation}", self.words)),
        }
    }

    fn since(&self, first: (u32, u32), command: &str, part: Part) -> Result<Part, String> {
        match self.version {
            Some(version) if version < first => {
                Err(format!("{} has no {command}; PgBouncer {}.{} has", self.words, first.0, first.1))
            }
            _ => Ok(part),
        }
    }

    /// The command that ends a client's connection; the reason where it cannot be written.
    pub fn kill_client(&self, client: &PoolerClient) -> Result<String, String> {
        self.part(OperationKind::KillClient)?;
        let id = &*client.id;
        let digits = if self.kind == TargetKind::Odyssey { id.strip_prefix('c').unwrap_or("") } else { id };
        let digit = |byte: u8| match self.kind {
            TargetKind::Odyssey => byte.is_ascii_hexdigit(),
            _ => byte.is_ascii_digit(),
        };
        let known = !digits.is_empty() && digits.bytes().all(digit);
        if !known || !client.killable {
            return Err(format!("{id} is no identifier that KILL_CLIENT takes"));
        }
        Ok(format!("KILL_CLIENT {id}"))
    }

    /// The command for an operation on pools; the reason where it cannot be written.
    pub fn on_pools(&self, operation: OperationKind, scope: &PoolScope) -> Result<String, String> {
        let (part, verb) = (self.part(operation)?, verb(operation));
        let Some(database) = &scope.database else {
            let whole = !matches!(part, Part::Database | Part::Client);
            return whole
                .then(|| verb.to_owned())
                .ok_or_else(|| format!("{operation} needs a database: not all of them at once"));
        };
        match (part, &scope.user) {
            (Part::Database | Part::DatabaseOrWhole, None) => Ok(format!("{verb} {}", self.name(database)?)),
            (Part::PoolOrWhole, Some(user)) => {
                Ok(format!("{verb} {},{}", self.name(database)?, self.name(user)?))
            }
            _ => Err(format!("{} cannot {operation} just {scope}", self.words)),
        }
    }

    /// A name as this console reads it.
    fn name(&self, name: &str) -> Result<String, String> {
        let plain = |and: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || and.contains(c))
        };
        let lower = !name.chars().any(|c| c.is_ascii_uppercase());
        match self.kind {
            TargetKind::Pgbouncer if plain("") && lower && name.len() <= ARGUMENT => Ok(name.to_owned()),
            TargetKind::Pgbouncer if !name.is_empty() => {
                let quoted = format!("\"{}\"", name.replace('"', "\"\""));
                if quoted.len() > ARGUMENT {
                    return Err(format!("the name {name} is longer than this console takes"));
                }
                Ok(quoted)
            }
            TargetKind::Pgcat if plain(".-") => Ok(name.to_owned()),
            // It lower-cases all that it is told.
            TargetKind::Pgdog if plain(".-") && lower => Ok(name.to_owned()),
            _ => Err(format!("the name '{name}' cannot be written for {}", self.words)),
        }
    }

    /// Whether the tag of an answer says that the command itself was carried out.
    ///
    /// After a `WAIT_CLOSE` PgBouncer answers every `PAUSE` at once with that tag, however many transactions are open.
    pub fn is_done(operation: OperationKind, tag: &str) -> bool {
        let verb = verb(operation);
        tag.strip_prefix(verb).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    }

    /// Whether PAUSE waits until server connections are released.
    pub fn pause_waits(&self) -> bool {
        matches!(self.kind, TargetKind::Pgbouncer | TargetKind::Odyssey)
    }

    /// Whether its list of databases tells which are paused, under the names that its commands take.
    pub fn shows_paused_databases(&self) -> bool {
        self.kind == TargetKind::Pgbouncer
    }

    /// Whether its lists tell that all of it is paused.
    pub fn shows_global_pause(&self) -> bool {
        self.kind == TargetKind::Pgbouncer && self.version.is_none_or(|version| version >= STATE)
    }
}

fn verb(operation: OperationKind) -> &'static str {
    match operation {
        OperationKind::Pause => "PAUSE",
        OperationKind::Resume => "RESUME",
        OperationKind::Reconnect => "RECONNECT",
        OperationKind::KillDatabase => "KILL",
        OperationKind::KillClient => "KILL_CLIENT",
        OperationKind::Cancel | OperationKind::Terminate => "",
    }
}

/// Major and minor in `PgBouncer 1.18.0`, `odyssey 1.3 (git 1234)`, `PgDog v0.1.54`.
fn number(words: &str) -> Option<(u32, u32)> {
    let start = words.find(|c: char| c.is_ascii_digit())?;
    let mut parts = words[start..].split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::backend::Client;
    use crate::model::pooler::ClientState;

    fn pools(database: Option<&str>, user: Option<&str>) -> PoolScope {
        PoolScope { database: database.map(Text::from), user: user.map(Text::from) }
    }

    fn dialect(kind: TargetKind, version: &str) -> Dialect {
        Dialect::of(&PoolerWords { kind, version: version.into() })
    }

    fn client(id: &str) -> PoolerClient {
        PoolerClient {
            id: id.into(),
            killable: true,
            database: "shop".into(),
            user: "app".into(),
            application_name: None,
            client: Client::Local,
            client_pid: None,
            state: ClientState::Idle,
            word: "active".into(),
            wait_us: None,
            age_s: None,
            server: None,
        }
    }

    #[test]
    fn each_console_is_told_in_its_own_words_and_only_what_it_is_known_to_take() {
        use OperationKind::{KillClient, KillDatabase, Pause, Reconnect, Resume, Terminate};
        use TargetKind::{Odyssey, Pgbouncer, Pgcat, Pgdog, Pgpool};
        let old = (Pgbouncer, "PgBouncer 1.18.0");
        let new = (Pgbouncer, "PgBouncer 1.24.0");
        let (odyssey, pgcat) = ((Odyssey, "odyssey 1.5.1"), (Pgcat, "PgCat 1.2.0"));
        let (pgdog, pgpool) = ((Pgdog, "PgDog v0.1.54"), (Pgpool, "4.3.5 (tamahomeboshi)"));
        let (all, shop, pool) =
            (pools(None, None), pools(Some("shop"), None), pools(Some("shop"), Some("app")));
        for ((kind, version), operation, aim, expected) in [
            (old, Pause, &all, Ok("PAUSE")),
            (old, Pause, &shop, Ok("PAUSE shop")),
            (old, Resume, &pools(Some("My-db"), None), Ok("RESUME \"My-db\"")),
            (old, Reconnect, &pools(Some("a\"b"), None), Ok("RECONNECT \"a\"\"b\"")),
            (old, Pause, &pools(Some(&"x".repeat(64)), None), Err("longer than this console takes")),
            (old, Pause, &pools(Some(""), None), Err("cannot be written")),
            (old, Pause, &pool, Err("cannot pause just pool shop,app")),
            (old, KillDatabase, &shop, Ok("KILL shop")),
            (old, KillDatabase, &all, Err("needs a database")),
            (old, Terminate, &all, Err("on their PostgreSQL server")),
            ((Pgbouncer, "PgBouncer 1.8.1"), Reconnect, &all, Err("has no RECONNECT; PgBouncer 1.9 has")),
            (new, KillClient, &shop, Err("cannot kill client just database shop")),
            (odyssey, Pause, &all, Ok("PAUSE")),
            (odyssey, Pause, &shop, Err("cannot pause just database shop")),
            (odyssey, Reconnect, &all, Err("no command to reconnect")),
            (pgcat, Pause, &pool, Ok("PAUSE shop,app")),
            (pgcat, Resume, &all, Ok("RESUME")),
            (pgcat, Pause, &shop, Err("cannot pause just database shop")),
            (pgcat, Pause, &pools(Some("a b"), Some("app")), Err("cannot be written")),
            (pgcat, KillDatabase, &shop, Err("no command to kill database")),
            (pgdog, Pause, &shop, Ok("PAUSE shop")),
            (pgdog, Pause, &pools(Some("Shop"), None), Err("cannot be written")),
            (pgdog, Reconnect, &all, Ok("RECONNECT")),
            (pgdog, Reconnect, &shop, Err("cannot reconnect just database shop")),
            (pgpool, Pause, &all, Err("no command to pause")),
        ] {
            let found = dialect(kind, version).on_pools(operation, aim);
            match (&found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(found), Err(part)) => assert!(found.contains(part), "{version}: {found}"),
                _ => panic!("{version} {operation}: {found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_client_is_killed_by_the_identifier_of_its_own_pooler_where_there_is_one() {
        use TargetKind::{Odyssey, Pgbouncer, Pgcat};
        for (kind, version, id, expected) in [
            (Pgbouncer, "PgBouncer 1.24.0", "7", Ok("KILL_CLIENT 7")),
            (Pgbouncer, "PgBouncer 1.24.0", "0x55f", Err("no identifier")),
            (Pgbouncer, "PgBouncer 1.24.0", "7;PAUSE", Err("no identifier")),
            (Pgbouncer, "PgBouncer 1.18.0", "7", Err("1.18.0 has no KILL_CLIENT; PgBouncer 1.24 has")),
            (Odyssey, "odyssey 1.5.1", "c1f", Ok("KILL_CLIENT c1f")),
            (Odyssey, "odyssey 1.5.1", "17", Err("no identifier")),
            (Pgcat, "PgCat 1.2.0", "7", Err("no command to kill client")),
        ] {
            let found = dialect(kind, version).kill_client(&client(id));
            match (&found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(found), Err(part)) => assert!(found.contains(part), "{version}: {found}"),
                _ => panic!("{version} {id}: {found:?}, not {expected:?}"),
            }
        }
        let by_address = PoolerClient { killable: false, ..client("7") };
        assert!(dialect(Pgbouncer, "PgBouncer 1.24.0").kill_client(&by_address).is_err());
    }

    #[test]
    fn only_the_tag_of_the_command_itself_says_that_it_was_done() {
        for (operation, tag, done) in [
            (OperationKind::Pause, "PAUSE", true),
            (OperationKind::Pause, "PAUSE shop,app", true),
            (OperationKind::Pause, "WAIT_CLOSE", false),
            (OperationKind::Pause, "", false),
            (OperationKind::KillDatabase, "KILL", true),
            (OperationKind::KillDatabase, "KILL_CLIENT", false),
        ] {
            assert_eq!(Dialect::is_done(operation, tag), done, "{operation} {tag}");
        }
    }
}
