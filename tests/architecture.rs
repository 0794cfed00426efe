//! The layers of the crate, read from its imports: what `docs/architecture.md` says is what the code does.

#![expect(clippy::unwrap_used, reason = "a test stops at the first thing that is not as expected")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lowest layer first: a module and what it may import.
const LAYERS: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("model", &["text"]),
    ("config", &["model", "text"]),
    ("connect", &["model", "text"]),
    ("source", &["model", "text", "connect"]),
    ("history", &["model"]),
    ("analysis", &["model", "text", "history"]),
    ("record", &["model", "text"]),
    ("collect", &["model", "source"]),
    ("control", &["model", "text", "connect"]),
    ("monitor", &["model", "text", "history", "analysis", "collect", "record", "control"]),
    ("export", &["model", "text", "history", "analysis"]),
    ("serve", &["model", "history", "analysis", "export"]),
    ("ui", &["model", "text", "config", "history", "analysis", "control", "export"]),
    ("demo", &["model", "connect"]),
    (
        "cli",
        &[
            "text", "model", "config", "connect", "source", "history", "analysis", "record", "collect",
            "control", "monitor", "export", "serve", "ui", "demo",
        ],
    ),
    ("main", &["cli"]),
];

/// Inside an allowed module, what a module may still not name.
const EXCEPTIONS: &[(&str, &str)] = &[("ui", "control::executor"), ("ui", "control::audit")];

/// Lines of code that a file may have, without its tests.
const MOST_LINES: usize = 500;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Path,
    Open,
    Close,
    Comma,
    Other,
}

/// Words, `::`, braces and commas of Rust source; comments, strings and characters are dropped.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let rest = &chars[at..];
        at += match rest {
            ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => block_comment(rest),
            ['r', '"' | '#', ..] if is_raw_string(rest) => raw_string(rest),
            ['"', ..] => quoted(rest),
            ['\'', ..] => character(rest),
            [':', ':', ..] => {
                out.push(Token::Path);
                2
            }
            [c, ..] if c.is_alphabetic() || *c == '_' => {
                let end = rest.iter().position(|c| !c.is_alphanumeric() && *c != '_').unwrap_or(rest.len());
                out.push(Token::Word(rest[..end].iter().collect()));
                end
            }
            ['{', ..] => one(&mut out, Token::Open),
            ['}', ..] => one(&mut out, Token::Close),
            [',', ..] => one(&mut out, Token::Comma),
            [c, ..] if c.is_whitespace() => 1,
            _ => one(&mut out, Token::Other),
        };
    }
    out
}

fn one(out: &mut Vec<Token>, token: Token) -> usize {
    out.push(token);
    1
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] if depth == 1 => return at + 2,
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

fn is_raw_string(rest: &[char]) -> bool {
    rest[1..].iter().find(|c| **c != '#') == Some(&'"')
}

fn raw_string(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    let open = hashes + 2;
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    rest[open..]
        .windows(close.len())
        .position(|w| w == close)
        .map_or(rest.len(), |at| open + at + close.len())
}

fn quoted(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// A character literal, or just the quote of a lifetime.
fn character(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', ..] => 3 + rest.iter().skip(3).position(|c| *c == '\'').unwrap_or(0),
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}

/// Every path of a file that leads to the crate's root: `["control", "executor", "Executor"]`.
///
/// Paths in macro bodies are found because only the words are looked at; a `super` inside an inline module
/// counts from there.
fn rooted_paths(module: &[String], source: &str) -> Vec<Vec<String>> {
    let tokens = tokens(source);
    let mut scope: Vec<(String, usize)> = module.iter().map(|name| (name.clone(), 0)).collect();
    let (mut depth, mut found) = (0, Vec::new());
    for at in 0..tokens.len() {
        match &tokens[at] {
            Token::Open => {
                depth += 1;
                if let [Token::Word(keyword), Token::Word(name)] = &tokens[at.saturating_sub(2)..at]
                    && keyword == "mod"
                {
                    scope.push((name.clone(), depth));
                }
            }
            Token::Close => {
                scope.retain(|(_, opened)| *opened == 0 || *opened < depth);
                depth -= 1;
            }
            Token::Word(word) if word == "crate" || word == "super" => {
                let starts = at == 0 || tokens[at - 1] != Token::Path;
                if starts && tokens.get(at + 1) == Some(&Token::Path) {
                    let here: Vec<String> = scope.iter().map(|(name, _)| name.clone()).collect();
                    follow(&tokens, at, here, &mut found);
                }
            }
            _ => {}
        }
    }
    found
}

/// Follows one path from `at`; a group leads to a path per branch. Returns where it ends.
fn follow(tokens: &[Token], mut at: usize, mut path: Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    loop {
        match tokens.get(at) {
            Some(Token::Word(word)) if word == "crate" => path.clear(),
            Some(Token::Word(word)) if word == "super" => {
                path.pop();
            }
            Some(Token::Word(word)) if word == "self" => {}
            Some(Token::Word(word)) => path.push(word.clone()),
            Some(Token::Open) => {
                at += 1;
                while !matches!(tokens.get(at), Some(Token::Close) | None) {
                    at = follow(tokens, at, path.clone(), found);
                    while matches!(tokens.get(at), Some(Token::Comma | Token::Other)) {
                        at += 1;
                    }
                }
                return at + 1;
            }
            _ => {
                found.push(path);
                return at + 1;
            }
        }
        if tokens.get(at + 1) != Some(&Token::Path) {
            // `as name` belongs to the branch of a group.
            let renamed = matches!(tokens.get(at + 1), Some(Token::Word(word)) if word == "as");
            found.push(path);
            return at + if renamed { 3 } else { 1 };
        }
        at += 2;
    }
}

