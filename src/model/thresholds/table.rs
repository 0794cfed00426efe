//! Every threshold by name: what it means, why it is what it is, and which values it can have.
//!
//! The configuration's reader, the example configuration and the documentation are made from this table or compared
//! with it.

use std::time::Duration;

use super::Thresholds;
use crate::text::span::span;

/// One threshold.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key in `[profiles.NAME.thresholds]`.
    pub name: &'static str,
    /// Its unit, its range, and where it is kept.
    pub kind: Kind,
    /// What it means, in a few words.
    pub meaning: &'static str,
    /// Why the default is what it is.
    pub why: &'static str,
}

/// The unit of a threshold with the values it can have, and how to get at it.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A span of time from [`Kind::SHORTEST`] to [`Kind::LONGEST`].
    Span(fn(&mut Thresholds) -> &mut Duration),
    /// A part of a whole: above 0, at most 1.
    Share(fn(&mut Thresholds) -> &mut f64),
    /// Points of the leak detector, 1 to 100.
    Score(fn(&mut Thresholds) -> &mut f64),
    /// How many, from 1.
    Count(fn(&mut Thresholds) -> &mut u32),
}

impl Kind {
    /// Shorter spans are below what can be measured.
    pub const SHORTEST: Duration = Duration::from_millis(1);
    /// Longer spans would never be reached while somebody watches.
    pub const LONGEST: Duration = Duration::from_hours(168);
    /// Lowest and highest share: at nothing everything would be a finding.
    pub const SHARES: (f64, f64) = (0.01, 1.0);
    /// Lowest and highest score.
    pub const SCORES: (f64, f64) = (1.0, 100.0);

    /// The values that it can have, for people.
    pub fn range(self) -> String {
        match self {
            Self::Span(_) => "\"1ms\" to \"7d\"".to_owned(),
            Self::Share(_) => format!("{} to {}", Self::SHARES.0, Self::SHARES.1),
            Self::Score(_) => format!("{} to {}", Self::SCORES.0, Self::SCORES.1),
            Self::Count(_) => "from 1".to_owned(),
        }
    }
}

impl Field {
    /// Its value for people: `1m00s`, `80 %`, `30`.
    pub fn shown(&self, thresholds: &Thresholds) -> String {
        let mut thresholds = thresholds.clone();
        match self.kind {
            Kind::Span(of) => span(*of(&mut thresholds)),
            Kind::Share(of) => format!("{:.0} %", *of(&mut thresholds) * 100.0),
            Kind::Score(of) => of(&mut thresholds).to_string(),
            Kind::Count(of) => of(&mut thresholds).to_string(),
        }
    }
}

/// The scores in the order in which they have to rise.
pub const RISING: [&str; 3] = ["watch", "suspect", "leak"];

