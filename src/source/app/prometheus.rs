//! Prometheus' text format and `OpenMetrics`, as far as a reader of single values needs them.
//!
//! Types, units, buckets and exemplars are passed over. Nothing here allocates more than a line asks for, whatever the
//! line holds.

use std::borrow::Cow;

/// More labels than this has no metric; a line that has is passed over.
const MOST_LABELS: usize = 64;
/// Lines that are looked at in full before a text is called something else.
const PATIENCE: u32 = 1000;

/// One value of one metric.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series<'t> {
    pub(super) name: Cow<'t, str>,
    pub(super) labels: Vec<(Cow<'t, str>, Cow<'t, str>)>,
    pub(super) value: f64,
}

/// Gives every value whose metric's name is `wanted` to `visit`. Returns whether the text is of this format at all: it
/// has a line that is one.
pub(super) fn read<'t>(
    text: &'t str,
    wanted: impl Fn(&str) -> bool,
    mut visit: impl FnMut(Series<'t>),
) -> bool {
    let (mut is_metrics, mut strange) = (false, 0);
    for line in text.split('\n') {
        let line = line.trim_start_matches([' ', '\t']).trim_end_matches([' ', '\t', '\r']);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let name = &line[..name_length(line)];
        // A name in quotes stands inside of the braces.
        let wants = name.is_empty() || wanted(name);
        if !wants && is_metrics {
            continue;
        }
        match series(line) {
            Some(series) => {
                is_metrics = true;
                if wanted(&series.name) {
                    visit(series);
                }
            }
            None => strange += 1,
        }
        if !is_metrics && strange > PATIENCE {
            return false;
        }
    }
    is_metrics || text.trim_end().ends_with("# EOF")
}

/// One line.
pub(super) fn series(line: &str) -> Option<Series<'_>> {
    let (name, rest) = line.split_at(name_length(line));
    let mut series = Series { name: Cow::Borrowed(name), labels: Vec::new(), value: f64::NAN };
    let rest = rest.trim_start_matches([' ', '\t']);
    let rest = match rest.strip_prefix('{') {
        Some(inside) => labels(inside, &mut series)?,
        None => rest,
    };
    if series.name.is_empty() {
        return None;
    }
    // What follows, a time and an exemplar, is of no interest.
    series.value = rest.split_ascii_whitespace().next().and_then(number)?;
    Some(series)
}

/// `NaN`, `+Inf`, and everything that is a number in Rust too.
fn number(word: &str) -> Option<f64> {
    word.parse().ok()
}

fn name_length(line: &str) -> usize {
    let ends = |byte: u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'.'));
    line.bytes().position(ends).unwrap_or(line.len())
}

/// `name="value",…}`; returns what follows the brace.
fn labels<'t>(mut rest: &'t str, series: &mut Series<'t>) -> Option<&'t str> {
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some(after);
        }
        let (name, after) = if let Some(inside) = rest.strip_prefix('"') {
            quoted(inside)?
        } else {
            let (name, after) = rest.split_at(name_length(rest));
            (Cow::Borrowed(name), after)
        };
        let after = after.trim_start_matches([' ', '\t']);
        match after.strip_prefix('=') {
            Some(value) if !name.is_empty() && series.labels.len() < MOST_LABELS => {
                let value = value.trim_start_matches([' ', '\t']).strip_prefix('"')?;
                let (value, after) = quoted(value)?;
                series.labels.push((name, value));
                rest = after;
            }
            // Not a label but the metric itself, whose name needs quotes.
            None if rest.starts_with('"') && series.name.is_empty() => {
                series.name = name;
                rest = after;
            }
            _ => return None,
        }
    }
}

