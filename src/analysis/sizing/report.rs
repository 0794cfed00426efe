//! What was worked out, in words: for the command line and for the panel alike.

use super::draft::{Draft, Source};
use super::field::Field;
use super::popular::{number, percent};
use super::{Live, Sizing};
use crate::text::size::roughly;
use crate::text::span::{count, span_s};

/// How a line is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// A number.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// It does not fit, or misleads.
    Bad,
    /// To be pasted: never wrapped between words that belong together.
    Code,
}

/// One fact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub label: String,
    /// How much.
    pub value: String,
    /// Where it comes from, or what it means.
    pub about: String,
    /// How it is meant.
    pub tone: Tone,
}

/// Facts under a heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// The facts.
    pub lines: Vec<Line>,
}

fn line(label: &str, value: impl Into<String>, about: impl Into<String>) -> Line {
    Line { label: label.to_owned(), value: value.into(), about: about.into(), tone: Tone::Plain }
}

impl Line {
    fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

/// The one sentence.
pub fn headline(sizing: &Sizing) -> String {
    let budget = &sizing.budget;
    let (usable, pools) = (budget.usable.usable, count(budget.pools, "pool"));
    let has = format!("{usable} of {} are usable", budget.usable.max_connections);
    let cap = match budget.cap_per_pool {
        0 => "not even one per pool fits".to_owned(),
        cap => format!("at most {cap} per pool fit"),
    };
    match (budget.demand, budget.headroom) {
        (Some(demand), Some(headroom)) if headroom >= 0 => {
            format!("{pools} can open {demand} connections, {has}: it fits, {headroom} are left")
        }
        (Some(demand), Some(headroom)) => {
            format!("{pools} can open {demand} connections, {has}: {} too many, {cap}", -headroom)
        }
        _ => format!("{pools} without a bound can open any number of connections, {has}: {cap}"),
    }
}

/// What was gone by, by who said it.
pub fn inputs(draft: &Draft) -> Section {
    let mut lines: Vec<(&str, Vec<String>)> = Vec::new();
    for field in Field::ALL {
        let (Some(value), source) = draft.said(*field) else { continue };
        let who = match source {
            None => "default",
            Some(Source::Typed) => "given",
            Some(source) => source.word(),
        };
        let said = format!("{} {}", field.row().word, field.show(value));
        match lines.iter_mut().find(|(known, _)| *known == who) {
            Some((_, list)) => list.push(said),
            None => lines.push((who, vec![said])),
        }
    }
    // Defaults are what people did not think of, so they come last and are all there.
    lines.sort_by_key(|(who, _)| *who == "default");
    section("Inputs", lines.iter().map(|(who, list)| line(who, "", list.join(", "))).collect())
}

/// Everything, in the order of importance; sections without a line are left out.
pub fn sections(draft: &Draft, sizing: &Sizing) -> Vec<Section> {
    let mut sections = vec![
        section("Proposal", proposal(sizing)),
        section("Budget", budget(draft, sizing)),
        section("Now", sizing.live.as_ref().map(now).unwrap_or_default()),
        section("Load", load(draft, sizing)),
        section("Memory", memory(sizing)),
        section("Notes", sizing.notes.iter().map(|note| line("", "", note.as_str())).collect()),
        section("Raising max_connections", raise(sizing)),
        section("Env file", variables(sizing)),
    ];
    sections.extend(sizing.settings.iter().map(|settings| {
        let lines = settings.lines.iter().map(|text| line("", text.as_str(), "").toned(Tone::Code));
        let notes = settings.notes.iter().map(|note| line("", "", note.as_str()));
        section(settings.library, lines.chain(notes).collect())
    }));
    sections.push(section("Popular formulas that mislead here", popular(sizing)));
    sections.retain(|section| !section.lines.is_empty());
    sections
}

fn section(title: &str, lines: Vec<Line>) -> Section {
    Section { title: title.to_owned(), lines }
}

fn proposal(sizing: &Sizing) -> Vec<Line> {
    let Some(proposal) = &sizing.proposal else { return Vec::new() };
    let value = format!("{} + {}", proposal.pool_size, proposal.max_overflow);
    let mut lines = vec![line("per pool", value, format!("pool_size + max_overflow: {}", proposal.why))];
    let (budget, bound) = (&sizing.budget, proposal.pool_size + proposal.max_overflow);
    let all = bound * budget.pools + budget.poolers + budget.others;
    let formula = format!("{} x {bound}{}", budget.pools, plus(budget.poolers + budget.others));
    lines.push(line("in all", all.to_string(), formula));
    lines
}

/// ` + 20`, or nothing for 0.
fn plus(number: u64) -> String {
    if number > 0 { format!(" + {number}") } else { String::new() }
}

fn budget(draft: &Draft, sizing: &Sizing) -> Vec<Line> {
    let budget = &sizing.budget;
    let usable = &budget.usable;
    let factors: Vec<String> = [Field::Pods, Field::Workers, Field::Pools, Field::Services]
        .iter()
        .filter(|field| draft.count(**field) > 1)
        .map(|field| format!("{} {}", draft.count(*field), field.row().label))
        .collect();
    let pools = if factors.is_empty() { "1 pool".to_owned() } else { factors.join(" x ") };
    let bound = match budget.per_pool {
        Some(_) => format!("({} + {})", draft.count(Field::PoolSize), draft.count(Field::MaxOverflow)),
        None => "unlimited".to_owned(),
    };
    let demand = budget.demand.map_or("unlimited".to_owned(), |demand| demand.to_string());
    let fits = if budget.fits() { Tone::Good } else { Tone::Bad };
    vec![
        line("demand", demand, format!("{pools} x {bound}{}{}", plus(budget.poolers), plus(budget.others)))
            .toned(fits),
        line(
            "usable",
            usable.usable.to_string(),
            format!(
                "max_connections {} - {} for superusers{} - {} for pooltop - {} for operations",
                usable.max_connections,
                usable.superuser_reserved,
                if usable.reserved > 0 { format!(" - {} reserved", usable.reserved) } else { String::new() },
                usable.pooltop,
                usable.operations
            ),
        ),
        line(
            "headroom",
            budget.headroom.map_or("none".to_owned(), |headroom| headroom.to_string()),
            "usable - demand",
        )
        .toned(fits),
        line(
            "cap per pool",
            budget.cap_per_pool.to_string(),
            format!(
                "{} / {}",
                taken(usable.usable, budget.poolers + budget.others),
                count(budget.pools, "pool")
            ),
        ),
    ]
}

/// `(90 - 20)`, or `90` where nothing is taken.
fn taken(of: u64, taken: u64) -> String {
    if taken > 0 { format!("({of} - {taken})") } else { of.to_string() }
}

fn now(live: &Live) -> Vec<Line> {
    let mut lines = vec![line(
        "in use",
        live.used.to_string(),
        format!("client connections of {}, {} of them pooltop's", live.target, live.own),
    )];
    if let Some(busy) = live.busy {
        let over = span_s(live.busy_span_s);
        lines.push(line("busy", number(busy), format!("not idle, mean of the last {over}")));
    }
    lines.extend(live.pools.iter().take(12).map(|pool| {
        let bound = pool.max.map_or("no known bound".to_owned(), |max| format!("bound {max}"));
        let used = pool.used.map_or("?".to_owned(), |used| used.to_string());
        let leaks = if pool.leaks { ", leaks" } else { "" };
        let about = format!("{}: {used} in use, peak {}, {bound}{leaks}", pool.name, pool.peak);
        let tone = if pool.leaks { Tone::Bad } else { Tone::Plain };
        line("pool", pool.total.to_string(), about).toned(tone)
    }));
    let more = live.pools.len().saturating_sub(12);
    lines.extend((more > 0).then(|| line("", "", format!("and {more} more pools"))));
    lines
}

fn load(draft: &Draft, sizing: &Sizing) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(load) = &sizing.load {
        let hold = draft.get(Field::Hold).unwrap_or_default();
        let little = format!("Little: {} /s x {}", number(load.rate_per_s), Field::Hold.show(hold));
        let pools = sizing.budget.pools;
        lines.push(line("busy in all", number(load.busy), little));
        lines.push(line(
            "busy per pool",
            number(load.busy_per_pool),
            format!("Erlang, spread over {}", count(pools, "pool")),
        ));
        lines.push(line(
            "square root",
            load.staffing.to_string(),
            format!("a + 1.65 x sqrt(a), where {} wait", percent(load.waiting_at_staffing)),
        ));
        lines.push(line(
            "5 % wait",
            load.comfortable.to_string(),
            "the fewest at which at most 5 % wait (Erlang C)",
        ));
        if let (Some(waits), Some(bound)) = (load.waiting_now, sizing.budget.per_pool) {
            let tone = if waits > super::queue::COMFORTABLE { Tone::Bad } else { Tone::Good };
            let about = if waits >= 1.0 {
                format!("of the requests with {bound}: the queue only grows")
            } else {
                format!("of the requests wait with {bound} per pool")
            };
            lines.push(line("waiting now", percent(waits), about).toned(tone));
        }
        if pools > 1 {
            let about = format!("for all of it, instead of {pools} x {}", load.comfortable);
            lines.push(line("one shared pool", load.shared.to_string(), about));
        }
    } else if let (Some(rate), Some(busy)) =
        (draft.get(Field::Rate), sizing.live.as_ref().and_then(|live| live.busy))
    {
        let about = format!("Little: {} busy / {} /s, for the whole server", number(busy), number(rate));
        lines.push(line("hold time", span_s(busy / rate), about));
    }
    if let Some(ceiling) = sizing.busy_ceiling {
        let about =
            "2 x cores + spindles of the server: more busy connections do not get more done (guidance)";
        lines.push(line("useful busy", ceiling.to_string(), about));
    }
    if let Some(least) = sizing.pool_locking {
        let about = "threads x (nested - 1) + 1: below it nested checkouts can lock each other out";
        lines.push(line("least per pool", least.to_string(), about));
    }
    lines
}

