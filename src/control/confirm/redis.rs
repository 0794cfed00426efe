//! The question before a client of a Redis server is killed.

use std::sync::Arc;

use crate::model::backend::Client;
use crate::model::operation::{Aim, Operation, OperationKind};
use crate::model::redis::RedisClient;
use crate::model::target::TargetName;
use crate::text::{Text, span};

use super::{NotHere, Policy, Question, Why};

/// The question about one client of `target`; the reason where none may be asked.
pub fn ask_redis(
    target: &TargetName,
    client: Arc<RedisClient>,
    policy: &Policy,
) -> Result<Question, NotHere> {
    if !client.is_normal() {
        return Err(NotHere("a replica, a master or a monitor is never killed".to_owned()));
    }
    if !matches!(client.client, Client::Tcp { .. }) {
        return Err(NotHere(
            "its address is not known, so it could not be told from another client".to_owned(),
        ));
    }
    if policy.protects(&client.user) {
        return Err(NotHere(Why::Protected(client.user.clone()).to_string()));
    }
    let (consequences, warnings) = (consequences(&client), warnings(&client));
    let operation = Operation {
        kind: OperationKind::KillClient,
        target: TargetName::clone(target),
        aim: Aim::RedisClient(client),
        reason: None,
    };
    Question::about(operation, policy, consequences, warnings).map_err(|why| NotHere(why.to_string()))
}

fn consequences(client: &RedisClient) -> Vec<Text> {
    let name = if client.name.is_empty() { "no name" } else { &*client.name };
    let library = client.library.as_ref().map(|library| format!(", {library}")).unwrap_or_default();
    let who = format!("{name}{library}, user {} from {}", client.user, client.client);
    let idle = span::span(std::time::Duration::from_secs(client.idle_s));
    let last = if client.command.is_empty() { "none" } else { &*client.command };
    vec![
        Text::line(&who),
        Text::line(&format!("last command {last}, idle for {idle}")),
        "its connection ends; its pool may open another at once, which does not mend a leak".into(),
    ]
}

fn warnings(client: &RedisClient) -> Vec<Text> {
    let blocked = "it waits in a blocking command, which fails";
    let pubsub = "it is subscribed: it misses what is published until it has subscribed again";
    let sentences = [(client.is_blocked(), blocked), (client.is_pubsub(), pubsub)];
    sentences.into_iter().filter(|(is, _)| *is).map(|(_, text)| text.into()).collect()
}

impl Question {
    /// Compares with the clients that the Redis server shows now: one that has left leaves the question. Returns
    /// whether anything changed.
    pub fn refresh_redis<'a>(&mut self, current: impl IntoIterator<Item = &'a RedisClient>) -> bool {
        let Aim::RedisClient(seen) = self.aim() else { return false };
        let now = current.into_iter().find(|client| client.id == seen.id);
        let why = match now {
            None => Why::Ended,
            Some(now) if now.client == seen.client => return false,
            Some(_) => Why::OtherClient,
        };
        let before = self.is_void();
        self.lose(why);
        !before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::confirm::Access;

    fn client(flags: &str, from: Client) -> RedisClient {
        RedisClient {
            id: 7,
            client: from,
            name: "cache".into(),
            user: "app".into(),
            command: "blpop".into(),
            flags: flags.into(),
            idle_s: 300,
            ..RedisClient::default()
        }
    }

    fn tcp(port: u16) -> Client {
        Client::Tcp { addr: "10.0.0.9".into(), port }
    }

    fn ask(client: RedisClient, access: Access) -> Result<Question, NotHere> {
        let policy = Policy {
            access,
            profile: "checkout".into(),
            bulk_limit: 20,
            protected_roles: vec!["root".into()],
        };
        ask_redis(&"redis-1".into(), Arc::new(client), &policy)
    }

    #[test]
    fn an_applications_client_is_asked_about_and_nobody_else() {
        let question = ask(client("bP", tcp(1)), Access::Confirm).unwrap();
        let said: Vec<&str> =
            question.consequences().iter().chain(question.warnings()).map(Text::as_str).collect();
        let said = said.join("\n");
        for part in ["cache, user app from 10.0.0.9:1", "idle for 5m", "blocking command", "subscribed"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let root = RedisClient { user: "root".into(), ..client("N", tcp(1)) };
        for (client, access, part) in [
            (client("S", tcp(1)), Access::Confirm, "never killed"),
            (client("M", tcp(1)), Access::Confirm, "never killed"),
            (client("O", tcp(1)), Access::Confirm, "never killed"),
            (client("N", Client::Local), Access::Confirm, "address is not known"),
            (root, Access::Confirm, "role root is protected"),
            (client("N", tcp(1)), Access::ReadOnly, "read-only"),
        ] {
            let why = ask(client, access).unwrap_err().to_string();
            assert!(why.contains(part), "{part}: {why}");
        }
    }

    #[test]
    fn a_client_that_left_is_out_of_the_question() {
        let same = client("N", tcp(1));
        let other = client("N", tcp(2));
        for (now, lost) in
            [(vec![&same], None), (vec![], Some(Why::Ended)), (vec![&other], Some(Why::OtherClient))]
        {
            let mut question = ask(same.clone(), Access::Confirm).unwrap();
            question.refresh_redis(now);
            assert_eq!(question.lost(), lost.as_ref());
        }
    }
}
