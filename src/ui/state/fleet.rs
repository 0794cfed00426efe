//! The list of the profiles that are watched together: the screen under the screen of one of them.

use std::time::Duration;

use super::app::App;
use crate::model::time::Timestamp;
use crate::ui::command::{Command, Place};
use crate::ui::contract::{Effect, FleetMember, Tone};
use crate::ui::layers::sheet::fleet::{Profiles, Standing};
use crate::ui::layers::sheet::{AnySheet as _, Sheet};

/// How long after a key the rows keep their order: nothing jumps away under the cursor while somebody moves it.
const CALM: Duration = Duration::from_secs(5);

/// The fleet, whether it is shown or one of its profiles.
#[derive(Debug)]
pub struct Fleet {
    pub(in crate::ui) standing: Standing,
    pub(in crate::ui) sheet: Sheet<Profiles>,
    /// The list is on the screen rather than one of its profiles.
    pub(in crate::ui) is_shown: bool,
    /// The last key that moved the cursor, on the monotonic clock.
    moved: Option<Duration>,
}

impl Fleet {
    /// A fleet of which nothing is known yet.
    pub(super) fn new(now: Timestamp) -> Self {
        let standing = Standing { members: Vec::new(), now };
        Self { standing, sheet: Sheet::default(), is_shown: true, moved: None }
    }

    /// Which keys the list takes.
    pub(in crate::ui) fn place(&self) -> Place {
        if self.sheet.is_typing() { Place::Line } else { Place::Fleet }
    }

    /// The profile under the cursor.
    pub(in crate::ui) fn selected(&self) -> Option<&FleetMember> {
        self.sheet.selected().map(|row| &row.member)
    }
}

impl App {
    /// The fleet, while its list is what is shown.
    pub(in crate::ui) fn shown_fleet(&self) -> Option<&Fleet> {
        self.fleet.as_ref().filter(|fleet| fleet.is_shown)
    }

    pub(super) fn shown_fleet_mut(&mut self) -> Option<&mut Fleet> {
        self.fleet.as_mut().filter(|fleet| fleet.is_shown)
    }

    pub(super) fn take_fleet(&mut self, members: Vec<FleetMember>) {
        if let Some(fleet) = &mut self.fleet {
            fleet.standing.members = members;
        }
    }

    /// The rows as of now, for the size of the terminal.
    pub(super) fn arrange_fleet(&mut self) {
        let (now, at, area) = (self.options.clock.now(), self.options.clock.monotonic(), self.area);
        let Some(fleet) = self.shown_fleet_mut() else { return };
        fleet.standing.now = now;
        fleet.sheet.keep_order(fleet.moved.is_some_and(|moved| at.saturating_sub(moved) < CALM));
        fleet.sheet.take(&fleet.standing, area);
    }

    /// A command where no layer is open: on the list of the fleet, or on the profile that is shown.
    pub(super) fn base_command(&mut self, command: Command) {
        if self.shown_fleet().is_some() {
            self.fleet_command(command);
        } else {
            self.screen_command(command);
        }
    }

    fn fleet_command(&mut self, command: Command) {
        let at = self.options.clock.monotonic();
        let Some(fleet) = self.shown_fleet_mut() else { return };
        match command {
            Command::Up
            | Command::Down
            | Command::PageUp
            | Command::PageDown
            | Command::First
            | Command::Last => {
                fleet.moved = Some(at);
                fleet.sheet.command(command);
            }
            Command::Sort | Command::Reverse | Command::Filter => {
                fleet.moved = None;
                fleet.sheet.command(command);
            }
            Command::Open if fleet.sheet.is_typing() => fleet.sheet.command(command),
            Command::Open => {
                let name = fleet.selected().map(|member| member.name.clone());
                self.effects.extend(name.map(Effect::SwitchProfile));
            }
            Command::Close => {
                fleet.sheet.clear_filter();
                self.toasts.clear();
            }
            Command::Copy => {
                if let Some(text) = fleet.sheet.copy() {
                    self.copy_text(text);
                }
            }
            Command::Back => self.quit(),
            Command::Help | Command::Palette | Command::Redraw | Command::Suspend | Command::Quit => {
                self.screen_command(command);
            }
            // There is one panel, and nothing behind it.
            Command::Fleet | Command::Left | Command::Right | Command::NextPanel | Command::PreviousPanel => {
            }
            _ => self.toast(Tone::Info, "This works on one profile: Enter opens the selected one."),
        }
    }

    /// From a profile back to the list.
    pub(super) fn return_to_fleet(&mut self) {
        let Some(fleet) = &mut self.fleet else {
            self.toast(Tone::Info, "One profile runs. `pooltop NAME NAME …` watches several.");
            return;
        };
        fleet.is_shown = true;
        self.layers.clear();
        self.filter_line = None;
        self.effects.push(Effect::Fleet);
    }
}
