//! What a profile connects to.

use std::ops::Range;
use std::time::Duration;

use super::problem::{Located, suggest};
use super::reader::{Findings, Section, as_size, kind};
use super::types::{AppTarget, HistorySource, PoolerTarget, PostgresTarget, RedisTarget};
use crate::model::app::AppField;
use crate::model::secret::{ExposeSecret, SecretString};
use crate::model::target::Role;

/// Readings of an application that follow each other faster than this are a load of their own.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// Names of targets given so far in one profile; they are unique there.
#[derive(Default)]
pub(super) struct Names(Vec<String>);

impl Names {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name given, or `kind`, `kind-2`, … where none is.
    fn name(&mut self, section: &mut Section<'_>, kind: &str) -> String {
        let name = match section.string("name") {
            Some(given) => {
                self.check(&given, section.findings());
                given.value
            }
            None => self.free(kind),
        };
        self.0.push(name.clone());
        name
    }

    fn check(&self, given: &Located<String>, findings: &Findings) {
        if given.value.trim().is_empty() {
            findings.add(given.span.clone(), "`name` is empty", "leave it out, or name the target");
        } else if self.0.contains(&given.value) {
            let message = format!("a second target named `{}`", given.value);
            findings.add(given.span.clone(), message, "names are unique within a profile");
        }
    }

    fn free(&self, kind: &str) -> String {
        let numbered = (2..).map(|n| format!("{kind}-{n}"));
        std::iter::once(kind.to_owned())
            .chain(numbered)
            .find(|name| !self.0.contains(name))
            .unwrap_or_default()
    }
}

pub(super) fn postgres(profile: &mut Section<'_>, names: &mut Names) -> Vec<PostgresTarget> {
    const ROLES: [(&str, Role); 3] =
        [("primary", Role::Primary), ("replica", Role::Replica), ("pooled", Role::Pooled)];
    let read = |mut section: Section<'_>| {
        let target = PostgresTarget {
            name: names.name(&mut section, "postgres"),
            url: url(&mut section, Accepts::Postgres),
            password_command: password_command(&mut section),
            role: section.choice("role", &ROLES),
            cores: section.count("cores", 1),
            memory: section.size("memory"),
            provider: section.string("provider").map(|found| found.value.as_str().into()),
            path_idle_timeout: section.span("path_idle_timeout").map(|found| found.value),
        };
        section.finish();
        target
    };
    profile.sections("postgres").into_iter().map(read).collect()
}

pub(super) fn poolers(profile: &mut Section<'_>, names: &mut Names) -> Vec<PoolerTarget> {
    let read = |mut section: Section<'_>| {
        let target = PoolerTarget {
            name: names.name(&mut section, "pooler"),
            url: url(&mut section, Accepts::Pooler),
            password_command: password_command(&mut section),
        };
        section.finish();
        target
    };
    profile.sections("poolers").into_iter().map(read).collect()
}

pub(super) fn apps(profile: &mut Section<'_>, names: &mut Names) -> Vec<AppTarget> {
    let read = |mut section: Section<'_>| {
        let target = AppTarget {
            name: names.name(&mut section, "app"),
            url: url(&mut section, Accepts::Http),
            bearer: section.secret("bearer").map(|found| found.value),
            headers: headers(&mut section),
            mapping: mapping(&mut section),
            own_probe: section.boolean("own_probe").unwrap_or(false),
            interval: asked_every(&mut section),
        };
        section.finish();
        target
    };
    profile.sections("apps").into_iter().map(read).collect()
}

pub(super) fn redis(profile: &mut Section<'_>, names: &mut Names) -> Vec<RedisTarget> {
    let read = |mut section: Section<'_>| {
        let target = RedisTarget {
            name: names.name(&mut section, "redis"),
            url: url(&mut section, Accepts::Redis),
            password_command: password_command(&mut section),
        };
        section.finish();
        target
    };
    profile.sections("redis").into_iter().map(read).collect()
}

fn password_command(section: &mut Section<'_>) -> Option<Vec<String>> {
    section.command("password_command", "[\"pass\", \"show\", \"db1\"]")
}

/// What a kind of target can be reached by.
#[derive(Clone, Copy)]
enum Accepts {
    Postgres,
    Pooler,
    Http,
    Redis,
}

