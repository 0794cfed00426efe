//! What commands do on the screen itself.

use super::app::App;
use super::connections::RowId;
use super::reel::Hold;
use crate::model::target::TargetState;
use crate::ui::command::Command;
use crate::ui::contract::{Effect, Tone};
use crate::ui::layers::Layer;
use crate::ui::layers::choice::Choice;
use crate::ui::layers::page::{Page, Subject};
use crate::ui::layers::secret::Secret;
use crate::ui::layers::sheet::Sheet;
use crate::ui::layers::sheet::clients::Clients;
use crate::ui::layers::sheet::layers::Layers;
use crate::ui::layers::sheet::statements::Statements;
use crate::ui::layers::size::Size;
use crate::ui::layers::timeline::Timeline;
use crate::ui::layers::tree::Tree;
use crate::ui::layout::Panel;
use crate::ui::view::connections::Tab;
use crate::ui::view::suspects::members;

impl App {
    pub(super) fn screen_command(&mut self, command: Command) {
        match command {
            Command::Up => self.step(-1),
            Command::Down => self.step(1),
            Command::PageUp => self.step(-self.page()),
            Command::PageDown => self.step(self.page()),
            Command::First => self.step(-FAR),
            Command::Last => self.step(FAR),
            Command::NextPanel => self.focus = self.focus.step(1),
            Command::PreviousPanel => self.focus = self.focus.step(-1),
            Command::Left => self.side(-1),
            Command::Right => self.side(1),
            Command::Open => self.open(),
            command if command.operates() => self.operate(command),
            Command::Copy => self.copy(),
            Command::CopyQuery => self.copy_query(),
            Command::Close => self.close(),
            Command::Back => self.back(),
            _ => self.show_command(command),
        }
    }

    fn show_command(&mut self, command: Command) {
        match command {
            Command::TabAll => self.show_tab(Tab::All),
            Command::TabActive => self.show_tab(Tab::Active),
            Command::TabIdle => self.show_tab(Tab::Idle),
            Command::TabInTransaction => self.show_tab(Tab::InTransaction),
            Command::TabAborted => self.show_tab(Tab::Aborted),
            Command::TabBlocked => self.show_tab(Tab::Blocked),
            Command::Filter => self.start_filter(),
            Command::Sort => self.sort(),
            Command::Reverse => self.reverse(),
            Command::RollUp => {
                self.focus = Panel::Pools;
                self.pools.roll_up();
                self.refresh_lists();
            }
            Command::OnlyPool => self.only_pool(),
            Command::Mark | Command::MarkShown | Command::Unmark => self.mark(command),
            Command::MarkSuspects => self.mark_suspects(),
            command if command.travels() => self.time_command(command),
            _ => self.program_command(command),
        }
    }

    fn program_command(&mut self, command: Command) {
        match command {
            Command::Blocking => self.layers.push(Layer::Tree(Tree::default())),
            Command::Layers => self.layers.push(Layer::Sheet(Sheet::<Layers>::open())),
            Command::Clients => self.layers.push(Layer::Sheet(Sheet::<Clients>::open())),
            Command::Statements => self.layers.push(Layer::Sheet(Sheet::<Statements>::open())),
            Command::Timeline => self.layers.push(Layer::Sheet(Sheet::<Timeline>::open())),
            Command::Size => self.open_size(),
            Command::GoTo => self.ask_time(),
            Command::KeepMoment => self.keep_moment(),
            Command::Compare => self.compare(),
            Command::Help => self.layers.push(Layer::Page(Page::new(Subject::Help))),
            Command::Palette => self.layers.push(Layer::Palette(self.new_palette())),
            Command::Profiles => self.layers.push(Layer::Choice(Choice::profiles(&self.profiles))),
            Command::Fleet => self.return_to_fleet(),
            Command::Export => self.layers.push(Layer::Choice(Choice::export())),
            Command::Secret => self.ask_secret(),
            Command::Retry => self.retry(),
            Command::Redraw => self.effects.push(Effect::Redraw),
            Command::Suspend => self.effects.push(Effect::Suspend),
            Command::Quit => self.quit(),
            _ => {}
        }
    }

    fn page(&self) -> isize {
        let rows = self.layout().table_rows(self.focus).saturating_sub(1).max(1);
        isize::try_from(rows).unwrap_or(1)
    }

    fn step(&mut self, by: isize) {
        let Some(moment) = self.reel.shown().cloned() else { return };
        match self.focus {
            Panel::Pools => {
                self.pools.step(by);
                self.refresh_states();
            }
            Panel::Connections => self.connections.step(by, &moment),
            Panel::Suspects => self.suspects.step(by, &moment),
        }
    }

    fn side(&mut self, by: isize) {
        if self.focus == Panel::Connections {
            self.show_tab(self.connections.tab.step(by));
        } else {
            self.focus = self.focus.step(by);
        }
    }

    fn show_tab(&mut self, tab: Tab) {
        self.focus = Panel::Connections;
        self.connections.tab = tab;
        self.refresh_lists();
    }

    fn sort(&mut self) {
        match self.focus {
            Panel::Pools => self.pools.next_sort(),
            Panel::Connections | Panel::Suspects => self.connections.next_sort(),
        }
        self.refresh_lists();
    }

    fn reverse(&mut self) {
        let descending = match self.focus {
            Panel::Pools => &mut self.pools.sort.1,
            Panel::Connections | Panel::Suspects => &mut self.connections.sort.1,
        };
        *descending = !*descending;
        self.refresh_lists();
    }

