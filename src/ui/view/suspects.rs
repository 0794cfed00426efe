//! The findings as a list: leak suspects first, then what else was found.

use crate::analysis::Moment;
use crate::analysis::moment::PoolRow;
use crate::model::backend::BackendId;
use crate::model::finding::{Finding, FindingKey, Severity};
use crate::model::leak::LeakView;

/// The finding of this key in another moment.
pub fn find<'m>(key: &FindingKey, moment: &'m Moment) -> Option<&'m Finding> {
    moment.findings.iter().find(|finding| finding.is(key))
}

/// Indices into [`Moment::findings`]: leaks first, each group in the moment's order, which is by severity.
pub fn order(moment: &Moment) -> Vec<usize> {
    let mut order: Vec<usize> = (0..moment.findings.len()).collect();
    order.sort_by_key(|index| !moment.findings[*index].rule.is_leak());
    order
}

/// How many findings are about leaks.
pub fn leaks(moment: &Moment) -> usize {
    moment.findings.iter().filter(|finding| finding.rule.is_leak()).count()
}

/// The word for how sure a finding is: leaks are watched, suspected, or leaks.
pub fn word(finding: &Finding) -> &'static str {
    match (finding.rule.is_leak(), finding.severity) {
        (true, Severity::Notice) => "watched",
        (true, Severity::Warning) => "suspect",
        (true, Severity::Critical) => "leak",
        (false, severity) => severity.as_str(),
    }
}

/// The pool of a leak finding, with what speaks for the leak.
pub fn leak<'m>(moment: &'m Moment, finding: &Finding) -> Option<(&'m PoolRow, &'m LeakView)> {
    let key = finding.pool.as_ref().filter(|_| finding.rule.is_leak())?;
    let row = moment.pools.iter().find(|row| row.pool.key == *key)?;
    Some((row, row.leak.as_deref()?))
}

/// The rows of the backends that a finding names, as indices into [`Moment::backends`].
pub fn members(moment: &Moment, finding: &Finding) -> Vec<usize> {
    let target = moment.targets.iter().position(|target| target.name == finding.target);
    let place = |id: &BackendId| {
        moment.backends.iter().position(|row| Some(row.target) == target && row.backend.id() == *id)
    };
    finding.backends.iter().filter_map(place).collect()
}
