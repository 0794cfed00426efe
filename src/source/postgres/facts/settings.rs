//! Settings as numbers.

use std::collections::HashMap;

use crate::model::facts::{Settings, TimeoutOverride};
use crate::model::target::TargetError;
use crate::source::unreadable;

/// Values of `pg_settings` by name, in each setting's own base unit. One that is absent is unknown to that version.
pub(super) struct Values(HashMap<String, String>);

impl Values {
    /// From a JSON object of strings.
    pub(super) fn parse(json: &str) -> Result<Self, TargetError> {
        serde_json::from_str(json).map(Self).map_err(|error| unreadable(&format!("settings: {error}")))
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.0.get(name).and_then(|value| value.parse().ok())
    }

    pub(super) fn settings(&self) -> Settings {
        let small = |name: &str| self.number::<u32>(name).unwrap_or_default();
        let millis = |name: &str| self.number::<u64>(name);
        let for_provider = small("rds.rds_superuser_reserved_connections");
        Settings {
            max_connections: small("max_connections"),
            superuser_reserved: small("superuser_reserved_connections") + for_provider,
            reserved: small("reserved_connections"),
            idle_in_transaction_timeout_ms: millis("idle_in_transaction_session_timeout").unwrap_or_default(),
            transaction_timeout_ms: millis("transaction_timeout"),
            idle_session_timeout_ms: millis("idle_session_timeout"),
            statement_timeout_ms: millis("statement_timeout").unwrap_or_default(),
            track_activities: self.0.get("track_activities").is_some_and(|value| value == "on"),
            track_activity_query_size: small("track_activity_query_size"),
            max_prepared_transactions: small("max_prepared_transactions"),
            tcp_keepalives_idle_s: small("tcp_keepalives_idle"),
        }
    }
}

/// Takes `name=value` of a role's or a database's settings over, where it is one of the two time limits.
pub(super) fn apply(limit: &mut TimeoutOverride, setting: &str) {
    match setting.split_once('=') {
        Some(("idle_in_transaction_session_timeout", value)) => {
            limit.idle_in_transaction_timeout_ms = millis(value);
        }
        Some(("transaction_timeout", value)) => limit.transaction_timeout_ms = millis(value),
        _ => {}
    }
}

/// A time as people write it in `ALTER ROLE … SET`: `300000`, `5min`, `1.5 h`.
fn millis(value: &str) -> Option<u64> {
    let value = value.trim();
    let end = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    let (number, unit) = value.split_at(end);
    let per_unit = match unit.trim() {
        "us" => 0.001,
        "" | "ms" => 1.0,
        "s" => 1e3,
        "min" => 60e3,
        "h" => 3_600e3,
        "d" => 86_400e3,
        _ => return None,
    };
    // PostgreSQL allows 2³¹ − 1 ms, and rounds.
    let millis = (number.parse::<f64>().ok()? * per_unit).round().min(2_147_483_647.0);
    std::time::Duration::try_from_secs_f64(millis / 1e3).ok()?.as_millis().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_postgresql_reads_them() {
        for (value, expected) in [
            ("300000", Some(300_000)),
            ("5min", Some(300_000)),
            ("1.5 h", Some(5_400_000)),
            ("10 s", Some(10_000)),
            ("0", Some(0)),
            ("1d", Some(86_400_000)),
            ("500us", Some(1)),
            ("soon", None),
            ("5 weeks", None),
        ] {
            assert_eq!(millis(value), expected, "{value}");
        }
    }

    #[test]
    fn a_setting_that_the_version_does_not_have_is_none_and_the_providers_slots_are_added() {
        let values = Values::parse(
            r#"{"max_connections":"100","superuser_reserved_connections":"3","rds.rds_superuser_reserved_connections":"2",
                "idle_in_transaction_session_timeout":"86400000","track_activities":"on"}"#,
        );
        let settings = values.unwrap().settings();
        assert_eq!((settings.max_connections, settings.superuser_reserved, settings.reserved), (100, 5, 0));
        assert_eq!(settings.transaction_timeout_ms, None);
        assert_eq!(settings.idle_in_transaction_timeout_ms, 86_400_000);
        assert!(settings.track_activities);
    }
}
