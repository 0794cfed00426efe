//! From a scene to the points of one metric.

use std::borrow::Cow;

use prometheus_client::encoding::{CounterValueEncoder, GaugeValueEncoder};
use prometheus_client::encoding::{EncodeCounterValue, EncodeGaugeValue};

use super::labels::Series;
use super::scene::{PoolScene, ProfileScene, Scene, TargetScene};
use crate::model::limit::Limit;
use crate::model::pool::Pool;

/// A number as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    Count(u64),
    Signed(i64),
    Real(f64),
}

impl From<u32> for Value {
    fn from(count: u32) -> Self {
        Self::Count(count.into())
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl From<bool> for Value {
    fn from(holds: bool) -> Self {
        Self::Count(holds.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Signed(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl EncodeGaugeValue for Value {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => EncodeGaugeValue::encode(count, encoder),
            Self::Signed(number) => EncodeGaugeValue::encode(number, encoder),
            Self::Real(number) => EncodeGaugeValue::encode(number, encoder),
        }
    }
}

impl EncodeCounterValue for Value {
    fn encode(&self, encoder: &mut CounterValueEncoder<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => EncodeCounterValue::encode(count, encoder),
            Self::Signed(number) => EncodeCounterValue::encode(&number.unsigned_abs(), encoder),
            Self::Real(number) => EncodeCounterValue::encode(number, encoder),
        }
    }
}

/// One sample of one series.
pub(super) struct Point<'a> {
    pub(super) series: Series<'a>,
    pub(super) value: Value,
}

/// What a metric reads of a scene.
pub(super) type Read = for<'s, 'a> fn(&'s Scene<'a>) -> Vec<Point<'s>>;

/// A point without labels beyond those of the thing; none where the value is unknown, or is no number.
fn point<'a>(base: &'a [(&'static str, String)], value: Option<impl Into<Value>>) -> Option<Point<'a>> {
    labelled(base, Vec::new(), value)
}

fn labelled<'a>(
    base: &'a [(&'static str, String)],
    extra: Vec<(&'static str, Cow<'a, str>)>,
    value: Option<impl Into<Value>>,
) -> Option<Point<'a>> {
    let value = value?.into();
    let is_number = !matches!(value, Value::Real(number) if !number.is_finite());
    is_number.then_some(Point { series: Series { base, extra }, value })
}

/// One point per pool.
pub(super) fn pools<'s, T: Into<Value>>(
    scene: &'s Scene<'_>,
    of: impl Fn(&Pool) -> Option<T>,
) -> Vec<Point<'s>> {
    scenes(scene, |pool| of(&pool.pool))
}

/// One point per pool, which may depend on more than the pool itself.
pub(super) fn scenes<'s, T: Into<Value>>(
    scene: &'s Scene<'_>,
    of: impl Fn(&PoolScene<'_>) -> Option<T>,
) -> Vec<Point<'s>> {
    let all = scene.profiles.iter().flat_map(|profile| &profile.pools);
    all.filter_map(|pool| point(&pool.labels, of(pool))).collect()
}

/// What the owner of a pool counts; of a sum over clients that come and go nothing can be told.
pub(super) fn counted<'s>(scene: &'s Scene<'_>, of: impl Fn(&Pool) -> Option<u64>) -> Vec<Point<'s>> {
    scenes(scene, |pool| of(&pool.pool).filter(|_| pool.clients == 1))
}

/// A state that connections can be in, and how many of a pool are.
pub(super) type State = (&'static str, fn(&Pool) -> Option<u32>);

/// A point per pool and state.
pub(super) fn pool_states<'s>(scene: &'s Scene<'_>, label: &'static str, states: &[State]) -> Vec<Point<'s>> {
    let all = scene.profiles.iter().flat_map(|profile| &profile.pools);
    let each = all.flat_map(|pool| {
        let point =
            |(state, of): &State| labelled(&pool.labels, vec![(label, (*state).into())], of(&pool.pool));
        states.iter().filter_map(point).collect::<Vec<_>>()
    });
    each.collect()
}

/// The labels that say what a pool is.
pub(super) fn pool_info<'s>(scene: &'s Scene<'_>) -> Vec<Point<'s>> {
    let all = scene.profiles.iter().flat_map(|profile| &profile.pools);
    let info = all.filter_map(|pool| {
        let known = pool.traits().into_iter().filter_map(|(key, text)| {
            let text = text.filter(|text| !text.is_empty())?;
            Some((key, super::labels::value(text).into()))
        });
        let mut extra: Vec<(&'static str, Cow<'_, str>)> = known.collect();
        extra.push(("one_of_several", if pool.pool.one_of_several { "true" } else { "false" }.into()));
        labelled(&pool.labels, extra, Some(true))
    });
    info.collect()
}

