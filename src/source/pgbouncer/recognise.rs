//! What answers where a console was expected.

use super::{Dialect, dialect, version};
use crate::connect::Console;
use crate::model::target::TargetError;
use crate::text::Text;

/// Managed poolers, by a part of their host names: they have no console at all.
const MANAGED: [(&str, &str, &str); 2] = [
    (
        ".pooler.supabase.com",
        "Supavisor",
        "its numbers are at its Prometheus endpoint, /metrics: add that as a target of kind apps",
    ),
    (
        ".proxy-",
        "an RDS Proxy",
        "its numbers are in CloudWatch only; reach the database itself by postgres://",
    ),
];

/// Asks the other end what it is: its dialect and its version in its own words.
pub(super) async fn introduce(console: &mut Console) -> Result<(&'static Dialect, Text), TargetError> {
    let refusal = match console.query("SHOW VERSION").await {
        Ok(answer) => {
            let version = version(&answer)?;
            return Ok((dialect::of(&version), version));
        }
        Err(error) if console.is_closed() || !error.refused => return Err(error),
        Err(error) => error,
    };
    // pgpool-II knows its own questions on any connection, and passes all others on to a server.
    match console.query("SHOW POOL_VERSION").await {
        Ok(answer) if !answer.rows.is_empty() => {
            let name = Text::line(&format!("pgpool-II {}", version(&answer)?));
            Ok((&dialect::PGPOOL, name))
        }
        Err(error) if console.is_closed() => Err(error),
        _ => Err(no_console(console, refusal)),
    }
}

/// What to say of a server, or of something that hands everything on to one.
fn no_console(console: &Console, refusal: TargetError) -> TargetError {
    let (endpoint, server) = (console.endpoint(), console.server_version());
    let managed = MANAGED.iter().find(|(part, _, _)| endpoint.contains(part));
    let (what, hint) = match managed {
        Some((_, name, hint)) => (format!("{name}, which has no console"), *hint),
        None => (
            format!("no pooler's console: PostgreSQL {server} answers"),
            "reach a server by postgres://; of a pooler's console give the address and the database",
        ),
    };
    TargetError {
        message: Text::line(&format!("{endpoint} is {what} ({})", refusal.message)),
        hint: Some(hint.into()),
        ..refusal
    }
}
