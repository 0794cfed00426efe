//! What stands in `assets/` and `docs/` for others to load is what the program serves.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use pooltop::export::openmetrics::FAMILIES;
use pooltop::export::rules::rules;
use pooltop::model::thresholds::Thresholds;
use serde_json::Value;

use super::program::Home;
use crate::support::installed;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Fails, with the command that mends it, where a file is not what the program makes.
fn is_made(file: &str, made: &str) {
    if std::fs::read_to_string(root().join(file)).unwrap_or_default() != made {
        let name = Path::new(file).file_name().unwrap();
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&place, made).unwrap();
        panic!("{file} is not what the program makes: cp {} {file}", place.display());
    }
}

fn passes(program: &str, args: &[&str]) {
    if installed(program).is_none() {
        return;
    }
    let ran = Command::new(program).args(args).current_dir(root()).output().unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    assert!(ran.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn the_rules_are_those_of_the_thresholds_and_fire_where_they_should() {
    is_made("assets/prometheus-rules.yml", &rules(&Thresholds::default()));
    passes("promtool", &["check", "rules", "assets/prometheus-rules.yml"]);
    passes("promtool", &["test", "rules", "tests/prometheus/alerts.test.yml"]);
}

#[test]
fn a_profile_has_rules_by_its_own_thresholds() {
    let home = Home::new();
    let config = "[[profiles.shop.postgres]]\nurl = \"postgres://db1/shop\"\n[profiles.shop.thresholds]\nutilization = 0.66\n";
    home.write(".config/pooltop/config.toml", config);
    let ran = home.run(&["config", "rules"]);
    assert_eq!((ran.code, ran.out), (0, rules(&Thresholds::default())));
    let ran = home.run(&["config", "rules", "shop"]);
    assert!(ran.code == 0 && ran.out.contains(">= 0.66\""), "{ran:?}");
    home.write("rules.yml", &ran.out);
    passes("promtool", &["check", "rules", home.path().join("rules.yml").to_str().unwrap()]);
    assert_eq!(home.run(&["config", "rules", "nobody"]).code, 2);
}

/// Every text in a document.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        Value::Object(all) => all.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_dashboard_shows_metrics_that_exist_and_most_of_them() {
    let text = std::fs::read_to_string(root().join("assets/grafana-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let words = texts(&dashboard)
        .into_iter()
        .flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    let labels: BTreeSet<&str> = FAMILIES.iter().flat_map(|family| family.labels).copied().collect();
    let shown: BTreeSet<&str> = words
        .filter(|word| word.starts_with("pooltop_") || word.starts_with("db_client_connection_"))
        .filter(|word| !labels.contains(word))
        .collect();
    let known: BTreeSet<String> = FAMILIES.iter().map(pooltop::export::openmetrics::Family::sample).collect();
    let unknown: Vec<_> = shown.iter().filter(|name| !known.contains(**name)).collect();
    assert!(unknown.is_empty(), "no such metric: {unknown:?}");
    assert!(shown.len() >= 30, "{shown:?}");
    let ids: Vec<_> =
        dashboard["panels"].as_array().unwrap().iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}

/// The unit with a program that exists here; what it is called does not matter.
#[test]
fn the_unit_is_one() {
    let unit = std::fs::read_to_string(root().join("assets/pooltop.service")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pooltop.service");
    std::fs::write(&file, unit.replace("/usr/bin/pooltop", env!("CARGO_BIN_EXE_pooltop"))).unwrap();
    passes("systemd-analyze", &["verify", file.to_str().unwrap()]);
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/")).unwrap();
    let container = std::fs::read_to_string(root().join("assets/Containerfile")).unwrap();
    let entry = container.lines().find_map(|line| line.strip_prefix("ENTRYPOINT ")).unwrap();
    let entry: Vec<String> = serde_json::from_str(entry).unwrap();
    for words in [start.split(' ').map(str::to_owned).collect(), entry] {
        use clap::Parser as _;
        let parsed = pooltop::cli::args::Cli::try_parse_from(&words);
        assert!(parsed.is_ok(), "{words:?}: {}", parsed.unwrap_err());
    }
}

const START: &str = "<!-- metrics: made from the table of metrics; tests/cli/rules.rs compares -->\n";
const END: &str = "<!-- /metrics -->";

#[test]
fn the_document_has_every_metric() {
    let mut table = "| metric | labels | what it is |\n|---|---|---|\n".to_owned();
    for family in FAMILIES {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            table,
            "| `{}` ({}) | {} | {} |",
            family.sample(),
            family.kind.as_str(),
            labels.join(" "),
            family.help
        );
    }
    let text = std::fs::read_to_string(root().join("docs/serving.md")).unwrap();
    let (before, rest) = text.split_once(START).expect("the first mark");
    let (_, after) = rest.split_once(END).expect("the second mark");
    is_made("docs/serving.md", &format!("{before}{START}{table}{END}{after}"));
}
