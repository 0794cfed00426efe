//! A moment without what may not leave: for a picture of the screen, which is drawn from a moment.

use std::sync::Arc;

use super::build::redactor;
use crate::analysis::Moment;
use crate::model::finding::{Finding, Recommendation};
use crate::model::verdict::Verdict;
use crate::text::Text;
use crate::text::redact::{Redaction, Redactor};

/// The same moment with its statements, and all sentences about them, redacted.
pub fn redacted(moment: &Moment, redaction: Redaction) -> Moment {
    let redactor = redactor(moment, redaction);
    let mut moment = moment.clone();
    for row in &mut moment.backends {
        let mut backend = (*row.backend).clone();
        backend.query = backend.query.as_ref().and_then(|query| redactor.statement(query));
        row.backend = Arc::new(backend);
    }
    moment.findings.iter_mut().for_each(|one| finding(one, &redactor));
    moment.recommendations.iter_mut().for_each(|one| recommendation(one, &redactor));
    verdict(&mut moment.verdict, &redactor);
    moment.events.iter_mut().for_each(|event| event.text = redactor.sentence(&event.text));
    moment
}

fn sentences<'t>(sentences: impl IntoIterator<Item = &'t mut Text>, redactor: &Redactor) {
    for sentence in sentences {
        *sentence = redactor.sentence(sentence);
    }
}

fn finding(finding: &mut Finding, redactor: &Redactor) {
    let Finding { title, evidence, alternative, suggestion, .. } = finding;
    sentences(std::iter::once(title).chain(evidence).chain(alternative).chain(suggestion), redactor);
}

fn recommendation(advice: &mut Recommendation, redactor: &Redactor) {
    let Recommendation { issue, suggestion, evidence, .. } = advice;
    sentences([issue, suggestion].into_iter().chain(evidence), redactor);
}

fn verdict(verdict: &mut Verdict, redactor: &Redactor) {
    sentences(std::iter::once(&mut verdict.sentence).chain(&mut verdict.evidence), redactor);
}
