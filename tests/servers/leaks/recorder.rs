//! Reads the server once a second and writes what it reads; `tests/recordings/README.md` describes the format.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::MissedTickBehavior;
use tokio_postgres::Client;

use super::scenario::Scenario;
use super::stage::World;

/// One sample as JSON, but for what the applications report. Times are seconds since 1970, 0 for none.
const SAMPLE: &str = "
    SELECT json_build_object(
        't', extract(epoch FROM clock_timestamp()),
        'adv', (SELECT coalesce(json_agg(DISTINCT pid), '[]') FROM pg_locks WHERE locktype = 'advisory' AND granted),
        'b', (SELECT coalesce(json_agg(json_build_array(
                pid, extract(epoch FROM backend_start), state, extract(epoch FROM state_change),
                coalesce(extract(epoch FROM query_start), 0), coalesce(extract(epoch FROM xact_start), 0),
                wait_event_type, wait_event, backend_xid IS NOT NULL, application_name, usename, datname,
                host(client_addr), left(query, 256)) ORDER BY backend_start, pid), '[]')
            FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND client_addr IS NOT NULL),
        'prep', (SELECT coalesce(json_agg(json_build_array(
                gid, extract(epoch FROM prepared), owner, database) ORDER BY prepared), '[]')
            FROM pg_prepared_xacts),
        'copy', COPIES)::text";
const COPIES: &str = "(SELECT coalesce(json_agg(json_build_array(pid, bytes_processed)), '[]') \
    FROM pg_stat_progress_copy)";

/// A recording that is being made.
pub(super) struct Recorder {
    client: Client,
    sql: String,
    world: Arc<World>,
    file: zstd::stream::write::Encoder<'static, Vec<u8>>,
}

impl Recorder {
    pub(super) async fn start(world: &Arc<World>, scenarios: &[&Scenario]) -> Self {
        // The progress of copies is known from PostgreSQL 14 on.
        let copies = if world.server.major >= 14 { COPIES } else { "null" };
        let mut recorder = Self {
            client: world.server.client().await,
            sql: SAMPLE.replace("COPIES", copies),
            world: Arc::clone(world),
            file: zstd::stream::write::Encoder::new(Vec::new(), 19).unwrap(),
        };
        let label = |one: &&Scenario| (one.name.to_owned(), if one.leaks { "leak" } else { "ok" }.into());
        let labels: Map<String, Value> = scenarios.iter().map(label).collect();
        let why: Map<String, Value> =
            scenarios.iter().map(|one| (one.name.to_owned(), one.why.into())).collect();
        recorder.write(&json!({ "labels": labels, "why": why }));
        recorder
    }

    /// Samples until the scenarios are over and returns the file.
    pub(super) async fn run(mut self) -> Vec<u8> {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            // When they are over they close what is theirs, which belongs to no scenario.
            if self.world.clock.monotonic().as_secs_f64() >= self.world.seconds {
                break;
            }
            let sample = self.sample().await;
            self.write(&sample);
        }
        self.file.finish().unwrap()
    }

    async fn sample(&self) -> Value {
        let row = self.client.query_one(&self.sql, &[]).await.unwrap();
        let mut sample: Value = serde_json::from_str(row.get(0)).unwrap();
        let mut pools: Map<String, Value> = Map::new();
        for (name, pool) in self.world.reports() {
            let reports = pools.entry(name).or_insert_with(|| json!([]));
            reports.as_array_mut().unwrap().push(pool.report());
        }
        sample["app"] = pools.into();
        sample
    }

    fn write(&mut self, line: &Value) {
        writeln!(self.file, "{line}").unwrap();
    }
}