/// What a file imports against the table, as sentences.
fn violations(module: &[String], source: &str) -> BTreeSet<String> {
    let top = module[0].as_str();
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == top) else {
        return BTreeSet::from([format!("module '{top}' is not in the table")]);
    };
    rooted_paths(module, source)
        .into_iter()
        .filter_map(|path| {
            let target = path.first()?.as_str();
            let known = LAYERS.iter().any(|(name, _)| *name == target);
            let dotted = path.join("::");
            let excepted = EXCEPTIONS.iter().any(|(from, to)| *from == top && dotted.starts_with(to));
            let forbidden = excepted || (known && target != top && !allowed.contains(&target));
            forbidden.then(|| format!("{} imports {dotted}", module.join("::")))
        })
        .collect()
}

/// Every source file with its module path.
fn sources() -> Vec<(PathBuf, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut out, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let module = path.strip_prefix(&root).unwrap().with_extension("");
                let parts = module.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
                out.push((path, parts));
            }
        }
    }
    out
}

#[test]
fn every_module_imports_only_what_its_layer_allows() {
    let mut wrong = BTreeSet::new();
    for (path, module) in sources() {
        if module == ["lib"] {
            continue;
        }
        wrong.extend(violations(&module, &fs::read_to_string(path).unwrap()));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_forbidden_import_is_seen_in_every_disguise() {
    let module = ["model".to_owned(), "limit".to_owned()];
    for source in [
        "use crate::ui::App;",
        "use crate::{text::Text, ui::{self, App}};",
        "use super::super::ui::App;",
        "fn f() { vec![crate::ui::App::new()]; }",
        "macro_rules! m { () => { $crate::ui::f() } } fn f() { let _ = crate :: ui :: App; }",
        "mod inner { use super::super::super::ui::App; }",
        "// crate::text\nuse crate::text::Text as T; use crate::ui as shown;",
    ] {
        assert!(!violations(&module, source).is_empty(), "not seen: {source}");
    }
    let ui = ["ui".to_owned(), "state".to_owned()];
    assert_eq!(violations(&ui, "use crate::control::executor::Executor;").len(), 1);
}

#[test]
fn an_allowed_import_is_not_complained_about() {
    let module = ["model".to_owned(), "limit".to_owned()];
    for source in [
        "use crate::text::Text; use super::target::TargetName;",
        "// use crate::ui::App;\n/* crate::ui */ const S: &str = \"crate::ui::App\"; const R: &str = r#\"crate::ui\"#;",
        "mod tests { use super::*; use super::super::target::TargetName; }",
        "fn f<'a>(x: &'a str) -> char { '\"' } use crate::model::time::Timestamp;",
    ] {
        assert_eq!(violations(&module, source), BTreeSet::new(), "{source}");
    }
}

#[test]
fn the_table_has_no_cycle() {
    let position = |name: &str| LAYERS.iter().position(|(layer, _)| *layer == name).unwrap();
    for (name, allowed) in LAYERS {
        for other in *allowed {
            assert!(position(other) < position(name), "{name} may import {other}, which is not below it");
        }
    }
}

/// The row of a module in `docs/architecture.md`: what it may import.
fn documented(name: &str) -> Option<BTreeSet<String>> {
    let document =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md")).unwrap();
    let row = document.lines().find(|line| line.starts_with(&format!("| `{name}` |")))?;
    let imports = row.trim_end_matches(" |").rsplit(" | ").next()?;
    Some(imports.split(", ").filter(|import| *import != "–").map(str::to_owned).collect())
}

#[test]
fn the_document_shows_the_same_table() {
    let planned = ["serve"];
    for (name, allowed) in LAYERS.iter().filter(|(name, _)| !planned.contains(name)) {
        let expected = match *name {
            "cli" => BTreeSet::from(["all of them".to_owned()]),
            _ => allowed.iter().filter(|other| !planned.contains(other)).map(ToString::to_string).collect(),
        };
        assert_eq!(documented(name), Some(expected), "{name}");
    }
}

/// Whether the module of a file is declared for tests only, in the file of its parent.
fn is_test_module(path: &Path) -> bool {
    let (Some(folder), Some(name)) = (path.parent(), path.file_stem().and_then(|name| name.to_str())) else {
        return false;
    };
    let parent = fs::read_to_string(folder.with_extension("rs")).unwrap_or_default();
    parent.contains(&format!("#[cfg(test)]\nmod {name};"))
}

/// The part of a file before its tests.
fn code_lines(source: &str) -> usize {
    source.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

#[test]
fn no_file_outgrows_its_reader() {
    let long: Vec<String> = sources()
        .into_iter()
        .filter(|(path, _)| !is_test_module(path))
        .map(|(path, _)| (code_lines(&fs::read_to_string(&path).unwrap()), path))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, path)| format!("{} has {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "more than {MOST_LINES}: {long:#?}");
}

#[test]
fn colours_are_named_in_the_theme_only() {
    let colourful: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|(_, module)| !module.join("::").starts_with("ui::theme"))
        .filter(|(path, _)| {
            let tokens = tokens(&fs::read_to_string(path).unwrap());
            tokens.windows(2).any(|pair| pair == [Token::Word("Color".into()), Token::Path])
        })
        .map(|(path, _)| path)
        .collect();
    assert!(colourful.is_empty(), "{colourful:#?}");
}
