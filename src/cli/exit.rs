//! How the program ends: exit codes, and errors that know theirs.

use std::fmt;
use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; also a dry run, or when nothing matched.
    Done,
    /// Not every operation ended as asked.
    Incomplete,
    /// A check found something that needs a look.
    Warning,
    /// The command line or the configuration is wrong.
    Usage,
    /// A check found something that needs a hand now.
    Critical,
    /// No target answered.
    Unreachable,
    /// Something inside panicked; the message is on standard error.
    Panic,
    /// Ended by this signal.
    Signal(u8),
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Incomplete | Self::Warning => 1,
            Self::Usage | Self::Critical => 2,
            Self::Unreachable => 3,
            Self::Panic => 101,
            Self::Signal(number) => 128_u8.saturating_add(number),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error that ends the program with a code of its own. Its text is the whole message.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    message: String,
}

impl Failure {
    /// The command line or the configuration is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// No target answered.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self { exit: Exit::Unreachable, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The code for an error: its own where it has one, else "usage" as the general failure before anything ran.
pub fn exit_of(error: &anyhow::Error) -> Exit {
    error.downcast_ref::<Failure>().map_or(Exit::Usage, |failure| failure.exit)
}
