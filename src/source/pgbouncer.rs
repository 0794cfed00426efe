//! A pooler's console: `SHOW VERSION`, which also keeps the session alive, and `SHOW POOLS`.

use std::sync::Arc;
use std::time::Duration;

use super::probe::Check;
use super::{Description, Opener, Reading, Source, unreadable};
use crate::connect::{Answer, Conninfo, Console};
use crate::model::clock::Clock;
use crate::model::part::{Missing, Part};
use crate::model::pooler::{PoolerPool, PoolerSample};
use crate::model::sample::{Body, Sample};
use crate::model::secret::SecretString;
use crate::model::target::{Overhead, TargetError, TargetKind, TargetName};
use crate::text::{Text, span};

/// How one pooler's console is reached.
#[derive(Clone, Debug)]
pub struct PgbouncerOpener {
    name: TargetName,
    conninfo: Conninfo,
    clock: Clock,
}

impl PgbouncerOpener {
    /// A console under its name in the profile.
    pub fn new(name: TargetName, conninfo: Conninfo) -> Self {
        Self { name, conninfo, clock: Clock::real() }
    }

    /// What a doctor finds out, over a session of its own.
    pub async fn probe(&self) -> Vec<Check> {
        let mut source = match self.connect(None).await {
            Ok(source) => source,
            Err(error) => return vec![Check::failed("console", &error)],
        };
        match source.read().await {
            Ok(sample) => found(&sample, source.console.endpoint()),
            Err(error) => vec![Check::failed("console", &error)],
        }
    }

    async fn connect(&self, secret: Option<SecretString>) -> Result<PgbouncerSource, TargetError> {
        let mut target = self.clone();
        if let Some(secret) = secret {
            target.conninfo = target.conninfo.with_password(secret);
        }
        let console = Console::open(&target.conninfo).await?;
        let description = Description { connections: 1, ..Description::default() };
        Ok(PgbouncerSource { target, console, description })
    }
}

impl Opener for PgbouncerOpener {
    fn kind(&self) -> TargetKind {
        TargetKind::Pgbouncer
    }

    fn endpoint(&self) -> Text {
        self.conninfo.endpoint()
    }

    fn open(&self, secret: Option<SecretString>) -> Reading<'_, Result<Box<dyn Source>, TargetError>> {
        Box::pin(async move { Ok(Box::new(self.connect(secret).await?) as Box<dyn Source>) })
    }
}

/// An open session on a console.
struct PgbouncerSource {
    target: PgbouncerOpener,
    console: Console,
    /// What the samples have told.
    description: Description,
}

impl PgbouncerSource {
    async fn read(&mut self) -> Result<Sample, TargetError> {
        let started = self.target.clock.monotonic();
        let version = version(&self.console.query("SHOW VERSION").await?)?;
        let kind = kind_of(&version);
        let (pools, missing) = match self.console.query("SHOW POOLS").await {
            Ok(answer) => (Part::Known(pools(&answer)?), absent(&answer, &version)),
            Err(error) if !self.console.is_closed() => {
                let reason = refused_pools(&error);
                (Part::Missing(reason.clone()), Some(reason))
            }
            Err(error) => return Err(error),
        };
        let missing: Vec<Missing> = missing.into_iter().collect();
        self.description = Description {
            kind: Some(kind),
            version: Some(version.clone()),
            missing: missing.clone(),
            connections: 1,
            ..Description::default()
        };
        let took = self.target.clock.monotonic().saturating_sub(started);
        let now = self.target.clock.now();
        Ok(Sample {
            target: Arc::clone(&self.target.name),
            at: now,
            received_at: now,
            overhead: overhead(took),
            body: Body::Pooler(PoolerSample {
                pools,
                missing,
                ..PoolerSample::unread(kind, version, &Missing::new("clients", "not read"))
            }),
        })
    }
}

impl Source for PgbouncerSource {
    fn sample(&mut self) -> Reading<'_, Result<Sample, TargetError>> {
        Box::pin(self.read())
    }

    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn survives(&self, _: &TargetError) -> bool {
        !self.console.is_closed()
    }
}

fn found(sample: &Sample, endpoint: &str) -> Vec<Check> {
    let Some(pooler) = sample.pooler() else { return Vec::new() };
    let mut checks = vec![Check::good("console", &format!("{} at {endpoint}", pooler.version))];
    if let Some(pools) = pooler.pools.known() {
        checks.push(Check::good("pools", &span::count(pools.len() as u64, "pool")));
    }
    checks.extend(pooler.missing.iter().map(Check::missing));
    checks
}

fn overhead(took: Duration) -> Overhead {
    Overhead { connections: 1, statements_per_sample: 2.0, server_ms_per_sample: took.as_secs_f64() * 1e3 }
}

/// The only value of the only row.
fn version(answer: &Answer) -> Result<Text, TargetError> {
    let cell = answer.rows.first().and_then(|row| row.first()).and_then(Option::as_deref);
    cell.map(Text::line_bytes).ok_or_else(|| unreadable("SHOW VERSION has no value"))
}

