//! Rows of Redis clients, and what Redis never tells.

use crate::analysis::Moment;
use crate::analysis::moment::{ClientRow, SeenClient};
use crate::export::snapshot::Client;
use crate::model::backend;
use crate::model::part::Missing;
use crate::model::redis::RedisClient;
use crate::text::Text;

/// A row of `clients[]`; `None` where it is no client of a Redis server.
pub(super) fn client(row: &ClientRow, moment: &Moment) -> Option<Client> {
    let SeenClient::Redis(clients, index) = &row.seen else { return None };
    let client = clients.get(*index)?;
    let given = |text: &Text| (!text.is_empty()).then(|| text.clone());
    Some(Client {
        target: moment.targets.get(row.target)?.name.clone(),
        pool: row.pool.and_then(|pool| moment.pools.get(pool)).map(|pool| pool.pool.name.clone()),
        id: Text::line(&client.id.to_string()),
        application_name: given(&client.name),
        user: given(&client.user),
        database: Some(Text::line(&client.db.to_string())),
        client: client.client.addr().cloned(),
        client_port: match client.client {
            backend::Client::Tcp { port, .. } => Some(port),
            backend::Client::Local | backend::Client::Unknown => None,
        },
        state: state(client).into(),
        wait_s: None,
        age_s: Some(client.age_s as f64),
        pid: None,
    })
}

/// What a client does, in one word; Redis itself has flags.
fn state(client: &RedisClient) -> &'static str {
    match client {
        client if client.is_blocked() => "blocked",
        client if client.is_pubsub() => "subscribed",
        client if client.is_idle() => "idle",
        _ => "active",
    }
}

/// What no row of a Redis server has.
pub(super) fn never_read() -> Missing {
    Missing::new(
        "which connections of a Redis pool are checked out, and who waits for one",
        "a server cannot see it: used counts clients with a command in the last second, blocked, subscribed or in MULTI",
    )
}
