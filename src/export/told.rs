//! Which findings are about now.

use crate::analysis::Moment;
use crate::model::finding::Finding;
use crate::model::target::{TargetKind, TargetState};

/// The findings about what can be seen now, and about an application that does not answer; of other targets that are not
/// live they are about the past.
pub(super) fn told(moment: &Moment) -> impl Iterator<Item = &Finding> {
    let is_told = |finding: &&Finding| {
        let target = moment.targets.iter().find(|target| target.name == finding.target);
        target.is_some_and(|target| {
            target.state == TargetState::Live || target.kind == TargetKind::App && finding.pool.is_none()
        })
    };
    moment.findings.iter().filter(is_told)
}
