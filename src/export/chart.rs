//! The curves of a report, drawn as SVG by plotters: connections by state, who waits, and the nearest limit.

mod draw;
mod ink;

use super::report::Report;
use crate::model::limit::LimitScope;
use crate::model::sample::StateCounts;
use draw::{Curve, Plot};
use ink::Ink;

pub(super) use ink::inks;

/// One drawing with the words that go with it.
pub(super) struct Chart {
    /// Its heading.
    pub(super) name: &'static str,
    /// What it shows, for those who do not see it.
    pub(super) told: String,
    /// Width of the drawing's own coordinates.
    pub(super) width: u32,
    /// Height of the drawing's own coordinates.
    pub(super) height: u32,
    /// What stands inside the `svg` element.
    pub(super) drawing: String,
    /// Colour of each curve as the drawing has it, and what the curve is.
    pub(super) legend: Vec<(String, String)>,
}

/// Buckets that must be known before a curve says more than its newest number.
const FEWEST: usize = 3;

/// The curves, and a sentence for each that is not drawn.
pub(super) fn charts(report: &Report) -> (Vec<Chart>, Vec<&'static str>) {
    let (mut charts, mut not_drawn) = (Vec::new(), Vec::new());
    let all = [
        (states(report), "Connections by state are not drawn: too little was seen of a PostgreSQL server."),
        (waiting(report), "Nobody was seen waiting."),
        (utilization(report), "The nearest limit is not drawn: too little was seen, or none is known."),
    ];
    for (chart, otherwise) in all {
        match chart {
            Some(chart) => charts.push(chart),
            None => not_drawn.push(otherwise),
        }
    }
    (charts, not_drawn)
}

fn states(report: &Report) -> Option<Chart> {
    let part = |of: fn(&StateCounts) -> u32| -> Vec<Option<f64>> {
        let counts = report.series.counts.iter();
        counts.map(|counts| counts.as_ref().map(|counts| f64::from(of(counts)))).collect()
    };
    let curves = vec![
        Curve::new("active", Ink::Active, part(|counts| counts.active)),
        Curve::new("idle in transaction", Ink::InTransaction, part(|counts| counts.idle_in_transaction)),
        Curve::new("aborted", Ink::Aborted, part(|counts| counts.aborted)),
        Curve::new("other", Ink::Other, part(|counts| counts.unknown)),
        Curve::new("idle", Ink::Idle, part(|counts| counts.idle)),
    ];
    let curves = curves.into_iter().filter(|curve| curve.most() > 0.0).collect();
    Plot { ceiling: slots(report), stacked: true, height: 250, ..Plot::new(report, curves) }
        .draw("Connections by state")
}

/// What ordinary roles can use of the one server, where there is one.
fn slots(report: &Report) -> Option<(f64, &'static str)> {
    let servers = report.snapshot.limits.iter().filter(|limit| limit.scope == LimitScope::Server);
    let [server] = servers.collect::<Vec<_>>()[..] else { return None };
    server.limit.map(|limit| (f64::from(limit.saturating_sub(server.reserved)), "usable"))
}

fn waiting(report: &Report) -> Option<Chart> {
    let series = &report.series;
    let queued = series.pending.iter().map(|queued| queued.map(f64::from)).collect();
    let blocked = series.counts.iter().map(|counts| counts.as_ref().map(|counts| f64::from(counts.blocked)));
    let curves = vec![
        Curve::new("queued at a pooler", Ink::Queued, queued),
        Curve::new("waiting for a lock", Ink::Blocked, blocked.collect()),
    ];
    let curves: Vec<Curve> = curves.into_iter().filter(|curve| curve.most() > 0.0).collect();
    if curves.is_empty() {
        return None;
    }
    Plot { height: 170, ..Plot::new(report, curves) }.draw("Waiting")
}

fn utilization(report: &Report) -> Option<Chart> {
    let share = report.series.utilization.iter().map(|share| share.map(|share| share * 100.0)).collect();
    let curves = vec![Curve::new("in use", Ink::Share, share)];
    Plot { ceiling: Some((100.0, "full")), unit: " %", height: 170, ..Plot::new(report, curves) }
        .draw("Utilization of the nearest limit")
}
