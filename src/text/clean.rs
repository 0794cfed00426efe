//! Strings from a server are hostile until they pass through [`Text`].

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A string from outside that is safe to draw: no control, escape, bidi or zero-width characters.
///
/// It can only be made by [`Text::line`], [`Text::block`] or their byte variants, so a value of this type
/// needs no further care before it reaches a terminal. It is *not* escaped for HTML or CSV; exports do that.
///
/// Cloning shares the allocation.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Arc<str>);

impl Text {
    /// One line: line breaks and tabs become single spaces.
    pub fn line(raw: &str) -> Self {
        if raw.chars().all(is_plain) {
            return Self(raw.into());
        }
        Self(raw.chars().filter_map(|c| visible(c, false)).collect::<String>().into())
    }

    /// Several lines, for statements: line feeds stay, tabs become spaces, carriage returns go.
    pub fn block(raw: &str) -> Self {
        if raw.chars().all(|c| c == '\n' || is_plain(c)) {
            return Self(raw.into());
        }
        Self(raw.chars().filter_map(|c| visible(c, true)).collect::<String>().into())
    }

    /// [`Text::line`] of bytes in an unknown encoding; see [`decode_lossy`].
    pub fn line_bytes(raw: &[u8]) -> Self {
        Self::line(&decode_lossy(raw))
    }

    /// [`Text::block`] of bytes in an unknown encoding; see [`decode_lossy`].
    pub fn block_bytes(raw: &[u8]) -> Self {
        Self::block(&decode_lossy(raw))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether two values share one allocation, which is how interning is checked and memory is counted.
    pub fn shares_allocation_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Address of the shared allocation; equal for clones. For counting memory once.
    pub fn allocation(&self) -> usize {
        Arc::as_ptr(&self.0).cast::<u8>() as usize
    }
}

/// UTF-8 where it is UTF-8; every other byte as `\xNN`.
///
/// `pg_stat_activity` shows statements of databases in other encodings byte by byte, and cuts them in the
/// middle of a character, so invalid sequences are ordinary and must stay recognisable.
pub fn decode_lossy(raw: &[u8]) -> std::borrow::Cow<'_, str> {
    if let Ok(valid) = std::str::from_utf8(raw) {
        valid.into()
    } else {
        let mut out = String::with_capacity(raw.len() + 16);
        for chunk in raw.utf8_chunks() {
            out.push_str(chunk.valid());
            for byte in chunk.invalid() {
                use fmt::Write as _;
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
        out.into()
    }
}

/// The beginning of a text, at most `room` bytes, no character of it in halves.
pub fn cut(text: &str, room: usize) -> &str {
    let mut end = text.len().min(room);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Whether a character can be drawn as it is.
fn is_plain(c: char) -> bool {
    (' '..='~').contains(&c) || (c >= '\u{a0}' && visible(c, false) == Some(c))
}

/// What is drawn for `c`: itself, a space, or nothing.
fn visible(c: char, keep_line_feed: bool) -> Option<char> {
    match c {
        '\n' if keep_line_feed => Some('\n'),
        '\n' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
        c if c.is_control() => None,
        // Soft hyphen, Arabic letter mark, Mongolian separator, zero-width, bidi, invisible operators, BOM, tags, interlinear,
        // variation selectors: nothing of it can be seen, all of it can mislead.
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{fffe}'
        | '\u{ffff}'
        | '\u{e0000}'..='\u{e0fff}' => None,
        c => Some(c),
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Default for Text {
    fn default() -> Self {
        Self("".into())
    }
}

impl From<&str> for Text {
    fn from(raw: &str) -> Self {
        Self::line(raw)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for Text {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A recording is a file from outside: its strings are cleaned like a server's.
        String::deserialize(deserializer).map(|raw| Self::block(&raw))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_escape_bidi_and_zero_width_characters_are_gone() {
        for (raw, line) in [
            ("plain", "plain"),
            ("a\u{1b}[31mb\u{9b}2Jc", "a[31mb2Jc"),
            ("x\u{202e}y\u{200b}z\u{feff}", "xyz"),
            ("tab\tnew\nline\rend", "tab new lineend"),
            ("nul\0del\u{7f}", "nuldel"),
            // No XML may hold these, so a picture with one would not open.
            ("a\u{fffe}\u{ffff}b", "ab"),
            ("ünï 漢字 🦀", "ünï 漢字 🦀"),
        ] {
            assert_eq!(Text::line(raw).as_str(), line, "{raw:?}");
        }
    }

    #[test]
    fn a_block_keeps_line_feeds_only() {
        assert_eq!(Text::block("select\r\n\t1\u{1b}").as_str(), "select\n 1");
    }

    #[test]
    fn bytes_that_are_not_utf8_stay_recognisable() {
        assert_eq!(Text::line_bytes(b"caf\xe9 \xc3").as_str(), "caf\\xe9 \\xc3");
        assert_eq!(Text::line_bytes("café".as_bytes()).as_str(), "café");
    }
}
