//! The one place that reads a clock; everything else gets the time as an argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use super::time::Timestamp;

/// Wall-clock time and a monotonic clock, real or set by hand.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Real { start: Instant },
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clocks.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn real() -> Self {
        Self(Kind::Real { start: Instant::now() })
    }

    /// A clock that stands still at `at` until [`Clock::advance`] moves it. For tests and rendering pictures.
    pub fn manual(at: Timestamp) -> Self {
        Self(Kind::Manual(Arc::new(AtomicI64::new(at.as_micros()))))
    }

    /// The wall-clock time of this machine. Not for durations: it jumps.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::Real { .. } => jiff::Timestamp::now().into(),
            Kind::Manual(micros) => Timestamp::from_micros(micros.load(Ordering::SeqCst)),
        }
    }

    /// Time since some fixed moment, for durations. Never goes back; stands still while a laptop sleeps on
    /// some systems, which is why a sleep is recognised by comparing it with [`Clock::now`].
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Kind::Real { start } => Instant::now().saturating_duration_since(*start),
            Kind::Manual(micros) => {
                Duration::from_micros(u64::try_from(micros.load(Ordering::SeqCst)).unwrap_or_default())
            }
        }
    }

    /// Moves a manual clock; a real one does not listen.
    pub fn advance(&self, by: Duration) {
        if let Kind::Manual(micros) = &self.0 {
            micros.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}
