//! By what pools are put together, and what they share then.

use crate::model::pool::PoolKey;
use crate::text::Text;

/// By what pools are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RollUp {
    /// Not at all: application, user, database and client.
    #[default]
    Full,
    /// By application.
    Application,
    /// By user.
    User,
    /// By database.
    Database,
    /// By the client's network: /24, or /64.
    Subnet,
    /// By client address.
    Client,
}

impl RollUp {
    const ALL: [Self; 6] =
        [Self::Full, Self::Application, Self::User, Self::Database, Self::Subnet, Self::Client];

    /// The next one, round about.
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|level| *level == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }

    /// Its word, `None` where nothing is rolled up.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Full => None,
            Self::Application => Some("application"),
            Self::User => Some("user"),
            Self::Database => Some("database"),
            Self::Subnet => Some("subnet"),
            Self::Client => Some("client"),
        }
    }

    /// What pools share that stand in one line.
    pub(super) fn key(self, pool: &PoolKey) -> PoolKey {
        let mut key = PoolKey {
            target: "".into(),
            layer: pool.layer,
            declared: None,
            application_name: None,
            user: None,
            database: None,
            client: None,
        };
        let known = |part: &Option<Text>| Some(part.clone().unwrap_or_else(|| "*".into()));
        match self {
            Self::Full => return pool.clone(),
            Self::Application => key.application_name = known(&pool.application_name),
            Self::User => key.user = known(&pool.user),
            Self::Database => key.database = known(&pool.database),
            Self::Subnet => {
                key.client = Some(Text::line(&subnet(pool.client.as_deref().unwrap_or_default())));
            }
            Self::Client => key.client = known(&pool.client),
        }
        key
    }
}

/// The network of an address: `10.0.4.*`, `2001:db8:0:1:*`. What is not an address stays as it is.
fn subnet(client: &str) -> String {
    match client.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.*")
        }
        Ok(std::net::IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}:*")
        }
        Err(_) => client.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_addresses() {
        for (client, network) in
            [("10.0.4.17", "10.0.4.*"), ("2001:db8:0:1:2::3", "2001:db8:0:1:*"), ("local", "local"), ("", "")]
        {
            assert_eq!(subnet(client), network);
        }
    }
}
