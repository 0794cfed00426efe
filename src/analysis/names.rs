//! What an `application_name` says about who is behind it.

use crate::model::backend::Session;
use crate::text::Text;

/// Tools in which a person types: their open transactions are somebody thinking.
const HUMAN: [&str; 7] = ["psql", "pgcli", "dbeaver", "pgadmin", "datagrip", "tableplus", "navicat"];

/// Backups and copies: long statements and long transactions are their work.
const BACKUP: [&str; 5] = ["pg_dump", "pg_dumpall", "pg_restore", "pg_basebackup", "pgbackrest"];

/// Programs that watch a server: silent between two looks, for as long as they live.
const MONITORS: [&str; 18] = [
    "pooltop",
    "pgwatch",
    "pgwatch2",
    "pgwatch3",
    "postgres_exporter",
    "postgres-exporter",
    "datadog-agent",
    "pganalyze",
    "pganalyze-collector",
    "pgmetrics",
    "pg_activity",
    "pgcenter",
    "pghero",
    "telegraf",
    "zabbix",
    "netdata",
    "check_postgres",
    "newrelic",
];

/// Without the counter, hash or uuid that tells instances apart: `web-7f9c4-1` is `web-#`, as is `Web-2`.
///
/// Only the end is cut, one part after another, and never all of a name that has a letter outside a hash.
pub fn normalise(name: &str) -> Text {
    let lower = name.to_lowercase();
    let mut rest = lower.as_str();
    let mut cut = false;
    while let Some(shorter) = without_last_part(rest) {
        rest = shorter;
        cut = true;
    }
    let digits = rest.trim_end_matches(|c: char| c.is_ascii_digit());
    if digits.len() < rest.len() {
        return Text::line(&format!("{digits}#"));
    }
    if cut { Text::line(&format!("{rest}#")) } else { Text::line(rest) }
}

/// A tool in which a person types.
pub fn is_human(application_name: &str) -> bool {
    starts_with_one_of(application_name, &HUMAN)
}

/// A backup or copy.
pub fn is_backup(application_name: &str) -> bool {
    starts_with_one_of(application_name, &BACKUP)
}

/// A program that watches the server.
pub fn is_monitor(application_name: &str) -> bool {
    starts_with_one_of(application_name, &MONITORS)
}

/// Another pooltop.
pub fn is_pooltop(session: &Session) -> bool {
    session.application_name.starts_with("pooltop")
}

fn starts_with_one_of(name: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| {
        let (head, tail) = (name.get(..prefix.len()), name.get(prefix.len()..));
        head.is_some_and(|head| head.eq_ignore_ascii_case(prefix))
            && !tail.is_some_and(|tail| tail.starts_with(|c: char| c.is_ascii_alphanumeric()))
    })
}

fn is_separator(c: char) -> bool {
    matches!(c, '-' | '_' | '.' | ':' | '/' | '@' | '#' | ' ' | '[' | ']' | '(' | ')')
}

/// The name up to and with the separator before its last part, if that part tells instances apart.
fn without_last_part(name: &str) -> Option<&str> {
    let trimmed = name.trim_end_matches(is_separator);
    let start = trimmed.rfind(is_separator).map_or(0, |at| at + 1);
    let part = &trimmed[start..];
    (start > 0 && !part.is_empty() && (is_random(part) || follows_a_hash(part, &trimmed[..start])))
        .then_some(&trimmed[..start])
}

/// Digits; or a hash: four or more hexadecimal digits, or five or more letters as Kubernetes draws them (no
/// vowels), with a digit among them.
fn is_random(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    digits == part.len()
        || digits > 0
            && (part.len() >= 4 && part.bytes().all(|b| b.is_ascii_hexdigit())
                || part.len() >= 5 && part.bytes().all(is_kubernetes))
}

/// A pod's suffix: five random letters without a digit, after a part that is random itself.
fn follows_a_hash(part: &str, before: &str) -> bool {
    let previous = before.trim_end_matches(is_separator);
    let start = previous.rfind(is_separator).map_or(0, |at| at + 1);
    part.len() == 5 && part.bytes().all(is_kubernetes) && start > 0 && is_random(&previous[start..])
}

fn is_kubernetes(b: u8) -> bool {
    b"bcdfghjklmnpqrstvwxz2456789".contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_of_one_application_have_one_name() {
        for (name, normal) in [
            ("web-7f9c4-1", "web-#"),
            ("Web-2", "web-#"),
            ("worker12", "worker#"),
            ("checkout-api-7d9f8b6c5d-x2k4q", "checkout-api-#"),
            ("checkout-api-7d9f8b6c5d-xkqzt", "checkout-api-#"),
            ("job 123e4567-e89b-12d3-a456-426614174000", "job #"),
            ("pgAdmin 4 - CONN:1234567", "pgadmin 4 - conn:#"),
            ("sidekiq[3]", "sidekiq[#"),
            ("checkout-api", "checkout-api"),
            ("PostgreSQL JDBC Driver", "postgresql jdbc driver"),
            ("bad-cafe", "bad-cafe"),
            ("deadbeef", "deadbeef"),
            ("report-daily", "report-daily"),
            ("x-prtsc", "x-prtsc"),
            ("12345", "#"),
            ("-", "-"),
            ("", ""),
        ] {
            assert_eq!(normalise(name).as_str(), normal, "{name:?}");
        }
    }

    #[test]
    fn people_and_backups_are_told_from_applications() {
        assert!(is_human("psql") && is_human("DBeaver 24.1.0 - Main") && is_human("pgAdmin 4 - DB:shop"));
        assert!(!is_human("psqlODBC service") && !is_human("checkout-psql"));
        assert!(is_backup("pg_dump") && !is_backup("pg"));
        assert!(is_monitor("pgwatch3") && is_monitor("Telegraf 1.30") && !is_monitor("telegraph-api"));
    }
}
