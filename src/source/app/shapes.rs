//! JSON objects that describe one pool: one row per library.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::model::app::{AppField, AppPool, AppPoolKind};
use crate::text::Text;

/// No pool has more fields than this.
const MOST_FIELDS: usize = 100;

/// How one library, or the endpoints that people build on it, writes down a pool.
pub(super) struct Shape {
    /// For people.
    pub(super) title: &'static str,
    library: Option<&'static str>,
    kind: AppPoolKind,
    /// Fields by which it is recognised; all of them are there.
    needs: &'static [&'static str],
    /// Fields and what they are. A dot leads into an object.
    fields: &'static [(&'static str, AppField, f64)],
    /// Numbers that are 0 where they are not there, because the library leaves zeros out.
    zero: &'static [AppField],
}

const fn of(
    library: &'static str,
    needs: &'static [&'static str],
    fields: &'static [(&'static str, AppField, f64)],
) -> Shape {
    Shape { title: library, library: Some(library), kind: AppPoolKind::Database, needs, fields, zero: &[] }
}

const MS: f64 = 1e-3;
const NS: f64 = 1e-9;

use AppField as F;

/// The first that fits is it. Fields are compared without case, `_`, `-` and blanks, so that one row stands for
/// `checked_out`, `checkedOut` and `CheckedOut`; one with a `=` before it is compared as it is.
static SHAPES: &[Shape] = &[
    Shape {
        title: "SQLAlchemy health",
        ..of(
            "SQLAlchemy",
            &["pool_size", "checked_in", "checked_out"],
            &[
                ("pool_size", F::Size, 1.0),
                ("checked_in", F::Idle, 1.0),
                ("checked_out", F::Used, 1.0),
                ("overflow", F::Overflow, 1.0),
                ("max_overflow", F::MaxOverflow, 1.0),
                ("total_connections", F::Total, 1.0),
            ],
        )
    },
    of(
        "SQLAlchemy",
        &["size", "checked_in", "checked_out"],
        &[
            ("size", F::Size, 1.0),
            ("checked_in", F::Idle, 1.0),
            ("checked_out", F::Used, 1.0),
            ("overflow", F::Overflow, 1.0),
            ("max_overflow", F::MaxOverflow, 1.0),
            ("total", F::Total, 1.0),
        ],
    ),
    of(
        "HikariCP",
        &["active_connections", "idle_connections", "total_connections"],
        &[
            ("active_connections", F::Used, 1.0),
            ("idle_connections", F::Idle, 1.0),
            ("total_connections", F::Total, 1.0),
            ("threads_awaiting_connection", F::Pending, 1.0),
            ("pending_connections", F::Pending, 1.0),
            ("maximum_pool_size", F::Max, 1.0),
            ("max_connections", F::Max, 1.0),
            ("minimum_idle", F::Min, 1.0),
        ],
    ),
    Shape {
        title: "pool administration",
        library: None,
        ..of(
            "",
            &["active_connections", "pool_size"],
            &[
                ("active_connections", F::Used, 1.0),
                ("peak_connections", F::Peak, 1.0),
                ("connections_created", F::Opened, 1.0),
                ("connections_closed", F::Closed, 1.0),
                ("connections_recycled", F::Recycled, 1.0),
                ("average_wait_time", F::WaitAvg, 1.0),
                ("pool_size", F::Size, 1.0),
                ("overflow", F::Overflow, 1.0),
                ("max_overflow", F::MaxOverflow, 1.0),
                ("waiting", F::Pending, 1.0),
                ("timeouts", F::Timeouts, 1.0),
                ("errors", F::Errors, 1.0),
                ("connection_errors", F::Errors, 1.0),
            ],
        )
    },
    Shape {
        title: "redis-py",
        kind: AppPoolKind::Redis,
        ..of(
            "redis-py",
            &["in_use_connections", "available_connections"],
            &[
                ("in_use_connections", F::Used, 1.0),
                ("available_connections", F::Idle, 1.0),
                ("created_connections", F::Opened, 1.0),
                ("max_connections", F::Max, 1.0),
            ],
        )
    },
    Shape {
        zero: &[F::Idle, F::Pending, F::Waits, F::Wait, F::Use, F::Opened, F::Errors, F::Timeouts],
        ..of(
            "psycopg_pool",
            &["pool_min", "pool_max", "pool_size"],
            &[
                ("pool_min", F::Min, 1.0),
                ("pool_max", F::Max, 1.0),
                ("pool_size", F::Total, 1.0),
                ("pool_available", F::Idle, 1.0),
                ("requests_waiting", F::Pending, 1.0),
                ("requests_num", F::Waits, 1.0),
                ("requests_wait_ms", F::Wait, MS),
                ("requests_errors", F::Timeouts, 1.0),
                ("usage_ms", F::Use, MS),
                ("connections_num", F::Opened, 1.0),
                ("connections_errors", F::Errors, 1.0),
            ],
        )
    },
    of(
        "node-postgres",
        &["total_count", "idle_count", "waiting_count"],
        &[
            ("total_count", F::Total, 1.0),
            ("idle_count", F::Idle, 1.0),
            ("waiting_count", F::Pending, 1.0),
            ("max", F::Max, 1.0),
            ("min", F::Min, 1.0),
            ("options.max", F::Max, 1.0),
        ],
    ),
    of(
        "pgxpool",
        &["acquired_conns", "total_conns", "max_conns"],
        &[
            ("acquired_conns", F::Used, 1.0),
            ("idle_conns", F::Idle, 1.0),
            ("total_conns", F::Total, 1.0),
            ("max_conns", F::Max, 1.0),
            ("acquire_count", F::Waits, 1.0),
            // A time.Duration, which Go writes as nanoseconds.
            ("=AcquireDuration", F::Wait, NS),
            ("acquire_duration_ns", F::Wait, NS),
            ("acquire_duration_ms", F::Wait, MS),
            ("acquire_duration_seconds", F::Wait, 1.0),
            ("canceled_acquire_count", F::Timeouts, 1.0),
            ("new_conns_count", F::Opened, 1.0),
            ("max_lifetime_destroy_count", F::Recycled, 1.0),
        ],
    ),
    of(
        "database/sql",
        &["open_connections", "in_use", "idle"],
        &[
            ("max_open_connections", F::Max, 1.0),
            ("open_connections", F::Total, 1.0),
            ("in_use", F::Used, 1.0),
            ("idle", F::Idle, 1.0),
            ("wait_count", F::Waits, 1.0),
            ("=WaitDuration", F::Wait, NS),
            ("wait_duration_ns", F::Wait, NS),
            ("wait_duration_ms", F::Wait, MS),
            ("wait_duration_seconds", F::Wait, 1.0),
            ("max_lifetime_closed", F::Recycled, 1.0),
        ],
    ),
    of(
        "deadpool",
        &["max_size", "size", "available", "waiting"],
        &[
            ("max_size", F::Max, 1.0),
            ("size", F::Total, 1.0),
            ("available", F::Idle, 1.0),
            ("waiting", F::Pending, 1.0),
        ],
    ),
    of(
        "bb8",
        &["connections", "idle_connections"],
        &[
            ("connections", F::Total, 1.0),
            ("idle_connections", F::Idle, 1.0),
            ("max_size", F::Max, 1.0),
            ("statistics.get_started", F::Waits, 1.0),
            ("statistics.get_timed_out", F::Timeouts, 1.0),
            ("statistics.connections_created", F::Opened, 1.0),
            ("statistics.connections_closed_max_lifetime", F::Recycled, 1.0),
        ],
    ),
    of(
        "r2dbc-pool",
        &["acquired_size", "allocated_size"],
        &[
            ("acquired_size", F::Used, 1.0),
            ("allocated_size", F::Total, 1.0),
            ("idle_size", F::Idle, 1.0),
            ("pending_acquire_size", F::Pending, 1.0),
            ("max_allocated_size", F::Max, 1.0),
        ],
    ),
    of(
        "ActiveRecord",
        &["size", "connections", "busy", "idle"],
        &[
            ("size", F::Max, 1.0),
            ("connections", F::Total, 1.0),
            ("busy", F::Used, 1.0),
            ("idle", F::Idle, 1.0),
            ("waiting", F::Pending, 1.0),
        ],
    ),
    of(
        "DBConnection",
        &["ready_conn_count", "checkout_queue_length"],
        &[("ready_conn_count", F::Idle, 1.0), ("checkout_queue_length", F::Pending, 1.0)],
    ),
    of(
        "sqlx",
        &["size", "num_idle"],
        &[
            ("size", F::Total, 1.0),
            ("num_idle", F::Idle, 1.0),
            ("max_connections", F::Max, 1.0),
            ("min_connections", F::Min, 1.0),
        ],
    ),
    Shape { title: "asyncpg style", library: None, ..of("", &["size", "free", "used"], ASYNCPG) },
    Shape { library: None, ..of("asyncpg", &["size", "idle", "min_size", "max_size"], ASYNCPG) },
];

