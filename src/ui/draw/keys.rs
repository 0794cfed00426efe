//! The last line: which keys work here and now, and how they are called.

use crate::model::pool::Layer as PoolLayer;
use crate::model::target::{TargetState, TargetStatus};
use crate::ui::command::{Command, Place};
use crate::ui::layers::Layer;
use crate::ui::layers::page::Subject;
use crate::ui::layers::sheet::AnySheet as _;
use crate::ui::layout::{Panel, Shape};
use crate::ui::panels::footer::Footer;
use crate::ui::state::app::App;
use crate::ui::state::reel::Hold;
use crate::ui::theme::Meaning;

impl App {
    pub(super) fn footer(&self, shape: Shape) -> Footer {
        if let Some(input) = self.filter_line.as_ref().filter(|_| self.layers.is_empty()) {
            let note = match &self.connections.filter_error {
                Some(error) => (error.to_string(), Meaning::Danger),
                None => ("text, !text, field:value, age>30s   esc clears".to_owned(), Meaning::Muted),
            };
            let (text, cursor) = (input.value().to_owned(), input.visual_cursor());
            return Footer::Typing { prompt: "/", text, cursor, note };
        }
        let place = self.place();
        let mut commands: Vec<_> =
            Command::ALL.iter().copied().filter(|command| self.offers(*command, place)).collect();
        commands.sort_by_key(|command| std::cmp::Reverse(self.weight(*command)));
        let most = if shape == Shape::Narrow { 3 } else { usize::MAX };
        let key = |command: Command| {
            let chord = self.options.keymap.key(place, command)?;
            Some((chord.label(self.paint().glyphs), self.label(command)))
        };
        Footer::Keys(commands.into_iter().filter_map(key).take(most).collect())
    }

    /// How early the footer shows a command; the way back to the present comes first.
    fn weight(&self, command: Command) -> u8 {
        match (command, self.reel.hold()) {
            _ if self.out_of_time(command).is_some() => 0,
            (command, _) if self.journey.playing.is_some() => in_replay(command),
            (command, Hold::Past) if command != Command::Live => in_past(command),
            (Command::Freeze, Hold::Frozen) | (Command::Live, Hold::Past) => u8::MAX,
            // On a narrow screen it is the only way to the results.
            (Command::NextPanel, _) if self.place() == Place::Form => u8::MAX,
            (command, _) => command.row().weight,
        }
    }

    /// Whether the footer names a command here and now.
    fn offers(&self, command: Command, place: Place) -> bool {
        let row = command.row();
        if place == Place::Fleet {
            return self.fleet_offers(command);
        }
        let works_here = row.place == place
            || row.place == Place::Everywhere
            || (place == Place::Layer
                && command.operates()
                && command.on_poolers().is_none()
                && self.shows_a_session())
            || (matches!(command, Command::Filter | Command::Sort | Command::Reverse)
                && self.shows_a_sheet());
        let now = match command {
            _ if self.is_unseen() && needs_data(command) => false,
            Command::Secret => self.needs_secret(),
            Command::Retry => self.has_trouble(),
            Command::Close => place != Place::Screen || self.connections.is_filtered(),
            Command::Older | Command::Younger => {
                matches!(self.layers.last(), Some(Layer::Confirm(confirm)) if confirm.age_s.is_some())
            }
            Command::NextPanel => matches!(place, Place::Screen | Place::Form),
            Command::Back => place == Place::Screen,
            Command::Copy => {
                let can = |layer: &Layer| {
                    matches!(layer, Layer::Page(_) | Layer::Tree(_) | Layer::Size(_) | Layer::Sheet(_))
                };
                self.layers.last().is_none_or(can)
            }
            Command::Open => match self.layers.last() {
                Some(Layer::Page(_)) => false,
                Some(Layer::Sheet(sheet)) => {
                    sheet.is_typing() || sheet.connection().is_some() || sheet.time().is_some()
                }
                layer => layer.is_some() || self.has_rows(),
            },
            Command::Answer | Command::Yes | Command::No => self.asks_somebody(),
            Command::Pause => self.on_a_pooler() && self.unavailable(command).is_none(),
            Command::Resume => self.banner().is_some() && self.unavailable(command).is_none(),
            _ if command.operates() => !self.options.profile.is_read_only() && self.sees_a_server(),
            _ => true,
        };
        self.weight(command) > 0 && works_here && now
    }

    /// Whether the footer names a command while the list of the fleet is shown.
    fn fleet_offers(&self, command: Command) -> bool {
        let Some(fleet) = self.shown_fleet() else { return false };
        match command {
            Command::Open | Command::Copy => fleet.selected().is_some(),
            Command::Close => fleet.sheet.is_filtered(),
            _ => matches!(
                command,
                Command::Filter | Command::Sort | Command::Palette | Command::Help | Command::Back
            ),
        }
    }

