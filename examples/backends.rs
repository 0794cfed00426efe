//! Opens many connections in a fixed mix, for measurements: 40 % idle, 50 % idle in transaction, 10 % active.
//!
//! `cargo run --release --example backends -- 'host=127.0.0.1 port=5432 user=postgres dbname=postgres' 1000`
//! prints `ready` when all are open and ends when its standard input is closed.

use std::error::Error;
use std::io::{Read, Write};

use tokio_postgres::{Client, NoTls};

const APPLICATIONS: [&str; 10] =
    ["checkout", "storefront", "search", "payments", "reports", "worker", "mailer", "auth", "cart", "admin"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dsn = arguments.next().ok_or("usage: backends DSN COUNT")?;
    let count: usize = arguments.next().ok_or("usage: backends DSN COUNT")?.parse()?;
    let mut held = Vec::with_capacity(count);
    for number in 0..count {
        held.push(open(&dsn, number).await?);
    }
    writeln!(std::io::stdout(), "ready")?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

/// One connection in the state that its number asks for; active ones work until the program ends.
async fn open(dsn: &str, number: usize) -> Result<Option<Client>, Box<dyn Error>> {
    let mut config: tokio_postgres::Config = dsn.parse()?;
    config.application_name(APPLICATIONS[(number / 10) % APPLICATIONS.len()]);
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    match number % 10 {
        0 => {
            tokio::spawn(async move { while client.batch_execute("SELECT pg_sleep(5)").await.is_ok() {} });
            return Ok(None);
        }
        1..=5 => client.batch_execute("BEGIN; SELECT count(*) FROM pg_class WHERE relkind = 'r'").await?,
        _ => client.batch_execute("SELECT 1 AS one, 'a statement of ordinary length' AS text").await?,
    }
    Ok(Some(client))
}
