//! One line for monitoring systems that run a check and read its exit code: Nagios and its many relatives.

use std::fmt::Write as _;
use std::time::Duration;

use super::build::redactor;
use super::told::told;
use crate::analysis::Moment;
use crate::analysis::reference::NEARLY_FULL;
use crate::model::finding::Severity;
use crate::model::limit::{Limit, LimitScope};
use crate::model::target::{TargetKind, TargetState, TargetStatus};
use crate::model::thresholds::Thresholds;
use crate::model::verdict::VerdictKind;
use crate::text::Text;
use crate::text::redact::Redaction;

/// The most limits of one profile in a line; the nearest to their ceilings come first.
const LIMITS: usize = 12;

/// The most characters of a sentence: systems cut what they read.
const SENTENCE: usize = 400;

/// How a check ends, the least urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing to do.
    Ok,
    /// It cannot be told.
    Unknown,
    /// Needs a look.
    Warning,
    /// Needs a hand now.
    Critical,
}

impl Standing {
    /// The word that such systems show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Unknown => "UNKNOWN",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }
}

/// One profile as it is checked.
#[derive(Clone, Debug)]
pub struct Checked<'a> {
    /// Its name.
    pub profile: Text,
    /// The newest moment; `None`: nothing was read.
    pub moment: Option<&'a Moment>,
    /// What it is judged by.
    pub thresholds: Thresholds,
}

/// The result over all profiles: the worst of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How it stands.
    pub standing: Standing,
    /// `POOLTOP WARNING - … | …`, without a line feed.
    pub line: String,
    /// One line per profile, where there are several.
    pub further: Vec<String>,
}

/// Checks profiles.
pub fn check(profiles: &[Checked<'_>]) -> Report {
    let judged: Vec<(Standing, String)> =
        profiles.iter().map(|checked| (checked.standing(), checked.sentence())).collect();
    let worst =
        judged.iter().enumerate().max_by_key(|(index, (standing, _))| (*standing, usize::MAX - index));
    let (standing, mut told) =
        worst.map_or((Standing::Unknown, "no profile".to_owned()), |(index, worst)| {
            let name = profiles.get(index).filter(|_| profiles.len() > 1);
            let name = name.map(|checked| format!("{}: ", checked.profile)).unwrap_or_default();
            (worst.0, format!("{name}{}", worst.1))
        });
    if profiles.len() > 1 {
        let fine = judged.iter().filter(|(standing, _)| *standing == Standing::Ok).count();
        let _ = write!(told, " ({fine} of {} profiles ok)", profiles.len());
    }
    let data: Vec<String> = profiles.iter().flat_map(|checked| checked.data(profiles.len() > 1)).collect();
    let bar = if data.is_empty() { "" } else { " | " };
    let several = profiles.iter().zip(&judged).filter(|_| profiles.len() > 1);
    Report {
        standing,
        line: format!("POOLTOP {} - {}{bar}{}", standing.as_str(), plain(&told), data.join(" ")),
        further: several
            .map(|(checked, (standing, told))| {
                plain(&format!("{} {}: {told}", checked.profile, standing.as_str()))
            })
            .collect(),
    }
}

/// Words that end neither the text nor the line. A bar would begin the numbers.
fn plain(text: &str) -> String {
    let one_line = text.replace('|', "/").replace(['\n', '\r'], " ");
    match one_line.char_indices().nth(SENTENCE) {
        None => one_line,
        Some((at, _)) => format!("{}…", &one_line[..at]),
    }
}

impl Checked<'_> {
    fn standing(&self) -> Standing {
        let Some(moment) = self.moment else { return Standing::Unknown };
        let live = moment.targets.iter().filter(|target| target.state == TargetState::Live).count();
        let worst = told(moment).map(|finding| finding.severity).max();
        let found = match worst {
            _ if moment.verdict.kind == VerdictKind::Exhausted => Standing::Critical,
            _ if live == 0 => Standing::Unknown,
            Some(Severity::Critical) => Standing::Critical,
            Some(Severity::Warning) => Standing::Warning,
            Some(Severity::Notice) | None if moment.verdict.kind == VerdictKind::Unknown => Standing::Unknown,
            Some(Severity::Notice) | None => Standing::Ok,
        };
        // Who is not seen may be in any state.
        if live > 0 && live < moment.targets.len() { found.max(Standing::Warning) } else { found }
    }

    /// The verdict, and who is not seen.
    fn sentence(&self) -> String {
        let Some(moment) = self.moment else { return "nothing could be read".to_owned() };
        let told = redactor(moment, Redaction::Literals).sentence(&moment.verdict.sentence).to_string();
        let silent: Vec<&str> = moment
            .targets
            .iter()
            .filter(|target| target.state != TargetState::Live && !told.contains(&*target.name))
            .map(|target| &*target.name)
            .collect();
        if silent.is_empty() { told } else { format!("{told}; not seen: {}", silent.join(", ")) }
    }

    /// The numbers. With several profiles their names stand before each label.
    fn data(&self, several: bool) -> Vec<String> {
        let Some(moment) = self.moment else { return Vec::new() };
        let prefix = if several { format!("{}/", self.profile) } else { String::new() };
        let limits = moment.limits.iter().filter(|limit| is_shared(limit)).take(LIMITS);
        let mut data: Vec<Datum> = limits.map(|limit| self.limit(limit, moment)).collect();
        for (index, target) in moment.targets.iter().enumerate() {
            data.extend(self.of_target(moment, index, target));
        }
        let count = |severity| told(moment).filter(|finding| finding.severity == severity).count() as f64;
        data.push(Datum::count("findings_warning", Some(count(Severity::Warning))).warn(0.0));
        data.push(Datum::count("findings_critical", Some(count(Severity::Critical))).critical(0.0));
        data.iter().map(|datum| datum.written(&prefix)).collect()
    }

    fn limit(&self, limit: &Limit, moment: &Moment) -> Datum {
        let label = match limit.scope {
            LimitScope::Database | LimitScope::Role => {
                format!("{} {} {}_used", limit.target, limit.scope.as_str(), limit.name)
            }
            scope => format!("{} {}_used", limit.target, scope.as_str()),
        };
        let live =
            moment.targets.iter().any(|one| one.name == limit.target && one.state == TargetState::Live);
        let datum = Datum::count(&label, live.then(|| f64::from(limit.used)));
        let Some((most, usable)) = limit.limit.zip(limit.usable()) else { return datum };
        // A value beyond the number is an alert there; here one that reaches the share is.
        let below = |share: f64| (share * f64::from(usable)).ceil() - 1.0;
        datum.warn(below(self.thresholds.utilization)).critical(below(NEARLY_FULL)).most(f64::from(most))
    }

    fn of_target(&self, moment: &Moment, index: usize, target: &TargetStatus) -> Vec<Datum> {
        let live = target.state == TargetState::Live;
        let rows = || moment.pools.iter().filter(|row| row.target == index);
        let mut data = Vec::new();
        if rows().any(|row| row.pool.pending.is_some()) {
            let queued: u32 = rows().filter_map(|row| row.pool.pending).sum();
            data.push(Datum::count(&format!("{} waiting", target.name), live.then(|| f64::from(queued))));
        }
        if target.kind == TargetKind::Postgres {
            let oldest = rows().filter_map(|row| row.pool.oldest_idle_in_transaction_s).fold(0.0, f64::max);
            let label = format!("{} oldest_idle_in_transaction", target.name);
            let seconds = |span: Duration| span.as_secs_f64();
            data.push(
                Datum { unit: "s", ..Datum::count(&label, live.then_some(oldest)) }
                    .warn(seconds(self.thresholds.idle_in_transaction) * 5.0)
                    .critical(seconds(self.thresholds.terminate_idle_in_transaction)),
            );
            let points = rows().filter_map(|row| row.leak.as_ref()).map(|leak| leak.score).max().unwrap_or(0);
            data.push(
                Datum::count(&format!("{} leak_points", target.name), live.then(|| f64::from(points)))
                    .warn(self.thresholds.suspect.ceil() - 1.0)
                    .critical(self.thresholds.leak.ceil() - 1.0)
                    .most(100.0),
            );
        }
        data
    }
}

