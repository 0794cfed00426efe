//! What reaches the screen from outside.

use std::collections::HashSet;
use std::sync::Arc;

use super::app::App;
use super::connections::RowId;
use super::reel::Hold;
use crate::analysis::Moment;
use crate::model::event::{Event, EventKind};
use crate::model::operation::OperationReport;
use crate::model::target::TargetName;
use crate::text::size;
use crate::ui::contract::{Effect, Input, ProfileHeader, RecordingState, Tone};
use crate::ui::layers::Layer;
use crate::ui::layers::timeline::summary;

/// Reports kept for the timeline.
const REPORTS: usize = 10;

impl App {
    pub(super) fn input(&mut self, input: Input) {
        self.touch();
        match input {
            Input::Moment(moment) => self.take_moment(moment),
            Input::Radius { target, result } => self.set_radius(&target, &result),
            Input::Report(report) => self.take_report(report),
            Input::Toast(tone, text) => self.toast(tone, &text),
            Input::Past { ticket, moment } => self.take_past(ticket, moment),
            Input::Track(track) => self.journey.track = Some(track),
            Input::Playing(playing) => self.journey.playing = Some(playing),
            Input::Recording(recording) => self.take_recording(recording),
            Input::Exported(path) => {
                self.exported = true;
                self.toast(Tone::Info, &format!("Snapshot written to {path}"));
            }
            Input::Profile(profile) => self.switch_profile(profile),
            Input::Fleet(members) => self.take_fleet(members),
            Input::Profiles(profiles) => self.profiles = profiles,
            Input::Servers(servers) => self.servers = servers,
            Input::Fatal(error) => self.end = Some(Err(error)),
            Input::End => self.quit(),
        }
        self.arrange();
    }

    fn take_moment(&mut self, moment: Arc<Moment>) {
        self.note_new_servers(&moment);
        self.note_events(&moment);
        self.found_something |= !moment.findings.is_empty();
        self.connections.forget_gone(&moment);
        if !self.inspections.is_empty() {
            let there: HashSet<RowId> = moment.backends.iter().map(RowId::of).collect();
            self.inspections.retain(|id, _| there.contains(id));
        }
        let shown = self.reel.push(moment);
        self.refresh_question();
        if shown {
            self.refresh_lists();
        }
    }

    /// A server in another life: what was marked or asked about is not there any more.
    fn note_new_servers(&mut self, moment: &Moment) {
        let mut changed: Vec<TargetName> = Vec::new();
        for (target, server) in moment.targets.iter().zip(&moment.servers) {
            let Some(server) = server else { continue };
            let before = self.identities.insert(Arc::clone(&target.name), server.identity.clone());
            if before.is_some_and(|before| before != server.identity) {
                changed.push(Arc::clone(&target.name));
            }
        }
        for target in changed {
            self.forget_target(&target, moment);
        }
    }

    fn forget_target(&mut self, target: &TargetName, moment: &Moment) {
        let place = moment.targets.iter().position(|status| status.name == *target);
        self.connections.marks.retain(|id| Some(id.target) != place);
        let asks =
            |layer: &Layer| matches!(layer, Layer::Confirm(confirm) if confirm.question.target() == target);
        let open = self.layers.iter().any(asks);
        self.layers.retain(|layer| !asks(layer));
        let dialog = if open { ", and the open question is closed" } else { "" };
        let text = format!("{target} is another server now, or was restarted: marks are cleared{dialog}.");
        self.toast(Tone::Warning, &text);
    }

    /// Toasts for what happened since the moment before.
    fn note_events(&mut self, moment: &Moment) {
        let last = self.reel.newest().and_then(|before| before.events.last().cloned());
        let news = match &last {
            Some(last) => {
                let known = moment.events.iter().rposition(|event| event == last);
                known.map_or(&[][..], |known| &moment.events[known + 1..])
            }
            None if self.reel.newest().is_some() => &moment.events[..],
            None => &[],
        };
        let toasts: Vec<_> = news
            .iter()
            .filter(|event| !is_first_connect(event, &moment.events))
            .filter_map(|event| {
                tone(event.kind).map(|tone| (tone, format!("{}: {}", event.target, event.text)))
            })
            .collect();
        for (tone, text) in toasts {
            self.toast(tone, &text);
        }
    }

    fn take_report(&mut self, report: OperationReport) {
        let failed = report.outcomes.iter().any(|row| !row.outcome.is_success());
        let tone = if failed { Tone::Warning } else { Tone::Info };
        let why = if failed { " (t shows why)" } else { "" };
        let about = format!("{} on {}: ", report.kind, report.target);
        self.toasts.forget(&about);
        let came = match &report.outcomes[..] {
            [one] if one.id.pid().is_none() => format!("{}: {}", one.outcome.as_str(), one.message),
            _ => format!("{}{why}", summary(&report)),
        };
        self.toast(tone, &format!("{about}{came}"));
        self.note_pauses(&report);
        let same = |known: &OperationReport| {
            (known.kind, &known.target) == (report.kind, &report.target)
                && known.outcomes.iter().map(|row| &row.id).eq(report.outcomes.iter().map(|row| &row.id))
        };
        let at = self.options.clock.now();
        let first = self.reports.iter().find(|(_, known)| same(known)).map_or(at, |(at, _)| *at);
        self.reports.retain(|(_, known)| !same(known));
        self.reports.push((first, report));
        let surplus = self.reports.len().saturating_sub(REPORTS);
        self.reports.drain(..surplus);
    }

