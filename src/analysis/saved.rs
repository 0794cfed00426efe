//! What was learned, as bytes: for going back in time, and for recordings.
//!
//! `MessagePack` with the fields' names, compressed. The bytes may come from a file that somebody sent, so reading them
//! neither panics nor takes more memory than [`MOST`] bytes explain, and what is read is checked before it is believed.

use std::borrow::Cow;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::{Offset, TimeZone};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::roster::{MAX_POOLS, Track};
use super::statements::StatementTracker;
use super::tracker::Tracker;
use super::{Analyser, Settings};
use crate::history::History;
use crate::model::past::Checkpoint;
use crate::model::target::TargetName;
use crate::model::thresholds::table::{FIELDS, Kind};
use crate::model::time::Timestamp;
use crate::text::redact::Redaction;

/// The most that is read back, uncompressed: a hundred thousand sessions take less.
const MOST: u64 = 128 << 20;
/// How hard it is compressed: the fastest takes nine tenths of it.
const LEVEL: i32 = 1;
/// Slots for pools in one roster: those that were found, and those that a profile declares.
const SLOTS: usize = 8 * MAX_POOLS;
/// No span of an analysis is longer; products of it are far from overflowing.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// What was learned cannot be saved, or not be read back.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// Encoding failed.
    #[error("what the analysis learned cannot be saved: {0}")]
    Unsaved(String),
    /// It is not what it should be: damaged, cut, or of another version.
    #[error("what the analysis had learned cannot be read: {0}")]
    Unreadable(String),
}

impl Analyser {
    /// Everything learned so far, with what statements say in it. `at` is this machine's clock.
    pub fn save(&self, at: Timestamp) -> Result<Vec<u8>, SavedError> {
        self.save_redacted(at, Redaction::None)
    }

    /// Everything learned so far, statements redacted: neither what was taken out nor anything from which it could be
    /// guessed is in it. What is remembered by a hash is hashed without its values.
    pub fn save_redacted(&self, at: Timestamp, redaction: Redaction) -> Result<Vec<u8>, SavedError> {
        let unsaved = |error: &dyn std::fmt::Display| SavedError::Unsaved(error.to_string());
        let encoded = rmp_serde::to_vec_named(&*self.portable(at, redaction));
        let encoded = encoded.map_err(|error| unsaved(&error))?;
        zstd::bulk::compress(&encoded, LEVEL).map_err(|error| unsaved(&error))
    }

    /// An analyser that goes on where the saved one was. `history` holds the newest samples of that time and no others:
    /// they were learned from already.
    pub fn restore(saved: &[u8], history: &History) -> Result<Self, SavedError> {
        let unreadable = |error: &dyn std::fmt::Display| SavedError::Unreadable(error.to_string());
        let mut encoded = Vec::new();
        let decoder = zstd::stream::read::Decoder::new(saved).map_err(|error| unreadable(&error))?;
        decoder.take(MOST + 1).read_to_end(&mut encoded).map_err(|error| unreadable(&error))?;
        if encoded.len() as u64 > MOST {
            return Err(unreadable(&"it is too long"));
        }
        let mut analyser: Self = rmp_serde::from_slice(&encoded).map_err(|error| unreadable(&error))?;
        if !analyser.is_sound() {
            return Err(unreadable(&"it contradicts itself"));
        }
        let next = |target: &TargetName| history.since(target, 0).last().map_or(0, |(number, _)| number + 1);
        analyser.read = history.targets().map(|target| (TargetName::clone(target), next(target))).collect();
        Ok(analyser)
    }

    /// What cannot be told by reading alone: that indices lead somewhere and spans can be reckoned with.
    fn is_sound(&self) -> bool {
        is_reasonable(&self.settings) && self.servers.values().all(Tracker::is_sound)
    }

