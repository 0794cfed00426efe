//! The JSON of `query_range`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::model::time::Timestamp;
use crate::text::Text;

/// What was answered.
pub(super) struct Answered {
    pub(super) series: Vec<Series>,
    /// Warnings, and that the answer is partial.
    pub(super) notes: Vec<Text>,
}

/// One series: its labels, and its values by Unix time in seconds.
#[derive(Debug, Deserialize)]
pub(super) struct Series {
    #[serde(rename = "metric")]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

#[derive(Deserialize)]
struct Reply {
    status: String,
    data: Option<Data>,
    error: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
    /// Of `VictoriaMetrics`: not every storage node answered.
    #[serde(default, rename = "isPartial")]
    is_partial: bool,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    result: Vec<Series>,
}

/// Warnings that are passed on; more say the same.
const MOST_NOTES: usize = 3;

/// `Err`: what is wrong with it, in words.
pub(super) fn read(body: &[u8]) -> Result<Answered, String> {
    let no_api = |what: &str| format!("what answers does not speak Prometheus' API: {what}");
    let reply: Reply = serde_json::from_slice(body).map_err(|error| no_api(&error.to_string()))?;
    if reply.status != "success" {
        return Err(reply.error.unwrap_or_else(|| format!("status {}", reply.status)));
    }
    let data = reply.data.ok_or_else(|| no_api("no data"))?;
    if data.kind != "matrix" {
        return Err(no_api(&format!("a {} instead of a matrix", data.kind)));
    }
    let partial = reply.is_partial.then(|| "its answer is partial: not every part of it answered".to_owned());
    let notes = partial.into_iter().chain(reply.warnings).take(MOST_NOTES);
    Ok(Answered { series: data.result, notes: notes.map(|note| Text::line(&note)).collect() })
}

impl Series {
    /// The value of a label; what is not there is empty, as Prometheus has it.
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// The same without what a terminal would obey; `None` where it is not there.
    pub(super) fn text(&self, name: &str) -> Option<Text> {
        self.labels.get(name).filter(|value| !value.is_empty()).map(|value| Text::line(value))
    }

    /// A whole number for each step; `None` where there is none, or none that can be a count.
    pub(super) fn counts(&self, from: Timestamp, step: Duration, steps: usize) -> Vec<Option<u32>> {
        let mut counts = vec![None; steps];
        let start = from.as_micros() as f64 / 1e6;
        for (at, value) in &self.values {
            let after = Duration::try_from_secs_f64(at - start + step.as_secs_f64() / 2.0);
            let place = after
                .ok()
                .and_then(|after| usize::try_from(after.as_micros() / step.as_micros().max(1)).ok());
            if let Some(slot) = place.and_then(|place| counts.get_mut(place)) {
                *slot = value.parse().ok().and_then(count);
            }
        }
        counts
    }
}

/// A number as a count; `None` for what is no number, negative or beyond all counts.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just before")]
fn count(value: f64) -> Option<u32> {
    let rounded = value.round();
    (rounded >= 0.0 && rounded <= f64::from(u32::MAX)).then_some(rounded as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_find_their_steps_and_what_is_no_count_is_a_gap() {
        let body = br#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b\u001b[2J"},"values":[
            [100,"7"],[115.002,"NaN"],[130,"+Inf"],[145,"-1"],[159.999,"2.6"],[175,"x"],[1e300,"1"],[-1e300,"1"],[40,"1"]]}]}}"#;
        let answered = read(body).unwrap();
        let from = Timestamp::from_micros(100_000_000);
        let counts = answered.series[0].counts(from, Duration::from_secs(15), 7);
        assert_eq!(counts, [Some(7), None, None, None, Some(3), None, None]);
        assert_eq!(answered.series[0].text("a").as_deref(), Some("b[2J"));
        assert_eq!(answered.series[0].text("c"), None);
    }

    #[test]
    fn what_is_no_answer_of_it_is_said_in_words() {
        for (body, part) in [
            ("<html>", "does not speak Prometheus' API"),
            ("{}", "missing field `status`"),
            (r#"{"status":"error","error":"too many points"}"#, "too many points"),
            (r#"{"status":"success"}"#, "no data"),
            (r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#, "a vector instead"),
            (
                r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":[]}]}}"#,
                "does not speak",
            ),
        ] {
            let why = read(body.as_bytes()).err().unwrap_or_default();
            assert!(why.contains(part), "{body}: {why}");
        }
    }

    #[test]
    fn warnings_and_partial_answers_are_passed_on() {
        let body = br#"{"status":"success","isPartial":true,"warnings":["w1","w2","w3","w4"],
            "data":{"resultType":"matrix","result":[]}}"#;
        let notes = read(body).unwrap().notes;
        assert_eq!(notes.len(), 3);
        assert!(notes[0].contains("partial") && &*notes[1] == "w1");
    }
}
