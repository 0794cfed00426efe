//! Two moments side by side, for people and for programs: what changed in between, without the values that people put
//! into their statements.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::build::redactor;
use crate::analysis::Moment;
use crate::analysis::compare::{Comparison, Direction, compare};
use crate::model::time::Timestamp;
use crate::text::redact::Redaction;
use crate::text::span::{count, span};
use crate::text::width::wrap;

/// Cells per line.
const WIDTH: usize = 100;

/// What changed between two moments, as it may leave.
pub fn comparison(before: &Moment, after: &Moment, redaction: Redaction) -> Comparison {
    let mut comparison = compare(before, after);
    for redactor in [before, after].map(|moment| redactor(moment, redaction)) {
        for change in &mut comparison.changes {
            change.sentence = redactor.sentence(&change.sentence);
        }
        comparison.unknown = comparison.unknown.iter().map(|text| redactor.sentence(text)).collect();
    }
    comparison
}

/// A comparison in words, at most 100 cells wide. Times of day are those of `zone`.
pub fn comparison_text(comparison: &Comparison, zone: &TimeZone) -> String {
    let mut lines = vec![headline(comparison, zone)];
    for change in &comparison.changes {
        let sign = match change.direction {
            Direction::Worse => "! ",
            Direction::Better => "+ ",
            Direction::Neither => "  ",
        };
        lines.extend(item(sign, &change.sentence));
    }
    if comparison.changes.is_empty() {
        lines.push("  nothing changed".to_owned());
    }
    if comparison.left_out > 0 {
        lines.push(format!("  and {}", count(comparison.left_out as u64, "smaller change")));
    }
    lines.extend(comparison.unknown.iter().flat_map(|text| item("? ", text)));
    lines.iter().fold(String::new(), |mut out, line| {
        // Writing into a string cannot fail.
        let _ = writeln!(out, "{}", line.trim_end());
        out
    })
}

/// The comparison as JSON, indented, with a line feed at its end.
pub fn comparison_json(comparison: &Comparison) -> String {
    super::json::pretty(comparison)
}

/// `since 2026-11-21 14:02:10 UTC (to 14:07:31, 5m21s):`
fn headline(comparison: &Comparison, zone: &TimeZone) -> String {
    let at = |time: Timestamp, format| time.to_jiff().to_zoned(zone.clone()).strftime(format).to_string();
    let length = span(comparison.to.age_of(comparison.from));
    let from = at(comparison.from, "%Y-%m-%d %H:%M:%S %Z");
    let same_day = at(comparison.from, "%F") == at(comparison.to, "%F");
    let to = at(comparison.to, if same_day { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" });
    format!("since {from} (to {to}, {length}):")
}

fn item(sign: &str, text: &str) -> Vec<String> {
    let lines = wrap(text, WIDTH - sign.len()).into_iter().enumerate();
    lines.map(|(index, line)| format!("{}{line}", if index == 0 { sign } else { "  " })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture;
    use crate::text::Text;
    use crate::text::width::width;

    fn pair() -> (Moment, Moment) {
        let after = fixture::checkout_leak();
        let mut before = Moment { at: after.at.minus(std::time::Duration::from_secs(321)), ..after.clone() };
        before.findings.clear();
        before.verdict.kind = crate::model::verdict::VerdictKind::Healthy;
        let pool =
            &mut before.pools.iter_mut().find(|row| row.pool.name.starts_with("checkout-api")).unwrap().pool;
        pool.idle_in_transaction = Some(2);
        (before, after)
    }

    #[test]
    fn the_text_says_when_what_and_what_is_not_known() {
        let (mut before, after) = pair();
        before.targets[0].state = crate::model::target::TargetState::Stale;
        let text = comparison_text(&comparison(&before, &after, Redaction::Literals), &TimeZone::UTC);
        assert!(text.starts_with("since 2026-11-21 14:01:39 UTC (to 14:07:00, 5m21s):\n"), "{text}");
        assert!(text.contains("\n! verdict: healthy → leak: "), "{text}");
        assert!(text.contains("+ db1: stale → live"), "{text}");
        assert!(text.contains("! checkout-api app@shop 10.0.4.17: +"), "{text}");
        assert!(text.lines().all(|line| width(line) <= WIDTH));
        let same = comparison_text(&comparison(&after, &after, Redaction::Literals), &TimeZone::UTC);
        assert!(same.contains("nothing changed"), "{same}");
    }

    #[test]
    fn the_json_has_numbers_before_and_after() {
        let (before, after) = pair();
        let json = comparison_json(&comparison(&before, &after, Redaction::Literals));
        let document: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(document["from"], "2026-11-21T14:01:39.000000Z");
        let changes = document["changes"].as_array().unwrap();
        let pool = changes.iter().find(|change| change["name"] == "checkout-api app@shop 10.0.4.17").unwrap();
        assert_eq!((&pool["subject"], &pool["direction"]), (&"pool".into(), &"worse".into()));
        let value = &pool["values"][0];
        assert_eq!((&value["what"], &value["before"]), (&"idle_in_transaction".into(), &2.0.into()));
        assert!(value["after"].as_f64().unwrap() > 2.0 && pool.get("weight").is_none());
    }

    #[test]
    fn values_in_statements_do_not_leave_with_a_finding_that_repeats_them() {
        let (before, mut after) = pair();
        let query = Text::block("SELECT * FROM cards WHERE number = 'SECRET' AND pin = 4711");
        let mut backend = (*after.backends[0].backend).clone();
        backend.query = Some(query.clone());
        after.backends[0].backend = backend.into();
        after.findings[0].title = Text::line(&format!("they ran {query}"));
        for (redaction, passes) in [(Redaction::Literals, false), (Redaction::None, true)] {
            let comparison = comparison(&before, &after, redaction);
            for out in [comparison_text(&comparison, &TimeZone::UTC), comparison_json(&comparison)] {
                assert_eq!(out.contains("SECRET") || out.contains("4711"), passes, "{out}");
            }
        }
    }
}
