//! The report as one page: it loads nothing, needs no script, and prints.
//!
//! Every value passes through askama's escaping; only the drawings, which hold numbers and our own words, do not.

use askama::Template;

use super::cell::word as written;
use super::chart::{self, Chart};
use super::digest::{self, Most, Sheet, is_numeric, moment};
use super::report::Report;
use super::snapshot::Snapshot;
use crate::model::finding::{AdviceSeverity, Severity};
use crate::model::verdict::VerdictKind;

/// What the page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// A file that stays as it is.
    File,
    /// Served, and loaded anew by the browser.
    Live {
        /// Seconds until it is.
        every_s: u32,
        /// There are others, listed at `/`.
        several: bool,
    },
}

#[derive(Template)]
#[template(path = "report.html")]
struct Document<'a> {
    snapshot: &'a Snapshot,
    most: Most,
    live_s: Option<u32>,
    several: bool,
    headline: [String; 3],
    verdict_tone: &'static str,
    verdict_sign: &'static str,
    inks: Vec<(String, &'static str)>,
    charts: Vec<Chart>,
    not_drawn: Vec<&'static str>,
    happened: Sheet,
    pools: Sheet,
    backends: Sheet,
    waiters: Sheet,
    limits: Sheet,
    operations: Sheet,
    targets: Sheet,
    missing: Sheet,
    watched: Vec<String>,
}

/// The page.
pub fn html(report: &Report, page: Page) -> String {
    let (snapshot, most) = (&report.snapshot, Most::PAGE);
    let (verdict_tone, verdict_sign) = tone(snapshot.verdict.kind);
    let (charts, not_drawn) = chart::charts(report);
    let document = Document {
        snapshot,
        most,
        live_s: match page {
            Page::File => None,
            Page::Live { every_s, .. } => Some(every_s),
        },
        several: matches!(page, Page::Live { several: true, .. }),
        headline: digest::headline(snapshot),
        verdict_tone,
        verdict_sign,
        inks: chart::inks(),
        charts,
        not_drawn,
        happened: digest::happened(report, most),
        pools: digest::pools(snapshot, most),
        backends: backends(snapshot, most),
        waiters: digest::waiters(report, most),
        limits: digest::limits(snapshot, most),
        operations: digest::operations(snapshot, most),
        targets: digest::targets(snapshot, most),
        missing: digest::missing(snapshot, most),
        watched: digest::watched(report),
    };
    // Writing into a string cannot fail, and no value of the template can.
    document.render().unwrap_or_default()
}

/// The worst backends, with their statements as a last column.
fn backends(snapshot: &Snapshot, most: Most) -> Sheet {
    let (mut sheet, backends) = digest::backends(snapshot, most);
    sheet.titles.push("last statement");
    for (row, backend) in sheet.rows.iter_mut().zip(backends) {
        row.push(digest::statement(backend, most).unwrap_or_default());
    }
    sheet
}

/// How bad a verdict is, as a class of the style sheet, and its sign: colour is never all there is.
fn tone(kind: VerdictKind) -> (&'static str, &'static str) {
    match kind {
        VerdictKind::Unreachable | VerdictKind::Exhausted | VerdictKind::Leak => {
            ("critical", sign(Severity::Critical))
        }
        VerdictKind::Blocked | VerdictKind::Saturated | VerdictKind::Paused | VerdictKind::Slow => {
            ("warning", sign(Severity::Warning))
        }
        VerdictKind::Unknown => ("notice", sign(Severity::Notice)),
        VerdictKind::Healthy => ("good", "✓"),
    }
}

fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "▲",
        Severity::Warning => "◆",
        Severity::Notice => "●",
    }
}

fn urgency(severity: AdviceSeverity) -> &'static str {
    match severity {
        AdviceSeverity::High => "critical",
        AdviceSeverity::Medium => "warning",
        AdviceSeverity::Low => "notice",
    }
}