/// Limits of more than one pool.
fn is_shared(limit: &Limit) -> bool {
    match limit.scope {
        LimitScope::Server | LimitScope::Database | LimitScope::Role | LimitScope::Redis => true,
        LimitScope::Pooler => *limit.name == *limit.target,
        LimitScope::Pool | LimitScope::Application => false,
    }
}

/// `'label'=value;warn;critical;min;max`.
struct Datum {
    label: String,
    value: Option<f64>,
    unit: &'static str,
    warn: Option<f64>,
    critical: Option<f64>,
    most: Option<f64>,
}

impl Datum {
    fn count(label: &str, value: Option<f64>) -> Self {
        Self { label: label.to_owned(), value, unit: "", warn: None, critical: None, most: None }
    }

    fn warn(self, above: f64) -> Self {
        Self { warn: Some(above), ..self }
    }

    fn critical(self, above: f64) -> Self {
        Self { critical: Some(above), ..self }
    }

    fn most(self, most: f64) -> Self {
        Self { most: Some(most), ..self }
    }

    fn written(&self, prefix: &str) -> String {
        let number = |number: Option<f64>| number.map(rounded).unwrap_or_default();
        // A quote is written twice; an equals sign or a bar cannot be written at all.
        let label =
            format!("{prefix}{}", self.label).replace('\'', "''").replace(['=', '|', '\n', '\r'], "_");
        let value = self.value.map_or_else(|| "U".to_owned(), |value| rounded(value) + self.unit);
        let fields = format!("{};{};0;{}", number(self.warn), number(self.critical), number(self.most));
        format!("'{label}'={value};{}", fields.trim_end_matches(';'))
    }
}

