//! Whatever a console answers, reading it ends, and with no panic.

use bytes::Bytes;
use proptest::prelude::*;

use crate::connect::Answer;
use crate::model::pooler::PoolerFacts;
use crate::source::pgbouncer::dialect::{self, Dialect, Fact, Lists};
use crate::source::pgbouncer::facts::{self, Asker};
use crate::source::pgbouncer::{pairs, pools, sockets, totals};
use crate::source::postgres::intern::Interner;

/// Names of columns that are looked for, so that random answers are not refused at once.
const COLUMNS: &str = "type database user state addr port local_addr local_port connect_time request_time wait wait_us \
    close_needed ptr link remote_pid application_name id client_id server_id database_name age age_seconds cl_active \
    cl_idle cl_waiting sv_active sv_idle maxwait maxwait_us pool_mode paused total_xact_time total_wait_time name \
    key value list items pool_size reserve_pool max_connections current_connections disabled";

fn cell() -> impl Strategy<Value = Option<Bytes>> {
    prop_oneof![
        Just(None),
        prop::collection::vec(any::<u8>(), 0..24).prop_map(|bytes| Some(bytes.into())),
        prop::sample::select(vec![
            "C",
            "S",
            "cl_active",
            "cl_waiting",
            "sv_login",
            "unix",
            "0x1",
            "0x2",
            "-1",
            "99999999999999999999",
            "18446744073709551615",
            "2026-11-21 04:15:46 CET",
            "0000-00-00 00:00:00 UTC",
            "9999-12-31 23:59:59 UTC",
            "pgbouncer",
            "1e400",
            "so_reuseport",
            "inf",
        ])
        .prop_map(|text| Some(Bytes::from_static(text.as_bytes()))),
    ]
}

/// Rows may have fewer or more cells than there are columns.
fn answers() -> impl Strategy<Value = Answer> {
    let name = prop::sample::select(COLUMNS.split_whitespace().collect::<Vec<_>>());
    let columns = prop::collection::vec(name.prop_map(str::to_owned), 0..40);
    let rows = prop::collection::vec(prop::collection::vec(cell(), 0..44), 0..12);
    (columns, rows).prop_map(|(columns, rows)| Answer { columns, rows, ..Answer::default() })
}

fn dialects() -> impl Strategy<Value = &'static Dialect> {
    prop::sample::select(vec!["PgBouncer 1.25", "odyssey", "PgCat", "PgDog"]).prop_map(dialect::of)
}

proptest! {
    #[test]
    fn no_answer_makes_a_reader_panic_or_link_out_of_range(answer in answers(), other in answers(), dialect in dialects()) {
        let mut texts = Interner::default();
        let _ = (pools::read(&answer, dialect, &mut texts), totals::read(&answer, dialect, &mut texts));
        let _ = pools::absent(&answer, dialect, "any");
        let asker = Asker { user: "stats".to_owned(), unix: true };
        let mut facts = PoolerFacts::default();
        for fact in [Fact::Databases, Fact::Users, Fact::Config, Fact::Lists, Fact::State] {
            let _ = facts::enter(&mut facts, fact, &answer, (dialect, &asker), &mut texts);
        }
        let paired = match dialect.lists {
            Lists::Pair(names) => pairs::read(&answer, &other, names, dialect, &mut texts),
            Lists::Sockets => sockets::read(&answer, dialect, &mut texts),
        };
        if let Ok(sockets) = paired {
            prop_assert!(sockets.clients.len() + sockets.servers.len() <= answer.rows.len() + other.rows.len());
            for client in &sockets.clients {
                prop_assert!(client.server.is_none_or(|place| (place as usize) < sockets.servers.len()));
                prop_assert!(client.age_s.is_none_or(|age| age.is_finite() && age >= 0.0));
            }
            for server in &sockets.servers {
                prop_assert!(server.client.is_none_or(|place| (place as usize) < sockets.clients.len()));
            }
        }
    }
}
