//! From a key to a question: which sessions, and why an operation cannot be asked for here.

use std::sync::Arc;
use std::time::Duration;

use super::app::App;
use super::connections::RowId;
use crate::analysis::Moment;
use crate::analysis::moment::BackendRow;
use crate::control::confirm::{PoolShare, Question, Surroundings};
use crate::model::operation::{Aim, Operation, OperationKind, Victim};
use crate::model::thresholds::Thresholds;
use crate::text::Text;
use crate::ui::command::Command;
use crate::ui::contract::{Effect, Tone};
use crate::ui::layers::Layer;
use crate::ui::layers::confirm::Confirm;
use crate::ui::layers::detail::Inspection;
use crate::ui::layers::page::Subject;
use crate::ui::layout::{Panel, Shape};
use crate::ui::view::suspects::{self, members};

/// Whom an operation is aimed at, before anybody was asked.
#[derive(Debug, Default)]
struct Chosen {
    target: usize,
    rows: Vec<usize>,
    /// Marked, but hidden by the filter.
    hidden: Vec<usize>,
    /// The evidence, for the audit.
    reason: Option<Text>,
    /// For idle transactions: from which age on, s.
    age_s: Option<u32>,
}

impl App {
    /// Opens the question for an operation, or says why there is none.
    pub(super) fn operate(&mut self, command: Command) {
        if let Some(kind) = command.on_poolers() {
            return self.operate_on_poolers(command, kind);
        }
        if let Some(why) = self.cannot_operate() {
            self.toast(Tone::Warning, &why);
            return;
        }
        let Some(moment) = self.reel.shown().cloned() else { return };
        let kind = if command == Command::Cancel { OperationKind::Cancel } else { OperationKind::Terminate };
        let aim = match command {
            Command::TerminateIdle => Ok(self.aim_at_idle(&moment, self.default_age())),
            _ => self.aim(&moment),
        };
        match aim {
            Ok(aim) => self.ask_about(kind, &aim, &moment),
            Err(why) => self.toast(Tone::Warning, &why),
        }
    }

    fn ask_about(&mut self, kind: OperationKind, aim: &Chosen, moment: &Moment) {
        match self.question(kind, aim, moment) {
            Ok(question) => {
                self.layers.push(Layer::Confirm(Box::new(Confirm::new(question, aim.age_s))));
                self.refresh_question();
                self.inspect_question();
            }
            Err(why) => self.toast(Tone::Warning, &why),
        }
    }

    /// Asks about terminating one backend, if it is still there.
    pub(super) fn ask_to_terminate(&mut self, id: RowId) {
        let Some(moment) = self.reel.shown().cloned() else { return };
        match moment.backends.iter().position(|row| RowId::of(row) == id) {
            Some(row) => {
                let aim = Chosen { target: id.target, rows: vec![row], ..Chosen::default() };
                self.ask_about(OperationKind::Terminate, &aim, &moment);
            }
            None => self.toast(Tone::Warning, "This connection is gone."),
        }
    }

    pub(super) fn cannot_operate(&self) -> Option<String> {
        let profile = &self.options.profile;
        if matches!(profile.feed, crate::ui::contract::Feed::Recording(_)) {
            return Some("This is a recording: there is nothing to operate on.".to_owned());
        }
        if profile.is_read_only() {
            return Some(format!("{} is read-only: nothing is sent to any target.", profile.name));
        }
        self.is_past()
            .then(|| "This is the past. > goes back to the present; operations work there.".to_owned())
    }

    /// The session of the top layer, the members of the selected finding, the marked, or the selected.
    fn aim(&self, moment: &Moment) -> Result<Chosen, String> {
        if let Some(id) = self.layered(moment)? {
            return Ok(Chosen { target: id.0, rows: vec![id.1], ..Chosen::default() });
        }
        let on_finding = self.layers.last().is_some() || self.focus == Panel::Suspects;
        if on_finding {
            return self.aim_at_finding(moment);
        }
        if !self.connections.marks.is_empty() {
            return self.aim_at_marks(moment);
        }
        if self.focus == Panel::Pools {
            return Err(
                "Enter shows the pool's connections; mark them there, or X ends its idle transactions."
                    .into(),
            );
        }
        let selected = self.connections.rows.get(self.connections.at).map(|index| *index as usize);
        let row = selected.and_then(|index| moment.backends.get(index).map(|row| (index, row)));
        let (index, row) = row.ok_or("No connection is selected.")?;
        Ok(Chosen { target: row.target, rows: vec![index], ..Chosen::default() })
    }

