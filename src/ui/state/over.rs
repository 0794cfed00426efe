//! What commands do while a layer is open or the filter is typed.

use std::collections::HashSet;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};
use tui_input::Input as LineInput;

use super::app::App;
use super::line;
use crate::model::operation::{Operation, Victim};
use crate::model::secret::SecretString;
use crate::ui::command::Command;
use crate::ui::contract::{Effect, SnapshotFormat, Tone};
use crate::ui::layers::Layer;
use crate::ui::layers::choice::Pick;
use crate::ui::layers::confirm::Then;
use crate::ui::layers::page::Subject;
use crate::ui::layers::palette::Asked;
use crate::ui::layout::Panel;

impl App {
    pub(super) fn layer_command(&mut self, command: Command) {
        match (self.layers.last_mut(), command) {
            (_, Command::Redraw) => self.effects.push(Effect::Redraw),
            (_, Command::Suspend) => self.effects.push(Effect::Suspend),
            (Some(Layer::Confirm(confirm)), command) => {
                let then = confirm.command(command);
                self.after_question(then);
            }
            (Some(Layer::Choice(choice)), Command::Back) if choice.asks_to_quit() => self.quit(),
            // Esc in a sheet ends its filter first.
            (Some(Layer::Sheet(sheet)), Command::Close) if sheet.is_filtered() => sheet.clear_filter(),
            (_, Command::Close | Command::Back)
            | (Some(Layer::Tree(_)), Command::Blocking)
            | (
                Some(Layer::Sheet(_)),
                Command::Statements | Command::Clients | Command::Layers | Command::Timeline,
            ) => {
                drop(self.layers.pop());
            }
            (_, Command::Help) => self.help(),
            (_, Command::Cancel | Command::Terminate) => self.operate(command),
            (_, Command::Open | Command::Answer) => self.enter(),
            (Some(Layer::Page(_) | Layer::Tree(_) | Layer::Sheet(_)), command) if command.travels() => {
                self.time_command(command);
            }
            (Some(Layer::Page(page)), Command::MarkSuspects)
                if matches!(page.subject, Subject::Finding(_)) =>
            {
                self.mark_suspects();
            }
            (Some(Layer::Page(_) | Layer::Tree(_) | Layer::Sheet(_) | Layer::Size(_)), Command::Copy) => {
                self.copy();
            }
            (Some(Layer::Page(_) | Layer::Tree(_) | Layer::Sheet(_)), Command::CopyQuery) => {
                self.copy_query();
            }
            (Some(Layer::Page(page)), Command::Compare) if page.subject == Subject::Compare => {
                self.layers.pop();
            }
            (Some(Layer::Page(_) | Layer::Tree(_) | Layer::Sheet(_)), Command::Compare) => self.compare(),
            (Some(Layer::Page(page)), command) => page.command(command),
            (Some(Layer::Sheet(sheet)), Command::KillClient) => {
                if let Some((target, id)) = sheet.client() {
                    self.ask_client_of(&target, &id);
                }
            }
            (Some(Layer::Sheet(sheet)), command) => sheet.command(command),
            (Some(Layer::Size(size)), command) => size.command(command),
            (Some(Layer::Tree(tree)), command) => tree.command(command),
            (Some(Layer::Choice(choice)), command) => choice.command(command),
            (Some(Layer::Palette(palette)), command) => palette.command(command),
            (Some(Layer::GoTo(_) | Layer::Secret(_)) | None, _) => {}
        }
    }

    /// Help over help closes it.
    fn help(&mut self) {
        let open = |layer: &Layer| matches!(layer, Layer::Page(page) if page.subject == Subject::Help);
        if self.layers.last().is_some_and(open) {
            self.layers.pop();
        } else {
            self.screen_command(Command::Help);
        }
    }

    /// Enter in a layer.
    fn enter(&mut self) {
        match self.layers.last_mut() {
            Some(Layer::Tree(tree)) => {
                let id = self.reel.shown().and_then(|moment| tree.selected(moment));
                if let Some(id) = id {
                    self.open_connection(id);
                }
            }
            Some(Layer::Sheet(sheet)) if sheet.is_typing() => sheet.command(Command::Open),
            Some(Layer::Sheet(sheet)) => {
                if let Some(at) = sheet.time() {
                    self.layers.clear();
                    self.go_to_mark(at);
                } else if let Some(id) = sheet.connection() {
                    self.open_connection(id);
                }
            }
            Some(Layer::Size(size)) => size.command(Command::Down),
            Some(Layer::Choice(choice)) => {
                let picked = choice.picked();
                self.layers.pop();
                self.pick(picked);
            }
            Some(Layer::Palette(palette)) => {
                let asked = palette.asked();
                self.layers.pop();
                self.ask(asked);
            }
            Some(Layer::GoTo(goto)) => {
                let typed = goto.input.value().to_owned();
                self.go_to_typed(&typed);
            }
            Some(Layer::Secret(secret)) => {
                let (target, typed) = (Arc::clone(&secret.target), secret.take());
                self.layers.pop();
                self.give(target, typed);
            }
            _ => {}
        }
    }