/// What stands before the closing quote, and what follows it.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text.as_bytes()[end] == b'"' {
        return Some((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let mut out = String::from(&text[..end]);
    let mut chars = text[end..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Cow::Owned(out), &text[end + at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                c @ ('"' | '\\') => out.push(c),
                other => out.extend(['\\', other]),
            },
            c => out.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Vec<Series<'_>> {
        let mut found = Vec::new();
        read(text, |_| true, |series| found.push(series));
        found
    }

    fn value(series: &Series<'_>, label: &str) -> Option<String> {
        series.labels.iter().find(|(name, _)| name == label).map(|(_, value)| value.to_string())
    }

    #[test]
    fn each_spelling_of_a_line_is_read() {
        for (line, name, labels, expected) in [
            ("up 1", "up", &[][..], 1.0),
            ("up{} 1", "up", &[], 1.0),
            ("  up\t 1.5e3 1395066363000", "up", &[], 1500.0),
            ("job:up:rate5m 2", "job:up:rate5m", &[], 2.0),
            ("a{b=\"c\"} -3", "a", &[("b", "c")], -3.0),
            ("a { b = \"c\" , d = \"e\", } +Inf", "a", &[("b", "c"), ("d", "e")], f64::INFINITY),
            (r#"a{url="jdbc:pg://h/d?a=1,b={2}"} 1"#, "a", &[("url", "jdbc:pg://h/d?a=1,b={2}")], 1.0),
            (r#"a{b="q\"u\\o\nte\t"} 1"#, "a", &[("b", "q\"u\\o\nte\\t")], 1.0),
            (r#"a_bucket{le="1"} 3 # {trace_id="x}"} 0.5 1.2"#, "a_bucket", &[("le", "1")], 3.0),
            (r#"{"db.client.count","pool.name"="x"} 4"#, "db.client.count", &[("pool.name", "x")], 4.0),
            ("a 1\r", "a", &[], 1.0),
        ] {
            let found = all(line);
            assert_eq!(found.len(), 1, "{line}");
            assert_eq!((&*found[0].name, found[0].value), (name, expected), "{line}");
            let wanted: Vec<_> =
                labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            assert_eq!(found[0].labels, wanted, "{line}");
        }
        assert!(all("a NaN")[0].value.is_nan());
    }

    #[test]
    fn a_line_that_is_none_is_passed_over_and_the_next_is_read() {
        for line in
            ["a", "a{b} 1", "a{b=\"c} 1", "a{b=\"c\"", "a x", "{} 1", "{b=\"c\"} 1", "\"a\" 1", "a{=\"c\"} 1"]
        {
            let text = format!("{line}\nnext 2\n");
            assert_eq!(all(&text).iter().map(|series| &*series.name).collect::<Vec<_>>(), ["next"], "{line}");
        }
    }

    #[test]
    fn what_is_not_this_format_is_told() {
        for (text, expected) in [
            ("up 1\n", true),
            ("# HELP up x\n# TYPE up gauge\nup 1\n# EOF\n", true),
            ("# EOF\n", true),
            ("", false),
            ("<!doctype html>\n<p>Hello\n", false),
            ("hello world\n", false),
            ("pool ok\n", false),
        ] {
            assert_eq!(read(text, |_| false, |_| ()), expected, "{text:?}");
        }
    }

    #[test]
    fn a_line_with_endless_labels_is_passed_over() {
        let line = format!("a{{{}}} 1\nb 2", "c=\"\",".repeat(1_000_000));
        assert_eq!(all(&line).len(), 1);
    }

    fn escaped(value: &str) -> String {
        value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_in_a_label_comes_back(
            name in "[a-zA-Z_:][a-zA-Z0-9_:]{0,20}",
            label in "[a-zA-Z_][a-zA-Z0-9_]{0,10}",
            content in any::<String>(),
            number in any::<f64>(),
        ) {
            let content = content.replace('\r', "");
            let line = format!("{name}{{{label}=\"{}\"}} {number} 123", escaped(&content));
            let found = all(&line);
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(&*found[0].name, name.as_str());
            prop_assert_eq!(value(&found[0], &label), Some(content));
            prop_assert!(found[0].value.to_bits() == number.to_bits() || number.is_nan());
        }

        #[test]
        fn no_text_makes_it_stumble(text in any::<String>()) {
            all(&text);
        }

        #[test]
        fn no_line_of_its_own_characters_makes_it_stumble(text in "[ a{}=\",\\\\#\n1.+-]{0,80}") {
            for series in all(&text) {
                prop_assert!(series.labels.len() <= MOST_LABELS && !series.name.is_empty());
            }
        }
    }
}