/// Which pooler speaks, by what it calls itself. PgBouncer's relatives answer on the same kind of console.
fn kind_of(version: &str) -> TargetKind {
    let version = version.to_ascii_lowercase();
    let names = [
        ("odyssey", TargetKind::Odyssey),
        ("pgcat", TargetKind::Pgcat),
        ("pgdog", TargetKind::Pgdog),
        ("pgpool", TargetKind::Pgpool),
    ];
    let found = names.into_iter().find(|(name, _)| version.contains(name));
    found.map_or(TargetKind::Pgbouncer, |(_, kind)| kind)
}

fn refused_pools(error: &TargetError) -> Missing {
    Missing::new("pools of the pooler", &error.message)
        .with_fix("add the user to stats_users in pgbouncer.ini, then RELOAD")
}

/// The numbers that a pool has. PgBouncer has them all; some of its relatives lack some.
const NUMBERS: [&str; 8] =
    ["cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used", "sv_tested", "sv_login", "maxwait"];

/// Numbers that this pooler does not give.
fn absent(answer: &Answer, version: &str) -> Option<Missing> {
    let absent: Vec<&str> = NUMBERS.into_iter().filter(|name| answer.column(name).is_none()).collect();
    (!absent.is_empty())
        .then(|| Missing::new(&absent.join(", "), &format!("SHOW POOLS of {version} has no such column")))
}

/// Columns by name: every few versions some are added in the middle.
fn pools(answer: &Answer) -> Result<Vec<PoolerPool>, TargetError> {
    for name in ["database", "user"] {
        if answer.column(name).is_none() {
            return Err(unreadable(&format!("SHOW POOLS has no column `{name}`")));
        }
    }
    let row = |row: &Vec<Option<bytes::Bytes>>| {
        let number = |name: &str| number(answer.text(row, name).as_deref());
        let count = |name: &str| number(name).map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        PoolerPool {
            database: answer.text(row, "database").unwrap_or_default(),
            user: answer.text(row, "user").unwrap_or_default(),
            cl_active: count("cl_active"),
            cl_waiting: count("cl_waiting"),
            sv_active: count("sv_active"),
            sv_idle: count("sv_idle"),
            sv_used: count("sv_used"),
            sv_tested: count("sv_tested"),
            sv_login: count("sv_login"),
            // maxwait is whole seconds, maxwait_us the rest of it.
            max_wait_us: number("maxwait").map(|seconds| {
                seconds.saturating_mul(1_000_000).saturating_add(number("maxwait_us").unwrap_or_default())
            }),
            pool_mode: answer.text(row, "pool_mode").filter(|mode| !mode.is_empty()),
            ..PoolerPool::default()
        }
    };
    Ok(answer.rows.iter().map(row).collect())
}

/// Numbers come as text of whatever type; some poolers write decimals.
fn number(text: Option<&str>) -> Option<u64> {
    text?.trim().split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(columns: &[&str], rows: &[&[&str]]) -> Answer {
        let cell = |cell: &&str| Some(bytes::Bytes::copy_from_slice(cell.as_bytes()));
        Answer {
            columns: columns.iter().map(ToString::to_string).collect(),
            rows: rows.iter().map(|row| row.iter().map(cell).collect()).collect(),
            ..Answer::default()
        }
    }

    #[test]
    fn poolers_are_told_by_what_they_call_themselves() {
        for (version, kind) in [
            ("PgBouncer 1.18.0", TargetKind::Pgbouncer),
            ("odyssey 1.3 (git 1234)", TargetKind::Odyssey),
            ("PgCat 1.2.0", TargetKind::Pgcat),
            ("PgDog v0.1.54", TargetKind::Pgdog),
        ] {
            assert_eq!(kind_of(version), kind, "{version}");
        }
    }

    #[test]
    fn columns_are_found_by_name_wherever_a_version_puts_them() {
        let columns =
            ["user", "maxwait_us", "cl_waiting", "database", "cl_cancel_req", "maxwait", "sv_login"];
        let answer = answer(&columns, &[&["app", "250000", "3", "shop", "9", "2", "1"]]);
        let pools = pools(&answer).unwrap();
        let pool = &pools[0];
        assert_eq!(
            (&*pool.database, &*pool.user, pool.cl_waiting, pool.sv_login),
            ("shop", "app", Some(3), Some(1))
        );
        assert_eq!((pool.max_wait_us, &pool.pool_mode, pool.cl_active), (Some(2_250_000), &None, None));
        let missing = absent(&answer, "PgDog v0.1.54").unwrap();
        assert_eq!(&*missing.what, "cl_active, sv_active, sv_idle, sv_used, sv_tested");
    }

    #[test]
    fn an_answer_that_is_no_list_of_pools_is_an_error_that_names_the_column() {
        assert!(pools(&answer(&["a"], &[])).unwrap_err().message.contains("`database`"));
    }
}
