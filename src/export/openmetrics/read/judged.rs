//! What was concluded: findings and verdicts.

use std::collections::BTreeMap;

use super::super::MOST_FINDINGS;
use super::super::labels::value;
use super::super::scene::Scene;
use super::{Point, labelled};
use crate::export::told::told;
use crate::model::finding::{Finding, Rule, Severity};
use crate::model::target::TargetState;
use crate::model::verdict::VerdictKind;

const SEVERITIES: [Severity; 3] = [Severity::Notice, Severity::Warning, Severity::Critical];

const VERDICTS: [VerdictKind; 9] = [
    VerdictKind::Unreachable,
    VerdictKind::Exhausted,
    VerdictKind::Leak,
    VerdictKind::Blocked,
    VerdictKind::Saturated,
    VerdictKind::Paused,
    VerdictKind::Slow,
    VerdictKind::Unknown,
    VerdictKind::Healthy,
];

/// How many findings there are of each rule and severity; 0 is told too, of a profile that can be seen.
pub(in super::super) fn findings<'s>(scene: &'s Scene<'_>) -> Vec<Point<'s>> {
    let mut points = Vec::new();
    for profile in scene.profiles.iter().filter(|profile| profile.is_seen()) {
        let found: Vec<&Finding> = profile.moment.map(|moment| told(moment).collect()).unwrap_or_default();
        for (rule, severity) in Rule::ALL.iter().flat_map(|rule| SEVERITIES.map(|severity| (*rule, severity)))
        {
            let same = |finding: &&&Finding| finding.rule == rule && finding.severity == severity;
            let extra = vec![("rule", rule.as_str().into()), ("severity", severity.as_str().into())];
            points.extend(labelled(&profile.labels, extra, Some(found.iter().filter(same).count())));
        }
    }
    points
}

/// Since when each finding holds.
pub(in super::super) fn starts<'s>(scene: &'s Scene<'_>) -> Vec<Point<'s>> {
    let mut points = Vec::new();
    for profile in &scene.profiles {
        let Some(moment) = profile.moment else { continue };
        let mut starts: BTreeMap<[String; 4], f64> = BTreeMap::new();
        for finding in told(moment).take(MOST_FINDINGS) {
            let pool = finding.pool_name.as_deref().unwrap_or_default();
            let client = finding.pool.as_ref().filter(|pool| pool.declared.is_none());
            let client = client.and_then(|pool| pool.client.as_deref()).unwrap_or_default();
            let key = [
                value(&finding.target),
                finding.rule.as_str().to_owned(),
                finding.severity.as_str().to_owned(),
                value(pool.strip_suffix(client).unwrap_or(pool).trim_end()),
            ];
            let since = finding.since.as_micros() as f64 / 1e6;
            starts.entry(key).and_modify(|start| *start = start.min(since)).or_insert(since);
        }
        for ([target, rule, severity, pool], since) in starts {
            let mut extra =
                vec![("target", target.into()), ("rule", rule.into()), ("severity", severity.into())];
            extra.extend((!pool.is_empty()).then(|| ("db_client_connection_pool_name", pool.into())));
            points.extend(labelled(&profile.labels, extra, Some(since)));
        }
    }
    points
}

/// A point for each kind of verdict: 1 for the one that was given.
pub(in super::super) fn verdicts<'s>(scene: &'s Scene<'_>) -> Vec<Point<'s>> {
    let given = scene.profiles.iter().filter_map(|profile| Some((profile, profile.moment?)));
    let each = given.flat_map(|(profile, moment)| {
        let point = |kind: VerdictKind| {
            let extra = vec![("kind", kind.as_str().into())];
            labelled(&profile.labels, extra, Some(moment.verdict.kind == kind))
        };
        VERDICTS.into_iter().filter_map(point)
    });
    each.collect()
}

/// How many targets there are in each profile, and how many of them are live.
pub(in super::super) fn live_targets<'s>(scene: &'s Scene<'_>) -> Vec<Point<'s>> {
    super::profiles(scene, |profile| {
        let live = |target: &&super::TargetScene<'_>| target.status.state == TargetState::Live;
        profile.moment.map(|_| profile.targets.iter().filter(live).count())
    })
}