    /// The session that a detail page or the tree shows, as target and row.
    fn layered(&self, moment: &Moment) -> Result<Option<(usize, usize)>, String> {
        let id = match self.layers.last() {
            Some(Layer::Page(page)) => match &page.subject {
                Subject::Connection(id) => *id,
                Subject::Finding(_) => return Ok(None),
                Subject::Help | Subject::Compare => return Err("Nothing to operate on here.".to_owned()),
            },
            Some(Layer::Tree(tree)) => tree.selected(moment).ok_or(
                "A prepared transaction has no session: COMMIT PREPARED or ROLLBACK PREPARED ends it.",
            )?,
            _ => return Ok(None),
        };
        let place = moment.backends.iter().position(|row| RowId::of(row) == id);
        place.map(|place| Some((id.target, place))).ok_or_else(|| "This connection is gone.".to_owned())
    }

    fn aim_at_finding(&self, moment: &Moment) -> Result<Chosen, String> {
        let finding = match self.layers.last() {
            Some(Layer::Page(page)) => match &page.subject {
                Subject::Finding(key) => suspects::find(key, moment),
                _ => None,
            },
            _ => self.suspects.selected(moment),
        };
        let finding = finding.ok_or("No finding is selected.")?;
        let rows = members(moment, finding);
        let first = rows.first().and_then(|index| moment.backends.get(*index));
        let target = first.ok_or("This finding names no connection that is still there.")?.target;
        Ok(Chosen { target, rows, reason: Some(finding.title.clone()), ..Chosen::default() })
    }

    /// The marked ones of one target; marks on others stay for the next time.
    fn aim_at_marks(&self, moment: &Moment) -> Result<Chosen, String> {
        let marked = |row: &BackendRow| self.connections.marks.contains(&RowId::of(row));
        let target = self.connections.selected(moment).filter(|row| marked(row));
        let target = target.or_else(|| moment.backends.iter().find(|row| marked(row)));
        let target = target.ok_or("What was marked is gone.")?.target;
        let mut shown = self.connections.lets_through(moment);
        let mut aim = Chosen { target, ..Chosen::default() };
        for (index, row) in
            moment.backends.iter().enumerate().filter(|(_, row)| row.target == target && marked(row))
        {
            if shown(row) { aim.rows.push(index) } else { aim.hidden.push(index) }
        }
        Ok(aim)
    }

    /// Every transaction that is idle for at least `age_s` and that the filter lets through.
    fn aim_at_idle(&self, moment: &Moment, age_s: u32) -> Chosen {
        let target = self.connections.selected(moment).map(|row| row.target);
        let target = target.or_else(|| moment.servers.iter().position(Option::is_some)).unwrap_or(0);
        let least = Duration::from_secs(age_s.into());
        let mut shown = self.connections.lets_through(moment);
        let old = |row: &BackendRow| {
            let age = row.backend.state_change.map(|since| moment.sampled_at(row).age_of(since));
            row.backend.state.is_idle_in_transaction() && age.is_some_and(|age| age >= least)
        };
        let rows = moment
            .backends
            .iter()
            .enumerate()
            .filter(|(_, row)| row.target == target && old(row) && shown(row));
        let rows = rows.map(|(index, _)| index).collect();
        let reason = Text::line(&format!("idle in transaction for at least {age_s} s"));
        Chosen { target, rows, hidden: Vec::new(), reason: Some(reason), age_s: Some(age_s) }
    }

    /// Ten minutes, compressed as the profile's thresholds are.
    fn default_age(&self) -> u32 {
        let thresholds = Thresholds::default().scaled(self.options.profile.time_scale);
        u32::try_from(thresholds.terminate_idle_in_transaction.as_secs()).unwrap_or(600).max(1)
    }

