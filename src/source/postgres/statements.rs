//! Which statement suits which server: each file is named by the first version that understands it.

/// The statements for one server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statements {
    pub(super) activity: &'static str,
    pub(super) counts: &'static str,
    pub(super) waits: &'static str,
    pub(super) role: &'static str,
    pub(super) databases: &'static str,
    pub(super) roles: &'static str,
    pub(super) prepared: &'static str,
    pub(super) advisory: &'static str,
    /// `None` where the server does not say.
    pub(super) copies: Option<&'static str>,
    pub(super) extension: &'static str,
    pub(super) top: &'static str,
    pub(super) texts: &'static str,
}

/// A statement with the first `server_version_num` that understands it.
type Variant = (u32, &'static str);

const ACTIVITY: &[Variant] = &[
    (140_000, include_str!("activity_140000.sql")),
    (130_000, include_str!("activity_130000.sql")),
    (120_000, include_str!("activity_120000.sql")),
];
const WAITS: &[Variant] =
    &[(140_000, include_str!("waits_140000.sql")), (120_000, include_str!("waits_120000.sql"))];
const DATABASES: &[Variant] =
    &[(140_000, include_str!("databases_140000.sql")), (120_000, include_str!("databases_120000.sql"))];

impl Statements {
    /// For a server of this `server_version_num`. One older than all is asked in the oldest way, and its own error says the rest.
    pub(super) fn for_version(version_num: u32) -> Self {
        let newest = |variants: &[Variant]| {
            let fits = variants.iter().find(|(since, _)| *since <= version_num);
            fits.or(variants.last()).map_or("", |(_, sql)| *sql)
        };
        Self {
            activity: newest(ACTIVITY),
            counts: include_str!("counts_120000.sql"),
            waits: newest(WAITS),
            role: include_str!("role_120000.sql"),
            databases: newest(DATABASES),
            roles: include_str!("roles_120000.sql"),
            prepared: include_str!("prepared_120000.sql"),
            advisory: include_str!("advisory_120000.sql"),
            copies: (version_num >= 140_000).then_some(include_str!("copies_140000.sql")),
            extension: include_str!("extension_120000.sql"),
            top: include_str!("top_120000.sql"),
            texts: include_str!("texts_120000.sql"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_gets_the_newest_statement_that_it_understands() {
        for (version, leader, query_id) in [
            (110_000, false, false),
            (120_022, false, false),
            (130_023, true, false),
            (140_000, true, true),
            (190_001, true, true),
        ] {
            let sql = Statements::for_version(version).activity;
            assert_eq!(sql.contains("a.leader_pid"), leader, "{version}");
            assert_eq!(sql.contains("a.query_id"), query_id, "{version}");
        }
    }

    #[test]
    fn statements_that_differ_by_version_return_the_same_columns() {
        for variants in [ACTIVITY, WAITS, DATABASES] {
            let columns = |sql: &str| {
                let lines = sql.lines().filter(|line| !line.starts_with("--")).map(str::trim);
                let names = lines.filter_map(|line| line.trim_end_matches(',').rsplit([' ', '.']).next());
                names.map(str::to_owned).collect::<Vec<_>>()
            };
            for (_, sql) in variants {
                assert_eq!(columns(sql), columns(variants[0].1), "{sql}");
            }
        }
    }
}
