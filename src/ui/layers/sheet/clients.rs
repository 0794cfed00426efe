//! The clients of poolers and of Redis servers, those that wait longest first.

use std::cmp::Ordering;

use super::{Known, Listing};
use crate::analysis::Moment;
use crate::analysis::moment::ClientRow;
use crate::model::backend::Client;
use crate::model::part::Missing;
use crate::model::pooler::ClientState;
use crate::model::redis::RedisClient;
use crate::model::target::TargetName;
use crate::text::Text;
use crate::ui::format;
use crate::ui::paint::Paint;
use crate::ui::state::connections::RowId;
use crate::ui::theme::Meaning;
use crate::ui::widgets::table::{Cell, Column};

/// Clients of everything that has some.
#[derive(Debug)]
pub struct Clients;

/// One client, as the list shows it.
#[derive(Debug)]
pub struct Row {
    target: TargetName,
    /// Name of its pool there.
    pool: Text,
    id: Text,
    state: &'static str,
    /// The pooler's or Redis' own word.
    word: Text,
    meaning: Meaning,
    wait_s: Option<f64>,
    age_s: Option<f64>,
    application: Text,
    user: Text,
    database: Text,
    client: Client,
    /// The pid of the backend that serves it.
    pid: Option<i32>,
    backend: Option<RowId>,
}

/// What a column shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Active, queued, idle.
    State,
    /// Queued for so long; of a Redis client, idle for so long.
    Wait,
    /// Application, or the name that a Redis client gave itself.
    Application,
    /// User.
    User,
    /// Database.
    Database,
    /// Address and port.
    Client,
    /// Whose client it is.
    Target,
    /// Connected for so long.
    Age,
    /// The backend that serves it.
    Backend,
    /// The identifier there.
    Id,
}

impl Listing for Clients {
    type Row = Row;
    type Field = Field;
    type Source<'a> = Known<'a>;

    const TITLE: &'static str = "Clients";
    const COLUMNS: &'static [Column<Field>] = &[
        Column::text(Field::State, "state", (8, 10), 95),
        Column::number(Field::Wait, "wait", 7, 100),
        Column::text(Field::Application, "application", (12, 26), 90),
        Column::text(Field::User, "user", (8, 14), 50),
        Column::text(Field::Database, "database", (8, 14), 55),
        Column::text(Field::Client, "client", (15, 24), 70),
        Column::text(Field::Target, "target", (10, 18), 60),
        Column::number(Field::Age, "age", 7, 40),
        Column::number(Field::Backend, "backend", 8, 80),
        Column::text(Field::Id, "id", (6, 16), 20),
    ];
    const SORTS: &'static [(Field, bool)] = &[
        (Field::Wait, true),
        (Field::State, false),
        (Field::Application, false),
        (Field::Client, false),
        (Field::Age, true),
        (Field::Target, false),
    ];

    fn rows(Known { moment, .. }: &Known<'_>) -> Vec<Row> {
        moment.clients.iter().filter_map(|row| line(moment, row)).collect()
    }

    fn heads(Known { moment, .. }: &Known<'_>) -> Vec<String> {
        let count = |state| moment.clients.iter().filter(|row| state_of(row) == Some(state)).count();
        let (queued, active) = (count(ClientState::Waiting), count(ClientState::Active));
        if moment.clients.is_empty() {
            return Vec::new();
        }
        vec![format!(
            "{} clients: {queued} queued for a server connection, {active} served now",
            moment.clients.len()
        )]
    }

    fn empty(Known { moment, .. }: &Known<'_>) -> String {
        let about = |missing: &&Missing| missing.what.contains("client");
        let unread =
            moment.targets.iter().find_map(|target| Some((target, target.missing.iter().find(about)?)));
        match unread {
            Some((target, missing)) => format!("{}: {}: {}", target.name, missing.what, missing.why),
            None => {
                "No client: this profile has no pooler and no Redis server, or nobody is connected to them."
                    .to_owned()
            }
        }
    }

    fn key(row: &Row) -> String {
        format!("{} {} {}", row.target, row.id, row.client)
    }

    fn compare(left: &Row, right: &Row, field: Field) -> Ordering {
        let number = |value: Option<f64>| value.unwrap_or(-1.0);
        match field {
            Field::State => left.state.cmp(right.state),
            Field::Wait => number(left.wait_s).total_cmp(&number(right.wait_s)),
            Field::Application => left.application.cmp(&right.application),
            Field::User => left.user.cmp(&right.user),
            Field::Database => left.database.cmp(&right.database),
            Field::Client => left.client.cmp(&right.client),
            Field::Target => left.target.cmp(&right.target),
            Field::Age => number(left.age_s).total_cmp(&number(right.age_s)),
            Field::Backend => left.pid.cmp(&right.pid),
            Field::Id => left.id.cmp(&right.id),
        }
    }

    fn cell<'r>(row: &'r Row, field: Field, paint: &Paint<'_>) -> Cell<'r> {
        let unknown = || Cell::muted(paint.glyphs.unknown);
        let span = |seconds: Option<f64>| seconds.map(format::seconds);
        let text = |text: &'r Text| if text.is_empty() { unknown() } else { Cell::muted(&**text) };
        match field {
            Field::State => Cell::of(row.state, row.meaning),
            Field::Wait => span(row.wait_s).map_or_else(unknown, |wait| Cell::of(wait, row.meaning)),
            Field::Application if row.application.is_empty() => unknown(),
            Field::Application => Cell::plain(&*row.application),
            Field::User => text(&row.user),
            Field::Database => text(&row.database),
            Field::Client => Cell::muted(row.client.to_string()),
            Field::Target => Cell::muted(&*row.target),
            Field::Age => span(row.age_s).map_or_else(unknown, Cell::muted),
            Field::Backend => row.pid.map_or_else(unknown, |pid| Cell::plain(pid.to_string())),
            Field::Id => text(&row.id),
        }
    }

    fn text(row: &Row) -> String {
        let pid = row.pid.map(|pid| format!(" backend {pid}")).unwrap_or_default();
        format!(
            "{} {} {} {} {}@{} {} {}{pid} ({})",
            row.target,
            row.pool,
            row.state,
            row.application,
            row.user,
            row.database,
            row.client,
            row.id,
            row.word
        )
    }

    fn connection(row: &Row) -> Option<RowId> {
        row.backend
    }

    fn client(row: &Row) -> Option<(TargetName, Text)> {
        Some((TargetName::clone(&row.target), row.id.clone()))
    }
}

