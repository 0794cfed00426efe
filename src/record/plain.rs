//! What the plain tables say: pools, limits, findings and targets, written when there is something to say.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use super::redact::Censor;
use crate::model::event::Event;
use crate::model::finding::{Finding, FindingKey, Severity};
use crate::model::limit::{Limit, LimitScope};
use crate::model::pool::{Pool, PoolKey};
use crate::model::target::{TargetName, TargetState, TargetStatus};
use crate::model::time::Timestamp;
use crate::text::Text;

/// Seconds between two rows of a pool or limit, and between two updates of a finding that stays as bad as it is.
const EVERY_S: f64 = 10.0;
/// A finding that is away for less than this did not end.
const FLICKER: Duration = Duration::from_secs(10);
/// Rows of pools, and of limits, at one time: the most troubled.
const MOST: usize = 500;

/// What a moment says, for the plain tables.
#[derive(Clone, Debug)]
pub struct Plain {
    /// When.
    pub at: Timestamp,
    /// How each target stands.
    pub targets: Vec<TargetStatus>,
    /// Every pool, the most troubled first.
    pub pools: Vec<Pool>,
    /// Every limit, the nearest to its ceiling first.
    pub limits: Vec<Limit>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What happened so far, the newest last; bounded.
    pub events: Vec<Event>,
}

/// A row to be written.
#[derive(Debug)]
pub(super) enum Change {
    Target(TargetStatus),
    Pool(Box<Pool>, Peaks),
    Limit(Limit, u32),
    Event(Event),
    /// A finding opened.
    Opened(i64, Finding),
    /// It became worse: a step, beside the update.
    Worse(i64, Finding),
    /// Its newest words, with its worst severity.
    Seen(i64, Finding, Severity),
    /// It was seen last at this time.
    Closed(i64, Timestamp),
}

/// The most since the last row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Peaks {
    pub(super) total: u32,
    pub(super) used: Option<u32>,
    pub(super) idle_in_transaction: Option<u32>,
    pub(super) pending: Option<u32>,
}

impl Peaks {
    fn raise(&mut self, pool: &Pool) {
        self.total = self.total.max(pool.total);
        self.used = self.used.max(pool.used);
        self.idle_in_transaction = self.idle_in_transaction.max(pool.idle_in_transaction);
        self.pending = self.pending.max(pool.pending);
    }
}

type LimitKey = (LimitScope, TargetName, Text);
/// By what a target's row would differ from the one before.
type Standing = (TargetState, Option<Text>, Option<Text>);

/// An open finding.
#[derive(Debug)]
struct Open {
    id: i64,
    worst: Severity,
    written: Timestamp,
    seen: Timestamp,
}

/// What the plain tables say so far.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    next_finding: i64,
    rows_at: Option<Timestamp>,
    pools: HashMap<PoolKey, Peaks>,
    limits: HashMap<LimitKey, u32>,
    findings: HashMap<FindingKey, Open>,
    targets: HashMap<TargetName, Standing>,
    /// The newest event that was written.
    last: Option<Event>,
    /// When the recording begins.
    began: Option<Timestamp>,
}

impl Ledger {
    /// Goes on in a file with so many findings.
    pub(super) fn after(newest_finding: i64) -> Self {
        Self { next_finding: newest_finding + 1, ..Self::default() }
    }

    /// A stretch begins; what happened before the first is not told.
    pub(super) fn begin(&mut self, at: Timestamp) {
        self.began.get_or_insert(at);
    }

    /// What has to be written because of a moment.
    pub(super) fn take(&mut self, plain: &Plain, censor: &mut Censor) -> Vec<Change> {
        let mut changes = Vec::new();
        self.take_targets(&plain.targets, censor, &mut changes);
        self.take_findings(plain, censor, &mut changes);
        self.take_events(&plain.events, censor, &mut changes);
        for pool in &plain.pools {
            self.pools.entry(pool.key.clone()).or_default().raise(pool);
        }
        for limit in &plain.limits {
            let peak = self.limits.entry(limit_key(limit)).or_default();
            *peak = limit.used.max(*peak);
        }
        if self.rows_at.is_none_or(|before| is_due(before, plain.at)) {
            self.rows_at = Some(plain.at);
            changes.extend(self.rows(plain));
        }
        changes
    }