    fn question(&self, kind: OperationKind, aim: &Chosen, moment: &Moment) -> Result<Question, String> {
        let server =
            moment.servers.get(aim.target).and_then(Option::as_ref).ok_or("This target was not seen yet.")?;
        let target = moment.targets.get(aim.target).ok_or("This target is not there.")?;
        let victims = |rows: &[usize]| -> Vec<Victim> {
            let rows = rows.iter().filter_map(|index| moment.backends.get(*index));
            rows.map(|row| Victim::from_seen(Arc::clone(&row.backend))).collect()
        };
        let sessions = Aim::Sessions { identity: server.identity.clone(), victims: victims(&aim.rows) };
        let (target, reason) = (Arc::clone(&target.name), aim.reason.clone());
        let operation = Operation { kind, target, aim: sessions, reason };
        let around = surroundings(moment, aim.target);
        let question = Question::new(operation, &self.options.profile.policy, &around);
        question.map(|question| question.with_filtered(victims(&aim.hidden))).map_err(|why| why.to_string())
    }

    /// The same question for another age.
    pub(super) fn ask_idle_anew(&mut self, age_s: u32) {
        let Some(moment) = self.reel.shown().cloned() else { return };
        let aim = self.aim_at_idle(&moment, age_s);
        if let Ok(question) = self.question(OperationKind::Terminate, &aim, &moment)
            && let Some(Layer::Confirm(confirm)) = self.layers.last_mut()
        {
            confirm.ask_anew(question, age_s);
        }
        self.refresh_question();
        self.inspect_question();
    }

    fn inspect_question(&mut self) {
        if let Some(Layer::Confirm(confirm)) = self.layers.last()
            && !confirm.question.asked().is_empty()
        {
            self.effects.push(Effect::Inspect(confirm.question.operation()));
        }
    }

    /// Asks what one connection holds. Answered later; nobody may ask in read-only or in the past.
    pub(super) fn inspect(&mut self, id: RowId) {
        let Some(moment) = self.reel.shown().cloned() else { return };
        let Some((index, _)) = moment.backends.iter().enumerate().find(|(_, row)| RowId::of(row) == id)
        else {
            return;
        };
        if self.cannot_operate().is_some() {
            self.inspections.insert(id, Inspection::Unavailable);
            return;
        }
        let aim = Chosen { target: id.target, rows: vec![index], ..Chosen::default() };
        let (Some(server), Some(target)) =
            (moment.servers.get(aim.target).and_then(Option::as_ref), moment.targets.get(aim.target))
        else {
            return;
        };
        self.inspections.entry(id).or_insert(Inspection::Pending);
        self.effects.push(Effect::Inspect(Operation {
            kind: OperationKind::Terminate,
            target: Arc::clone(&target.name),
            aim: Aim::Sessions {
                identity: server.identity.clone(),
                victims: vec![Victim::from_seen(Arc::clone(&moment.backends[index].backend))],
            },
            reason: None,
        }));
    }

    /// The detail at the right asks only about a row on which the cursor rests.
    pub(super) fn inspect_settled(&mut self) {
        if self.layout().shape != Shape::Wide {
            return;
        }
        let selected = self.reel.shown().and_then(|moment| self.connections.selected(moment)).map(RowId::of);
        let rests = selected.is_some() && selected == self.settled;
        self.settled = selected;
        if let Some(id) = selected.filter(|id| rests && !self.inspections.contains_key(id)) {
            self.inspect(id);
            self.arrange();
        }
    }
}

/// What is known around the sessions of one target. pooltop's own are not in the sample at all.
pub fn surroundings(moment: &Moment, target: usize) -> Surroundings {
    let facts = moment.servers.get(target).and_then(Option::as_ref).and_then(|server| server.facts.as_ref());
    let superusers = facts.iter().flat_map(|facts| &facts.roles).filter(|role| role.superuser);
    let mut members: Vec<Vec<i32>> = vec![Vec::new(); moment.pools.len()];
    for row in moment.backends.iter().filter(|row| row.target == target) {
        if let Some(pool) = members.get_mut(row.pool) {
            pool.push(row.backend.pid());
        }
    }
    let pools = moment.pools.iter().zip(members).filter(|(_, members)| !members.is_empty());
    Surroundings {
        own: Vec::new(),
        superusers: superusers.map(|role| role.name.clone()).collect(),
        pools: pools
            .map(|(row, members)| PoolShare {
                name: row.pool.name.clone(),
                members,
                via_pooler: row.pool.via_pooler,
            })
            .collect(),
    }
}
