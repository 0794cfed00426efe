//! On what an operation on poolers can be asked about, as lines of a choice.

use std::sync::Arc;

use crate::analysis::moment::SeenClient;
use crate::control::confirm::PoolerAround;
use crate::control::dialect::Part;
use crate::model::operation::{OperationKind, PoolScope};
use crate::model::pool::Pool;
use crate::model::target::TargetName;
use crate::text::Text;
use crate::ui::layers::choice::Pick;

/// The name of the console among the databases.
const CONSOLE: &str = "pgbouncer";

/// On how much of a pool's pooler an operation would act.
pub(super) fn scope_of(pool: &Pool, part: Part) -> Option<PoolScope> {
    let (database, user) = (pool.key.database.clone(), pool.key.user.clone());
    match part {
        Part::Whole => Some(PoolScope::default()),
        Part::Database | Part::DatabaseOrWhole => Some(PoolScope { database: Some(database?), user: None }),
        Part::PoolOrWhole => Some(PoolScope { database: Some(database?), user: Some(user?) }),
        Part::Client => None,
    }
}

/// Everything of one pooler on which an operation could be asked about.
pub(super) fn pool_aims(kind: OperationKind, around: &PoolerAround) -> Vec<(Pick, String, String)> {
    let name = around.target.to_string();
    let part = match around.offers(kind) {
        Ok(part) => part,
        Err(why) => return vec![(Pick::Unavailable(why.to_string()), name, why.to_string())],
    };
    let mut scopes: Vec<PoolScope> = match part {
        Part::Whole | Part::Client => Vec::new(),
        Part::Database | Part::DatabaseOrWhole => {
            let listed =
                around.facts.iter().flat_map(|facts| &facts.databases).map(|database| &database.name);
            let names = around.pools.iter().map(|pool| &pool.database).chain(listed);
            names.map(|name| PoolScope { database: Some(name.clone()), user: None }).collect()
        }
        Part::PoolOrWhole => around
            .pools
            .iter()
            .map(|pool| PoolScope { database: Some(pool.database.clone()), user: Some(pool.user.clone()) })
            .collect(),
    };
    scopes.retain(|scope| scope.database.as_deref() != Some(CONSOLE));
    scopes.sort();
    scopes.dedup();
    if part != Part::Database {
        scopes.push(PoolScope::default());
    }
    let pick = |scope: PoolScope| {
        let about = scope.to_string();
        (Pick::Pools(kind, Arc::clone(&around.target), scope), name.clone(), about)
    };
    scopes.into_iter().map(pick).collect()
}

/// The identifier of a client.
pub(super) fn id_of(seen: &SeenClient) -> Option<Text> {
    match seen {
        SeenClient::Pooler(sockets, place) => sockets.clients.get(*place).map(|client| client.id.clone()),
        SeenClient::Redis(clients, place) => {
            clients.get(*place).map(|client| Text::line(&client.id.to_string()))
        }
    }
}

/// One client in the choice.
pub(super) fn client_aim(target: TargetName, seen: &SeenClient) -> Option<(Pick, String, String)> {
    let (name, about) = match seen {
        SeenClient::Pooler(sockets, place) => {
            let client = sockets.clients.get(*place)?;
            let name = client.application_name.clone().unwrap_or_default();
            (name, format!("{}/{} from {}, {}", client.database, client.user, client.client, client.word))
        }
        SeenClient::Redis(clients, place) => {
            let client = clients.get(*place)?;
            (client.name.clone(), format!("{} from {}, last {}", client.user, client.client, client.command))
        }
    };
    let name = if name.is_empty() { "(no name)".to_owned() } else { name.to_string() };
    let about = format!("{about} on {target}");
    Some((Pick::Client(target, id_of(seen)?), name, about))
}