    fn rows(&mut self, plain: &Plain) -> Vec<Change> {
        let (peaks, highest) = (std::mem::take(&mut self.pools), std::mem::take(&mut self.limits));
        let pools = plain.pools.iter().take(MOST).map(|pool| {
            let peaks = peaks.get(&pool.key).copied().unwrap_or_default();
            Change::Pool(Box::new(pool.clone()), peaks)
        });
        let limits = plain.limits.iter().take(MOST).map(|limit| {
            let peak = highest.get(&limit_key(limit)).copied().unwrap_or(limit.used);
            Change::Limit(limit.clone(), peak)
        });
        pools.chain(limits).collect()
    }

    fn take_targets(&mut self, targets: &[TargetStatus], censor: &mut Censor, changes: &mut Vec<Change>) {
        for target in targets {
            let error = target.error.as_ref().map(|error| error.message.clone());
            let stands = (target.state, target.version.clone(), error);
            if self.targets.get(&target.name) != Some(&stands) {
                self.targets.insert(target.name.clone(), stands);
                let mut target = target.clone();
                if let Some(error) = &mut target.error {
                    error.message = censor.sentence(&error.message);
                }
                changes.push(Change::Target(target));
            }
        }
    }

    fn take_findings(&mut self, plain: &Plain, censor: &mut Censor, changes: &mut Vec<Change>) {
        let at = plain.at;
        for finding in &plain.findings {
            let (id, worst) = (self.next_finding, finding.severity);
            let key = finding.key();
            match self.findings.entry(key) {
                Entry::Vacant(place) => {
                    place.insert(Open { id, worst, written: at, seen: at });
                    self.next_finding += 1;
                    changes.push(Change::Opened(id, redacted(finding, censor)));
                }
                Entry::Occupied(mut open) => changes.extend(open.get_mut().go_on(finding, at, censor)),
            }
        }
        self.findings.retain(|_, open| {
            let stays = at.age_of(open.seen) <= FLICKER;
            if !stays {
                changes.push(Change::Closed(open.id, open.seen));
            }
            stays
        });
    }

    fn take_events(&mut self, events: &[Event], censor: &mut Censor, changes: &mut Vec<Change>) {
        let known = self.last.as_ref().and_then(|last| events.iter().rposition(|event| event == last));
        let new = events.get(known.map_or(0, |known| known + 1)..).unwrap_or_default();
        if let Some(newest) = new.last() {
            self.last = Some(newest.clone());
        }
        let told = new.iter().filter(|event| self.began.is_none_or(|began| event.at >= began));
        changes.extend(
            told.map(|event| Change::Event(Event { text: censor.sentence(&event.text), ..event.clone() })),
        );
    }
}

impl Open {
    /// What is to be written of a finding that is still there.
    fn go_on(&mut self, finding: &Finding, at: Timestamp, censor: &mut Censor) -> Vec<Change> {
        let worse = finding.severity > self.worst;
        self.seen = at;
        if !worse && !is_due(self.written, at) {
            return Vec::new();
        }
        (self.worst, self.written) = (self.worst.max(finding.severity), at);
        let finding = redacted(finding, censor);
        let seen = Change::Seen(self.id, finding.clone(), self.worst);
        if worse { vec![Change::Worse(self.id, finding), seen] } else { vec![seen] }
    }
}

fn is_due(before: Timestamp, at: Timestamp) -> bool {
    // A clock that was set back must not silence the tables until it has caught up.
    !(0.0..EVERY_S).contains(&at.seconds_since(before))
}

fn limit_key(limit: &Limit) -> LimitKey {
    (limit.scope, limit.target.clone(), limit.name.clone())
}