impl Accepts {
    fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["postgres", "postgresql"],
            Self::Pooler => &["pgbouncer", "odyssey", "pgcat", "pgdog", "pgpool", "postgres", "postgresql"],
            Self::Http => &["http", "https"],
            Self::Redis => &["redis", "rediss"],
        }
    }

    fn takes_keywords(self) -> bool {
        matches!(self, Self::Postgres | Self::Pooler)
    }

    /// Whether `url` begins as it should; what follows is judged by the code that connects.
    fn takes(self, url: &str) -> bool {
        match url.split_once("://") {
            // SQLAlchemy writes the driver behind a plus sign.
            Some((scheme, rest)) => {
                let plain = scheme.split('+').next().unwrap_or_default();
                self.schemes().contains(&plain) && !rest.is_empty()
            }
            None => self.takes_keywords() && url.contains('='),
        }
    }

    fn help(self) -> String {
        let schemes: Vec<_> = self.schemes().iter().map(|scheme| format!("{scheme}://")).collect();
        let keywords = if self.takes_keywords() { " or keywords such as `host=db1 dbname=shop`" } else { "" };
        format!("expected a URL beginning with {}{keywords}", schemes.join(", "))
    }
}

fn url(section: &mut Section<'_>, accepts: Accepts) -> Located<SecretString> {
    let nothing = |span: Range<usize>| Located { value: SecretString::from(""), span };
    let Some(found) = section.secret("url") else {
        if !section.has("url") {
            section.findings().add(section.span.clone(), "`url` is missing", accepts.help());
        }
        return nothing(section.span.clone());
    };
    if !accepts.takes(found.value.expose_secret()) {
        let message = match found.value.expose_secret().split_once("://") {
            Some((scheme, _)) if scheme.len() < 20 => format!("`{scheme}://` does not fit here"),
            _ => "`url` is no URL".to_owned(),
        };
        section.findings().add_secret(found.span.clone(), message, accepts.help());
    }
    found
}

/// A table of strings that are never shown.
fn headers(section: &mut Section<'_>) -> Vec<(String, SecretString)> {
    let pairs = strings(section, "headers").into_iter();
    pairs.map(|(name, value)| (name.value, SecretString::from(value))).collect()
}

/// Our words and where their values are.
fn mapping(section: &mut Section<'_>) -> Vec<(String, String)> {
    let pairs = strings(section, "mapping");
    let words = || AppField::WORDS.iter().map(|(word, ..)| *word);
    for (word, _) in &pairs {
        if !words().any(|known| known == word.value) {
            let message = format!("`{}` is no number of a pool", word.value);
            section.findings().add_secret(word.span.clone(), message, suggest(&word.value, words()));
        }
    }
    pairs.into_iter().map(|(word, place)| (word.value, place)).collect()
}

/// Time between two readings of an application.
fn asked_every(section: &mut Section<'_>) -> Option<Duration> {
    let found = section.span("interval")?;
    if found.value < SHORTEST_INTERVAL {
        let help =
            "expected at least one second: a reading may take a connection of the pool that it is about";
        section.findings().add(found.span, "`interval` is too short", help);
        return None;
    }
    Some(found.value)
}

fn strings(section: &mut Section<'_>, key: &'static str) -> Vec<(Located<String>, String)> {
    let Some(table) = section.section(key) else { return Vec::new() };
    let mut pairs = Vec::new();
    for (name, value) in table.entries() {
        match value.get_ref().as_str() {
            Some(text) => pairs.push((name, text.to_owned())),
            None => table.findings().add_secret(
                name.span,
                format!("`{}` is {}", name.value, kind(value.get_ref())),
                "expected a string",
            ),
        }
    }
    pairs
}

/// `history`: a size, an address, or a table of both.
pub(super) fn history(section: &mut Section<'_>) -> (Option<u64>, Option<HistorySource>) {
    let found = section.peek("history");
    let is_address = |text: &str| text.starts_with("http://") || text.starts_with("https://");
    if found.and_then(|value| value.as_str()).is_some_and(is_address) {
        let url = section.secret("history");
        return (None, url.map(|url| HistorySource { url, bearer: None, headers: Vec::new() }));
    }
    if found.is_none_or(|value| value.as_table().is_none()) {
        return (guarded_size(section, "history"), None);
    }
    let Some(mut table) = section.section("history") else { return (None, None) };
    let (size, url) = (guarded_size(&mut table, "size"), table.secret("url"));
    let bearer = table.secret("bearer").map(|bearer| bearer.value);
    let headers = strings(&mut table, "headers");
    let headers = headers.into_iter().map(|(name, value)| (name.value, SecretString::from(value))).collect();
    if url.is_none() && (bearer.is_some() || size.is_none()) {
        table.findings().add_secret(
            table.span.clone(),
            "`history` has no `url`",
            "add the address of a Prometheus: url = \"http://prometheus:9090\"",
        );
    }
    table.finish();
    (size, url.map(|url| HistorySource { url, bearer, headers }))
}

