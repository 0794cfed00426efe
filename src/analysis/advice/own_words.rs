//! What applications advise about their own pools, as theirs.

use super::Advice;
use super::given::Given;
use crate::model::finding::AdviceSeverity;
use crate::text::Text;

pub(super) fn of_applications(given: &Given<'_>) -> Vec<Advice> {
    let apps = given.scene.apps.iter().enumerate().filter_map(|(target, app)| Some((target, app.as_ref()?)));
    apps.flat_map(|(target, app)| {
        let name = given.scene.target(target);
        app.advice.iter().map(move |said| {
            let severity = match said.severity.as_deref().map(str::to_ascii_lowercase).as_deref() {
                Some("critical" | "high" | "error") => AdviceSeverity::High,
                Some("warning" | "medium" | "warn") => AdviceSeverity::Medium,
                _ => AdviceSeverity::Low,
            };
            let mut advice = Advice::new(severity, &*said.suggestion);
            advice.pool = said.pool.clone().or_else(|| Some(Text::line(&name)));
            advice.issue = Some(said.issue.clone());
            advice.evidence.push(format!("{name} says so itself"));
            advice
        })
    })
    .collect()
}
