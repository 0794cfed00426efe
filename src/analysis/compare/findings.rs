//! The verdict and the findings: what opened, what is over, what is judged otherwise.

use super::{Change, Direction, Pair, Subject};
use crate::model::finding::{Finding, Severity};
use crate::model::verdict::VerdictKind;
use crate::text::Text;

pub(super) fn verdict(pair: &Pair<'_>) -> Option<Change> {
    let (before, after) = (&pair.before.verdict, &pair.after.verdict);
    if before.kind == after.kind {
        return None;
    }
    let direction = match (before.kind, after.kind) {
        // Too little is known to call it a change for the better or the worse.
        (VerdictKind::Unknown, _) | (_, VerdictKind::Unknown) => Direction::Neither,
        (before, after) if after < before => Direction::Worse,
        _ => Direction::Better,
    };
    let sentence = format!("verdict: {} → {}: {}", before.kind.as_str(), after.kind.as_str(), after.sentence);
    Some(Change {
        subject: Subject::Verdict,
        target: None,
        name: "verdict".into(),
        direction,
        values: Vec::new(),
        sentence: Text::line(&sentence),
        weight: 1_000,
    })
}

pub(super) fn findings(pair: &Pair<'_>) -> Vec<Change> {
    let find = |list: &[Finding], finding: &Finding| {
        let key = finding.key();
        list.iter().find(|other| other.is(&key)).map(|other| other.severity)
    };
    let now = pair.after.findings.iter().filter_map(|finding| match find(&pair.before.findings, finding) {
        None => Some(change(finding, "new", Direction::Worse, 0)),
        Some(before) if before < finding.severity => {
            let word = format!("was {}, is", before.as_str());
            Some(change(finding, &word, Direction::Worse, 10))
        }
        Some(before) if before > finding.severity => {
            let word = format!("was {}, is", before.as_str());
            Some(change(finding, &word, Direction::Better, 0))
        }
        Some(_) => None,
    });
    let over = pair.before.findings.iter().filter(|finding| find(&pair.after.findings, finding).is_none());
    // Of a target that cannot be seen any more nothing is over.
    let over = over.filter(|finding| super::gap(pair.after, &finding.target).is_none());
    now.chain(over.map(|finding| change(finding, "over, was", Direction::Better, 0))).collect()
}

fn change(finding: &Finding, word: &str, direction: Direction, more: u32) -> Change {
    let weight = match (finding.severity, direction) {
        (Severity::Critical, Direction::Worse) => 800,
        (Severity::Warning, Direction::Worse) => 700,
        (Severity::Critical, _) => 690,
        (Severity::Warning, _) => 650,
        (Severity::Notice, _) => 300,
    };
    let sentence = format!("{word} {}: {}", finding.severity.as_str(), finding.title);
    Change {
        subject: Subject::Finding,
        target: Some(finding.target.clone()),
        name: finding.rule.as_str().into(),
        direction,
        values: Vec::new(),
        sentence: Text::line(&sentence),
        weight: weight + more,
    }
}