    /// As it is saved.
    fn portable(&self, at: Timestamp, redaction: Redaction) -> Cow<'_, Self> {
        let zone = portable_zone(&self.settings.time_zone, at);
        if redaction == Redaction::None && zone == self.settings.time_zone {
            return Cow::Borrowed(self);
        }
        let mut portable = self.clone();
        portable.settings.time_zone = zone;
        portable.servers.values_mut().for_each(|tracker| tracker.redact(redaction));
        portable.statements.values_mut().for_each(|tracker: &mut StatementTracker| tracker.redact(redaction));
        Cow::Owned(portable)
    }
}

/// A checkpoint as it may leave: samples and what was learned, without what is taken out of statements.
pub fn redacted(checkpoint: &Checkpoint, redaction: Redaction) -> Result<Checkpoint, SavedError> {
    let samples: Vec<_> = checkpoint.samples.iter().map(|sample| sample.redacted(redaction)).collect();
    let learned = match redaction {
        Redaction::None => Arc::clone(&checkpoint.learned),
        redaction => Analyser::restore(&checkpoint.learned, &History::new(0))?
            .save_redacted(checkpoint.at, redaction)?
            .into(),
    };
    Ok(Checkpoint { samples, learned, ..checkpoint.clone() })
}

fn is_reasonable(settings: &Settings) -> bool {
    let mut thresholds = settings.thresholds.clone();
    let thresholds = FIELDS.iter().all(|field| match field.kind {
        Kind::Span(of) => *of(&mut thresholds) <= LONGEST,
        Kind::Share(of) | Kind::Score(of) => of(&mut thresholds).is_finite(),
        Kind::Count(_) => true,
    });
    let path = settings.machines.values().filter_map(|machine| machine.path_idle_timeout);
    thresholds && path.chain([settings.interval, settings.span]).all(|span| span <= LONGEST)
}

/// A zone without a name, as a machine has that only has a copy of it, is saved as what it was at the time.
fn portable_zone(zone: &TimeZone, at: Timestamp) -> TimeZone {
    match zone.iana_name() {
        Some(_) => zone.clone(),
        None => TimeZone::fixed(zone.to_offset(at.to_jiff())),
    }
}

/// A zone by its name, or by what it differs from UTC in seconds. A name that is not known here is taken for UTC.
pub(super) mod zone {
    use super::{Deserialize, Deserializer, Offset, Serialize, Serializer, TimeZone};

    #[derive(Serialize, Deserialize)]
    enum Zone {
        Name(String),
        Offset(i32),
    }