fn memory(sizing: &Sizing) -> Vec<Line> {
    let memory = &sizing.memory;
    let share = memory.share.map(|share| format!(", {} of the memory", percent(share))).unwrap_or_default();
    vec![
        line(
            "connections",
            format!("{} to {}", roughly(memory.least_bytes), roughly(memory.most_bytes)),
            format!(
                "{} x 1 to 12 MB private, as measured; the rule of 10 MB gives {}{share}",
                memory.connections,
                roughly(memory.rule_bytes)
            ),
        )
        .toned(if memory.is_much() { Tone::Bad } else { Tone::Plain }),
        line("work_mem on top", roughly(memory.work_mem_bytes), "twice in each, if all sort at once"),
    ]
}

fn raise(sizing: &Sizing) -> Vec<Line> {
    let (Some(how), Some(needed)) = (&sizing.raise_max_connections, sizing.budget.max_connections_needed)
    else {
        return Vec::new();
    };
    vec![
        line(
            "needed",
            needed.to_string(),
            "for all of the demand; it takes a restart, so smaller pools or a pooler come first",
        ),
        line("how", "", how.as_str()),
    ]
}

fn variables(sizing: &Sizing) -> Vec<Line> {
    let text = |name: &str, value: &str| line("", format!("{name}={value}"), "").toned(Tone::Code);
    sizing.variables.iter().map(|found| text(found.name, &found.value)).collect()
}