fn state_of(row: &ClientRow) -> Option<ClientState> {
    row.pooled().map(|client| client.state)
}

fn line(moment: &Moment, row: &ClientRow) -> Option<Row> {
    let target = TargetName::clone(&moment.targets.get(row.target)?.name);
    let pool = row.pool.and_then(|pool| moment.pools.get(pool));
    let pool = pool.map(|pool| pool.pool.name.clone()).unwrap_or_default();
    if let Some(client) = row.redis() {
        return Some(redis(target, pool, client));
    }
    let backend = row.backend.and_then(|index| moment.backends.get(index));
    let client = row.pooled()?;
    let (state, meaning) = match client.state {
        ClientState::Waiting => ("queued", Meaning::Queued),
        ClientState::Active => ("active", Meaning::Active),
        ClientState::Idle => ("idle", Meaning::Idle),
        ClientState::Other => ("other", Meaning::Muted),
    };
    Some(Row {
        target,
        pool,
        id: client.id.clone(),
        state,
        word: client.word.clone(),
        meaning,
        wait_s: client.wait_us.map(|wait| wait as f64 / 1e6),
        age_s: client.age_s,
        application: client.application_name.clone().unwrap_or_default(),
        user: client.user.clone(),
        database: client.database.clone(),
        client: client.client.clone(),
        pid: backend.map(|row| row.backend.pid()),
        backend: backend.map(RowId::of),
    })
}

/// A client of a Redis server: no backend serves it; instead of a wait, how long it has been idle.
fn redis(target: TargetName, pool: Text, client: &RedisClient) -> Row {
    let (state, meaning) = match client {
        client if client.is_blocked() => ("blocked", Meaning::Blocked),
        client if client.is_pubsub() => ("pub/sub", Meaning::Muted),
        client if client.is_idle() => ("idle", Meaning::Idle),
        _ => ("active", Meaning::Active),
    };
    let named = if client.name.is_empty() { client.library.clone() } else { Some(client.name.clone()) };
    Row {
        target,
        pool,
        id: Text::line(&client.id.to_string()),
        state,
        word: client.command.clone(),
        meaning,
        wait_s: client.is_idle().then_some(client.idle_s as f64),
        age_s: Some(client.age_s as f64),
        application: named.unwrap_or_default(),
        user: client.user.clone(),
        database: Text::line(&format!("db{}", client.db)),
        client: client.client.clone(),
        pid: None,
        backend: None,
    }
}
