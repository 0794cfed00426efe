//! Months of history: what Prometheus, or whatever speaks its API (Thanos, Mimir, `VictoriaMetrics`), scraped from
//! `pooltop serve`, read back over `query_range`.
//!
//! It is asked for what it kept and nothing is made up: a step without a scrape near it is a gap, never the value before
//! it and never zero.

mod answer;
mod meaning;

use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderMap;

use super::http::{self, Http, Patience};
use crate::model::backfill::{Backfill, Coverage, HOUR};
use crate::model::secret::SecretString;
use crate::model::target::TargetError;
use crate::model::time::Timestamp;
use crate::text::Text;

use answer::Answered;

/// How far back it is looked for, in hours: three months. One value per hour stays far below what a query may return.
const REACH_HOURS: u32 = 92 * 24;
/// Scrapes follow each other within these bounds, whatever is found.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// The most values per series that one query may return: Prometheus refuses more than 11,000.
pub const MOST_STEPS: usize = 2_000;
/// The most series that are taken of one answer; the rest is left out and said so.
const MOST_SERIES: usize = 4_000;
/// A query over months takes longer than a scrape, and nobody waits for it without being able to do something else.
const PATIENCE: Patience = Patience {
    limit: Duration::from_secs(10),
    hint: "it is busy, or the query is too large for it; the moments in memory are there all the same",
};

/// A Prometheus and its secrets.
#[derive(Clone, Debug)]
pub struct Prometheus {
    url: Url,
    secrets: HeaderMap,
}

impl Prometheus {
    /// Checks the address: where its API begins, without `/api/v1`. `Err` ends the sentence "the address is …", without
    /// showing it.
    pub fn new(url: &str) -> Result<Self, String> {
        let url = http::address(url, "http://host:port")?;
        Ok(Self { url, secrets: HeaderMap::new() })
    }

    /// The same with a bearer token and further headers, such as a tenant's; all of them secret.
    pub fn with_secrets(
        mut self,
        bearer: Option<&SecretString>,
        headers: &[(String, SecretString)],
    ) -> Result<Self, String> {
        self.secrets = http::secrets(bearer, headers)?;
        Ok(self)
    }

    /// `http://host:port/path`, without any secret.
    pub fn endpoint(&self) -> Text {
        Text::line(&http::endpoint(&self.url))
    }

    /// In which hours up to `now` anything of a profile was kept.
    pub async fn coverage(&self, profile: &str, now: Timestamp) -> Result<Coverage, TargetError> {
        let query = format!("max(count_over_time(pooltop_targets_live{{profile={}}}[1h]))", quoted(profile));
        let from = now.minus(HOUR * REACH_HOURS);
        let answer = self.range(&query, from, HOUR, REACH_HOURS as usize + 1).await?;
        let counts = answer.series.first().map(|series| series.counts(from, HOUR, REACH_HOURS as usize + 1));
        let counts: Vec<Option<u32>> = counts.unwrap_or_default();
        let end = |hour: usize| from.plus(HOUR * u32::try_from(hour).unwrap_or(u32::MAX));
        let kept = |(hour, count): (usize, &Option<u32>)| count.filter(|count| *count > 0).map(|_| end(hour));
        let hours = counts.iter().enumerate().filter_map(kept).collect();
        let densest = counts.iter().rev().take(24 * 7).flatten().max().copied();
        let densest = densest.or_else(|| counts.iter().flatten().max().copied()).unwrap_or(1).max(1);
        let interval = Duration::from_secs_f64((HOUR.as_secs_f64() / f64::from(densest)).round());
        Ok(Coverage { interval: interval.clamp(INTERVALS.0, INTERVALS.1), hours })
    }

    /// What was kept of a profile at so many steps from `from` on. At each step counts what was scraped within the two
    /// steps before it: a missed scrape is no gap, two are.
    pub async fn read(
        &self,
        profile: &str,
        from: Timestamp,
        (step, steps): (Duration, usize),
    ) -> Result<Backfill, TargetError> {
        let steps = steps.min(MOST_STEPS);
        let query = format!(
            "max by ({}) (last_over_time({{__name__=~\"{}\",profile={}}}[{}ms]))",
            meaning::LABELS.join(","),
            meaning::names(),
            quoted(profile),
            step.as_millis() * 2
        );
        let answer = self.range(&query, from, step, steps).await?;
        let mut notes = answer.notes;
        let left_out = answer.series.len().saturating_sub(MOST_SERIES);
        if left_out > 0 {
            notes.push(Text::line(&format!("{left_out} of its series are left out")));
        }
        let kept = answer.series.iter().take(MOST_SERIES);
        let series = kept.filter_map(|series| meaning::kept(series, from, step, steps)).collect();
        Ok(Backfill { from, step, steps, series, notes })
    }

    async fn range(
        &self,
        query: &str,
        from: Timestamp,
        step: Duration,
        steps: usize,
    ) -> Result<Answered, TargetError> {
        let last = u32::try_from(steps.saturating_sub(1)).unwrap_or(u32::MAX);
        let mut url = self.url.clone();
        url.set_path(&format!("{}/api/v1/query_range", self.url.path().trim_end_matches('/')));
        url.query_pairs_mut()
            .append_pair("query", query)
            .append_pair("start", &seconds(from))
            .append_pair("end", &seconds(from.plus(step.saturating_mul(last))))
            .append_pair("step", &step.as_secs_f64().to_string())
            .append_pair("timeout", &format!("{}s", PATIENCE.limit.as_secs()));
        let http = Http::new(self.url.clone(), self.secrets.clone())?;
        let answer = http.get_within(&url, PATIENCE).await?;
        if !answer.status.is_success() {
            return Err(http::refusal(&answer, &url, !self.secrets.is_empty()));
        }
        answer::read(&answer.body).map_err(|why| {
            let hint = "`history` is the address where Prometheus' API begins, without /api/v1";
            http::failure(&url, &why, Some(hint))
        })
    }
}

/// Unix seconds with milliseconds, which is as exact as Prometheus is.
fn seconds(at: Timestamp) -> String {
    let ms = at.as_micros().div_euclid(1000);
    format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
}

/// A string of the query language.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_or_is_refused_without_being_shown() {
        for (url, ok) in [
            ("http://prometheus:9090", true),
            ("https://mimir.example/prometheus/", true),
            ("ftp://prometheus", false),
            ("prometheus:9090", false),
            ("http://", false),
        ] {
            assert_eq!(Prometheus::new(url).is_ok(), ok, "{url}");
        }
        let with_secret = Prometheus::new("http://me:hunter2@prometheus:9090/x").unwrap();
        assert_eq!(&*with_secret.endpoint(), "http://prometheus:9090/x");
        assert!(Prometheus::new("http://hunter2@").is_err_and(|why| !why.contains("hunter2")));
    }

    #[test]
    fn a_profiles_name_cannot_leave_its_string() {
        assert_eq!(quoted("a\"} or up{x=\"\\"), r#""a\"} or up{x=\"\\""#);
    }

    #[test]
    fn times_are_written_to_the_millisecond() {
        assert_eq!(seconds(Timestamp::from_micros(1_700_000_000_123_456)), "1700000000.123");
    }
}