/// Every threshold.
pub const FIELDS: [Field; 28] = [
    Field {
        name: "idle_in_transaction",
        kind: Kind::Span(|all| &mut all.idle_in_transaction),
        meaning: "a session idle in transaction is watched",
        why: "ordinary work pauses for seconds inside a transaction; a pool is asked for a decision at five times it",
    },
    Field {
        name: "terminate_idle_in_transaction",
        kind: Kind::Span(|all| &mut all.terminate_idle_in_transaction),
        meaning: "… and proposed to be ended",
        why: "twice the five minutes after which most monitoring calls it a problem",
    },
    Field {
        name: "long_transaction",
        kind: Kind::Span(|all| &mut all.long_transaction),
        meaning: "a transaction that still works is reported",
        why: "it holds back vacuum from then on noticeably",
    },
    Field {
        name: "slow_query",
        kind: Kind::Span(|all| &mut all.slow_query),
        meaning: "a statement is in the slow list",
        why: "longer than a person waits without noticing",
    },
    Field {
        name: "long_query",
        kind: Kind::Span(|all| &mut all.long_query),
        meaning: "a statement is a finding; a pool's longer command_timeout counts instead",
        why: "reports take minutes, requests do not",
    },
    Field {
        name: "lock_wait",
        kind: Kind::Span(|all| &mut all.lock_wait),
        meaning: "a wait for a lock is a finding",
        why: "deadlocks resolve after one second by themselves, so what waits longer waits for somebody",
    },
    Field {
        name: "prepared_transaction",
        kind: Kind::Span(|all| &mut all.prepared_transaction),
        meaning: "a prepared transaction was left behind",
        why: "a transaction manager commits within seconds; nothing else ever ends it",
    },
    Field {
        name: "utilization",
        kind: Kind::Share(|all| &mut all.utilization),
        meaning: "share of the usable slots of a server or pooler",
        why: "what is left is about one deployment that overlaps with its predecessor",
    },
    Field {
        name: "pool_utilization",
        kind: Kind::Share(|all| &mut all.pool_utilization),
        meaning: "share of a pool's bound",
        why: "above it, requests begin to wait for each other",
    },
    Field {
        name: "overflow",
        kind: Kind::Share(|all| &mut all.overflow),
        meaning: "share of the allowed overflow in constant use",
        why: "overflow is for bursts, its connections are closed after each use",
    },
    Field {
        name: "wait",
        kind: Kind::Span(|all| &mut all.wait),
        meaning: "mean wait for a connection worth advice",
        why: "a free connection is taken in microseconds, so this is a queue",
    },
    Field {
        name: "long_wait",
        kind: Kind::Span(|all| &mut all.long_wait),
        meaning: "… that people feel",
        why: "longer than an ordinary query takes",
    },
    Field {
        name: "load_window",
        kind: Kind::Span(|all| &mut all.load_window),
        meaning: "how far back the usual load of a pool is looked for",
        why: "long enough for its bursts, short enough to follow the day",
    },
    Field {
        name: "under_use",
        kind: Kind::Share(|all| &mut all.under_use),
        meaning: "share of its open connections below which a pool is larger than its load",
        why: "common pools keep a third free for the next burst",
    },
    Field {
        name: "under_use_for",
        kind: Kind::Span(|all| &mut all.under_use_for),
        meaning: "… for so long",
        why: "half an hour outlasts the lull between two jobs",
    },
    Field {
        name: "sustained",
        kind: Kind::Span(|all| &mut all.sustained),
        meaning: "how long a condition must hold",
        why: "bursts are over by then",
    },
    Field {
        name: "jump",
        kind: Kind::Count(|all| &mut all.jump),
        meaning: "more new connections than this in one sample are an event, never a finding",
        why: "a burst of requests opens as many legitimately",
    },
    Field {
        name: "warm_up",
        kind: Kind::Span(|all| &mut all.warm_up),
        meaning: "before a pool is judged by what was learned about it",
        why: "a pool has filled itself by then",
    },
    Field {
        name: "window",
        kind: Kind::Span(|all| &mut all.window),
        meaning: "length of a window of minima, for growth; ten are kept",
        why: "bursts return to their floor within a window; ten of them are ten minutes of memory",
    },
    Field {
        name: "checked_out",
        kind: Kind::Span(|all| &mut all.checked_out),
        meaning: "idle and not given back, where releases leave a mark",
        why: "the usual time of leak detection in connection pools",
    },
    Field {
        name: "frozen",
        kind: Kind::Span(|all| &mut all.frozen),
        meaning: "idle for so long is frozen",
        why: "twice the slowest sensible reuse, and below the idle time-outs of common pools, so that what leaked \
              outlives what is healthy",
    },
    Field {
        name: "client_wait",
        kind: Kind::Span(|all| &mut all.client_wait),
        meaning: "a statement that waits for its own client",
        why: "a client that reads at all takes its next rows within seconds",
    },
    Field {
        name: "settled",
        kind: Kind::Span(|all| &mut all.settled),
        meaning: "idle for so long when another is opened: it was not free",
        why: "a pool busy enough to open one has touched its free ones within seconds",
    },
    Field {
        name: "silent",
        kind: Kind::Span(|all| &mut all.silent),
        meaning: "a whole pool silent after steady traffic",
        why: "longer than `frozen`, so that each of its connections is",
    },
    Field {
        name: "half_life",
        kind: Kind::Span(|all| &mut all.half_life),
        meaning: "of what is learned about a pool's statements",
        why: "ten windows: what a quiet night taught is forgotten in the morning",
    },
    Field {
        name: "watch",
        kind: Kind::Score(|all| &mut all.watch),
        meaning: "score of the leak detector from which a pool is watched",
        why: "no more than one weak sign; of 166 healthy pools on record the worst reached it and none passed it",
    },
    Field {
        name: "suspect",
        kind: Kind::Score(|all| &mut all.suspect),
        meaning: "… is a suspect",
        why: "the weakest real leak on record scored 50: never raise it beyond that",
    },
    Field {
        name: "leak",
        kind: Kind::Score(|all| &mut all.leak),
        meaning: "… leaks",
        why: "more than any single kind of inferred evidence gives for one connection",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_threshold_has_its_row_in_the_order_of_the_structure() {
        let shown = format!("{:#?}", Thresholds::default());
        let names: Vec<&str> =
            shown.lines().filter_map(|line| Some(line.trim().split_once(": ")?.0)).collect();
        assert_eq!(FIELDS.map(|field| field.name).to_vec(), names);
    }

    #[test]
    fn a_row_is_about_the_threshold_that_it_names() {
        for field in FIELDS {
            let mut thresholds = Thresholds::default();
            match field.kind {
                Kind::Span(of) => *of(&mut thresholds) = Duration::from_secs(4711),
                Kind::Share(of) | Kind::Score(of) => *of(&mut thresholds) = 4711.0,
                Kind::Count(of) => *of(&mut thresholds) = 4711,
            }
            let shown = format!("{thresholds:#?}");
            let line = shown.lines().find(|line| line.contains("4711")).unwrap_or_default();
            assert!(line.trim().starts_with(&format!("{}:", field.name)), "{}: {line}", field.name);
        }
    }
}
