//! How long to wait before the next attempt.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// First wait.
const FIRST: Duration = Duration::from_millis(500);
/// Longest wait: an operator watches, and a server that comes back should be seen at once.
const LONGEST: Duration = Duration::from_secs(30);

/// Doubling waits between half a second and thirty seconds, spread by a fifth so that many dashboards do not come
/// back at the same moment. The spread follows from the seed, so it needs no randomness.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    seed: u64,
    attempts: u32,
}

impl Backoff {
    /// A fresh one. Different seeds (target, process id) spread differently. No wait is much shorter than `least`.
    pub fn new(seed: impl Hash, least: Duration) -> Self {
        let mut hasher = DefaultHasher::new();
        seed.hash(&mut hasher);
        Self { first: FIRST.max(least), seed: hasher.finish(), attempts: 0 }
    }

    /// The wait before the next attempt; longer every time.
    pub fn next_wait(&mut self) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(self.attempts.min(16)));
        self.attempts = self.attempts.saturating_add(1);
        let mut hasher = DefaultHasher::new();
        (self.seed, self.attempts).hash(&mut hasher);
        let spread = 0.8 + 0.4 * (hasher.finish() % 1000) as f64 / 1000.0;
        doubled.min(LONGEST).mul_f64(spread).min(LONGEST)
    }

    /// The target answered: the next failure starts over.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_thirty_seconds_and_never_beyond() {
        let mut backoff = Backoff::new("db1", Duration::ZERO);
        let waits: Vec<Duration> = (0..40).map(|_| backoff.next_wait()).collect();
        assert!(
            waits[0] >= Duration::from_millis(400) && waits[0] <= Duration::from_millis(600),
            "{waits:?}"
        );
        assert!(waits[3] > waits[0] * 4, "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= LONGEST), "{waits:?}");
        assert!(waits[39] >= LONGEST.mul_f64(0.8), "{waits:?}");
    }

    #[test]
    fn one_that_must_not_be_asked_often_is_not() {
        let mut backoff = Backoff::new("api", Duration::from_secs(5));
        let waits: Vec<Duration> = (0..8).map(|_| backoff.next_wait()).collect();
        assert!(waits[0] >= Duration::from_secs(4) && waits[0] <= Duration::from_secs(6), "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= LONGEST), "{waits:?}");
        assert!(waits[7] >= LONGEST.mul_f64(0.8), "{waits:?}");
    }

    #[test]
    fn an_answer_starts_over() {
        let mut backoff = Backoff::new("db1", Duration::ZERO);
        let first = backoff.next_wait();
        backoff.next_wait();
        backoff.reset();
        assert_eq!(backoff.next_wait(), first);
    }

    #[test]
    fn two_targets_do_not_come_back_together() {
        let waits = |seed: &str| Backoff::new(seed, Duration::ZERO).next_wait();
        assert_ne!(waits("db1"), waits("db2"));
    }
}
