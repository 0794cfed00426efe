//! From a key to a question about pools and clients of poolers, and about clients of Redis servers.

mod aims;

use std::sync::Arc;

use aims::{client_aim, id_of, pool_aims, scope_of};

use super::app::App;
use super::connections::RowId;
use crate::analysis::Moment;
use crate::analysis::moment::SeenClient;
use crate::control::confirm::{PoolLoad, PoolerAround, Question, ask_redis};
use crate::control::dialect::Dialect;
use crate::model::operation::{Aim, OperationKind, PoolScope, PoolerWords};
use crate::model::pool::{Layer as PoolLayer, Pool};
use crate::model::redis::RedisClient;
use crate::model::target::TargetName;
use crate::ui::command::Command;
use crate::ui::contract::Tone;
use crate::ui::layers::Layer;
use crate::ui::layers::choice::{Choice, Pick};
use crate::ui::layers::confirm::Confirm;
use crate::ui::layers::palette::Palette;
use crate::ui::layout::Panel;

/// More clients than this are not offered at once; the list of a busy pool shows the longest waiting first.
const CLIENTS: usize = 200;

impl App {
    /// Why a command that operates cannot be asked for here and now; `None` where it can.
    pub(in crate::ui) fn unavailable(&self, command: Command) -> Option<String> {
        let kind = match command.on_poolers() {
            _ if !command.operates() => return None,
            None => return self.cannot_operate(),
            Some(kind) => kind,
        };
        if let Some(why) = self.cannot_operate() {
            return Some(why);
        }
        let moment = self.reel.shown()?;
        if kind == OperationKind::KillClient && has_redis_clients(moment) {
            return None;
        }
        let arounds = poolers(moment);
        if arounds.is_empty() {
            return Some("No pooler of this profile has answered yet.".to_owned());
        }
        let refusals: Vec<String> = arounds
            .iter()
            .filter_map(|around| around.offers(kind).err())
            .map(|why| why.to_string())
            .collect();
        // Where one of them takes it, the choice says which do not. A kill has another way where there is none.
        let all = refusals.len() == arounds.len();
        let instead =
            kind == OperationKind::KillClient && moment.clients.iter().any(|row| row.backend.is_some());
        refusals.into_iter().next().filter(|_| all && !instead)
    }

    /// The palette, with every command that cannot be asked for now.
    pub(super) fn new_palette(&self) -> Palette {
        let reason = |command: &Command| {
            let timeless = || self.out_of_time(*command).map(str::to_owned);
            Some((*command, self.unavailable(*command).or_else(timeless)?))
        };
        Palette::new(Command::ALL.iter().filter_map(reason).collect())
    }

    /// Opens the question for an operation on poolers, or the choice on what; or says why there is none.
    pub(super) fn operate_on_poolers(&mut self, command: Command, kind: OperationKind) {
        if let Some(why) = self.unavailable(command) {
            self.toast(Tone::Warning, &why);
            return;
        }
        let Some(moment) = self.reel.shown().cloned() else { return };
        if kind == OperationKind::KillClient {
            return self.choose_client(&moment);
        }
        if let Some((target, scope)) = self.aimed_pools(kind, &moment) {
            return self.ask_pools(kind, &target, scope);
        }
        let mut aims: Vec<_> = poolers(&moment).iter().flat_map(|around| pool_aims(kind, around)).collect();
        if let [(Pick::Pools(kind, target, scope), ..)] = &aims[..] {
            let (kind, target, scope) = (*kind, Arc::clone(target), scope.clone());
            return self.ask_pools(kind, &target, scope);
        }
        aims.sort_by_key(|(pick, ..)| matches!(pick, Pick::Unavailable(_)));
        let (title, note) = (format!(" {} ", capital(kind)), "Nothing is sent before the next question.");
        self.layers.push(Layer::Choice(Choice::aims(&title, note, aims)));
    }

