//! `INFO`: lines of `key:value`. Versions add keys; none is relied on.

use std::fmt::Write as _;

use super::{Answer, lossy};
use crate::model::redis::RedisCounters;
use crate::model::target::TargetError;

/// The sections that could be read as one text, and the first refusal.
pub(super) fn joined(sections: impl IntoIterator<Item = Answer>) -> (String, Option<TargetError>) {
    let (mut text, mut refused) = (String::new(), None);
    for section in sections {
        match section {
            Answer::Text(bytes) => {
                let _ = writeln!(text, "{}", lossy(&bytes));
            }
            Answer::Refused(error) => refused = refused.or(Some(error)),
        }
    }
    (text, refused)
}

/// The value of a key.
pub(super) fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim)
}

/// The numbers; what is missing or no number is `None`.
pub(super) fn counters(text: &str) -> RedisCounters {
    let number = |key: &str| field(text, key)?.parse::<u64>().ok();
    let count = |key: &str| number(key).map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    RedisCounters {
        connected: count("connected_clients"),
        replicas: count("connected_slaves"),
        cluster: count("cluster_connections"),
        max_clients: count("maxclients"),
        blocked: count("blocked_clients"),
        pubsub: count("pubsub_clients"),
        rejected: number("rejected_connections"),
        received: number("total_connections_received"),
        evicted: number("evicted_clients"),
        uptime_s: number("uptime_in_seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Constructed from the fields that each version documents.
    #[test]
    fn each_version_gives_what_it_has() {
        let six = "redis_version:6.0.16\r\nuptime_in_seconds:9\r\nconnected_clients:4\r\nblocked_clients:1\r\n\
                   total_connections_received:77\r\nrejected_connections:2\r\nconnected_slaves:1\r\n";
        let counters = counters(six);
        assert_eq!((counters.connected, counters.max_clients, counters.evicted), (Some(4), None, None));
        assert_eq!((counters.held(), counters.rejected, counters.received), (Some(5), Some(2), Some(77)));
        let seven = format!("{six}cluster_connections:6\r\nmaxclients:10000\r\nevicted_clients:0\r\n");
        let counters = super::counters(&seven);
        assert_eq!((counters.max_clients, counters.evicted), (Some(10_000), Some(0)));
        assert_eq!((counters.held(), counters.pubsub), (Some(11), None));
        let eight = format!("{seven}pubsub_clients:3\r\n");
        assert_eq!(super::counters(&eight).pubsub, Some(3));
    }

    #[test]
    fn what_is_no_number_is_missing_and_not_zero() {
        let counters = counters("connected_clients:many\nmaxclients:\nrejected_connections:-1\n");
        assert_eq!(counters, RedisCounters::default());
        assert_eq!(field("maxclients_x:1\nmaxclients:2", "maxclients"), Some("2"));
    }
}
