//! Failures in words for a person: what failed, on which endpoint, the server's own words, what to try.

use std::error::Error as _;
use std::io;

use tokio_postgres::Error;
use tokio_postgres::error::DbError;

use super::tls::TlsError;
use crate::model::target::TargetError;
use crate::text::Text;

mod hints;

/// What a server said: its own words, or a pooler's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) severity: String,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) detail: String,
}

impl From<&DbError> for Said {
    fn from(error: &DbError) -> Self {
        Self {
            severity: error.severity().to_owned(),
            code: error.code().code().to_owned(),
            message: error.message().to_owned(),
            detail: error.detail().unwrap_or_default().to_owned(),
        }
    }
}

/// An answer of the server that is a no.
pub(super) fn refused(what: &str, endpoint: &str, said: &Said) -> TargetError {
    TargetError {
        code: Some(Text::line(&said.code)),
        message: Text::line(&format!("{what} {endpoint}: {} {}: {}", said.severity, said.code, said.message)),
        hint: hints::for_answer(&said.code, &said.message).map(Text::line),
        refused: true,
        authentication: is_authentication(said),
    }
}

/// 28P01 and 28000; a pooler says 08P01 for everything, so there the words count.
fn is_authentication(said: &Said) -> bool {
    match said.code.as_str() {
        "28P01" | "28000" => true,
        "08P01" => ["authentication failed", "no such user", "password"]
            .iter()
            .any(|part| said.message.contains(part)),
        _ => false,
    }
}

/// Nobody answered, or not as a server would.
pub(super) fn down(what: &str, endpoint: &str, reason: &str, hint: Option<&str>) -> TargetError {
    TargetError {
        code: None,
        message: Text::line(&format!("{what} {endpoint}: {reason}")),
        hint: hint.map(Text::line),
        refused: false,
        authentication: false,
    }
}

/// A failure of the operating system.
pub(super) fn system(what: &str, endpoint: &str, error: &io::Error) -> TargetError {
    let (reason, hint) = hints::for_system(error);
    down(what, endpoint, &reason, hint)
}

/// TLS did not come about.
pub(super) fn tls(endpoint: &str, error: &TlsError) -> TargetError {
    const WHAT: &str = "cannot set up TLS with";
    match error {
        TlsError::Settings(problem) => down(WHAT, endpoint, problem, None),
        TlsError::NotOffered => TargetError {
            refused: true,
            ..down(
                WHAT,
                endpoint,
                "the server does not offer it",
                Some("switch TLS on there (ssl = on, client_tls_sslmode), or connect with sslmode=prefer"),
            )
        },
        TlsError::Handshake(cause) => {
            let words = cause.to_string();
            match hints::for_tls(&words) {
                Some(hint) => down(WHAT, endpoint, &words, Some(hint)),
                None => system(WHAT, endpoint, cause),
            }
        }
    }
}

/// A failure of the driver, which may carry an answer, a system error or its own words.
pub(super) fn driver(what: &str, endpoint: &str, error: &Error) -> TargetError {
    if let Some(answer) = error.as_db_error() {
        return refused(what, endpoint, &Said::from(answer));
    }
    if let Some(cause) = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()) {
        return system(what, endpoint, cause);
    }
    let words = match error.source() {
        Some(cause) if cause.to_string() == "password missing" => return no_password(what, endpoint),
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    down(what, endpoint, &words, hint_for(&words))
}

/// The server wants a password and there is none: a person is asked, trying again is no use.
pub(super) fn no_password(what: &str, endpoint: &str) -> TargetError {
    TargetError {
        refused: true,
        authentication: true,
        ..down(what, endpoint, "the server wants a password and none is given", hint_for("password missing"))
    }
}

/// What to try after a failure that is described in words of this end.
pub(super) fn hint_for(words: &str) -> Option<&'static str> {
    hints::for_driver(words)
}

/// A column that does not hold what it should.
pub(super) fn unreadable(column: &str, error: &Error) -> TargetError {
    let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    TargetError {
        code: None,
        message: Text::line(&format!("cannot read column `{column}` of the answer: {cause}")),
        hint: None,
        refused: false,
        authentication: false,
    }
}
