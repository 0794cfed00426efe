//! Killing a client of a Redis server.

use super::line::{STATEMENT, within};
use super::solo::{End, Killed, Way, watch};
use crate::connect::RedisConnection;
use crate::control::confirm::Why;
use crate::model::backend::Client;
use crate::model::operation::Outcome;
use crate::model::redis::RedisClient;
use crate::model::target::TargetError;

/// Kills one client: identifier, address and kind are checked in the command itself, and our own connection is spared.
pub(super) async fn kill(way: &Way, client: &RedisClient) -> Result<End, End> {
    if !matches!(client.client, Client::Tcp { .. }) {
        return Err(End::unsent("the client's address is not known, so it could not be told from another"));
    }
    if !client.is_normal() {
        return Err(End::unsent("a replica, a master or a monitor is never killed"));
    }
    let mut redis = within(STATEMENT, RedisConnection::open(&way.conninfo)).await.map_err(End::unsent)?;
    let (id, address) = (client.id.to_string(), client.client.to_string());
    let kind = if client.is_pubsub() { "pubsub" } else { "normal" };
    let command = ["CLIENT", "KILL", "ID", &id, "ADDR", &address, "TYPE", kind, "SKIPME", "yes"];
    let killed = within(STATEMENT, redis.command(&command)).await.map_err(|error| refusal(&error))?;
    match killed.number() {
        Some(0) => Ok(missed(&mut redis, client).await),
        Some(_) => Ok(watch(&way.clock, Killed::Redis(&mut redis, client)).await),
        None => Err(End::lost("the server did not say how many clients it killed")),
    }
}

/// Whether the client is still there.
pub(super) async fn is_there(redis: &mut RedisConnection, client: &RedisClient) -> Result<bool, TargetError> {
    Ok(address_of(redis, client).await?.is_some())
}

/// Why the command found nobody: the identifier is not there, is another's, or its client became another kind.
async fn missed(redis: &mut RedisConnection, client: &RedisClient) -> End {
    match address_of(redis, client).await {
        Ok(None) => End::left_alone(&Why::Ended),
        Ok(Some(address)) if address != client.client.to_string() => End::left_alone(&Why::OtherClient),
        Ok(Some(_)) => End::new(
            Outcome::Changed,
            "left alone: it is pooltop's own, or no client of the kind that was seen",
        ),
        Err(error) => {
            End::new(Outcome::Gone, format!("nobody has this id and address; why cannot be seen: {error}"))
        }
    }
}

/// The address of the client with this identifier; `None` = there is none.
async fn address_of(
    redis: &mut RedisConnection,
    client: &RedisClient,
) -> Result<Option<String>, TargetError> {
    let id = client.id.to_string();
    let reply = within(STATEMENT, redis.command(&["CLIENT", "LIST", "ID", &id])).await?;
    let list = reply.bytes().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
    let mut fields = list.split_whitespace();
    Ok(fields.find_map(|field| field.strip_prefix("addr=")).map(str::to_owned))
}

fn refusal(error: &TargetError) -> End {
    match error.code.as_deref() {
        _ if !error.refused => End::lost(error),
        Some("NOPERM") => End::new(Outcome::Denied, error),
        _ => End::new(Outcome::Refused, error),
    }
}
