//! What requests do with the connection that they borrow, and how many of them there are.

use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio_postgres::{Client, CopyInSink, NoTls};

use super::pool::{Lent, Pool};
use super::stage::Stage;

/// One step of a request.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// A statement. `{n}` in it becomes a number up to 1000, `{20ms}` a time in seconds, 20 ms in the mean.
    Sql(&'static str),
    /// A statement that the caller cancels after so many seconds.
    Cancelled(&'static str, f64),
    /// A statement whose result is begun to be read and left.
    Unread(&'static str),
    /// `COPY … FROM STDIN` without any data.
    Unfed(&'static str),
    /// `COPY … TO STDOUT` whose rows nobody reads.
    Unsent(&'static str),
    /// The application does something else for so many seconds, from and to.
    Think(f64, f64),
}

pub(super) type Steps = &'static [Step];

/// Requests that keep their connection.
#[derive(Clone, Copy)]
pub(super) struct Leak {
    /// The first one, in seconds since the start.
    from: f64,
    /// Seconds from one to the next, more or less.
    every: f64,
    steps: Steps,
}

/// The requests to one pool.
#[derive(Clone, Copy)]
pub(super) struct Load {
    /// Requests per second, by the seconds since the start.
    rate: fn(f64) -> f64,
    steps: Steps,
    leak: Option<Leak>,
    /// Ends then, in seconds since the start.
    until: f64,
    /// How long a request waits for a connection, s.
    patience: f64,
}

impl Load {
    pub(super) fn of(rate: fn(f64) -> f64, steps: Steps) -> Self {
        Self { rate, steps, leak: None, until: f64::INFINITY, patience: 5.0 }
    }

    pub(super) fn until(self, until: f64) -> Self {
        Self { until, ..self }
    }

    pub(super) fn patient(self, patience: f64) -> Self {
        Self { patience, ..self }
    }

    /// From a second on, every so many seconds one request does `steps` and keeps its connection.
    pub(super) fn leaking(self, from: f64, every: f64, steps: Steps) -> Self {
        Self { leak: Some(Leak { from, every, steps }), ..self }
    }

    /// Sends the requests until it is over. Those under way go on.
    pub(super) async fn on(self, stage: &Stage, pool: &Arc<Pool>) {
        let mut next_leak = self.leak.map_or(f64::INFINITY, |leak| leak.from);
        while stage.now() < self.until && !stage.is_over() {
            let rate = (self.rate)(stage.now());
            if rate <= 0.0 {
                stage.pause(0.2).await;
                continue;
            }
            stage.pause(stage.exponential(1.0 / rate).min(2.0)).await;
            let leak = self.leak.filter(|_| stage.now() >= next_leak);
            if let Some(leak) = leak {
                next_leak = stage.now() + leak.every * stage.between(0.7, 1.3);
            }
            tokio::spawn(self.request(stage.clone(), Arc::clone(pool), leak));
        }
    }

    async fn request(self, stage: Stage, pool: Arc<Pool>, leak: Option<Leak>) {
        let Some(lent) = pool.lend(self.patience).await else { return };
        match leak {
            Some(leak) => {
                perform(&stage, &lent.client, leak.steps).await;
                stage.keep(lent);
            }
            None => borrow(&stage, &pool, lent, self.steps).await,
        }
    }
}

/// Does what it has to and returns the connection, whatever happened.
async fn borrow(stage: &Stage, pool: &Pool, lent: Lent, steps: Steps) {
    if !perform(stage, &lent.client, steps).await {
        let _ = lent.client.batch_execute("ROLLBACK").await;
    }
    pool.take_back(lent).await;
}

/// Does one step after the other; false when one failed.
pub(super) async fn perform(stage: &Stage, client: &Client, steps: Steps) -> bool {
    for step in steps {
        let done = match *step {
            Step::Sql(sql) => client.batch_execute(&filled(stage, sql)).await,
            Step::Cancelled(sql, after) => cancelled(stage, client, sql, after).await,
            Step::Unread(sql) => unread(stage, client, sql).await,
            Step::Unfed(sql) => {
                client.copy_in(sql).await.map(|sink: CopyInSink<&'static [u8]>| stage.keep(sink))
            }
            Step::Unsent(sql) => client.copy_out(sql).await.map(|rows| stage.keep(rows)),
            Step::Think(low, high) => {
                stage.pause(stage.between(low, high)).await;
                Ok(())
            }
        };
        if done.is_err() {
            return false;
        }
    }
    true
}

async fn unread(stage: &Stage, client: &Client, sql: &str) -> Result<(), tokio_postgres::Error> {
    let mut rows = Box::pin(client.simple_query_raw(sql).await?);
    for _ in 0..3 {
        rows.next().await.transpose()?;
    }
    stage.keep(rows);
    Ok(())
}

async fn cancelled(
    stage: &Stage,
    client: &Client,
    sql: &str,
    after: f64,
) -> Result<(), tokio_postgres::Error> {
    let mut answer = pin!(client.batch_execute(sql));
    tokio::select! {
        done = &mut answer => return done,
        () = stage.pause(after) => {}
    }
    client.cancel_token().cancel_query_raw(stage.socket().await, NoTls).await?;
    answer.await
}

fn filled(stage: &Stage, template: &str) -> String {
    let mut sql = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (what, after) = after.split_once('}').expect("every brace is closed");
        sql.push_str(before);
        let number = match what.strip_suffix("ms") {
            Some(mean) => format!("{:.4}", stage.exponential(mean.parse::<f64>().unwrap() / 1000.0)),
            None => format!("{:.0}", stage.between(1.0, 1000.0)),
        };
        sql.push_str(&number);
        rest = after;
    }
    sql + rest
}