    fn pick(&mut self, picked: Option<Pick>) {
        match picked {
            Some(Pick::Profile(name)) => self.effects.push(Effect::SwitchProfile(name)),
            Some(Pick::Format(format)) => self.export(format),
            Some(Pick::Pools(kind, target, scope)) => self.ask_pools(kind, &target, scope),
            Some(Pick::Client(target, id)) => self.ask_client_of(&target, &id),
            Some(Pick::Terminate(id)) => self.ask_to_terminate(id),
            Some(Pick::Unavailable(why)) => self.toast(Tone::Warning, &why),
            Some(Pick::Quit) => self.quit(),
            Some(Pick::Stay) | None => {}
        }
    }

    fn ask(&mut self, asked: Asked) {
        match asked {
            Asked::Run(command) => self.base_command(command),
            Asked::Save(name) => self.effects.push(Effect::SaveProfile(name)),
            Asked::Theme(name) => self.load_theme(&name),
            Asked::Profile(name) => self.effects.push(Effect::SwitchProfile(name.as_str().into())),
            Asked::Export(format) => self.export(format),
            Asked::GoTo(time) => self.go_to_typed(&time),
            Asked::Unknown(what) => self.toast(Tone::Warning, &what),
        }
    }

    fn load_theme(&mut self, name: &str) {
        match self.options.themes.load(name, self.options.theme.depth()) {
            Ok(theme) => {
                self.options.theme = theme;
                self.effects.push(Effect::Redraw);
            }
            Err(error) => self.toast(Tone::Warning, &error.to_string()),
        }
    }

    fn export(&mut self, format: SnapshotFormat) {
        let Some(moment) = self.reel.shown().map(Arc::clone) else {
            self.toast(Tone::Warning, "Nothing was seen yet.");
            return;
        };
        let now = self.options.clock.now();
        let picture = (format == SnapshotFormat::Svg).then(|| self.picture(&moment, now));
        self.effects.push(Effect::Export { format, moment, picture });
    }

    fn give(&mut self, target: crate::model::target::TargetName, secret: SecretString) {
        self.effects.push(Effect::Secret(target, secret));
    }

    fn after_question(&mut self, then: Then) {
        match then {
            Then::Stay => {}
            Then::Close => drop(self.layers.pop()),
            Then::Execute(confirmed) => {
                self.layers.pop();
                self.toast(Tone::Info, &sent(confirmed.get()));
                self.unmark(confirmed.get());
                self.effects.push(Effect::Execute(confirmed));
            }
            Then::Age(age) => self.ask_idle_anew(age),
        }
    }

    /// Takes the marks from those that are dealt with; the rest stay marked for the next time.
    fn unmark(&mut self, operation: &Operation) {
        let Some(moment) = self.reel.newest() else { return };
        let place = moment.targets.iter().position(|status| status.name == operation.target);
        let done: HashSet<_> = operation.victims().iter().map(Victim::id).collect();
        self.connections.marks.retain(|id| Some(id.target) != place || !done.contains(&id.backend));
    }

    /// A character of the profile's name. In front of it `+` and `-` still change the age.
    pub(super) fn type_name(&mut self, key: KeyEvent) {
        let Some(Layer::Confirm(confirm)) = self.layers.last_mut() else { return };
        if !confirm.wants_name() {
            return;
        }
        let command = match key.code {
            KeyCode::Char('+') => Command::Older,
            KeyCode::Char('-') => Command::Younger,
            _ => Command::Redraw,
        };
        if confirm.age_s.is_some() && confirm.name.value().is_empty() && command != Command::Redraw {
            let then = confirm.command(command);
            self.after_question(then);
        } else {
            line::key(&mut confirm.name, key);
        }
    }

    pub(super) fn start_filter(&mut self) {
        self.focus = Panel::Connections;
        self.filter_line = Some(LineInput::new(self.connections.typed.clone()));
    }

    /// Enter keeps the filter, Esc takes it away; the arrows still move through the list.
    pub(super) fn filter_command(&mut self, command: Command) {
        match command {
            Command::Open if self.connections.filter_error.is_none() => self.filter_line = None,
            Command::Close => {
                self.filter_line = None;
                self.connections.clear_filter();
                self.refresh_lists();
            }
            Command::Up | Command::Down => self.screen_command(command),
            _ => {}
        }
    }
}

/// What is said as soon as an operation is on its way.
fn sent(operation: &Operation) -> String {
    let about = format!("{} on {}: sent", operation.kind, operation.target);
    match &operation.ids()[..] {
        [id] if id.pid().is_none() => format!("{about}, {id}"),
        ids => format!("{about} to {}", ids.len()),
    }
}