    /// Says when the recording begins, ends or fails; in between only the header changes.
    fn take_recording(&mut self, recording: Option<RecordingState>) {
        let before = std::mem::replace(&mut self.journey.recording, recording);
        let failed = |state: &Option<RecordingState>| state.as_ref().and_then(|state| state.problem.clone());
        let (tone, text) = match (&before, &self.journey.recording) {
            (_, Some(now)) if failed(&self.journey.recording) != failed(&before) => match &now.problem {
                Some(problem) => (Tone::Error, format!("Recording into {} stopped: {problem}", now.file)),
                None => (Tone::Info, format!("Recording into {} again", now.file)),
            },
            (None, Some(now)) => (Tone::Info, format!("Recording into {}", now.file)),
            (Some(last), None) => {
                let size = size::roughly(last.bytes as f64);
                (Tone::Info, format!("Recorded into {}, {size}", last.file))
            }
            _ => return,
        };
        // What is in a file is not lost when the program ends.
        self.exported |= tone == Tone::Info;
        self.toast(tone, &text);
    }

    fn switch_profile(&mut self, profile: ProfileHeader) {
        let name = profile.name.to_string();
        self.options.profile = profile;
        if let Some(fleet) = &mut self.fleet {
            fleet.is_shown = false;
        }
        self.reel.clear();
        self.journey.clear();
        self.layers.clear();
        self.filter_line = None;
        self.pools = super::pools::Pools::default();
        self.connections = super::connections::Connections::default();
        self.suspects = super::suspects::Suspects::default();
        self.states = crate::ui::panels::states::States::default();
        self.identities.clear();
        self.inspections.clear();
        self.reports.clear();
        self.pauses = super::pauses::Pauses::default();
        self.detail.clear();
        (self.found_something, self.exported) = (false, false);
        self.toast(Tone::Info, &format!("Profile {name}"));
    }

    /// Ends at once.
    pub(super) fn quit(&mut self) {
        self.end.get_or_insert(Ok(()));
        self.effects.push(Effect::Quit);
    }

    /// The question stays true: who moved on leaves it.
    pub(super) fn refresh_question(&mut self) {
        let Some(moment) = self.reel.newest().cloned() else { return };
        for layer in &mut self.layers {
            let Layer::Confirm(confirm) = layer else { continue };
            let target = TargetName::clone(confirm.question.target());
            super::poolers::refresh_client(&mut confirm.question, &moment);
            let place = moment.targets.iter().position(|status| status.name == target);
            let server = place.and_then(|place| moment.servers.get(place)?.as_ref());
            if let Some(server) = server.filter(|server| !server.counts_only) {
                let rows = moment.backends.iter().filter(|row| Some(row.target) == place);
                confirm.question.refresh(&server.identity, rows.map(|row| &row.backend));
            }
        }
    }

    /// Whether the screen shows the past, in which nothing can be done.
    pub(super) fn is_past(&self) -> bool {
        self.reel.hold() == Hold::Past
    }
}

/// That a target answers for the first time is what everybody waits for: the screen fills, nothing has to be said.
fn is_first_connect(event: &Event, events: &[Event]) -> bool {
    let about = |other: &&Event| {
        other.target == event.target && matches!(other.kind, EventKind::Connected | EventKind::Lost)
    };
    event.kind == EventKind::Connected && events.iter().find(about) == Some(event)
}

/// How loud an event is; the quiet ones only stand in the timeline.
fn tone(kind: EventKind) -> Option<Tone> {
    match kind {
        EventKind::Restart | EventKind::Failover => Some(Tone::Warning),
        EventKind::Lost => Some(Tone::Error),
        EventKind::Connected | EventKind::ClockJump | EventKind::Setting => Some(Tone::Info),
        EventKind::Gap
        | EventKind::Jump
        | EventKind::Operation
        | EventKind::Deadlock
        | EventKind::Recovered => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::fixture;

    #[test]
    fn only_the_first_connect_of_a_target_is_no_news() {
        let event = |second: f64, target: &str, kind| Event {
            at: fixture::at(second),
            target: target.into(),
            kind,
            text: "".into(),
        };
        let events = [
            event(0.0, "db1", EventKind::Connected),
            event(1.0, "db2", EventKind::Lost),
            event(2.0, "db2", EventKind::Connected),
            event(3.0, "db1", EventKind::Lost),
            event(4.0, "db1", EventKind::Connected),
        ];
        let quiet: Vec<bool> = events.iter().map(|event| is_first_connect(event, &events)).collect();
        assert_eq!(quiet, [true, false, false, false, false]);
    }
}
