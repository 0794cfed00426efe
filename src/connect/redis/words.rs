//! What Redis says, in words for a person, and what to try.

use std::error::Error as _;
use std::io;

use redis::RedisError;

use super::CONNECT;
use crate::connect::error;
use crate::model::target::TargetError;
use crate::text::Text;

/// The code of a command that the user's ACL does not allow.
pub(super) const NO_PERMISSION: &str = "NOPERM";

const PASSWORD: &str = "give one by the address, password_command or the dashboard, which asks for it";
const NOT_REDIS: &str =
    "what answers does not speak Redis's protocol: check the port; rediss:// is for TLS only";
const HUNG_UP: &str =
    "a server that is full or restarts, or a port that wants TLS (rediss://); maxclients and its log tell";

/// What to try, by the error's code and a part of its text; the first that fits.
const ANSWERS: &[(&str, &str, &str)] = &[
    (
        "ERR",
        "max number of clients",
        "every client slot is taken: keep pooltop open, it tries again; maxclients is the ceiling",
    ),
    ("NOAUTH", "", PASSWORD),
    ("WRONGPASS", "", "check user and password: redis://user:password@host, password_command"),
    ("ERR", "invalid password", "check the password: redis://:password@host, password_command"),
    ("ERR", "no password is set", "the server wants no password: leave it out of the address"),
    ("ERR", "without any password configured", "the server wants no password: leave it out of the address"),
    (
        "ERR",
        "wrong number of arguments for 'auth'",
        "servers before 6.0 know no users: redis://:password@host",
    ),
    ("ERR", "DB index", "the server has fewer databases: pooltop sees all clients from database 0"),
    ("ERR", "SELECT is not allowed", "a node of a cluster has database 0 only"),
    ("LOADING", "", "the server reads its data from disk: it is tried again"),
    (
        "BUSY",
        "",
        "a script runs and holds everything up: SCRIPT KILL or FUNCTION KILL ends one that wrote nothing",
    ),
    ("DENIED", "", "protected mode answers loopback only: set a password or bind there"),
    (NO_PERMISSION, "", "let the user's ACL allow the command: ACL SETUSER"),
];

/// Hints that speak of PostgreSQL, and what to try here instead.
const INSTEAD: [(&str, &str); 3] = [
    ("PostgreSQL's protocol", NOT_REDIS),
    ("PostgreSQL port", HUNG_UP),
    ("listen_addresses", "nothing listens there: check host, port and the server's bind"),
];

/// An answer that is an error: its code, and the rest of it.
pub(super) fn said(what: &str, endpoint: &str, code: &str, rest: &str) -> TargetError {
    let hint = ANSWERS.iter().find(|(of, part, _)| *of == code && rest.contains(part));
    TargetError {
        code: Some(Text::line(code)),
        message: Text::line(&format!("{what} {endpoint}: {code} {}", first_sentence(rest))),
        hint: hint.map(|(.., hint)| Text::line(hint)),
        refused: true,
        authentication: is_authentication(code, rest),
    }
}

/// The server's last words before it hung up.
pub(super) fn refused(what: &str, endpoint: &str, words: &str) -> TargetError {
    let (code, rest) = words.split_once(' ').unwrap_or((words, ""));
    said(what, endpoint, code, rest)
}

fn is_authentication(code: &str, rest: &str) -> bool {
    matches!(code, "WRONGPASS" | "NOAUTH") || code == "ERR" && rest.contains("invalid password")
}

/// Protected mode explains itself at length.
fn first_sentence(words: &str) -> &str {
    words.split(". ").next().unwrap_or_default()
}

/// The connection broke, or never spoke Redis.
pub(super) fn broken(what: &str, endpoint: &str, error: &RedisError) -> TargetError {
    let system = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    match (system, error.kind()) {
        (Some(cause), _) if cause.kind() == io::ErrorKind::TimedOut => {
            let hint = "the server runs something long (SLOWLOG GET), or the network drops packets";
            error::down(what, endpoint, "no answer in time", Some(hint))
        }
        (Some(cause), _) if cause.kind() == io::ErrorKind::InvalidData => {
            error::down(what, endpoint, &cause.to_string(), None)
        }
        (Some(cause), _) => for_redis(error::system(what, endpoint, cause)),
        (None, redis::ErrorKind::Parse) => garbled(what, endpoint, "the answer is not Redis's"),
        // The driver's task has ended: the connection was closed between two questions.
        (None, _) => error::down(what, endpoint, "the other end closed the connection", Some(HUNG_UP)),
    }
}

/// An answer that cannot be one.
pub(super) fn garbled(what: &str, endpoint: &str, reason: &str) -> TargetError {
    error::down(what, endpoint, reason, Some(NOT_REDIS))
}

/// A failure of what is shared with PostgreSQL, with the hint that fits here.
pub(super) fn for_redis(mut error: TargetError) -> TargetError {
    let hint = error.hint.as_deref().unwrap_or_default();
    if let Some((_, instead)) = INSTEAD.iter().find(|(part, _)| hint.contains(part)) {
        error.hint = Some(Text::line(instead));
    }
    error
}

/// A failure of the first commands is a failure to connect.
pub(super) fn of_login(error: &TargetError) -> TargetError {
    let message = match error.message.strip_prefix(super::ASK) {
        Some(rest) => Text::line(&format!("{CONNECT}{rest}")),
        None => error.message.clone(),
    };
    TargetError { message, ..error.clone() }
}

/// The user has a password, and none is given.
pub(super) fn no_password(error: &TargetError) -> TargetError {
    TargetError { hint: Some(Text::line(PASSWORD)), ..of_login(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_with_what_helps() {
        for (words, part, authentication) in [
            ("ERR max number of clients reached", "every client slot is taken", false),
            ("NOAUTH Authentication required.", "password_command", true),
            ("WRONGPASS invalid username-password pair or user is disabled.", "check user", true),
            ("ERR invalid password", "check the password", true),
            ("ERR DB index is out of range", "database 0", false),
            ("LOADING Redis is loading the dataset in memory", "from disk", false),
            ("DENIED Redis is running in protected mode because …. In this mode …", "protected mode", false),
        ] {
            let error = refused("cannot connect to", "cache:6379/0", words);
            assert!(error.hint.as_ref().is_some_and(|hint| hint.contains(part)), "{words}: {error:?}");
            assert_eq!((error.refused, error.authentication), (true, authentication), "{words}");
            assert!(!error.message.contains("In this mode"));
        }
    }
}