const ASYNCPG: &[(&str, AppField, f64)] = &[
    ("size", F::Total, 1.0),
    ("free", F::Idle, 1.0),
    ("idle", F::Idle, 1.0),
    ("idle_size", F::Idle, 1.0),
    ("used", F::Used, 1.0),
    ("waiting", F::Pending, 1.0),
    ("min", F::Min, 1.0),
    ("max", F::Max, 1.0),
    ("min_size", F::Min, 1.0),
    ("max_size", F::Max, 1.0),
];

/// A field's name without what spellings differ in.
pub(super) fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

/// A number, or the text of one.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// An object's fields by their folded names.
struct Fields<'v> {
    object: &'v Map<String, Value>,
    folded: HashMap<String, &'v Value>,
}

impl<'v> Fields<'v> {
    fn of(object: &'v Map<String, Value>) -> Self {
        let folded = object.iter().map(|(key, value)| (folded(key), value)).collect();
        Self { object, folded }
    }

    fn number(&self, name: &str) -> Option<f64> {
        if let Some(exact) = name.strip_prefix('=') {
            return self.object.get(exact).and_then(number);
        }
        match name.split_once('.') {
            Some((outer, inner)) => Fields::of(self.folded.get(&folded(outer))?.as_object()?).number(inner),
            None => self.folded.get(&folded(name)).and_then(|value| number(value)),
        }
    }
}

/// The pool that an object describes, and as what it was recognised.
pub(super) fn pool(object: &Map<String, Value>) -> Option<(&'static Shape, AppPool)> {
    if object.len() > MOST_FIELDS {
        return None;
    }
    let fields = Fields::of(object);
    let shape = SHAPES.iter().find(|shape| shape.needs.iter().all(|name| fields.number(name).is_some()))?;
    let mut pool = AppPool { kind: shape.kind, library: shape.library.map(Text::line), ..AppPool::default() };
    for (name, meaning, unit) in shape.fields {
        if let Some(value) = fields.number(name) {
            pool.set(*meaning, value * unit);
        }
    }
    for meaning in shape.zero {
        if pool.get(*meaning).is_none() {
            pool.set(*meaning, 0.0);
        }
    }
    Some((shape, pool))
}
