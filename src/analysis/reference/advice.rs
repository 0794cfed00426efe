//! The advice that can follow from what is seen.
//!
//! In the texts `{name}` stands for the threshold of that name, as in the table of the rules.

/// One piece of advice as the documentation tells it.
#[derive(Clone, Copy, Debug)]
pub struct AdviceRow {
    /// What is wrong.
    pub issue: &'static str,
    /// When it is given, and how urgent.
    pub when: &'static str,
    /// What it says to do.
    pub says: &'static str,
}

/// Nothing on the server would ever end an idle transaction.
pub const UNGUARDED: AdviceRow = AdviceRow {
    issue: "Idle transactions are never ended by the server",
    when: "`leak.idle_in_transaction` is a warning (medium) or critical (high), and \
           `idle_in_transaction_session_timeout` is 0 for the pool's role and database.",
    says: "`ALTER ROLE … SET idle_in_transaction_session_timeout` to five times {idle_in_transaction}.",
};

/// A Redis server near its ceiling, most of whose clients only lie idle.
pub const IDLE_REDIS: AdviceRow = AdviceRow {
    issue: "Most clients of the Redis server only lie idle",
    when: "`redis.clients` on the server as a whole, and at least half of its clients idle for {idle_in_transaction} \
           (medium).",
    says: "`CONFIG SET timeout` to five times {idle_in_transaction}; subscribers are spared, applications reconnect.",
};

/// What an application advises about its own pools.
pub const FROM_APPLICATIONS: AdviceRow = AdviceRow {
    issue: "What an application says about its own pool",
    when: "The application's endpoint answers with recommendations; its severity is taken over.",
    says: "The application's own words, named as such.",
};

/// Every piece of advice.
pub const ADVICE: [AdviceRow; 3] = [UNGUARDED, IDLE_REDIS, FROM_APPLICATIONS];
