//! Formulas that guides give, with these very numbers: what they say, what is right, and why.

use serde::Serialize;

use super::Sizing;
use super::draft::Draft;
use super::field::Field;
use super::queue::{self, waiting};
use super::settings::path_idle_s;

/// A popular formula that misleads here.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Popular {
    /// As the guides write it.
    pub formula: &'static str,
    /// What it gives here.
    pub gives: String,
    /// What is right here.
    pub right: String,
    /// Why.
    pub why: String,
}

type Check = fn(&Draft, &Sizing) -> Option<Popular>;

const CHECKS: [Check; 7] =
    [rate_as_size, average, forgotten_factors, cores, more_pods, ten_megabytes, recycle];

/// Those that mislead with these numbers.
pub fn misleading(draft: &Draft, sizing: &Sizing) -> Vec<Popular> {
    CHECKS.iter().filter_map(|check| check(draft, sizing)).collect()
}

fn rate_as_size(draft: &Draft, sizing: &Sizing) -> Option<Popular> {
    let load = sizing.load.as_ref()?;
    let hold = draft.get(Field::Hold)?;
    Some(Popular {
        formula: "pool size = concurrent requests / query time",
        gives: number(load.rate_per_s / hold),
        right: format!("{} busy connections", number(load.busy)),
        why: format!(
            "Requests divided by seconds are a rate, not connections, and the formula asks for more of them the \
             faster queries are. Little: {} /s x {} = {}",
            number(load.rate_per_s),
            Field::Hold.show(hold),
            number(load.busy)
        ),
    })
}

fn average(_: &Draft, sizing: &Sizing) -> Option<Popular> {
    let load = sizing.load.as_ref()?;
    let least = queue::least(load.busy_per_pool);
    let waits = waiting(least, load.busy_per_pool);
    Some(Popular {
        formula: "pool size = workers x average connections in use",
        gives: format!("{least} per pool"),
        right: format!("{} per pool", load.comfortable),
        why: format!(
            "An average is exceeded half of the time: with {least} connections {} of the requests wait",
            percent(waits)
        ),
    })
    .filter(|popular| popular.gives != popular.right)
}

fn forgotten_factors(draft: &Draft, sizing: &Sizing) -> Option<Popular> {
    let demand = sizing.budget.demand?;
    let product = [Field::Workers, Field::PoolSize, Field::Services].map(|field| draft.count(field));
    let [workers, size, services] = product;
    let gives = workers * size * services + sizing.budget.others;
    let forgotten = [
        (draft.count(Field::MaxOverflow) > 0, "max_overflow"),
        (draft.count(Field::Pods) > 1, "pods"),
        (draft.count(Field::Pools) > 1, "pools per process"),
        (sizing.budget.poolers > 0, "poolers"),
    ];
    let forgotten: Vec<_> = forgotten.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    (gives != demand).then(|| Popular {
        formula: "connections = workers x pool_size x services + buffer",
        gives: gives.to_string(),
        right: demand.to_string(),
        why: format!("It leaves out {}", forgotten.join(", ")),
    })
}

fn cores(_: &Draft, sizing: &Sizing) -> Option<Popular> {
    let ceiling = sizing.busy_ceiling?;
    let pools = sizing.budget.pools;
    (pools > 1).then(|| Popular {
        formula: "pool_size = cores x 2 + spindles",
        gives: format!("{ceiling} per pool, {} in all", ceiling * pools),
        right: format!("{ceiling} busy in all {pools} pools together"),
        why: "The cores are the database server's, and the result is what it can usefully work on at once, \
              whoever asks"
            .into(),
    })
}

fn more_pods(draft: &Draft, sizing: &Sizing) -> Option<Popular> {
    let budget = &sizing.budget;
    let (demand, bound) = (budget.demand?, budget.per_pool?);
    let pods = draft.count(Field::Pods).max(1);
    let more = demand + bound * budget.pools / pods;
    (!budget.fits()).then(|| Popular {
        formula: "the pool is exhausted: add pods",
        gives: format!("{more} connections with one pod more"),
        right: format!("{demand} are {} too many now", demand.saturating_sub(budget.usable.usable)),
        why: "Each pod brings its pools along. First fix leaks, then shorten how long connections are held, then put \
              a pooler in between; only then change sizes"
            .into(),
    })
}

