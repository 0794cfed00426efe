//! What to change in the application, in the words of its library where that is known.

use crate::model::leak::{EvidenceKind, Library as L};

/// What holds a connection, as far as advice differs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Transaction,
    Result,
    Connection,
}

/// Per kind of hold: the library, or `None` for every other one.
const REMEDIES: [(Held, Option<L>, &str); 28] = [
    (
        Held::Transaction,
        Some(L::Asyncpg),
        "End it in the application: async with connection.transaction(): inside async with pool.acquire(), and \
             await nothing slow in between.",
    ),
    (
        Held::Transaction,
        Some(L::SqlAlchemy),
        "End it in the application: with Session.begin() as session: (or commit()/rollback() and close() in \
             finally); a SELECT alone opens a transaction there.",
    ),
    (
        Held::Transaction,
        Some(L::Psycopg),
        "End it in the application: with pool.connection() as conn: commits or rolls back at its end; a SELECT \
             alone opens a transaction unless autocommit is on.",
    ),
    (
        Held::Transaction,
        Some(L::Django),
        "End it in the application: keep calls to other services out of transaction.atomic(), and consider \
             ATOMIC_REQUESTS = False.",
    ),
    (
        Held::Transaction,
        Some(L::ActiveRecord),
        "End it in the application: keep jobs and calls to other services out of transaction do … end.",
    ),
    (
        Held::Transaction,
        Some(L::Jdbc),
        "End it in the application: try (Connection c = dataSource.getConnection()) with commit or rollback in \
             it; with Spring keep remote calls out of @Transactional.",
    ),
    (
        Held::Transaction,
        Some(L::Pgx),
        "End it in the application: defer tx.Rollback(ctx) right after pool.Begin, or pgx.BeginFunc.",
    ),
    (
        Held::Transaction,
        Some(L::GoSql),
        "End it in the application: defer tx.Rollback() right after db.BeginTx.",
    ),
    (
        Held::Transaction,
        Some(L::NodePostgres),
        "End it in the application: COMMIT or ROLLBACK and client.release() in finally, on the same client that \
             began.",
    ),
    (
        Held::Transaction,
        Some(L::Npgsql),
        "End it in the application: await using var tx = await connection.BeginTransactionAsync().",
    ),
    (
        Held::Transaction,
        None,
        "End the transaction in the application (context manager, finally: close; nothing slow inside it).",
    ),
    (Held::Result, Some(L::Pgx), "Close the rows: defer rows.Close() right after the query."),
    (Held::Result, Some(L::GoSql), "Close the rows: defer rows.Close() right after the query."),
    (
        Held::Result,
        Some(L::Jdbc),
        "Close ResultSet and Statement (try-with-resources), and set a fetch size for large results.",
    ),
    (
        Held::Result,
        Some(L::NodePostgres),
        "Destroy query streams and cursors that are not read to their end.",
    ),
    (
        Held::Result,
        None,
        "Read the result to its end or close it (cursor, rows, stream, COPY) in every path, errors included.",
    ),
    (
        Held::Connection,
        Some(L::Asyncpg),
        "Look for pool.acquire() without a release: use async with pool.acquire() as connection:, and give \
             acquire a timeout, it has none.",
    ),
    (
        Held::Connection,
        Some(L::SqlAlchemy),
        "Look for sessions and connections that are not closed: with Session() as session:, with \
             engine.connect() as connection:; echo_pool=\"debug\" logs each checkout.",
    ),
    (
        Held::Connection,
        Some(L::Psycopg),
        "Look for getconn() without putconn(): use with pool.connection() as conn:.",
    ),
    (
        Held::Connection,
        Some(L::Django),
        "Look for threads that Django does not manage: close_old_connections() at their end, and CONN_MAX_AGE.",
    ),
    (
        Held::Connection,
        Some(L::ActiveRecord),
        "Look for threads that keep a connection: ActiveRecord::Base.connection_pool.with_connection { … }.",
    ),
    (
        Held::Connection,
        Some(L::Jdbc),
        "Look for getConnection() without close(): try-with-resources; leakDetectionThreshold=60000 makes \
             HikariCP log where.",
    ),
    (
        Held::Connection,
        Some(L::Pgx),
        "Look for pool.Acquire without conn.Release() and for rows that are not closed: defer both.",
    ),
    (
        Held::Connection,
        Some(L::GoSql),
        "Look for rows that are not closed (defer rows.Close()), and for sql.Open per request; \
             db.SetMaxOpenConns bounds it.",
    ),
    (
        Held::Connection,
        Some(L::NodePostgres),
        "Look for pool.connect() without client.release() in finally, or use pool.query().",
    ),
    (
        Held::Connection,
        Some(L::Npgsql),
        "Look for connections that are not disposed: await using var connection = ….",
    ),
    (
        Held::Connection,
        Some(L::PgBouncer),
        "Look behind the pooler: SHOW CLIENTS names the client that is linked to this backend.",
    ),
    (Held::Connection, None, "Look for a code path that takes a connection and does not give it back."),
];

/// The remedy for what this kind of evidence shows.
pub(super) fn remedy(library: Option<L>, kind: EvidenceKind) -> &'static str {
    let held = match kind {
        EvidenceKind::IdleInTransaction => Held::Transaction,
        EvidenceKind::ClientWait => Held::Result,
        _ => Held::Connection,
    };
    let find = |library| REMEDIES.iter().find(|(of, known, _)| *of == held && *known == library);
    find(library).or_else(|| find(None)).map_or("", |(.., text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_hold_has_general_words_and_each_library_its_own_for_a_kept_connection() {
        for kind in [EvidenceKind::IdleInTransaction, EvidenceKind::ClientWait, EvidenceKind::CheckedOut] {
            assert!(!remedy(None, kind).is_empty());
        }
        let mut words: Vec<&str> =
            L::ALL.iter().map(|library| remedy(Some(*library), EvidenceKind::Staircase)).collect();
        words.push(remedy(None, EvidenceKind::Staircase));
        let all = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all);
    }
}
