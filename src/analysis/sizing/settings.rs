//! Settings that can be pasted: the proposal in the words of each library.

use serde::Serialize;

use super::Sizing;
use super::draft::Draft;
use super::field::Field;
use super::provider;

/// `default_pool_size` of PgBouncer where nothing is known about the load: its own default.
const POOLER_SIZE: u64 = 20;
/// Longest time for a burst to stay with the pooler's reserve.
const POOLER_RESERVE: u64 = 5;
/// Clients that a pooler should take at least.
const POOLER_CLIENTS: u64 = 100;

/// Settings of one library.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Its name.
    pub library: &'static str,
    /// Lines as they stand in code or in a file.
    pub lines: Vec<String>,
    /// What has to be known about them.
    pub notes: Vec<String>,
}

/// What all of them are made from.
struct Values {
    size: u64,
    overflow: u64,
    timeout_s: f64,
    /// `None`: never.
    recycle_s: Option<f64>,
    pre_ping: bool,
    /// What drops idle connections on the way.
    path_idle_s: Option<f64>,
    transaction_pooling: bool,
}

impl Values {
    fn bound(&self) -> u64 {
        self.size + self.overflow
    }

    /// Often enough that nothing on the way sees an idle connection: half of its patience, a minute at most.
    fn keepalive_s(&self) -> f64 {
        self.path_idle_s.map_or(60.0, |idle| (idle / 2.0).clamp(1.0, 60.0)).round()
    }
}

/// Settings of every library; none where not even one connection per pool fits.
pub fn of(draft: &Draft, sizing: &Sizing) -> Vec<Settings> {
    let Some(proposal) = &sizing.proposal else { return vec![pgbouncer(draft, sizing)] };
    let values = Values {
        size: proposal.pool_size,
        overflow: proposal.max_overflow,
        timeout_s: draft.get(Field::PoolTimeout).unwrap_or(30.0),
        recycle_s: draft.get(Field::PoolRecycle).filter(|recycle| *recycle >= 0.0),
        pre_ping: draft.get(Field::PrePing) != Some(0.0),
        path_idle_s: path_idle_s(draft),
        transaction_pooling: matches!(
            draft.choice(Field::PoolMode).as_deref(),
            Some("transaction" | "statement")
        ),
    };
    vec![sqlalchemy(&values), asyncpg(&values), hikari(&values), pgx(&values), pgbouncer(draft, sizing)]
}

/// What drops idle connections on the way: said, or known of the provider.
pub fn path_idle_s(draft: &Draft) -> Option<f64> {
    let provider = draft.choice(Field::Provider);
    draft.get(Field::PathIdleTimeout).or_else(|| provider::path_idle_s(provider.as_deref()))
}

fn sqlalchemy(values: &Values) -> Settings {
    let mut lines = vec![
        format!("pool_size={}, max_overflow={},", values.size, values.overflow),
        format!(
            "pool_timeout={:.0}, pool_recycle={:.0},",
            values.timeout_s,
            values.recycle_s.unwrap_or(-1.0)
        ),
        format!("pool_pre_ping={},", if values.pre_ping { "True" } else { "False" }),
    ];
    let mut notes = vec![
        "overflow() counts from -pool_size: checkedin() + checkedout() is what is open, size() is not"
            .to_owned(),
    ];
    if values.pre_ping {
        notes.push("pre-ping costs a round trip per checkout, not per query".into());
    }
    if values.path_idle_s.is_some() {
        lines.push(format!("connect_args={{\"keepalives_idle\": {:.0}}},", values.keepalive_s()));
        notes.push(
            "keepalives_idle is psycopg's; the keepalive, not pool_recycle, keeps idle connections".into(),
        );
    }
    if values.recycle_s.is_none() {
        notes.push("pool_recycle=-1 keeps connections for ever: let something else end them".into());
    }
    Settings { library: "SQLAlchemy", lines, notes }
}

fn asyncpg(values: &Values) -> Settings {
    let mut lines = vec![
        format!("min_size={}, max_size={},", values.size.min(values.bound()), values.bound()),
        "max_inactive_connection_lifetime=300,".to_owned(),
        format!("# per use: pool.acquire(timeout={:.0})", values.timeout_s),
    ];
    let mut notes = vec![
        "create_pool(timeout=...) is the time to connect; without its own timeout acquire() waits for ever"
            .to_owned(),
    ];
    if values.transaction_pooling {
        lines.insert(1, "statement_cache_size=0,".to_owned());
        notes.push(
            "?pgbouncer=true is Prisma's: the server refuses it; statement_cache_size=0 is what helps here, unless \
             the pooler is PgBouncer 1.21 or newer with max_prepared_statements above 0"
                .into(),
        );
    }
    Settings { library: "asyncpg", lines, notes }
}

fn hikari(values: &Values) -> Settings {
    let ms = |seconds: f64| format!("{:.0}", seconds * 1e3);
    // Less than 30 s is refused; 0 is for ever.
    let lifetime = values.recycle_s.map_or(0.0, |recycle| recycle.max(30.0));
    let mut lines = vec![
        format!("maximumPoolSize={}", values.bound()),
        format!("connectionTimeout={}", ms(values.timeout_s)),
        format!("maxLifetime={}", ms(lifetime)),
    ];
    if values.path_idle_s.is_some() {
        lines.push(format!("keepaliveTime={}", ms(values.keepalive_s().max(30.0))));
    }
    let notes =
        vec!["minimumIdle left out: the pool then keeps its size, which is what it is best at".to_owned()];
    Settings { library: "HikariCP", lines, notes }
}