/// One point per target.
pub(super) fn targets<'s, T: Into<Value>>(
    scene: &'s Scene<'_>,
    of: impl Fn(&TargetScene<'_>) -> Option<T>,
) -> Vec<Point<'s>> {
    let all = scene.profiles.iter().flat_map(|profile| &profile.targets);
    all.filter_map(|target| point(&target.labels, of(target))).collect()
}

/// One point per live target.
pub(super) fn live<'s, T: Into<Value>>(
    scene: &'s Scene<'_>,
    of: impl Fn(&TargetScene<'_>) -> Option<T>,
) -> Vec<Point<'s>> {
    targets(scene, |target| of(target).filter(|_| target.is_live()))
}

/// The labels that say what a target is.
pub(super) fn target_info<'s>(scene: &'s Scene<'_>) -> Vec<Point<'s>> {
    let all = scene.profiles.iter().flat_map(|profile| &profile.targets);
    let info = all.filter_map(|target| {
        let status = target.status;
        let mut extra = vec![
            ("kind", Cow::Borrowed(status.kind.as_str())),
            ("endpoint", super::labels::value(&status.endpoint).into()),
        ];
        extra
            .extend(status.version.as_ref().map(|version| ("version", super::labels::value(version).into())));
        extra.extend(status.role.map(|role| ("role", role_word(role).into())));
        labelled(&target.labels, extra, Some(true))
    });
    info.collect()
}

fn role_word(role: crate::model::target::Role) -> &'static str {
    use crate::model::target::Role;
    match role {
        Role::Primary => "primary",
        Role::Replica => "replica",
        Role::Pooled => "pooled",
    }
}

/// A point for each state that a target can be in: 1 for the one that it is in.
pub(super) fn target_states<'s>(scene: &'s Scene<'_>) -> Vec<Point<'s>> {
    use crate::model::target::TargetState::{Down, Live, Refused, Stale};
    let states = [(Live, "live"), (Stale, "stale"), (Refused, "refused"), (Down, "down")];
    let all = scene.profiles.iter().flat_map(|profile| &profile.targets);
    let each = all.flat_map(|target| {
        let point = |(state, word): (_, &'static str)| {
            labelled(&target.labels, vec![("state", word.into())], Some(target.status.state == state))
        };
        states.into_iter().filter_map(point)
    });
    each.collect()
}

/// Backends of each live server by state.
pub(super) fn backends<'s>(scene: &'s Scene<'_>) -> Vec<Point<'s>> {
    let all = scene.profiles.iter().flat_map(|profile| &profile.targets);
    let each = all.filter_map(|target| Some((target, target.counts?))).flat_map(|(target, counts)| {
        let states = [
            ("active", counts.active),
            ("idle", counts.idle),
            ("idle_in_transaction", counts.idle_in_transaction),
            ("idle_in_transaction_aborted", counts.aborted),
            ("unknown", counts.unknown),
        ];
        let point = |(state, count): (&'static str, u32)| {
            labelled(&target.labels, vec![("state", state.into())], Some(count))
        };
        states.into_iter().filter_map(point)
    });
    each.collect()
}

/// One point per limit.
pub(super) fn limits<'s, T: Into<Value>>(
    scene: &'s Scene<'_>,
    of: impl Fn(&Limit) -> Option<T>,
) -> Vec<Point<'s>> {
    let each = scene.profiles.iter().flat_map(|profile| {
        let limits = profile.moment.map(|moment| moment.limits.as_slice()).unwrap_or_default();
        profile.limits.iter().filter_map(|(labels, index)| Some((labels, limits.get(*index)?)))
    });
    each.filter_map(|(labels, limit)| point(labels, of(limit))).collect()
}

/// One point per profile.
pub(super) fn profiles<'s, T: Into<Value>>(
    scene: &'s Scene<'_>,
    of: impl Fn(&ProfileScene<'_>) -> Option<T>,
) -> Vec<Point<'s>> {
    scene.profiles.iter().filter_map(|profile| point(&profile.labels, of(profile))).collect()
}

/// One point for the process.
pub(super) fn process<'s>(value: impl Into<Value>) -> Vec<Point<'s>> {
    point(&[], Some(value)).into_iter().collect()
}

/// The labels of the program.
pub(super) fn build<'s>() -> Vec<Point<'s>> {
    labelled(&[], vec![("version", env!("CARGO_PKG_VERSION").into())], Some(true)).into_iter().collect()
}

pub(super) mod judged;