    pub(in super::super) fn serialize<S: Serializer>(
        zone: &TimeZone,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let offset = || zone.to_fixed_offset().unwrap_or(Offset::UTC).seconds();
        let name = zone.iana_name().map(|name| Zone::Name(name.to_owned()));
        name.unwrap_or_else(|| Zone::Offset(offset())).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<TimeZone, D::Error> {
        let zone = match Zone::deserialize(deserializer)? {
            Zone::Name(name) => TimeZone::get(&name).ok(),
            Zone::Offset(seconds) => Offset::from_seconds(seconds).ok().map(TimeZone::fixed),
        };
        Ok(zone.unwrap_or(TimeZone::UTC))
    }
}

/// Reads the slots of a roster: each takes a thousand times the byte that an empty one is saved as.
pub(super) fn pools<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Option<Track>>, D::Error> {
    struct Slots;

    impl<'de> Visitor<'de> for Slots {
        type Value = Vec<Option<Track>>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "at most {SLOTS} pools")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut slots: A) -> Result<Self::Value, A::Error> {
            let mut read = Vec::new();
            while let Some(slot) = slots.next_element()? {
                if read.len() >= SLOTS {
                    return Err(A::Error::invalid_length(read.len() + 1, &self));
                }
                read.push(slot);
            }
            Ok(read)
        }
    }

    deserializer.deserialize_seq(Slots)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::fixture::{
        at, facts, joined_sample, pooled_crowd, pooler_facts, row, sample, status,
    };
    use crate::model::facts::{ServerFacts, StatementFacts};
    use crate::model::part::Part;
    use crate::model::sample::Sample;
    use crate::model::target::TargetKind;

    const SECRET: &str = "hunter2";

    /// A server whose every statement holds a secret, in a literal, a comment, or cut in the middle of one.
    fn indiscreet(second: u32) -> Arc<Sample> {
        let now = f64::from(second);
        let statements = [
            format!("SELECT * FROM users WHERE password = '{SECRET}'"),
            format!("/* {SECRET} */ SELECT pg_sleep(1)"),
            format!("SELECT {} FROM t WHERE a = $${SECRET}", "column_with_a_long_name, ".repeat(20)),
            format!("SELECT '{SECRET}', * FROM orders -- {SECRET}"),
        ];
        let rows = (0..12_u32).map(|number| {
            let pid = 100 + i32::try_from(number).unwrap();
            let since = now - f64::from((second + number) % 5);
            let statement = &statements[number as usize % 4];
            match number % 3 {
                0 => row(pid, "api").in_transaction(5.0, statement),
                1 => row(pid, "api").idle(since, statement),
                _ => row(pid, "api").idle(6.0, statement),
            }
        });
        let statement = |query: &String| StatementFacts {
            query_id: i64::try_from(query.len()).unwrap(),
            query: crate::text::Text::block(query),
            calls: u64::from(second),
            total_ms: now * 100.0,
            mean_ms: 100.0,
            min_ms: None,
            max_ms: None,
            all_ms: Some(now * 400.0),
        };
        let facts = ServerFacts {
            at: at(now),
            statements: Part::Known(statements.iter().map(statement).collect()),
            ..facts(100)
        };
        Arc::new(sample("db1", now, rows.map(|row| row.build()).collect(), &Arc::new(facts)))
    }

    /// An analyser that has seen so many of them, as they are or redacted, and its history.
    fn watched(seconds: u32, redaction: Redaction) -> (Analyser, History) {
        let settings = crate::analysis::Settings {
            thresholds: crate::model::thresholds::Thresholds::default().scaled(0.1),
            ..crate::analysis::Settings::default()
        };
        let (mut analyser, mut history) = (Analyser::new(settings), History::default());
        for second in 1..=seconds {
            history.push(indiscreet(second).redacted(redaction));
            let statuses = [status("db1", TargetKind::Postgres)];
            analyser.observe(&history, &statuses, &[], at(f64::from(second)));
        }
        (analyser, history)
    }

    fn unpacked(saved: &[u8]) -> Vec<u8> {
        zstd::decode_all(saved).unwrap()
    }

    fn holds(bytes: &[u8], text: &str) -> bool {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    #[test]
    fn nothing_that_is_redacted_is_in_what_is_saved() {
        let (analyser, _) = watched(40, Redaction::None);
        let saved = |redaction| unpacked(&analyser.save_redacted(at(40.0), redaction).unwrap());
        let raw = saved(Redaction::None);
        assert!(holds(&raw, SECRET) && holds(&raw, "password"), "or there is nothing to take out");
        let literals = saved(Redaction::Literals);
        assert!(!holds(&literals, SECRET) && holds(&literals, "password"));
        let queries = saved(Redaction::Queries);
        assert!(!holds(&queries, SECRET) && !holds(&queries, "password") && !holds(&queries, "orders"));
    }

    #[test]
    fn what_is_learned_from_redacted_samples_is_what_is_left_of_what_was_learned() {
        let (raw, _) = watched(40, Redaction::None);
        let (redacted, history) = watched(40, Redaction::Literals);
        let saved = raw.save_redacted(at(40.0), Redaction::Literals).unwrap();
        let (mut read, mut own) = (Analyser::restore(&saved, &history).unwrap(), redacted);
        let statuses = [status("db1", TargetKind::Postgres)];
        let told = |analyser: &mut Analyser| analyser.observe(&history, &statuses, &[], at(41.0));
        let (read, own) = (told(&mut read), told(&mut own));
        assert!(!own.findings.is_empty(), "or there is nothing to compare");
        assert_eq!(format!("{read:?}"), format!("{own:?}"));
    }

    #[test]
    fn a_sample_is_shared_where_nothing_is_taken_out_of_it() {
        let facts = Arc::new(facts(100));
        let rows = (1..20).map(|pid| row(pid, "api").idle(0.0, "SELECT a FROM t WHERE id = $1").build());
        let plain = Arc::new(sample("db1", 1.0, rows.collect(), &facts));
        let redacted = plain.redacted(Redaction::Literals);
        let (plain, redacted) = (plain.postgres().unwrap(), redacted.postgres().unwrap());
        assert!(plain.backends.iter().zip(&redacted.backends).all(|(a, b)| Arc::ptr_eq(a, b)));
        let told = format!("{:?}", indiscreet(7).redacted(Redaction::Literals));
        assert!(!told.contains(SECRET) && told.contains("password"));
        let told = format!("{:?}", indiscreet(7).redacted(Redaction::Queries));
        assert!(!told.contains(SECRET) && !told.contains("password"));
    }

    #[test]
    fn a_zone_that_is_not_known_here_does_not_keep_the_rest_from_being_read() {
        let (mut analyser, history) = watched(3, Redaction::None);
        let kept = |analyser: &Analyser| {
            let saved = analyser.save(at(3.0)).unwrap();
            Analyser::restore(&saved, &history).unwrap().settings.time_of_day(at(0.0))
        };
        let utc = kept(&analyser);
        analyser.settings.time_zone = TimeZone::get("Asia/Kolkata").unwrap();
        assert_eq!(kept(&analyser), analyser.settings.time_of_day(at(0.0)));
        assert_ne!(kept(&analyser), utc);
        analyser.settings.time_zone = TimeZone::fixed(Offset::from_seconds(-7 * 3600).unwrap());
        assert_eq!(kept(&analyser), analyser.settings.time_of_day(at(0.0)));
    }

    /// Everything that is learned about: servers behind a pooler.
    fn busy() -> (Analyser, Vec<Arc<Sample>>) {
        let facts = Arc::new(facts(100));
        let pooler = Arc::new(pooler_facts(20));
        let statuses = vec![status("db1", TargetKind::Postgres), status("bouncer", TargetKind::Pgbouncer)];
        let (mut analyser, mut history) = (Analyser::new(Settings::default()), History::default());
        for second in 1..=30_u32 {
            let now = f64::from(second);
            let (sockets, rows) = pooled_crowd(30, 20, now);
            history.push(Arc::new(sample("db1", now, rows, &facts)));
            history.push(Arc::new(joined_sample("bouncer", now, "transaction", sockets, &pooler)));
            analyser.observe(&history, &statuses, &[], at(now));
        }
        let newest = history.targets().filter_map(|target| history.latest(target)).cloned().collect();
        (analyser, newest)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn damaged_bytes_are_refused_or_lead_to_some_moment(
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            cut in proptest::option::weighted(0.1, any::<prop::sample::Index>()),
            packed in any::<bool>(),
        ) {
            thread_local!(static BUSY: (Analyser, Vec<Arc<Sample>>) = busy());
            let (mut bytes, newest) = BUSY.with(|(analyser, newest)| {
                (analyser.save(at(30.0)).unwrap(), newest.clone())
            });
            if !packed {
                bytes = unpacked(&bytes);
            }
            for (index, byte) in damage {
                let index = index.index(bytes.len());
                bytes[index] = byte;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            if !packed {
                bytes = zstd::bulk::compress(&bytes, 1).unwrap();
            }
            let mut history = History::resumed(usize::MAX, newest, 60);
            if let Ok(mut analyser) = Analyser::restore(&bytes, &history) {
                let facts = Arc::new(facts(100));
                for second in 31..34_u32 {
                    let now = f64::from(second);
                    history.push(Arc::new(sample("db1", now, pooled_crowd(30, 20, now).1, &facts)));
                    let statuses = [status("db1", TargetKind::Postgres), status("bouncer", TargetKind::Pgbouncer)];
                    analyser.observe(&history, &statuses, &[], at(now));
                }
            }
        }
    }
}
