//! Things worth telling that stop nothing.

use std::fmt;

use crate::text::Text;

/// Something a person should know about how a connection was made: a key that was ignored, a passfile with
/// open permissions. Not an error, and never a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice(Text);

impl Notice {
    pub(super) fn new(text: &str) -> Self {
        Self(Text::line(text))
    }

    /// The sentence.
    pub fn text(&self) -> &Text {
        &self.0
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
