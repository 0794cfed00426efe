//! Moving through the past: what is at hand is shown at once, the rest is asked for while the screen goes on.

use std::sync::Arc;

use super::app::App;
use super::reel::{Hold, Way};
use crate::analysis::Moment;
use crate::model::finding::Severity;
use crate::model::time::Timestamp;
use crate::model::track::{Mark, MarkKind, Play, Playing, Track, Travel};
use crate::model::when::{self, Around};
use crate::text::Text;
use crate::text::span::count;
use crate::ui::command::Command;
use crate::ui::contract::{Effect, RecordingState, Ticket, Tone};
use crate::ui::format;
use crate::ui::layers::Layer;
use crate::ui::layers::compare::Before;
use crate::ui::layers::goto::GoTo;

/// What the screen knows of the way through the past, and what it waits for.
#[derive(Debug, Default)]
pub struct Journey {
    /// How far the past reaches.
    pub track: Option<Arc<Track>>,
    /// How the replay stands; `None` where none is shown.
    pub playing: Option<Playing>,
    /// The recording into a file.
    pub recording: Option<RecordingState>,
    /// The ruler was asked for.
    pub ruler: bool,
    /// The moment to compare with.
    pub kept: Option<Arc<Moment>>,
    /// What the comparison that is open compares with.
    pub before: Before,
    tickets: Ticket,
    waits: Option<Waits>,
    /// Where to go once the answer is there.
    next: Option<Travel>,
    /// The mark that was gone to, with the time of the moment that shows it.
    mark: Option<(Timestamp, Timestamp)>,
}

/// A way that was asked for.
#[derive(Clone, Copy, Debug)]
struct Waits {
    ticket: Ticket,
    goal: Option<Goal>,
}

/// The mark that a way leads to. Where it lies between two moments, the second shows what happened.
#[derive(Clone, Copy, Debug)]
struct Goal {
    mark: Timestamp,
    /// The last step, from the moment before it, is done.
    stepped: bool,
}

impl Journey {
    /// A number for a question.
    pub fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        self.tickets
    }

    /// Whether a moment was asked for that has not come yet.
    pub fn is_waiting(&self) -> bool {
        self.waits.is_some()
    }

    /// What comes now comes too late.
    pub fn stop_waiting(&mut self) {
        (self.waits, self.next) = (None, None);
    }

    /// Goes on from the moment that was asked for once it is there.
    fn queue(&mut self, travel: Travel) {
        self.next = Some(match (self.next, travel) {
            (Some(Travel::Step(first)), Travel::Step(second)) => Travel::Step(first.saturating_add(second)),
            (_, travel) => travel,
        });
    }

    /// Another profile runs: nothing that is on its way concerns it.
    pub fn clear(&mut self) {
        *self = Self { tickets: self.tickets, ruler: self.ruler, ..Self::default() };
    }
}

impl App {
    /// The time that counts on the screen: in a replay that of the recording.
    pub(in crate::ui) fn time(&self, now: Timestamp) -> Timestamp {
        match (self.journey.playing, self.reel.shown()) {
            (Some(_), Some(moment)) => moment.at,
            _ => self.reel.now(now),
        }
    }

    /// Whether the ruler is on the screen: it is the map of whoever is not in the present.
    pub(in crate::ui) fn shows_ruler(&self) -> bool {
        let journey = &self.journey;
        journey.ruler || journey.playing.is_some() || journey.is_waiting() || self.reel.hold() == Hold::Past
    }

    /// How far the past reaches, as far as the screen knows.
    pub(in crate::ui) fn track(&self) -> Option<Arc<Track>> {
        let (oldest, newest) = (self.reel.oldest()?.at, self.reel.newest()?.at);
        let kept = || Track { oldest, newest, gaps: Vec::new(), marks: Vec::new() };
        Some(match &self.journey.track {
            // As a rule: whoever sends a moment has sent the track before it.
            Some(track) if self.journey.playing.is_some() || track.covers(oldest, newest) => {
                Arc::clone(track)
            }
            Some(track) => Arc::new(Track {
                oldest: track.oldest.min(oldest),
                newest: track.newest.max(newest),
                ..Track::clone(track)
            }),
            None => Arc::new(kept()),
        })
    }

