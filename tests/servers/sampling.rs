//! Samples of real servers: every number recomputed by the test's own SQL.

use std::sync::Arc;

use pooltop::connect::{Conninfo, Environment};
use pooltop::model::own::OwnSessions;
use pooltop::model::pooler::PoolerSample;
use pooltop::model::sample::{PostgresSample, Sample};
use pooltop::source::pgbouncer::PgbouncerOpener;
use pooltop::source::postgres::PostgresOpener;
use pooltop::source::{Opener as _, Source};

mod consoles;
mod facts;
mod locks;
mod outages;
mod pooler;
mod probe;
mod rights;
mod rows;
mod texts;

/// A source on a URL.
struct Reader {
    source: Box<dyn Source>,
    own: OwnSessions,
}

impl Reader {
    async fn open(url: &str) -> Self {
        let own = OwnSessions::default();
        let opener = PostgresOpener::new("db1".into(), conninfo(url), own.clone());
        Self { source: opener.open(None).await.unwrap(), own }
    }

    async fn console(url: &str) -> Self {
        let opener = PgbouncerOpener::new("bouncer1".into(), conninfo(url));
        Self { source: opener.open(None).await.unwrap(), own: OwnSessions::default() }
    }

    async fn sample(&mut self) -> Sample {
        self.source.sample().await.unwrap()
    }

    async fn postgres(&mut self) -> PostgresSample {
        self.sample().await.postgres().unwrap().clone()
    }

    async fn pooler(&mut self) -> PoolerSample {
        self.sample().await.pooler().unwrap().clone()
    }

    /// The first sample that is as wanted.
    async fn until(&mut self, what: &str, wanted: impl Fn(&PostgresSample) -> bool) -> PostgresSample {
        for _ in 0..3000 {
            let sample = self.postgres().await;
            if wanted(&sample) {
                return sample;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("waited in vain: {what}");
    }
}

fn conninfo(url: &str) -> Conninfo {
    Conninfo::resolve(url, &Environment::empty()).unwrap().0
}

/// The row of a pid.
fn row(sample: &PostgresSample, pid: i32) -> &Arc<pooltop::model::backend::Backend> {
    sample.backends.iter().find(|backend| backend.pid() == pid).unwrap_or_else(|| panic!("no row of {pid}"))
}