fn pgx(values: &Values) -> Settings {
    let mut lines = vec![format!("pool_max_conns={}", values.bound())];
    lines.extend(values.recycle_s.map(|recycle| format!("pool_max_conn_lifetime={recycle:.0}s")));
    if values.transaction_pooling {
        lines.push("default_query_exec_mode=exec".to_owned());
    }
    let notes = vec![format!(
        "parameters of the connection string; waiting ends with the context: context.WithTimeout(ctx, {:.0}*time.Second)",
        values.timeout_s
    )];
    Settings { library: "pgx", lines, notes }
}

/// Of a PgBouncer between the applications and the server: one pool per service (database and user) there.
fn pgbouncer(draft: &Draft, sizing: &Sizing) -> Settings {
    let budget = &sizing.budget;
    let services = draft.count(Field::Services).max(1);
    let room = budget.usable.usable.saturating_sub(budget.others) / services;
    let wanted = match &sizing.load {
        Some(load) => super::queue::fewest(load.busy / services as f64, super::queue::COMFORTABLE),
        None => sizing.busy_ceiling.map_or(POOLER_SIZE, |ceiling| (ceiling / services).max(1)),
    };
    let size = wanted.min(room).max(1);
    let reserve = POOLER_RESERVE.min(room.saturating_sub(size));
    let clients = budget.demand.unwrap_or_default().max(POOLER_CLIENTS);
    let mode = draft.choice(Field::PoolMode).unwrap_or_else(|| "transaction".to_owned());
    let mut lines = vec![
        format!("pool_mode = {mode}"),
        format!("default_pool_size = {size}"),
        format!("reserve_pool_size = {reserve}"),
        format!("max_client_conn = {clients}"),
        format!("query_wait_timeout = {:.0}", draft.get(Field::PoolTimeout).unwrap_or(30.0)),
    ];
    if mode == "transaction" {
        lines.push("max_prepared_statements = 200".to_owned());
    }
    let mut notes = vec![format!(
        "one pool of {size} + {reserve} per database and user, {services} of them; the applications' own pools may \
         then be as they are"
    )];
    if room == 0 {
        notes.push("not even that fits what the server has".to_owned());
    }
    if mode == "transaction" {
        notes.push(
            "max_prepared_statements from 1.21 on; SET, LISTEN, session advisory locks, temporary tables, WITH HOLD \
             and SQL PREPARE need a session"
                .into(),
        );
    }
    Settings { library: "PgBouncer", lines, notes }
}

#[cfg(test)]
mod tests {
    use super::super::size;
    use super::super::tests::draft;
    use super::*;

    fn settings(given: &str, library: &str) -> Settings {
        let sizing = size(&draft(given), None).unwrap();
        sizing.settings.into_iter().find(|settings| settings.library == library).unwrap()
    }

    #[test]
    fn every_library_gets_the_proposal_in_its_own_words() {
        let given = "workers=4 services=2 pool-timeout=20 pool-recycle=30m";
        for (library, lines) in [
            (
                "SQLAlchemy",
                &[
                    "pool_size=5, max_overflow=6,",
                    "pool_timeout=20, pool_recycle=1800,",
                    "pool_pre_ping=True,",
                ][..],
            ),
            (
                "asyncpg",
                &[
                    "min_size=5, max_size=11,",
                    "max_inactive_connection_lifetime=300,",
                    "# per use: pool.acquire(timeout=20)",
                ],
            ),
            ("HikariCP", &["maximumPoolSize=11", "connectionTimeout=20000", "maxLifetime=1800000"]),
            ("pgx", &["pool_max_conns=11", "pool_max_conn_lifetime=1800s"]),
            (
                "PgBouncer",
                &[
                    "pool_mode = transaction",
                    "default_pool_size = 20",
                    "reserve_pool_size = 5",
                    "max_client_conn = 120",
                    "query_wait_timeout = 20",
                    "max_prepared_statements = 200",
                ],
            ),
        ] {
            assert_eq!(settings(given, library).lines, lines, "{library}");
        }
    }

    #[test]
    fn an_idle_timeout_on_the_way_is_met_by_keepalives_and_not_by_recycling() {
        let lines = settings("provider=azure", "SQLAlchemy").lines;
        assert!(lines.contains(&"connect_args={\"keepalives_idle\": 60},".to_owned()), "{lines:?}");
        assert!(lines[1].contains("pool_recycle=3600"), "{lines:?}");
        assert!(
            settings("path-idle-timeout=350s", "HikariCP").lines.contains(&"keepaliveTime=60000".to_owned())
        );
        assert_eq!(settings("", "HikariCP").lines.len(), 3);
    }

    #[test]
    fn behind_a_transaction_pooler_prepared_statements_are_off() {
        let lines = settings("pool-mode=transaction", "asyncpg").lines;
        assert!(lines.contains(&"statement_cache_size=0,".to_owned()), "{lines:?}");
        assert_eq!(settings("pool-mode=session", "asyncpg").lines.len(), 3);
    }

    #[test]
    fn a_pooler_is_sized_by_the_load_where_it_is_known_and_never_beyond_the_server() {
        for (given, size) in [
            ("rate=300 hold=100ms pods=3", "default_pool_size = 41"),
            ("cores=8", "default_pool_size = 16"),
            ("cores=64", "default_pool_size = 90"),
            ("services=30", "default_pool_size = 3"),
        ] {
            assert!(settings(given, "PgBouncer").lines.contains(&size.to_owned()), "{given}");
        }
    }

    #[test]
    fn never_is_written_as_each_library_writes_it() {
        assert!(settings("pool-recycle=-1", "SQLAlchemy").lines[1].ends_with("pool_recycle=-1,"));
        assert_eq!(settings("pool-recycle=-1", "HikariCP").lines[2], "maxLifetime=0");
        assert_eq!(settings("pool-recycle=-1", "pgx").lines.len(), 1);
    }
}