/// A size on a line that may hold a secret: such a line is not shown.
fn guarded_size(section: &mut Section<'_>, key: &'static str) -> Option<u64> {
    let found = section.peek(key);
    let is_size = found.is_none_or(|value| matches!(as_size(value), Some(Ok(_))));
    let is_plain =
        found.and_then(|value| value.as_str()).is_some_and(|text| text.chars().all(char::is_alphanumeric));
    if is_size || (is_plain && key == "history") {
        return section.size(key);
    }
    let place = section.place(key).unwrap_or_default();
    section.findings().add_secret(
        place,
        format!("`{key}` is no size"),
        "expected a size such as \"64MiB\" or \"2GB\"",
    );
    let _ = section.secret(key);
    None
}

/// Whether a URL or keyword string holds a password.
pub fn holds_password(url: &str) -> bool {
    let in_userinfo = url.split_once("://").and_then(|(_, rest)| {
        let authority = rest.split(['/', '?', '#']).next()?;
        // A password may itself hold a slash where people forgot to encode it.
        let userinfo = authority.rsplit_once('@').or_else(|| rest.rsplit_once('@'))?.0;
        userinfo.split_once(':').map(|(_, password)| !password.is_empty())
    });
    let as_keyword = url.to_ascii_lowercase().match_indices("password").any(|(at, word)| {
        let value = url[at + word.len()..].trim_start();
        value.strip_prefix('=').is_some_and(|value| !value.trim().is_empty())
    });
    in_userinfo.unwrap_or(false) || as_keyword
}

/// The same target without its password and with everything else, such as `sslmode`. `None` where it is not certain
/// what belongs to the password.
pub fn without_password(url: &str) -> Option<String> {
    if !holds_password(url) {
        return Some(url.to_owned());
    }
    let rest = match url.split_once("://") {
        Some((scheme, rest)) => {
            let (userinfo, rest) = rest.split_once('@')?;
            let (user, _) = userinfo.split_once(':')?;
            let certain = !rest.contains('@') && !userinfo.contains(['/', '?', '#']);
            certain.then(|| format!("{scheme}://{user}@{rest}"))
        }
        None if url.contains(['\'', '\\']) => None,
        None => {
            let words = || url.split_whitespace();
            let kept: Vec<_> = words().filter(|word| !word.starts_with("password=")).collect();
            words().all(|word| word.find('=').is_some_and(|at| at > 0)).then(|| kept.join(" "))
        }
    };
    rest.filter(|url| !holds_password(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_found_wherever_a_url_can_hold_one() {
        for (url, holds) in [
            ("postgres://app@db1/shop", false),
            ("postgres://app:secret@db1/shop", true),
            ("postgres://app:se/cret@db1/shop", true),
            ("postgres://app:@db1/shop", false),
            ("postgres://db1:5432/shop", false),
            ("postgres://[::1]:5432/shop", false),
            ("redis://:secret@cache:6379", true),
            ("postgres://db1/shop?password=secret", true),
            ("postgres://db1/shop?sslpassword=secret", true),
            ("host=db1 password = 'secret'", true),
            ("host=db1 passfile=/home/me/.pgpass", false),
        ] {
            assert_eq!(holds_password(url), holds, "{url}");
        }
    }

    #[test]
    fn a_password_is_taken_out_only_where_its_ends_are_certain() {
        for (url, without) in [
            ("postgres://app@db1/shop", Some("postgres://app@db1/shop")),
            (
                "postgres://app:secret@db1/shop?sslmode=verify-full",
                Some("postgres://app@db1/shop?sslmode=verify-full"),
            ),
            ("pgbouncer://stats:secret@10.0.0.5:6432", Some("pgbouncer://stats@10.0.0.5:6432")),
            ("host=db1 password=secret sslmode=require", Some("host=db1 sslmode=require")),
            ("postgres://app:se/cret@db1/shop", None),
            ("postgres://app:se@cret@db1/shop", None),
            ("postgres://app:secret@db1/shop?sslpassword=other", None),
            ("postgres://db1/shop?password=secret", None),
            ("host=db1 password='se cret'", None),
            ("host=db1 password = secret", None),
        ] {
            assert_eq!(without_password(url).as_deref(), without, "{url}");
        }
    }
}
