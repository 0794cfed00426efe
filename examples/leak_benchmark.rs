//! Labelled recordings through the leak detector: what it said about each label, and how often it was right.
//!
//! `cargo run --release --example leak_benchmark -- [--time-scale 0.1] [--every 1] FILE.jsonl.zst…` reads recordings,
//! packed or not. The format is described in `analysis::fixture::labelled`.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};

use pooltop::analysis::fixture::labelled::{Outcome, play};
use pooltop::model::thresholds::Thresholds;

/// The first bytes of a zstd frame.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

struct Arguments {
    time_scale: f64,
    every: usize,
    files: Vec<PathBuf>,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut arguments = Arguments { time_scale: 0.1, every: 1, files: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--time-scale" => arguments.time_scale = value()?.parse()?,
            "--every" => arguments.every = value()?.parse()?,
            _ => arguments.files.push(word.into()),
        }
    }
    Ok(arguments)
}

fn read(file: &Path, arguments: &Arguments) -> Result<Vec<Outcome>, Box<dyn Error>> {
    let mut bytes = std::fs::read(file)?;
    if bytes.starts_with(&ZSTD) {
        bytes = zstd::decode_all(&*bytes)?;
    }
    let text = String::from_utf8(bytes)?;
    Ok(play(text.lines(), Thresholds::default().scaled(arguments.time_scale), arguments.every)?)
}

/// How often it was right.
#[derive(Default)]
struct Totals {
    hits: u32,
    misses: u32,
    alarms: u32,
    silences: u32,
}

impl Totals {
    fn add(&mut self, outcome: &Outcome) {
        let count = match (outcome.leaks, outcome.is_suspect()) {
            (true, true) => &mut self.hits,
            (true, false) => &mut self.misses,
            (false, true) => &mut self.alarms,
            (false, false) => &mut self.silences,
        };
        *count += 1;
    }

    fn precision(&self) -> f64 {
        share(self.hits, self.hits + self.alarms)
    }

    fn recall(&self) -> f64 {
        share(self.hits, self.hits + self.misses)
    }
}

/// Nothing claimed is nothing claimed wrongly.
fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 1.0 } else { f64::from(part) / f64::from(whole) }
}

fn print(out: &mut impl Write, outcome: &Outcome) -> std::io::Result<()> {
    let right = if outcome.leaks == outcome.is_suspect() { "  " } else { "!!" };
    let truth = if outcome.leaks { "leak" } else { "ok" };
    let state = outcome.state.map_or("-", pooltop::model::leak::LeakState::as_str);
    let after = outcome.suspected_after_s.map_or_else(|| "-".to_owned(), |after| format!("{after:.0}s"));
    let (label, score) = (&outcome.label, outcome.score);
    let evidence = outcome.evidence.join(" | ");
    writeln!(out, "{right} {label:64} {truth:4} {score:3} {state:7} {after:>4}  {evidence}")
}

fn run(arguments: &Arguments, out: &mut impl Write) -> std::io::Result<()> {
    let (mut totals, mut closest): (Totals, Option<Outcome>) = (Totals::default(), None);
    for file in &arguments.files {
        writeln!(out, "{}", file.display())?;
        let outcomes = match read(file, arguments) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                writeln!(std::io::stderr(), "{}: {error}", file.display())?;
                continue;
            }
        };
        for outcome in outcomes {
            totals.add(&outcome);
            print(out, &outcome)?;
            let healthy = !outcome.leaks;
            if healthy && closest.as_ref().is_none_or(|closest| outcome.score > closest.score) {
                closest = Some(outcome);
            }
        }
    }
    let Totals { hits, misses, alarms, silences } = totals;
    writeln!(
        out,
        "{hits} of {} leaks found, {alarms} false alarms in {} healthy",
        hits + misses,
        alarms + silences
    )?;
    if let Some(closest) = closest {
        writeln!(out, "closest healthy: {} with {}", closest.label, closest.score)?;
    }
    writeln!(out, "precision {:.3} recall {:.3}", totals.precision(), totals.recall())
}

fn main() {
    let done = arguments().and_then(|arguments| Ok(run(&arguments, &mut std::io::stdout().lock())?));
    if let Err(error) = done {
        let _ = writeln!(std::io::stderr(), "{error}");
    }
}