/// To the millisecond, without zeros at the end.
fn rounded(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture;

    fn of(moment: &Moment) -> Report {
        let thresholds = Thresholds::default();
        check(&[Checked { profile: "shop".into(), moment: Some(moment), thresholds }])
    }

    #[test]
    fn the_line_says_how_it_stands_and_the_numbers_why() {
        let moment = fixture::checkout_leak();
        let report = of(&moment);
        assert_eq!(report.standing, Standing::Critical);
        assert!(
            report.line.starts_with(&format!("POOLTOP CRITICAL - {}", moment.verdict.sentence)),
            "{report:?}"
        );
        let limit = moment.limits.iter().find(|limit| limit.scope == LimitScope::Server).unwrap();
        let (used, most) = (limit.used, limit.limit.unwrap());
        let usable = f64::from(limit.usable().unwrap());
        let (warn, critical) = ((usable * 0.8).ceil() - 1.0, (usable * 0.95).ceil() - 1.0);
        let datum = format!("'db1 server_used'={used};{warn};{critical};0;{most}");
        assert!(report.line.contains(&datum), "{datum}: {}", report.line);
        assert!(report.line.contains("'db1 oldest_idle_in_transaction'="), "{}", report.line);
        assert!(report.further.is_empty() && !report.line.contains('\n'));
    }

    #[test]
    fn the_number_at_which_a_limit_is_said_is_the_one_at_which_it_is_found() {
        let limit = |used| Limit {
            scope: LimitScope::Server,
            name: "db1".into(),
            target: "db1".into(),
            used,
            limit: Some(100),
            reserved: 0,
            growth_per_min: None,
            exhausted_in_s: None,
        };
        let moment = fixture::few();
        let checked =
            Checked { profile: "x".into(), moment: Some(&moment), thresholds: Thresholds::default() };
        assert_eq!(checked.limit(&limit(80), &moment).written(""), "'db1 server_used'=80;79;94;0;100");
    }

    #[test]
    fn what_is_not_seen_is_unknown_and_never_nothing() {
        let refused = of(&fixture::refused());
        assert!(matches!(refused.standing, Standing::Unknown | Standing::Critical), "{refused:?}");
        let mut stale = fixture::checkout_leak();
        for target in &mut stale.targets {
            target.state = TargetState::Stale;
        }
        stale.verdict.kind = VerdictKind::Unknown;
        let report = of(&stale);
        assert_eq!(report.standing, Standing::Unknown, "{report:?}");
        assert!(report.line.contains("'db1 server_used'=U;"), "{}", report.line);
        let nothing =
            check(&[Checked { profile: "x".into(), moment: None, thresholds: Thresholds::default() }]);
        assert_eq!(
            (nothing.standing, &*nothing.line),
            (Standing::Unknown, "POOLTOP UNKNOWN - nothing could be read")
        );
    }

    #[test]
    fn one_target_that_is_not_seen_is_a_warning_that_names_it() {
        let mut moment = fixture::checkout_leak();
        moment.findings.clear();
        moment.verdict.kind = VerdictKind::Healthy;
        moment.verdict.sentence = "all is well".into();
        assert_eq!(of(&moment).standing, Standing::Ok);
        moment.targets.last_mut().unwrap().state = TargetState::Down;
        let report = of(&moment);
        assert_eq!(report.standing, Standing::Warning);
        assert!(report.line.contains("not seen: "), "{}", report.line);
    }

    #[test]
    fn the_worst_of_several_profiles_counts_and_each_has_its_line() {
        let (calm, leaking) = (fixture::few(), fixture::checkout_leak());
        let checked = |profile: &str, moment| Checked {
            profile: Text::line(profile),
            moment,
            thresholds: Thresholds::default(),
        };
        let report =
            check(&[checked("calm", Some(&calm)), checked("gone", None), checked("shop", Some(&leaking))]);
        assert_eq!(report.standing, Standing::Critical);
        assert!(report.line.starts_with("POOLTOP CRITICAL - shop: "), "{}", report.line);
        assert!(report.line.contains("'shop/db1 server_used'="), "{}", report.line);
        assert_eq!(report.further.len(), 3);
        assert!(report.further[1].starts_with("gone UNKNOWN: "), "{report:?}");
    }

    #[test]
    fn nothing_in_a_name_ends_the_text_or_a_label() {
        let mut moment = fixture::hostile();
        moment.verdict.sentence = "it's | rm -rf 'x'=1;2 leaks".into();
        moment.targets[0].name = "d'b=|1".into();
        let report = of(&moment);
        assert_eq!(report.line.matches('|').count(), 1, "{}", report.line);
        let data = report.line.split_once(" | ").unwrap().1;
        assert_eq!(data.matches('=').count(), data.matches("'=").count(), "{data}");
        assert!(data.contains("'d''b__1 leak_points'="), "{data}");
        let mut long = fixture::few();
        long.verdict.sentence = Text::line(&"é".repeat(5000));
        assert!(of(&long).line.chars().count() < 2000);
    }
}
