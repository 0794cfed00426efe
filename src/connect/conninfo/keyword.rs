//! Keyword strings: `host=db1 dbname='my app' password=it\'s`.

use std::iter::Peekable;
use std::str::Chars;

use super::ConninfoError;

/// Takes a keyword string apart, in libpq's grammar: values may be quoted, `\` escapes the next character.
pub(super) fn parse(dsn: &str) -> Result<Vec<(String, String)>, ConninfoError> {
    let mut pairs = Vec::new();
    let mut rest = dsn.chars().peekable();
    loop {
        skip_spaces(&mut rest);
        if rest.peek().is_none() {
            return Ok(pairs);
        }
        let key = keyword(&mut rest)?;
        let value = value(&key, &mut rest)?;
        pairs.push((key, value));
    }
}

fn skip_spaces(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|c| c.is_whitespace()).is_some() {}
}

/// The name before `=`. An error shows the name only: whatever stands there could be a secret.
fn keyword(rest: &mut Peekable<Chars<'_>>) -> Result<String, ConninfoError> {
    let mut key = String::new();
    while let Some(c) = rest.next_if(|c| !c.is_whitespace() && *c != '=') {
        key.push(c);
    }
    skip_spaces(rest);
    if rest.next() == Some('=') && !key.is_empty() {
        return Ok(key);
    }
    Err(ConninfoError::new(
        "the connection string has a word without `=`",
        "write key=value pairs; quote values with spaces: dbname='my app'",
    ))
}

fn value(key: &str, rest: &mut Peekable<Chars<'_>>) -> Result<String, ConninfoError> {
    skip_spaces(rest);
    let quoted = rest.next_if_eq(&'\'').is_some();
    let mut value = String::new();
    loop {
        match rest.next_if(|c| quoted || !c.is_whitespace()) {
            Some('\\') => value.extend(rest.next()),
            Some('\'') if quoted => return Ok(value),
            Some(c) => value.push(c),
            None if quoted => {
                return Err(ConninfoError::new(
                    &format!("the value of `{key}` has no closing quote"),
                    "write a quote inside a value as \\'",
                ));
            }
            None => return Ok(value),
        }
    }
}
