//! What changes seldom: databases, users, settings, the pooler's own state.

use std::collections::HashMap;

use super::columns::{Column, Row, find, need, number};
use super::dialect::{Dialect, Fact};
use crate::connect::Answer;
use crate::model::pooler::{
    ConsoleRight, PoolerConfig, PoolerDatabase, PoolerFacts, PoolerState, PoolerUser,
};
use crate::model::target::TargetError;
use crate::source::postgres::intern::Interner;
use crate::text::{Text, span};

/// Who asks, and over what.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    /// Our user.
    pub(super) user: String,
    /// Over a Unix socket.
    pub(super) unix: bool,
}

/// Enters one answer.
pub(super) fn enter(
    facts: &mut PoolerFacts,
    fact: Fact,
    answer: &Answer,
    (dialect, asker): (&Dialect, &Asker),
    texts: &mut Interner,
) -> Result<(), TargetError> {
    match fact {
        Fact::Databases => facts.databases = databases(answer, dialect, texts)?,
        Fact::Users => facts.users = users(answer, texts)?,
        Fact::Config => {
            let settings = pairs(answer, "SHOW CONFIG", ["key", "name"])?;
            facts.config = config(&settings);
            facts.right = right(&settings, asker);
            facts.one_of_several = shared_port(&settings);
        }
        Fact::Lists => {
            let lists = pairs(answer, "SHOW LISTS", ["list", "list"])?;
            let items = |name: &str| lists.get(name).and_then(|items| count(items));
            facts.used_clients = items("used_clients");
            let peers = items("peers").filter(|peers| *peers > 0);
            let of_peers = |peers| Text::line(&format!("one of {peers} peers, each with its own console"));
            facts.one_of_several = facts.one_of_several.take().or(peers.map(of_peers));
        }
        Fact::State => facts.state = state(&pairs(answer, "SHOW STATE", ["key", "key"])?),
    }
    Ok(())
}

fn databases(
    answer: &Answer,
    dialect: &Dialect,
    texts: &mut Interner,
) -> Result<Vec<PoolerDatabase>, TargetError> {
    let [name] = need(answer, "SHOW DATABASES", ["name"])?;
    let [host, port, database, force_user, pool_mode] =
        find(answer, ["host", "port", "database", "force_user", "pool_mode"]);
    let [pool_size, old_reserve, new_reserve, min_pool_size, paused, disabled] = find(
        answer,
        ["pool_size", "reserve_pool", "reserve_pool_size", "min_pool_size", "paused", "disabled"],
    );
    let servers = find(answer, ["max_connections", "current_connections"]);
    let clients = find(answer, ["max_client_connections", "current_client_connections"]);
    let (servers, clients) =
        if dialect.databases_count_clients { ([Column::NONE; 2], servers) } else { (servers, clients) };
    let read = |row: &Row, texts: &mut Interner| PoolerDatabase {
        name: name.line(row, texts),
        host: host.given(row, texts),
        port: port.count(row).and_then(|port| u16::try_from(port).ok()),
        server_database: database.given(row, texts),
        force_user: force_user.given(row, texts),
        pool_size: pool_size.bound(row),
        reserve: new_reserve.count(row).or(old_reserve.count(row)),
        min_pool_size: min_pool_size.count(row),
        pool_mode: pool_mode.given(row, texts),
        max_connections: servers[0].bound(row),
        current_connections: servers[1].count(row),
        max_clients: clients[0].bound(row),
        current_clients: clients[1].count(row),
        paused: paused.is_on(row),
        disabled: disabled.is_on(row),
    };
    let rows = answer.rows.iter().filter(|row| !dialect.is_console(name.raw(row)));
    Ok(rows.map(|row| read(row, texts)).collect())
}