    fn mark(&mut self, command: Command) {
        let Some(moment) = self.reel.shown().cloned() else { return };
        self.focus = Panel::Connections;
        match command {
            Command::Mark => {
                self.connections.toggle_mark(&moment);
                self.connections.step(1, &moment);
            }
            Command::MarkShown => self.connections.mark_shown(&moment),
            _ => self.connections.marks.clear(),
        }
    }

    /// From a finding to the connections that it names, marked: the guarded operations take it from there.
    pub(super) fn mark_suspects(&mut self) {
        let Some(moment) = self.reel.shown().cloned() else { return };
        let Some(finding) = self.suspects.selected(&moment) else {
            self.toast(Tone::Info, "Nothing was found, so nobody is marked.");
            return;
        };
        let named: Vec<RowId> = members(&moment, finding)
            .iter()
            .filter_map(|index| moment.backends.get(*index))
            .map(RowId::of)
            .collect();
        if named.is_empty() {
            self.toast(Tone::Info, "This finding names no connection.");
            return;
        }
        let pool = finding
            .pool
            .clone()
            .map(|key| (finding.pool_name.as_deref().unwrap_or_default().to_owned(), vec![key]));
        self.layers.clear();
        self.connections.clear_filter();
        self.connections.pools = pool;
        self.connections.tab = Tab::All;
        self.connections.marks = named.into_iter().collect();
        self.focus = Panel::Connections;
        self.refresh_lists();
    }

    fn open(&mut self) {
        let Some(moment) = self.reel.shown().cloned() else { return };
        match self.focus {
            Panel::Pools => self.open_pool(),
            Panel::Connections => {
                if let Some(id) = self.connections.selected(&moment).map(RowId::of) {
                    self.open_connection(id);
                }
            }
            Panel::Suspects => {
                if let Some(finding) = self.suspects.selected(&moment) {
                    self.layers.push(Layer::Page(Page::new(Subject::Finding(finding.key()))));
                }
            }
        }
    }

    /// Shows only the connections of the selected pools.
    fn open_pool(&mut self) {
        let (Some(line), Some(moment)) = (self.pools.selected(), self.reel.shown()) else { return };
        let first = line.members.first().and_then(|index| moment.pools.get(*index));
        // Who uses a pooler's or a Redis server's pool are clients, not backends.
        if let Some(row) = first.filter(|row| moment.servers.get(row.target).is_none_or(Option::is_none)) {
            let filter = if line.members.len() == 1 { row.pool.name.to_string() } else { String::new() };
            let filter = format!("{} {filter}", row.pool.key.target);
            self.layers.push(Layer::Sheet(Sheet::<Clients>::filtered(filter)));
            return;
        }
        let keys = line.members.iter().filter_map(|index| moment.pools.get(*index));
        let keys = keys.map(|row| row.pool.key.clone()).collect();
        self.connections.pools = Some((line.label().to_owned(), keys));
        self.focus = Panel::Connections;
        self.refresh_lists();
    }

    /// The same for the pool of the selected connection.
    fn only_pool(&mut self) {
        if self.focus == Panel::Pools {
            return self.open_pool();
        }
        let Some(moment) = self.reel.shown() else { return };
        let row = self.connections.selected(moment).and_then(|row| moment.pools.get(row.pool));
        self.connections.pools = row.map(|row| (row.pool.name.to_string(), vec![row.pool.key.clone()]));
        self.focus = Panel::Connections;
        self.refresh_lists();
    }

    /// The calculator, about the pool under the cursor where that is one.
    fn open_size(&mut self) {
        let line = self.pools.selected().filter(|line| self.focus == Panel::Pools && line.members.len() == 1);
        let place = line.and_then(|line| line.members.first());
        let row = self.reel.shown().and_then(|moment| moment.pools.get(*place?));
        let pool = row.map(|row| row.pool.name.to_string());
        self.layers.push(Layer::Size(Box::new(Size::new(pool))));
    }

    pub(super) fn open_connection(&mut self, id: RowId) {
        self.layers.push(Layer::Page(Page::new(Subject::Connection(id))));
        self.inspect(id);
    }

    /// Esc: toasts, then the filter, then the past. Never quits.
    fn close(&mut self) {
        if self.toasts.clear() {
            return;
        }
        if self.connections.is_filtered() {
            self.connections.clear_filter();
            self.refresh_lists();
        } else if self.journey.is_waiting() && self.journey.playing.is_some() {
            self.journey.stop_waiting();
        } else if self.journey.is_waiting() || self.reel.hold() != Hold::Following {
            self.follow();
        }
    }

    /// `q`: goes back to the fleet; else quits, asking once where a finding was never exported.
    fn back(&mut self) {
        if self.fleet.is_some() {
            self.return_to_fleet();
        } else if self.found_something && !self.exported && self.options.profile.asks_before_quitting() {
            self.layers.push(Layer::Choice(Choice::quit()));
        } else {
            self.quit();
        }
    }

    fn ask_secret(&mut self) {
        let Some(moment) = self.reel.newest() else { return };
        let Some(target) = moment.targets.iter().find(|target| target.needs_secret) else {
            self.toast(Tone::Info, "No target asks for a password.");
            return;
        };
        let reason = target.error.as_ref().map(|error| error.message.to_string()).unwrap_or_default();
        self.layers.push(Layer::Secret(Secret::new(target.name.clone(), reason)));
    }

    fn retry(&mut self) {
        let Some(moment) = self.reel.newest() else { return };
        let waiting: Vec<_> = moment
            .targets
            .iter()
            .filter(|target| target.state != TargetState::Live)
            .map(|target| target.name.clone())
            .collect();
        if waiting.is_empty() {
            self.toast(Tone::Info, "Every target is live.");
        }
        self.effects.extend(waiting.into_iter().map(Effect::Retry));
    }
}

/// Further than any list is long.
const FAR: isize = isize::MAX / 2;
