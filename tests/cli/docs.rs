//! What the documents say is what the program has.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use pooltop::cli::args::Cli;
use pooltop::ui::command::{Command, Topic};
use pooltop::ui::keymap::Keymap;

const START: &str = "<!-- keys: made from the command table; tests/cli/docs.rs compares -->\n";
const END: &str = "<!-- /keys -->";

fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The table of keys as the README shows it: only keys that work in the command's own place.
fn key_table() -> String {
    let keymap = Keymap::new(&[]).unwrap();
    let mut rows = vec!["| key | what it does |".to_owned(), "|---|---|".to_owned()];
    for topic in Topic::ALL {
        rows.push(format!("| **{}** | |", topic.title()));
        for command in Command::ALL.iter().filter(|command| command.row().topic == topic) {
            let works = |chord: &_| keymap.command(command.row().place, *chord) == Some(*command);
            let keys = keymap.keys(*command).into_iter().filter(works).map(|key| format!("`{key}`"));
            rows.push(format!("| {} | {} |", keys.collect::<Vec<_>>().join(" "), command.row().description));
        }
    }
    rows.join("\n") + "\n"
}

#[test]
fn the_readme_shows_every_key() {
    let readme = document("README.md");
    let shown = readme.split_once(START).and_then(|(_, rest)| rest.split_once(END)).map(|(table, _)| table);
    let table = key_table();
    assert!(shown == Some(&table), "put this between the two marks in README.md:\n{table}");
}

/// The lines of a document's shell examples that call pooltop, split into words.
fn examples(text: &str) -> Vec<Vec<String>> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.flat_map(str::lines).filter(|line| line.starts_with("pooltop"));
    lines.map(|line| words(line.split(" #").next().unwrap())).collect()
}

/// Words of a command line; single quotes group.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

#[test]
fn every_command_line_in_the_readme_is_understood() {
    let examples = examples(&document("README.md"));
    assert!(examples.len() >= 8, "{examples:?}");
    for words in examples {
        let parsed = Cli::try_parse_from(&words);
        assert!(parsed.is_ok(), "{words:?}: {}", parsed.unwrap_err());
    }
}

#[test]
fn the_configuration_in_the_readme_is_valid() {
    let readme = document("README.md");
    let blocks: Vec<_> =
        readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let parsed = pooltop::config::parse(Path::new("README.md"), block);
        assert!(parsed.is_ok(), "{}", parsed.unwrap_err());
    }
}

#[test]
fn the_readme_shows_how_each_kind_of_target_is_configured() {
    let readme = document("README.md");
    let blocks = readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let configs = blocks.map(|block| pooltop::config::parse(Path::new("README.md"), block).unwrap());
    let profiles: Vec<_> = configs.flat_map(|config| config.profiles).collect();
    assert!(profiles.iter().any(|profile| !profile.postgres.is_empty()));
    assert!(profiles.iter().any(|profile| !profile.poolers.is_empty()));
    assert!(profiles.iter().any(|profile| !profile.apps.is_empty()));
    assert!(profiles.iter().any(|profile| !profile.redis.is_empty() && !profile.redis_pools.is_empty()));
}

/// Every decision on disk, by file name.
fn decisions() -> BTreeSet<PathBuf> {
    let files = fs::read_dir(root().join("docs/decisions")).unwrap();
    let names = files.map(|entry| PathBuf::from(entry.unwrap().file_name()));
    names.filter(|name| name != Path::new("README.md")).collect()
}

#[test]
fn the_list_of_decisions_is_complete_and_each_has_its_three_parts() {
    let list = document("docs/decisions/README.md");
    for name in decisions() {
        let name = name.to_str().unwrap();
        assert!(list.contains(name), "{name} is not in the list");
        let text = document(&format!("docs/decisions/{name}"));
        for part in ["\n## Context\n", "\n## Decision\n", "\n## Consequences\n"] {
            assert!(text.contains(part), "{name} lacks {part:?}");
        }
    }
}