    fn label(&self, command: Command) -> String {
        let marked = self.connections.marks.len();
        match command {
            Command::Terminate if marked > 0 => format!("terminate {marked} marked"),
            Command::NextPanel if self.place() == Place::Form => "numbers or results".to_owned(),
            Command::Open => match (self.place(), self.focus) {
                (Place::Fleet, _) => "open".to_owned(),
                (Place::Form, _) => "next".to_owned(),
                (Place::Choice, _) => "choose".to_owned(),
                (Place::Line, _) if matches!(self.layers.last(), Some(Layer::GoTo(_))) => {
                    "go there".to_owned()
                }
                (Place::Line, _) => "take it".to_owned(),
                _ if self.shows_times() => "go there".to_owned(),
                (_, Panel::Pools) => "connections".to_owned(),
                (_, Panel::Suspects) => "evidence".to_owned(),
                (_, Panel::Connections) => "detail".to_owned(),
            },
            Command::Back if self.fleet.is_some() && self.place() == Place::Screen => "fleet".to_owned(),
            Command::Freeze => match self.journey.playing {
                Some(playing) if playing.running => "pause".to_owned(),
                Some(_) => "play".to_owned(),
                None if self.reel.hold() != Hold::Following => "go on".to_owned(),
                None => command.row().short.to_owned(),
            },
            Command::Live if self.journey.playing.is_some() => "to the end".to_owned(),
            _ => command.row().short.to_owned(),
        }
    }

    /// Whether the top layer is about a session that could be operated on.
    fn shows_a_session(&self) -> bool {
        match self.layers.last() {
            Some(Layer::Page(page)) => matches!(page.subject, Subject::Connection(_) | Subject::Finding(_)),
            layer => matches!(layer, Some(Layer::Tree(_))),
        }
    }

    /// Whether the cursor is on a pool of a pooler.
    fn on_a_pooler(&self) -> bool {
        let line = self.pools.selected().filter(|_| self.focus == Panel::Pools);
        line.is_some_and(|line| line.key.layer == PoolLayer::Pooler)
    }

    /// Whether the rows of the top layer stand for times.
    fn shows_times(&self) -> bool {
        matches!(self.layers.last(), Some(Layer::Sheet(sheet)) if sheet.time().is_some())
    }

    fn shows_a_sheet(&self) -> bool {
        matches!(self.layers.last(), Some(Layer::Sheet(sheet)) if !sheet.is_typing())
    }

    fn has_rows(&self) -> bool {
        match self.focus {
            Panel::Pools => !self.pools.lines.is_empty(),
            Panel::Connections => !self.connections.rows.is_empty(),
            Panel::Suspects => !self.suspects.rows.is_empty(),
        }
    }

    /// Whether the open question still has somebody to ask about.
    fn asks_somebody(&self) -> bool {
        matches!(self.layers.last(), Some(Layer::Confirm(confirm)) if !confirm.question.is_void())
    }

    fn needs_secret(&self) -> bool {
        self.reel.newest().is_some_and(|moment| moment.targets.iter().any(|target| target.needs_secret))
    }

    fn sees_a_server(&self) -> bool {
        self.reel.newest().is_some_and(|moment| moment.servers.iter().any(Option::is_some))
    }

    fn has_trouble(&self) -> bool {
        let live = |target: &TargetStatus| target.state == TargetState::Live;
        self.reel.newest().is_some_and(|moment| !moment.targets.iter().all(live))
    }
}

/// Commands that are of no use while no target ever answered.
fn needs_data(command: Command) -> bool {
    matches!(
        command,
        Command::Filter
            | Command::Blocking
            | Command::Statements
            | Command::Mark
            | Command::Sort
            | Command::RollUp
            | Command::Freeze
            | Command::StepBack
            | Command::Export
            | Command::NextPanel
    )
}

/// What the footer shows first in a replay: how to move in it.
fn in_replay(command: Command) -> u8 {
    match command {
        Command::Freeze => u8::MAX,
        Command::Faster => 98,
        Command::Slower => 97,
        Command::Live => 58,
        command => in_past(command),
    }
}

/// And wherever it is not the present that is shown: the ways through time, then the rest.
fn in_past(command: Command) -> u8 {
    match command {
        Command::StepBack => 96,
        Command::StepForward => 95,
        Command::PreviousMark => 94,
        Command::NextMark => 93,
        Command::GoTo => 92,
        Command::Compare => 91,
        Command::Freeze => 0,
        command => command.row().weight,
    }
}