/// A finding's sentences, as they may leave.
fn redacted(finding: &Finding, censor: &mut Censor) -> Finding {
    Finding {
        title: censor.sentence(&finding.title),
        evidence: finding.evidence.iter().map(|sentence| censor.sentence(sentence)).collect(),
        alternative: finding.alternative.as_ref().map(|sentence| censor.sentence(sentence)),
        suggestion: finding.suggestion.as_ref().map(|sentence| censor.sentence(sentence)),
        ..finding.clone()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::fixture::BEGIN;
    use super::*;
    use crate::model::audit::{AuditPhase, AuditRecord};
    use crate::model::finding::Rule;
    use crate::model::operation::{OperationKind, Outcome};
    use crate::model::pool::Layer;
    use crate::text::redact::Redaction;

    pub(in crate::record) fn finding(title: &str) -> Finding {
        Finding {
            rule: Rule::LeakIdleInTransaction,
            severity: Severity::Warning,
            target: "db1".into(),
            pool: None,
            pool_name: Some("checkout".into()),
            backends: Vec::new(),
            since: BEGIN,
            title: title.into(),
            evidence: vec![title.into()],
            alternative: None,
            suggestion: Some(title.into()),
        }
    }

    pub(in crate::record) fn operation(at: Timestamp, message: Text) -> AuditRecord {
        AuditRecord {
            at,
            phase: AuditPhase::Outcome,
            operator: "ada".into(),
            host: "bastion".into(),
            profile: "shop".into(),
            target: "db1".into(),
            operation: OperationKind::Terminate,
            pid: Some(4711),
            backend_start: None,
            application_name: "checkout".into(),
            user: "app".into(),
            database: None,
            client_id: None,
            client: None,
            dry_run: false,
            outcome: Some(Outcome::Ended),
            message,
        }
    }

    pub(in crate::record) fn pool(idle_in_transaction: u32) -> Pool {
        let key = PoolKey {
            target: "db1".into(),
            layer: Layer::Server,
            declared: None,
            application_name: Some("checkout".into()),
            user: Some("app".into()),
            database: Some("shop".into()),
            client: None,
        };
        Pool {
            used: Some(idle_in_transaction + 2),
            idle: Some(3),
            idle_in_transaction: Some(idle_in_transaction),
            aborted: Some(0),
            active: Some(2),
            blocked: 1,
            total: idle_in_transaction + 5,
            peak: 30,
            max: Some(20),
            oldest_idle_in_transaction_s: Some(4.5),
            ..Pool::unknown(key, "checkout app@shop".into(), BEGIN)
        }
    }

    /// What a moment says so many seconds after the beginning.
    pub(in crate::record) fn plain(second: u64, findings: &[Finding]) -> Plain {
        let limit = Limit {
            scope: LimitScope::Server,
            name: "db1".into(),
            target: "db1".into(),
            used: 90,
            limit: Some(100),
            reserved: 3,
            growth_per_min: Some(1.5),
            exhausted_in_s: None,
        };
        let at = BEGIN.plus(std::time::Duration::from_secs(second));
        let pools = vec![pool(if second == 5 { 9 } else { 1 })];
        let findings = findings.to_vec();
        Plain { at, targets: Vec::new(), pools, limits: vec![limit], findings, events: Vec::new() }
    }

    #[test]
    fn a_row_every_ten_seconds_with_the_most_in_between() {
        let (mut ledger, mut censor) = (Ledger::default(), Censor::new(Redaction::Literals));
        let mut rows = Vec::new();
        for second in 0..=20 {
            for change in ledger.take(&plain(second, &[]), &mut censor) {
                if let Change::Pool(pool, peaks) = change {
                    rows.push((second, pool.idle_in_transaction, peaks.idle_in_transaction));
                }
            }
        }
        assert_eq!(rows, [(0, Some(1), Some(1)), (10, Some(1), Some(9)), (20, Some(1), Some(1))]);
    }

    #[test]
    fn a_finding_opens_gets_worse_and_closes_once() {
        let (mut ledger, mut censor) = (Ledger::after(6), Censor::new(Redaction::Literals));
        let mild = finding("3 connections");
        let bad = Finding { severity: Severity::Critical, ..finding("9 connections") };
        let mut said = Vec::new();
        for (second, findings) in [
            (0, vec![]),
            (1, vec![mild.clone()]),
            (2, vec![bad]),
            (3, vec![mild.clone()]),
            (12, vec![mild.clone()]),
            (13, vec![]),
            (20, vec![mild]),
            (29, vec![]),
            (31, vec![]),
        ] {
            for change in ledger.take(&plain(second, &findings), &mut censor) {
                match change {
                    Change::Opened(id, _) => said.push((second, "opened", id)),
                    Change::Worse(id, _) => said.push((second, "worse", id)),
                    Change::Seen(id, _, Severity::Critical) => said.push((second, "seen", id)),
                    Change::Closed(id, seen) => said.push((seen.age_of(BEGIN).as_secs(), "closed", id)),
                    _ => {}
                }
            }
        }
        assert_eq!(
            said,
            [(1, "opened", 7), (2, "worse", 7), (2, "seen", 7), (12, "seen", 7), (20, "closed", 7)]
        );
    }
}