    pub(super) fn time_command(&mut self, command: Command) {
        if let Some(why) = self.out_of_time(command) {
            return self.toast(Tone::Info, why);
        }
        match command {
            Command::Freeze if self.journey.playing.is_some() => {
                self.effects.push(Effect::Play(Play::Toggle));
            }
            Command::Freeze => {
                self.journey.stop_waiting();
                self.reel.toggle_freeze();
                self.refresh_lists();
            }
            Command::Faster => self.effects.push(Effect::Play(Play::Faster)),
            Command::Slower => self.effects.push(Effect::Play(Play::Slower)),
            Command::StepBack => self.travel(Travel::Step(-1)),
            Command::StepForward => self.travel(Travel::Step(1)),
            Command::Oldest => self.travel(Travel::Oldest),
            Command::PreviousMark => self.next_mark(false),
            Command::NextMark => self.next_mark(true),
            Command::Ruler => self.journey.ruler = !self.journey.ruler,
            Command::Record => self.record(),
            _ => self.travel(Travel::Newest),
        }
    }

    /// Why a command that has to do with time does nothing here; `None` where it does something.
    pub(in crate::ui) fn out_of_time(&self, command: Command) -> Option<&'static str> {
        match (command, self.journey.playing) {
            (Command::Faster | Command::Slower, None) => Some("Only a replay has a speed."),
            (Command::Record, Some(_)) => Some("This is a recording already."),
            _ => None,
        }
    }

    fn record(&mut self) {
        let runs = self.journey.recording.as_ref().is_some_and(|recording| recording.problem.is_none());
        self.effects.push(Effect::Record(!runs));
    }

    /// Goes to another moment, now or when it comes.
    pub(super) fn travel(&mut self, travel: Travel) {
        if travel == Travel::Newest && self.journey.playing.is_none() {
            self.follow();
        } else if self.journey.is_waiting() {
            self.journey.queue(travel);
        } else {
            self.set_out(travel, None);
        }
    }

    /// The present again, whatever is still on its way.
    pub(super) fn follow(&mut self) {
        self.journey.stop_waiting();
        self.reel.follow();
        self.refresh_lists();
    }

    fn set_out(&mut self, travel: Travel, goal: Option<Goal>) {
        let Some(from) = self.reel.shown().map(|moment| moment.at) else { return };
        if self.journey.playing.is_some() {
            return self.ask_way(from, travel, goal);
        }
        match self.reel.way(from, travel) {
            Way::Newest => {
                self.follow();
                self.note_mark(goal);
            }
            Way::Kept(moment) => self.arrive(moment, goal),
            Way::Beyond if self.reaches_beyond() => self.ask_way(from, travel, goal),
            Way::Beyond => {
                if let Some(oldest) = self.reel.oldest().cloned() {
                    self.say_where_it_begins(oldest.at);
                    self.arrive(oldest, goal.map(|goal| Goal { stepped: true, ..goal }));
                }
            }
        }
    }

    /// Whether there is a past beyond the moments that the screen keeps.
    pub(super) fn reaches_beyond(&self) -> bool {
        let (track, oldest) = (self.journey.track.as_ref(), self.reel.oldest());
        track.zip(oldest).is_some_and(|(track, oldest)| track.oldest < oldest.at)
    }

    fn say_where_it_begins(&mut self, oldest: Timestamp) {
        const BEGINS: &str = "The past begins at ";
        self.toasts.forget(BEGINS);
        let text = format!("{BEGINS}{}.", format::time(oldest, &self.options.zone));
        self.toast(Tone::Info, &text);
    }

    fn ask_way(&mut self, from: Timestamp, travel: Travel, goal: Option<Goal>) {
        let ticket = self.journey.ticket();
        self.journey.waits = Some(Waits { ticket, goal });
        self.effects.push(Effect::Travel { ticket, from, travel });
    }

    /// A moment that was asked for, if anybody still waits for it.
    pub(super) fn take_past(&mut self, ticket: Ticket, moment: Result<Arc<Moment>, Text>) {
        if matches!(self.journey.before, Before::Asked(asked) if asked == ticket) {
            self.journey.before = moment.map_or_else(Before::Missing, |moment| self.seen_or_later(moment));
            return;
        }
        let Some(waits) = self.journey.waits.take_if(|waits| waits.ticket == ticket) else { return };
        match moment {
            Ok(moment) => {
                self.arrive(moment, waits.goal);
                if !self.journey.is_waiting()
                    && let Some(next) = self.journey.next.take()
                {
                    self.travel(next);
                }
            }
            Err(why) => {
                self.journey.stop_waiting();
                self.toast(Tone::Warning, &why);
            }
        }
    }

    /// Shows a moment; on the way to a mark that lies behind it, goes one further.
    fn arrive(&mut self, moment: Arc<Moment>, goal: Option<Goal>) {
        let at = moment.at;
        if self.journey.playing.is_some() {
            self.reel.clear();
            self.connections.forget_gone(&moment);
            self.reel.push(moment);
        } else {
            self.reel.show(moment);
        }
        self.refresh_lists();
        match goal.filter(|goal| at < goal.mark && !goal.stepped) {
            Some(goal) => self.set_out(Travel::Step(1), Some(Goal { stepped: true, ..goal })),
            None => self.note_mark(goal),
        }
    }

    /// Where the next step from mark to mark begins.
    fn note_mark(&mut self, goal: Option<Goal>) {
        self.journey.mark = goal.zip(self.reel.shown()).map(|(goal, shown)| (shown.at, goal.mark));
    }

    /// Asks for a time, saying between which there are any.
    pub(super) fn ask_time(&mut self) {
        let Some(track) = self.track() else {
            return self.toast(Tone::Info, "Nothing was seen yet.");
        };
        let time = |at| format::time_on(at, track.newest, &self.options.zone);
        let reach = format!("from {} to {}", time(track.oldest), time(track.newest));
        self.layers.push(Layer::GoTo(GoTo::new(reach)));
    }

    /// Goes to a time that was typed; what is none stays on the line, with what is wrong with it.
    pub(super) fn go_to_typed(&mut self, typed: &str) {
        let (Some(track), Some(shown)) = (self.track(), self.reel.shown()) else { return };
        let around = Around { from: shown.at, newest: track.newest, zone: &self.options.zone };
        match (when::parse(typed, around), self.layers.last_mut()) {
            (Ok(at), layer) => {
                if matches!(layer, Some(Layer::GoTo(_))) {
                    self.layers.pop();
                }
                if at < track.oldest {
                    self.say_where_it_begins(track.oldest);
                }
                self.journey.stop_waiting();
                self.set_out(Travel::To(at), None);
            }
            (Err(error), Some(Layer::GoTo(goto))) => goto.error = Some(error.to_string()),
            (Err(error), _) => self.toast(Tone::Warning, &error.to_string()),
        }
    }

    /// To the mark before or after where the screen stands.
    fn next_mark(&mut self, forward: bool) {
        let (Some(track), Some(shown)) = (self.track(), self.reel.shown()) else { return };
        let stands = match self.journey.mark {
            Some((moment, mark)) if moment == shown.at => mark,
            _ => shown.at,
        };
        let times = track.marks.iter().map(|mark| mark.at);
        let to = if forward {
            times.filter(|at| *at > stands).min()
        } else {
            times.filter(|at| *at < stands).max()
        };
        match to {
            Some(to) => self.go_to_mark(to),
            None if track.marks.is_empty() => {
                self.toast(
                    Tone::Info,
                    "Nothing was found, and nothing happened, as far as the past reaches.",
                );
            }
            None => {
                let side = if forward { "after" } else { "before" };
                self.toast(Tone::Info, &format!("Nothing happened {side} this."));
            }
        }
    }

    /// To the moment that shows what happened at a time.
    pub(super) fn go_to_mark(&mut self, at: Timestamp) {
        if let Some(track) = self.journey.track.clone() {
            self.say_marks(&track, at);
        }
        self.journey.stop_waiting();
        self.set_out(Travel::To(at), Some(Goal { mark: at, stepped: false }));
    }

    /// What happened at a time: the gravest of it, and how much more.
    fn say_marks(&mut self, track: &Track, at: Timestamp) {
        let mut there: Vec<&Mark> = track.marks.iter().filter(|mark| mark.at == at).collect();
        there.sort_by_key(|mark| std::cmp::Reverse(gravity(mark.kind)));
        let Some(first) = there.first() else { return };
        let more = match there.len() - 1 {
            0 => String::new(),
            more => format!(", and {}", count(more as u64, "more thing")),
        };
        let text = format!("{MARK}{}: {}{more}", format::time(at, &self.options.zone), first.text);
        self.toasts.forget(MARK);
        self.toast(Tone::Info, &text);
    }
}

/// How the words about a mark begin: there is one at a time.
const MARK: &str = "At ";

/// Which of several marks in one place is the one to show: the higher.
pub fn gravity(kind: MarkKind) -> u8 {
    match kind {
        MarkKind::Finding(Severity::Critical) => 4,
        MarkKind::Operation => 3,
        MarkKind::Finding(Severity::Warning) => 2,
        MarkKind::Finding(Severity::Notice) => 1,
        MarkKind::Event(_) => 0,
    }
}