fn ten_megabytes(_: &Draft, sizing: &Sizing) -> Option<Popular> {
    let memory = &sizing.memory;
    (memory.connections > 0).then(|| Popular {
        formula: "10 MB per connection",
        gives: crate::text::size::roughly(memory.rule_bytes),
        right: format!(
            "{} to {}",
            crate::text::size::roughly(memory.least_bytes),
            crate::text::size::roughly(memory.most_bytes)
        ),
        why: "Private memory was measured at 1 to 12 MB, growing with use; what top shows counts shared_buffers as \
              well, and work_mem comes on top"
            .into(),
    })
}

fn recycle(draft: &Draft, _: &Sizing) -> Option<Popular> {
    let idle = path_idle_s(draft)?;
    Some(Popular {
        formula: "pool_recycle = half of the path's idle timeout",
        gives: Field::PathIdleTimeout.show((idle / 2.0).round()),
        right: "a TCP keepalive below it, and pre-ping".into(),
        why: "pool_recycle is looked at only at checkout, so an idle connection is dropped all the same, while busy \
              ones are reconnected for nothing"
            .into(),
    })
}

/// At most two places behind the point, without zeros at the end.
pub fn number(value: f64) -> String {
    let text = if value < 0.01 { format!("{value:.4}") } else { format!("{value:.2}") };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A share in percent: `5.7 %`, `100 %`; below a tenth `< 0.1 %`.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent < 0.1 => "< 0.1 %".to_owned(),
        percent => format!("{} %", number((percent * 10.0).round() / 10.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::size;
    use super::super::tests::draft;
    use super::*;

    fn told(given: &str, formula: &str) -> Option<(String, String)> {
        let sizing = size(&draft(given), None).unwrap();
        let found = sizing.popular.into_iter().find(|popular| popular.formula.contains(formula))?;
        Some((found.gives, found.right))
    }

    #[test]
    fn what_guides_compute_is_said_beside_what_is_right() {
        for (given, formula, gives, right) in [
            ("pods=3 rate=30 hold=100ms", "query time", "300", "3 busy connections"),
            ("workers=4 services=2 reserved=20", "services + buffer", "60", "140"),
            ("workers=4 cores=4", "cores", "8 per pool, 32 in all", "8 busy in all 4 pools together"),
            (
                "pods=5 pool-size=20 max-overflow=20 reserved=10",
                "add pods",
                "250 connections with one pod more",
                "210 are 120 too many now",
            ),
            ("pods=4 pool-size=20 max-overflow=5", "10 MB", "1.0 GB", "100 MB to 1.2 GB"),
            ("provider=azure", "idle timeout", "2m", "a TCP keepalive below it, and pre-ping"),
            ("rate=100 hold=100ms", "average", "10 per pool", "17 per pool"),
        ] {
            let told = told(given, formula);
            assert_eq!(told, Some((gives.to_owned(), right.to_owned())), "{given}");
        }
    }

    #[test]
    fn what_is_right_here_is_not_called_wrong() {
        for (given, formula) in [
            ("workers=4 max-overflow=0", "services + buffer"),
            ("cores=4", "cores"),
            ("", "add pods"),
            ("", "idle timeout"),
            ("", "query time"),
        ] {
            assert_eq!(told(given, formula), None, "{given}");
        }
    }

    #[test]
    fn numbers_have_no_digits_that_nobody_needs() {
        for (value, text) in
            [(3.0, "3"), (1.5, "1.5"), (0.0625, "0.06"), (300.004, "300"), (0.0012, "0.0012")]
        {
            assert_eq!(number(value), text);
        }
        for (share, text) in [(0.0573, "5.7 %"), (1.0, "100 %"), (0.00001, "< 0.1 %"), (0.5, "50 %")] {
            assert_eq!(percent(share), text);
        }
    }
}
