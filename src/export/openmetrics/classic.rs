//! The text format 0.0.4 from OpenMetrics: the samples are the same, what is said about them is not.
//!
//! A counter is declared by the name of its samples, an info is a gauge, units are not declared, and there is no mark
//! at the end. Values of labels have their line feeds escaped, so a line that begins like a comment is one.

/// Rewrites what [`prometheus_client`] encoded.
pub(super) fn from_openmetrics(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1024);
    let mut help = None;
    for line in text.lines() {
        match comment(line) {
            Some(("HELP", name, words)) => help = Some((name, words)),
            Some(("TYPE", name, kind)) => declare(&mut out, name, kind, help.take()),
            Some(_) => {}
            None if line == "# EOF" => {}
            None => out.extend([line, "\n"]),
        }
    }
    out
}

/// `(HELP, name, rest)` of `# HELP name rest`.
fn comment(line: &str) -> Option<(&str, &str, &str)> {
    let mut parts = line.strip_prefix("# ")?.splitn(3, ' ');
    Some((parts.next()?, parts.next()?, parts.next()?))
}

fn declare(out: &mut String, name: &str, kind: &str, help: Option<(&str, &str)>) {
    let (suffix, kind) = match kind {
        "counter" => ("_total", "counter"),
        "info" => ("_info", "gauge"),
        other => ("", other),
    };
    if let Some((_, words)) = help {
        out.extend(["# HELP ", name, suffix, " ", words, "\n"]);
    }
    out.extend(["# TYPE ", name, suffix, " ", kind, "\n"]);
}
