//! What each kind of evidence looks at, what it weighs and what else could explain it.
//!
//! In the texts `{name}` stands for the threshold of that name, as in the table of the rules.

use super::{
    bound, ceiling, checked_out, client_wait, detect, floor, generations, idle_in_transaction, level,
    reported, staircase, statement, untouched,
};
use crate::model::leak::EvidenceKind;
use crate::text::span::{count, span};

/// One kind of evidence as the documentation tells it.
#[derive(Clone, Copy, Debug)]
pub struct EvidenceRow {
    /// Which kind.
    pub kind: EvidenceKind,
    /// What speaks against the pool.
    pub claim: &'static str,
    /// What else could explain it.
    pub alternative: &'static str,
}

/// The kinds of evidence by their number.
pub const KINDS: [EvidenceRow; super::EVIDENCE.len()] = [
    EvidenceRow {
        kind: EvidenceKind::IdleInTransaction,
        claim: "idle in transaction, aborted or not, for {idle_in_transaction} and for half as long again as ever came \
                back in this pool; the clock is the last activity, not the beginning of the transaction",
        alternative: "a job that holds its transaction while it works (declare it: holds_transactions = true)",
    },
    EvidenceRow {
        kind: EvidenceKind::CheckedOut,
        claim: "idle for {checked_out} after an ordinary statement, in a pool that resets its sessions on release",
        alternative: "another program under the same name whose connections are not reset when they are given back",
    },
    EvidenceRow {
        kind: EvidenceKind::Staircase,
        claim: "the smallest number of stranded connections in each `window` rises and does not fall",
        alternative: "new worker processes that start behind the same address",
    },
    EvidenceRow {
        kind: EvidenceKind::Generations,
        claim: "whole generations of connections fell silent together, were replaced, and are {frozen} old",
        alternative: "a deployment whose old instances have not ended yet",
    },
    EvidenceRow {
        kind: EvidenceKind::ClientWait,
        claim: "a statement waits for its own client for {client_wait}; a COPY that moves on does not count",
        alternative: "an export or import whose other end is slow",
    },
    EvidenceRow {
        kind: EvidenceKind::Statement,
        claim: "connections frozen for {frozen} nearly all ended with the same statement, a rare one in this pool",
        alternative: "a burst of one endpoint, whose connections have not been needed since",
    },
    EvidenceRow {
        kind: EvidenceKind::Untouched,
        claim: "connections frozen for {frozen} while the others were never free",
        alternative: "two pools under one name, one of them idle",
    },
    EvidenceRow {
        kind: EvidenceKind::Ceiling,
        claim: "every connection silent for {silent}, at the most the pool ever had, after steady traffic",
        alternative: "traffic that stopped",
    },
    EvidenceRow {
        kind: EvidenceKind::Floor,
        claim: "the smallest number of open connections in each `window` only rises; context, never a reason",
        alternative: "a load that grows",
    },
    EvidenceRow {
        kind: EvidenceKind::Bound,
        claim: "more connections than the profile declares",
        alternative: "more instances than declared, or connections made outside the pool",
    },
    EvidenceRow {
        kind: EvidenceKind::Reported,
        claim: "the application or its pooler says for {checked_out} that connections are out which do nothing",
        alternative: "an application that works long with a connection in its hand, between two statements",
    },
];

/// What else could explain evidence of this kind.
pub(super) fn alternative(kind: EvidenceKind) -> &'static str {
    KINDS.iter().find(|row| row.kind == kind).map_or("", |row| row.alternative)
}

/// What evidence of this kind weighs.
pub fn points(kind: EvidenceKind) -> String {
    let series = |first: f64, more: f64, cap: f64| format!("{first}, {more} for each more, at most {cap}");
    match kind {
        EvidenceKind::IdleInTransaction => {
            use idle_in_transaction::{CAP, FULL, FULL_HUMAN, OLD};
            format!(
                "up to {FULL} for each session, reached at twice the time ({FULL_HUMAN} where a person types), {OLD} \
                 more after five times `idle_in_transaction`, at most {CAP}"
            )
        }
        EvidenceKind::CheckedOut => series(checked_out::FIRST, checked_out::EACH_MORE, checked_out::CAP),
        EvidenceKind::ClientWait => {
            let waits = series(client_wait::FIRST, client_wait::EACH_MORE, client_wait::CAP);
            format!("{waits}; {} more after three times the time", client_wait::OLD)
        }
        EvidenceKind::Generations => series(generations::FIRST, generations::EACH_MORE, generations::CAP),
        EvidenceKind::Staircase => {
            use staircase::{ALONE, BESIDE, CAP, FALL, RETURN, RISES, UNSTEADY};
            format!(
                "{ALONE} for each rise from {RISES} on ({BESIDE} beside evidence that counts connections, {UNSTEADY} \
                 after a fall), at most {CAP}; less {FALL} for each fall and {RETURN} for each connection that came \
                 back"
            )
        }
        EvidenceKind::Statement => {
            use statement::{CAP, CAP_UNWITNESSED, PER_DECADE};
            format!(
                "{PER_DECADE} for each power of ten of improbability, at most {CAP}; {CAP_UNWITNESSED} where the pool \
                 lives and opened no connection meanwhile"
            )
        }
        EvidenceKind::Untouched => untouched::POINTS.to_string(),
        EvidenceKind::Ceiling => ceiling::POINTS.to_string(),
        EvidenceKind::Floor => floor::POINTS.to_string(),
        EvidenceKind::Bound => bound::POINTS.to_string(),
        EvidenceKind::Reported => reported::POINTS.to_string(),
    }
}

/// How points become a state, one sentence each.
pub fn states() -> Vec<String> {
    let samples = count(u64::from(level::AGREE), "sample");
    vec![
        "The points of a pool add up to at most 100. From {watch} on it is watched (notice), from {suspect} on a suspect \
         (warning), from {leak} on it leaks (critical)."
            .to_owned(),
        format!(
            "A state is entered after {samples} in a row. What needs no history is believed at the first one: a \
             transaction idle for five times `idle_in_transaction`, a bound exceeded for {}, a report of the application \
             or pooler.",
            span(bound::REPLACING)
        ),
        format!(
            "It is left slowly: a leak below `suspect`, the others below `watch`, for {} windows of {{window}}. It ends at \
             once when nothing speaks against the pool any more.",
            level::LEAVE_AFTER
        ),
        format!(
            "For {{warm_up}} after a pool was first seen, what had to be learned counts for at most {} points.",
            detect::WARM_UP_CAP
        ),
        "Pools that differ in their client only are instances of one application: what accuses connections adds up over \
         them, of the rest the strongest counts."
            .to_owned(),
        "When a suspect's connection comes back, the timeline says so, and its pool is given more patience."
            .to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_row_in_the_order_of_the_numbers() {
        for (index, row) in KINDS.iter().enumerate() {
            assert_eq!(row.kind.number(), format!("E{}", index + 1));
            assert!(!points(row.kind).is_empty());
        }
    }
}