fn popular(sizing: &Sizing) -> Vec<Line> {
    let told = |found: &super::Popular| {
        let (formula, gives, right, why) = (found.formula, &found.gives, &found.right, &found.why);
        line("", "", format!("\"{formula}\" gives {gives}; right: {right}. {why}"))
    };
    sizing.popular.iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::super::size;
    use super::super::tests::draft;
    use super::*;

    #[test]
    fn the_headline_says_whether_it_fits() {
        for (given, said) in [
            ("", "1 pool can open 15 connections, 90 of 100 are usable: it fits, 75 are left"),
            (
                "workers=4 services=2 reserved=20",
                "8 pools can open 140 connections, 90 of 100 are usable: 50 too many, at most 8 per pool fit",
            ),
            (
                "pods=100",
                "100 pools can open 1500 connections, 90 of 100 are usable: 1410 too many, not even one per pool fits",
            ),
            (
                "pool-size=0",
                "1 pool without a bound can open any number of connections, 90 of 100 are usable: at most 90 per pool fit",
            ),
        ] {
            let given_draft = draft(given);
            let sizing = size(&given_draft, None).unwrap();
            assert_eq!(headline(&sizing), said, "{given}");
        }
    }

    #[test]
    fn every_number_has_its_formula() {
        let given = draft("pods=3 rate=300 hold=100ms cores=8 threads=4 nested=2 memory=8GiB reserved=5");
        let sizing = size(&given, None).unwrap();
        let sections = sections(&given, &sizing);
        let find = |label: &str| {
            let lines = sections.iter().flat_map(|section| &section.lines);
            let found = lines
                .filter(|line| line.label == label)
                .map(|line| (line.value.as_str(), line.about.as_str()));
            found.collect::<Vec<_>>()
        };
        for (label, value, about) in [
            ("demand", "50", "3 pods x (5 + 10) + 5"),
            ("usable", "90", "max_connections 100 - 3 for superusers - 2 for pooltop - 5 for operations"),
            ("cap per pool", "28", "(90 - 5) / 3 pools"),
            ("busy in all", "30", "Little: 300 /s x 100ms"),
            ("square root", "16", "a + 1.65 x sqrt(a), where 5.7 % wait"),
            ("one shared pool", "41", "for all of it, instead of 3 x 17"),
            (
                "least per pool",
                "5",
                "threads x (nested - 1) + 1: below it nested checkouts can lock each other out",
            ),
            ("in all", "56", "3 x 17 + 5"),
        ] {
            assert_eq!(find(label), [(value, about)], "{label}");
        }
        let titles: Vec<&str> = sections.iter().map(|section| section.title.as_str()).collect();
        assert!(titles.starts_with(&["Proposal", "Budget", "Load", "Memory", "Notes"]), "{titles:?}");
        assert!(
            titles.contains(&"PgBouncer") && titles.last() == Some(&"Popular formulas that mislead here")
        );
    }

    #[test]
    fn raising_max_connections_says_how_and_that_it_restarts_only_where_it_is_needed() {
        let of = |given: &str| {
            let given = draft(given);
            let sizing = size(&given, None).unwrap();
            sections(&given, &sizing).into_iter().find(|section| section.title.starts_with("Raising"))
        };
        let raised = of("pods=5 pool-size=20 max-overflow=20 reserved=10 provider=rds").unwrap();
        assert_eq!(raised.lines[0].value, "227");
        assert!(raised.lines[1].about.contains("ParameterValue=227"), "{raised:?}");
        assert_eq!(of(""), None);
    }
}