fn word(severity: AdviceSeverity) -> String {
    written(&severity)
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use proptest::prelude::*;

    use super::*;
    use crate::analysis::fixture;
    use crate::export::{Meta, report};
    use crate::model::audit::{AuditPhase, AuditRecord};
    use crate::model::operation::{OperationKind, Outcome};
    use crate::text::Text;
    use crate::text::redact::Redaction;

    fn leak(operations: Vec<AuditRecord>) -> Report {
        let redaction = Redaction::Literals;
        let meta =
            Meta { profile: "checkout".into(), window_s: 420.0, interval_s: 1.0, redaction, operations };
        report(&fixture::checkout_leak(), &meta)
    }

    fn done(name: &Text) -> AuditRecord {
        AuditRecord {
            at: fixture::at(400.0),
            phase: AuditPhase::Outcome,
            operator: "ada".into(),
            host: "bastion".into(),
            profile: "checkout".into(),
            target: "db1".into(),
            operation: OperationKind::Terminate,
            pid: Some(18_203),
            backend_start: None,
            application_name: name.clone(),
            user: name.clone(),
            database: None,
            client_id: None,
            client: None,
            dry_run: false,
            outcome: Some(Outcome::Ended),
            message: name.clone(),
        }
    }

    /// A report in which everything that comes from outside says `name`.
    fn with(name: &Text) -> Report {
        // The story takes seconds to tell, and it is the same for every name.
        static STORY: OnceLock<Report> = OnceLock::new();
        let mut report = STORY.get_or_init(|| leak(vec![done(&"somebody".into())])).clone();
        let snapshot = &mut report.snapshot;
        for done in &mut snapshot.operations {
            (done.application_name, done.user, done.message) = (name.clone(), name.clone(), name.clone());
        }
        snapshot.profile = name.clone();
        (snapshot.verdict.sentence, snapshot.verdict.evidence) = (name.clone(), vec![name.clone()]);
        for backend in &mut snapshot.backends {
            backend.application_name = name.clone();
            (backend.client, backend.query) = (Some(name.clone()), Some(name.clone()));
        }
        for pool in &mut snapshot.pools {
            pool.name = name.clone();
        }
        for limit in &mut snapshot.limits {
            limit.name = name.clone();
        }
        for finding in &mut snapshot.findings {
            (finding.title, finding.pool) = (name.clone(), Some(name.clone()));
            (finding.evidence, finding.suggestion) = (vec![name.clone()], Some(name.clone()));
        }
        for advice in &mut snapshot.recommendations {
            (advice.issue, advice.suggestion) = (name.clone(), name.clone());
            (advice.evidence, advice.formula) = (vec![name.clone()], Some(name.clone()));
        }
        for target in &mut snapshot.targets {
            target.name = (&**name).into();
            (target.endpoint, target.version) = (name.clone(), Some(name.clone()));
            target.error = Some(crate::export::snapshot::TargetError { code: None, message: name.clone() });
            target.missing = vec![crate::model::part::Missing::new(name, name)];
        }
        for waiter in &mut report.waiters {
            (waiter.who, waiter.waits_for) = (name.clone(), name.clone());
        }
        report.happened.iter_mut().for_each(|mark| mark.text = name.clone());
        report
    }

    /// Every tag with its attributes, as a browser finds them; the style sheet is text.
    fn tags(page: &str) -> Vec<String> {
        let (mut tags, mut rest) = (Vec::new(), page);
        while let Some(begin) = rest.find('<') {
            let mut quote = None;
            let end = rest[begin..].find(|c| match (quote, c) {
                (None, '>') => true,
                (None, '"' | '\'') => {
                    quote = Some(c);
                    false
                }
                (Some(open), c) if open == c => {
                    quote = None;
                    false
                }
                _ => false,
            });
            let end = begin + end.unwrap_or(rest.len() - begin - 1);
            tags.push(rest[begin..=end].to_owned());
            rest = &rest[end + 1..];
        }
        tags
    }

    #[test]
    fn a_page_loads_nothing_and_runs_nothing() {
        for page in [
            html(&leak(Vec::new()), Page::File),
            html(&leak(Vec::new()), Page::Live { every_s: 5, several: false }),
        ] {
            for tag in tags(&page) {
                let name: String = tag
                    .trim_start_matches(['<', '/'])
                    .chars()
                    .take_while(char::is_ascii_alphanumeric)
                    .collect();
                assert!(
                    !["script", "link", "img", "iframe", "object", "a", "form"].contains(&&*name),
                    "{tag}"
                );
                for attribute in [" src=", " href=", " on", " style=", "url("] {
                    assert!(!tag.contains(attribute), "{tag}");
                }
            }
            assert!(!page.contains("@import") && !page.contains("url("));
        }
    }

    #[test]
    fn only_a_served_page_loads_itself_anew() {
        let report = leak(Vec::new());
        assert!(!html(&report, Page::File).contains("http-equiv=\"refresh\""));
        let live = html(&report, Page::Live { every_s: 5, several: false });
        assert!(live.contains("<meta http-equiv=\"refresh\" content=\"5\">") && live.contains("Live:"));
    }

    #[test]
    fn the_curves_are_drawn_in_colours_that_the_style_sheet_knows() {
        let page = html(&leak(Vec::new()), Page::File);
        let colours = page.split(['"', ' ']).filter(|word| word.len() == 7 && word.starts_with('#'));
        let known: Vec<String> = chart::inks().into_iter().map(|(light, _)| light).collect();
        let drawn: Vec<&str> = colours.filter(|word| **word == word.to_uppercase()).collect();
        assert!(drawn.len() > 20);
        assert!(drawn.iter().all(|colour| known.iter().any(|ink| ink == colour)), "{drawn:?}");
        assert_eq!(page.matches("<svg class=\"chart\"").count(), 3);
    }

    /// How many cells each line of Markdown has.
    fn cells(note: &str) -> Vec<usize> {
        let cells = |line: &str| line.replace("\\\\", "").replace("\\|", "").matches('|').count();
        note.lines().map(cells).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn whatever_names_say_the_page_and_the_note_are_built_alike(
            name in prop_oneof![any::<String>(), "[-<>&\"'/=a-c `|*#@!{}%\\[\\]()\\\\\n]{0,60}"],
        ) {
            // Somebody without a name is shown otherwise, which is another test's matter.
            let (harmless, name) = (with(&"harmless".into()), with(&Text::block(&format!("x{name}"))));
            prop_assert_eq!(tags(&html(&name, Page::File)), tags(&html(&harmless, Page::File)));
            let (note, expected) = (super::super::markdown(&name), super::super::markdown(&harmless));
            prop_assert_eq!(cells(&note), cells(&expected));
        }
    }
}