    /// The pools under the cursor; for RESUME, before all others, the only ones that are paused.
    fn aimed_pools(&self, kind: OperationKind, moment: &Moment) -> Option<(TargetName, PoolScope)> {
        if kind == OperationKind::Resume
            && let [(target, scope)] = &self.pauses.list(moment, self.is_past())[..]
        {
            return Some((Arc::clone(target), scope.clone()));
        }
        let line = self.pools.selected().filter(|_| self.focus == Panel::Pools)?;
        let [member] = line.members[..] else { return None };
        let row = moment.pools.get(member).filter(|row| row.pool.key.layer == PoolLayer::Pooler)?;
        let around = around(moment, row.target)?;
        let scope = scope_of(&row.pool, around.offers(kind).ok()?)?;
        Some((around.target, scope))
    }

    /// Asks about pools of a pooler.
    pub(super) fn ask_pools(&mut self, kind: OperationKind, target: &str, scope: PoolScope) {
        let Some(moment) = self.reel.shown().cloned() else { return };
        let Some(around) = place_of(&moment, target).and_then(|place| around(&moment, place)) else {
            self.toast(Tone::Warning, &format!("{target} has not answered yet."));
            return;
        };
        let question = around.ask_pools(kind, scope, &self.options.profile.policy);
        self.ask_or_say(question.map_err(|why| why.to_string()));
    }

    /// The client that the selected connection serves; else a choice among those of the selected pool, or of all.
    fn choose_client(&mut self, moment: &Moment) {
        if self.focus == Panel::Connections
            && let Some(client) = self.connections.selected(moment).and_then(|row| row.via?.client)
        {
            return self.ask_client(client);
        }
        let pools = self.pools.selected().filter(|_| self.focus == Panel::Pools);
        let in_pool = |pool: Option<usize>| {
            pools.is_none_or(|line| pool.is_some_and(|pool| line.members.contains(&pool)))
        };
        let aims: Vec<_> = moment
            .clients
            .iter()
            .filter(|row| in_pool(row.pool))
            .take(CLIENTS)
            .filter_map(|row| client_aim(moment.targets.get(row.target)?.name.clone(), &row.seen))
            .collect();
        if aims.is_empty() {
            self.toast(Tone::Info, "No client of a pooler or of a Redis server is known here.");
            return;
        }
        let note = "Those that wait longest first. Nothing is sent before the next question.";
        self.layers.push(Layer::Choice(Choice::aims(" Kill client ", note, aims)));
    }

    /// Asks about the client with this identifier, if it is still there.
    pub(super) fn ask_client_of(&mut self, target: &str, id: &str) {
        let Some(moment) = self.reel.shown().cloned() else { return };
        let place = place_of(&moment, target);
        let found = moment
            .clients
            .iter()
            .position(|row| Some(row.target) == place && id_of(&row.seen).as_deref() == Some(id));
        match found {
            Some(index) => self.ask_client(index),
            None => self.toast(Tone::Warning, "This client has left in the meantime."),
        }
    }

    /// Asks about the client in this row of [`Moment::clients`]; where its pooler cannot kill one, offers the backend.
    pub(super) fn ask_client(&mut self, index: usize) {
        let Some(moment) = self.reel.shown().cloned() else { return };
        let Some(row) = moment.clients.get(index) else { return };
        let policy = &self.options.profile.policy;
        let question = match &row.seen {
            SeenClient::Pooler(sockets, place) => around(&moment, row.target).and_then(|around| {
                let client = Arc::new(sockets.clients.get(*place)?.clone());
                let none = Dialect::of(&around.pooler).part(OperationKind::KillClient).is_err();
                Some(around.ask_client(client, policy).map_err(|why| (why.to_string(), none)))
            }),
            SeenClient::Redis(clients, place) => clients.get(*place).and_then(|client| {
                let target = &moment.targets.get(row.target)?.name;
                let question = ask_redis(target, Arc::new(client.clone()), policy);
                Some(question.map_err(|why| (why.to_string(), false)))
            }),
        };
        match (question, row.backend.and_then(|backend| moment.backends.get(backend))) {
            (None, _) => {}
            (Some(Err((why, true))), Some(backend)) => self.offer_backend(&why, RowId::of(backend), &moment),
            (Some(Err((why, true))), None) => {
                let text = format!("{why}. No backend serves this client now that could be ended instead.");
                self.toast(Tone::Warning, &text);
            }
            (Some(question), _) => self.ask_or_say(question.map_err(|(why, _)| why)),
        }
    }

