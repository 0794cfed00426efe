//! Who runs the server, and how `max_connections` is raised there.

use crate::model::facts::RoleFacts;

/// The words, in the order of the rows.
pub const WORDS: &[&str] = &["self-hosted", "rds", "aurora", "cloud-sql", "azure", "supabase", "neon"];

struct Row {
    word: &'static str,
    /// A superuser that only this provider's servers have.
    role: Option<&'static str>,
    /// `{n}` stands for the number.
    raise: &'static str,
    /// What ends idle connections on the way, in seconds, where the provider is known to.
    path_idle_s: Option<f64>,
}

const ROWS: [Row; 7] = [
    Row {
        word: "self-hosted",
        role: None,
        raise: "ALTER SYSTEM SET max_connections = {n}; then restart the server (systemctl restart postgresql). \
                Standbys first: theirs must not be smaller than the primary's",
        path_idle_s: None,
    },
    Row {
        word: "rds",
        role: Some("rdsadmin"),
        raise: "aws rds modify-db-parameter-group --db-parameter-group-name GROUP --parameters \
                ParameterName=max_connections,ParameterValue={n},ApplyMethod=pending-reboot, then \
                aws rds reboot-db-instance. A default group cannot be changed: make one of your own",
        path_idle_s: None,
    },
    Row {
        word: "aurora",
        role: None,
        raise: "aws rds modify-db-cluster-parameter-group --db-cluster-parameter-group-name GROUP --parameters \
                ParameterName=max_connections,ParameterValue={n},ApplyMethod=pending-reboot, then \
                aws rds reboot-db-instance for each instance",
        path_idle_s: None,
    },
    Row {
        word: "cloud-sql",
        role: Some("cloudsqladmin"),
        raise: "gcloud sql instances patch INSTANCE --database-flags=max_connections={n}, which restarts it. \
                Repeat the flags that are set already: the list replaces them",
        path_idle_s: None,
    },
    Row {
        word: "azure",
        role: Some("azuresu"),
        raise: "az postgres flexible-server parameter set --resource-group GROUP --server-name SERVER --name \
                max_connections --value {n}, then az postgres flexible-server restart. Its own replication takes \
                some of them; the built-in PgBouncer (port 6432) costs none",
        path_idle_s: Some(240.0),
    },
    Row {
        word: "supabase",
        role: Some("supabase_admin"),
        raise: "supabase --experimental --project-ref REF postgres-config update --config max_connections={n}, \
                which restarts it and no longer follows the compute size; a larger one raises it by itself",
        path_idle_s: None,
    },
    Row {
        word: "neon",
        role: Some("cloud_admin"),
        raise: "it follows the compute size and cannot be set: choose a larger one, which restarts the compute, or \
                connect through the -pooler host",
        path_idle_s: None,
    },
];

/// The place of a provider in [`WORDS`] by what people call it.
pub fn find(word: &str) -> Option<usize> {
    const OTHER: [(&str, &str); 4] =
        [("cloudsql", "cloud-sql"), ("gcp", "cloud-sql"), ("selfhosted", "self-hosted"), ("aws", "rds")];
    let word = word.trim().to_ascii_lowercase();
    let word = OTHER.iter().find(|(other, _)| *other == word).map_or(word.as_str(), |(_, word)| word);
    WORDS.iter().position(|known| *known == word)
}

/// The provider, where one of its own superusers is there. Aurora looks like RDS from inside.
pub fn detect(roles: &[RoleFacts]) -> Option<usize> {
    let has = |name: &str| roles.iter().any(|role| role.superuser && *role.name == *name);
    ROWS.iter().position(|row| row.role.is_some_and(has))
}

/// How `max_connections` is raised to `connections` there; unknown providers are like a server of one's own.
pub fn raise(word: Option<&str>, connections: u64) -> String {
    let row = row(word);
    row.map_or("", |row| row.raise).replace("{n}", &connections.to_string())
}

/// After how many seconds the provider's network drops an idle connection, where it is known to.
pub fn path_idle_s(word: Option<&str>) -> Option<f64> {
    word.and_then(|word| row(Some(word)))?.path_idle_s
}

fn row(word: Option<&str>) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.word == word.unwrap_or("self-hosted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_its_row_and_says_the_number_or_that_it_cannot_be_set_and_that_it_restarts() {
        for (word, row) in WORDS.iter().zip(&ROWS) {
            assert_eq!(*word, row.word);
            let said = raise(Some(word), 227);
            assert!(said.contains("227") || said.contains("cannot be set"), "{said}");
            assert!(said.contains("restart") || said.contains("reboot"), "{said}");
            assert!(!said.contains("{n}"), "{said}");
            assert_eq!(find(word).map(|place| WORDS[place]), Some(*word));
        }
        assert_eq!(raise(None, 1), raise(Some("self-hosted"), 1));
        assert_eq!((find("CloudSQL"), find("moon")), (Some(3), None));
    }

    #[test]
    fn a_provider_is_known_by_its_superuser() {
        let role = |name: &str, superuser| RoleFacts {
            name: name.into(),
            connection_limit: None,
            superuser,
            idle_in_transaction_timeout_ms: None,
            transaction_timeout_ms: None,
        };
        for (roles, provider) in [
            (vec![role("postgres", true)], None),
            (vec![role("postgres", true), role("azuresu", true)], Some("azure")),
            (vec![role("rdsadmin", true)], Some("rds")),
            (vec![role("rdsadmin", false)], None),
        ] {
            assert_eq!(detect(&roles).map(|place| WORDS[place]), provider);
        }
    }
}