/// Sizes are padded, and empty where the user has none of its own.
fn users(answer: &Answer, texts: &mut Interner) -> Result<Vec<PoolerUser>, TargetError> {
    let [name] = need(answer, "SHOW USERS", ["name"])?;
    let [pool_size, pool_mode] = find(answer, ["pool_size", "pool_mode"]);
    let servers = find(answer, ["max_user_connections", "current_connections"]);
    let clients = find(answer, ["max_user_client_connections", "current_client_connections"]);
    let read = |row: &Row, texts: &mut Interner| PoolerUser {
        name: name.line(row, texts),
        pool_size: pool_size.bound(row),
        pool_mode: pool_mode.given(row, texts),
        max_connections: servers[0].bound(row),
        current_connections: servers[1].count(row),
        max_clients: clients[0].bound(row),
        current_clients: clients[1].count(row),
    };
    Ok(answer.rows.iter().map(|row| read(row, texts)).collect())
}

/// Lists of names and values. The name's column is called one of two things.
fn pairs<'a>(
    answer: &'a Answer,
    of: &str,
    [name, other]: [&str; 2],
) -> Result<HashMap<&'a str, &'a str>, TargetError> {
    let name = if answer.column(name).is_some() { name } else { other };
    let [key] = need(answer, of, [name])?;
    let [value, items] = find(answer, ["value", "items"]);
    let value = if value.exists() { value } else { items };
    Ok(answer.rows.iter().map(|row| (key.word(row), value.word(row).trim())).collect())
}

fn count(value: &str) -> Option<u32> {
    number(value.as_bytes()).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

fn config(settings: &HashMap<&str, &str>) -> PoolerConfig {
    let text = |name: &str| settings.get(name).copied().filter(|value| !value.is_empty());
    let size = |name: &str| text(name).and_then(count);
    let bound = |name: &str| size(name).filter(|bound| *bound > 0);
    // PgBouncer counts in seconds, at times with decimals; PgDog writes units.
    let seconds = |name: &str| {
        let span = text(name).and_then(span::parse_or_seconds).map(|span| span.as_secs_f64());
        span.filter(|seconds| *seconds > 0.0)
    };
    PoolerConfig {
        max_client_conn: bound("max_client_conn"),
        default_pool_size: bound("default_pool_size"),
        reserve_pool_size: size("reserve_pool_size"),
        pool_mode: text("pool_mode").or(text("pooler_mode")).map(Text::line),
        max_db_connections: bound("max_db_connections"),
        max_user_connections: bound("max_user_connections"),
        query_wait_timeout_s: seconds("query_wait_timeout").or(seconds("checkout_timeout")),
        server_idle_timeout_s: seconds("server_idle_timeout").or(seconds("idle_timeout")),
        server_lifetime_s: seconds("server_lifetime"),
        server_login_retry_s: seconds("server_login_retry"),
        max_prepared_statements: size("max_prepared_statements"),
        so_reuseport: text("so_reuseport").map(|value| value == "1"),
    }
}

/// What the lists of users give ours. They are read again and again, as they apply to the next connection.
fn right(settings: &HashMap<&str, &str>, asker: &Asker) -> ConsoleRight {
    let names = |list: &str| {
        let list = settings.get(list).copied().unwrap_or_default();
        list.split(',').any(|name| name.trim().trim_matches('"') == asker.user)
    };
    if names("admin_users") {
        return ConsoleRight::Admin;
    }
    match settings.get("auth_type") {
        _ if names("stats_users") => ConsoleRight::Stats,
        // Whoever runs the pooler is let in by this name without being listed.
        Some(_) if asker.unix && asker.user == "pgbouncer" => ConsoleRight::Admin,
        // Everybody is let in to look.
        Some(&"any") => ConsoleRight::Stats,
        _ => ConsoleRight::Unknown,
    }
}

fn shared_port(settings: &HashMap<&str, &str>) -> Option<Text> {
    let is =
        |name: &str, off: &str| settings.get(name).is_some_and(|value| !value.is_empty() && *value != off);
    match () {
        () if is("so_reuseport", "0") => Some(
            "so_reuseport is on: other processes may share the port, and each has its own console".into(),
        ),
        () if is("peer_id", "0") => Some("peer_id is set: one process of several".into()),
        () => None,
    }
}

fn state(settings: &HashMap<&str, &str>) -> Option<PoolerState> {
    let is = |name: &str| settings.get(name) == Some(&"yes");
    [("suspended", PoolerState::Suspended), ("paused", PoolerState::Paused), ("active", PoolerState::Active)]
        .into_iter()
        .find(|(name, _)| is(name))
        .map(|(_, state)| state)
}