    fn offer_backend(&mut self, why: &str, id: RowId, moment: &Moment) {
        let server = moment.targets.get(id.target).map(|status| status.name.to_string()).unwrap_or_default();
        let about = format!("backend {} on {server}, which serves it now", id.backend.pid);
        let aims = vec![
            (Pick::Stay, "leave it".to_owned(), String::new()),
            (Pick::Terminate(id), "terminate".to_owned(), about),
        ];
        self.layers.push(Layer::Choice(Choice::aims(" Kill client ", &format!("{why}."), aims)));
    }

    fn ask_or_say(&mut self, question: Result<Question, String>) {
        match question {
            Ok(question) => self.layers.push(Layer::Confirm(Box::new(Confirm::new(question, None)))),
            Err(why) => self.toast(Tone::Warning, &why),
        }
    }
}

/// Takes what left since out of a question about a client.
pub(super) fn refresh_client(question: &mut Question, moment: &Moment) {
    let Some(place) = place_of(moment, question.target()) else { return };
    match question.aim() {
        // Where the clients cannot be read now, nobody is said to have left.
        Aim::PooledClient(..) => {
            let view = moment.poolers.get(place).and_then(Option::as_ref);
            if let Some(sockets) = view.and_then(|view| view.sockets.clone()) {
                question.refresh_pooled(&sockets.clients);
            }
        }
        Aim::RedisClient(_) => {
            let view = moment.redis.get(place).and_then(Option::as_ref);
            if view.is_some_and(|view| view.unread.is_none()) {
                let rows = moment.clients.iter().filter(|row| row.target == place);
                question.refresh_redis(rows.filter_map(|row| redis_client(&row.seen)));
            }
        }
        Aim::Sessions { .. } | Aim::Pools(..) => {}
    }
}

fn redis_client(seen: &SeenClient) -> Option<&RedisClient> {
    match seen {
        SeenClient::Redis(clients, place) => clients.get(*place),
        SeenClient::Pooler(..) => None,
    }
}

fn has_redis_clients(moment: &Moment) -> bool {
    moment.clients.iter().any(|row| matches!(row.seen, SeenClient::Redis(..)))
}

fn place_of(moment: &Moment, target: &str) -> Option<usize> {
    moment.targets.iter().position(|status| *status.name == *target)
}

/// Every pooler that has answered.
fn poolers(moment: &Moment) -> Vec<PoolerAround> {
    (0..moment.poolers.len()).filter_map(|place| around(moment, place)).collect()
}

/// What is known about the pooler at a place of the targets; `None` where there is none that has answered.
fn around(moment: &Moment, place: usize) -> Option<PoolerAround> {
    let (view, status) = (moment.poolers.get(place)?.as_ref()?, moment.targets.get(place)?);
    let of_pooler = moment.pools.iter().filter(|row| row.target == place);
    let clients = |pool: &Pool| {
        let sockets = view.sockets.as_ref()?;
        let (user, database) = (pool.key.user.as_ref()?, pool.key.database.as_ref()?);
        let of = sockets.clients.iter().filter(|client| client.user == *user && client.database == *database);
        u32::try_from(of.count()).ok()
    };
    let load = |pool: &Pool| PoolLoad {
        database: pool.key.database.clone().unwrap_or_default(),
        user: pool.key.user.clone().unwrap_or_default(),
        clients: clients(pool),
        in_use: pool.used,
    };
    Some(PoolerAround {
        target: Arc::clone(&status.name),
        pooler: PoolerWords { kind: status.kind, version: status.version.clone()? },
        facts: view.facts.clone(),
        pools: of_pooler.map(|row| load(&row.pool)).collect(),
    })
}

fn capital(kind: OperationKind) -> String {
    let word = kind.as_str();
    let mut rest = word.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}
