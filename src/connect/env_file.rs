//! `.env` files: the two addresses that applications keep there.

use std::collections::BTreeMap;
use std::path::Path;

use super::conninfo::ConninfoError;
use crate::model::secret::SecretString;

/// The addresses of an application's `.env` file. Nothing else of the file is kept.
#[derive(Debug, Default)]
pub struct EnvFile {
    /// `DATABASE_URL`: what the application connects to.
    pub database_url: Option<SecretString>,
    /// `DATABASE_POOL_URL`: the same through a pooler.
    pub pool_url: Option<SecretString>,
}

impl EnvFile {
    /// Reads a file; one without either address is an error.
    pub fn read(path: &Path) -> Result<Self, ConninfoError> {
        let found = Self::parse(&text(path)?);
        if found.database_url.is_none() && found.pool_url.is_none() {
            return Err(ConninfoError::new(
                &format!("{} has neither DATABASE_URL nor DATABASE_POOL_URL", path.display()),
                "add DATABASE_URL=postgres://…",
            ));
        }
        Ok(found)
    }

    /// Reads text. Lines that are no assignment are skipped: other tools' syntax is not ours to judge.
    pub fn parse(text: &str) -> Self {
        let mut values = assignments(text);
        let mut take = |name: &str| values.remove(name).filter(|url| !url.is_empty()).map(SecretString::from);
        Self { database_url: take("DATABASE_URL"), pool_url: take("DATABASE_POOL_URL") }
    }
}

/// The variables of a file that are `wanted`, with their values. Nothing else of it is kept.
pub fn variables(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<(String, String)>, ConninfoError> {
    let values = assignments(&text(path)?);
    Ok(values.into_iter().filter(|(name, _)| wanted(name)).collect())
}

fn text(path: &Path) -> Result<String, ConninfoError> {
    std::fs::read_to_string(path).map_err(|cause| {
        ConninfoError::new(
            &format!("cannot read {}: {cause}", path.display()),
            "check the path of the env file",
        )
    })
}

/// Every assignment; the last one of a name counts.
fn assignments(text: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        if let Some((name, value)) = assignment(line, &values) {
            values.insert(name.to_owned(), value);
        }
    }
    values
}

/// `export NAME=value`, with or without `export`.
fn assignment<'a>(line: &'a str, earlier: &BTreeMap<String, String>) -> Option<(&'a str, String)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, raw) = line.split_once('=')?;
    let name = name.trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| (name, value(raw.trim(), earlier)))
}

/// A value: literal in single quotes, with escapes and `${NAME}` in double quotes, up to ` #` without quotes.
fn value(raw: &str, earlier: &BTreeMap<String, String>) -> String {
    match raw.chars().next() {
        Some('\'') => raw.chars().skip(1).take_while(|c| *c != '\'').collect(),
        Some('"') => expand(&double_quoted(raw), earlier),
        _ => {
            let end = raw.find(" #").unwrap_or(raw.len());
            expand(raw.get(..end).unwrap_or_default().trim_end(), earlier)
        }
    }
}

/// The content up to the closing quote.
fn double_quoted(raw: &str) -> String {
    let mut content = String::new();
    let mut rest = raw.chars().skip(1);
    while let Some(c) = rest.next() {
        match c {
            '"' => break,
            '\\' => match rest.next() {
                Some('n') => content.push('\n'),
                Some(escaped) => content.push(escaped),
                None => {}
            },
            c => content.push(c),
        }
    }
    content
}

/// Replaces `${NAME}` by what an earlier line set; an unknown name stays as it is. A bare `$` is a character.
fn expand(text: &str, earlier: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let known = after.split_once('}').and_then(|(name, tail)| Some((earlier.get(name)?.as_str(), tail)));
        let (value, tail) = known.unwrap_or(("${", after));
        out.push_str(value);
        rest = tail;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::secret::ExposeSecret;

    #[test]
    fn both_addresses_are_found_however_they_are_written() {
        for (line, url) in [
            ("DATABASE_URL=postgres://a:b#c@h/d", Some("postgres://a:b#c@h/d")),
            ("DATABASE_URL=postgres://h/d # the main one", Some("postgres://h/d")),
            ("  export DATABASE_URL = 'postgres://h/$x' ", Some("postgres://h/$x")),
            ("DATABASE_URL=\"postgres://h/d\" # quoted", Some("postgres://h/d")),
            ("DATABASE_URL=\"a\\\"b\\\\c\"", Some("a\"b\\c")),
            ("PW=s3\nDATABASE_URL=postgres://u:${PW}@h/d", Some("postgres://u:s3@h/d")),
            ("DATABASE_URL=postgres://u:${NOPE}@h", Some("postgres://u:${NOPE}@h")),
            ("\u{feff}DATABASE_URL=x\r\n", Some("x")),
            ("DATABASE_URL=first\nDATABASE_URL=second", Some("second")),
            ("#DATABASE_URL=x", None),
            ("DATABASE_URL=", None),
            ("MY_DATABASE_URL=x\nDATABASE_URL2=y\nnonsense\n=z", None),
        ] {
            let found = EnvFile::parse(line).database_url;
            assert_eq!(found.as_ref().map(ExposeSecret::expose_secret), url, "{line:?}");
        }
        let both = EnvFile::parse("DATABASE_URL=a\nDATABASE_POOL_URL=b");
        assert_eq!(both.pool_url.unwrap().expose_secret(), "b");
    }

    #[test]
    fn a_file_without_an_address_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(".env");
        assert!(EnvFile::read(&file).unwrap_err().message.contains("cannot read"));
        std::fs::write(&file, "PORT=1\n").unwrap();
        assert!(EnvFile::read(&file).unwrap_err().message.contains("neither DATABASE_URL"));
        std::fs::write(&file, "DATABASE_URL=topsecret\n").unwrap();
        assert!(!format!("{:?}", EnvFile::read(&file).unwrap()).contains("topsecret"));
    }

    #[test]
    fn only_the_variables_that_are_wanted_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(".env");
        std::fs::write(&file, "DB_POOL_SIZE=5 # per process\nexport POOL_MODE='session'\nPASSWORD=x\n")
            .unwrap();
        let found = variables(&file, |name| name != "PASSWORD").unwrap();
        let expected = [("DB_POOL_SIZE", "5"), ("POOL_MODE", "session")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(variables(&directory.path().join("none"), |_| true).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(.|\n)*") {
            let _ = EnvFile::parse(&text);
            let _ = EnvFile::parse(&format!("DATABASE_URL=\"{text}"));
        }
    }
}
