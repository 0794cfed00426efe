//! What cannot be seen, and the statement that would show it.

use std::sync::Arc;

use super::info;
use crate::model::part::Missing;
use crate::model::redis::RedisClient;
use crate::model::target::TargetError;

/// Everything that reading takes.
const RIGHTS: &str = "+client|list +client|id +client|setname +info";

fn refused(what: &str, error: &TargetError, fix: &str) -> Missing {
    let missing = Missing::new(what, &error.message);
    // A command that the server does not know, or that its provider renamed, is nothing a right would give.
    if error.code.as_deref() == Some("NOPERM") { missing.with_fix(fix) } else { missing }
}

/// `CLIENT LIST` is refused.
pub(super) fn clients(error: &TargetError, user: &str) -> Missing {
    refused("clients and pools", error, &format!("ACL SETUSER {user} {RIGHTS}"))
}

/// `INFO` is refused.
pub(super) fn counters(error: &TargetError, user: &str) -> Missing {
    refused("maxclients, rejected and received connections", error, &format!("ACL SETUSER {user} {RIGHTS}"))
}

/// `CONFIG GET` is refused, and `INFO` does not tell the ceiling.
pub(super) fn ceiling(error: &TargetError, user: &str) -> Missing {
    refused("maxclients", error, &format!("ACL SETUSER {user} +config|get"))
}

/// More clients than are kept.
pub(super) fn left_out(count: usize) -> Missing {
    Missing::new("some clients", &format!("{count} lines of CLIENT LIST beyond the limit, or not readable"))
}

/// A node of a cluster is one server of several.
pub(super) fn of_mode(info: &str, missing: &mut Vec<Missing>) {
    if info::field(info, "redis_mode") == Some("cluster") {
        let why = "redis_mode is cluster: each node shows its own clients and ceiling only";
        missing.push(
            Missing::new("the other nodes of the cluster", why)
                .with_fix("add each node as a target of its own"),
        );
    }
}

/// Clients that set no name cannot be told apart.
pub(super) fn of_names(clients: Option<&Arc<Vec<RedisClient>>>, missing: &mut Vec<Missing>) {
    let nameless = |client: &RedisClient| client.is_normal() && client.name.is_empty();
    if clients.is_some_and(|clients| clients.iter().any(nameless)) {
        let why = "some clients set no name: those of one library, user and address are shown as one pool";
        missing.push(
            Missing::new("pools of clients without a name", why)
                .with_fix("CLIENT SETNAME after connecting (client_name in most libraries)"),
        );
    }
}
