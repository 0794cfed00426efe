//! The configuration file, profiles, thresholds, paths.
//!
//! Plain typed values; what others must validate (URLs, themes, keys) keeps its place in the file.

pub mod edit;
mod load;
pub mod paths;
mod pools;
pub mod problem;
mod read;
mod reader;
mod targets;
pub mod types;

pub use load::load;
pub use paths::Paths;
pub use problem::{ConfigError, Document, Located};
pub use read::{is_profile_name, parse};
pub use targets::{holds_password, without_password};
pub use types::{Access, AppTarget, Config, HistorySource, PostgresTarget, Profile};

/// A configuration file with every key and what it is for.
pub fn example() -> &'static str {
    include_str!("../assets/config.example.toml")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::*;
    use crate::model::thresholds::Thresholds;
    use crate::model::thresholds::table::FIELDS;

    /// Every `*.toml` of a directory of fixtures, with its text and what its sibling `*.txt` expects.
    fn fixtures(kind: &str) -> Vec<(PathBuf, String, String)> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(kind);
        let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        assert!(!files.is_empty());
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        files.into_iter().map(|path| (path.clone(), read(&path), read(&path.with_extension("txt")))).collect()
    }

    fn name(path: &Path) -> &Path {
        path.file_name().unwrap().as_ref()
    }

    #[test]
    fn each_wrong_file_is_refused_with_exactly_its_message() {
        for (path, text, expected) in fixtures("invalid") {
            let message = parse(name(&path), &text).unwrap_err().to_string();
            assert_eq!(message.trim_end(), expected.trim_end(), "\n{message}\n");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn each_right_file_means_exactly_this() {
        for (path, text, expected) in fixtures("valid") {
            let config = parse(name(&path), &text).unwrap_or_else(|error| panic!("{error}"));
            let meaning = format!("{:#?}\n{:#?}", config.keys, config.profiles);
            assert_eq!(meaning.trim_end(), expected.trim_end(), "\n{meaning}\n");
            assert!(!meaning.contains("hunter2"), "{meaning}");
        }
    }

    #[test]
    fn the_example_is_right_names_every_key_and_shows_the_defaults() {
        let findings = reader::Findings::default();
        let config = read::read_document(Path::new("example"), example(), &findings);
        for key in findings.known() {
            assert!(
                example().lines().any(|line| line.trim_start_matches('[').contains(key)),
                "the example does not mention {key}"
            );
        }
        assert_eq!(findings.into_problems(), []);
        assert_eq!(config.profile("checkout").unwrap().thresholds, Thresholds::default());
        assert_eq!(config.names().collect::<Vec<_>>(), ["checkout", "local"]);
    }

    #[test]
    fn the_example_explains_each_threshold_in_the_words_of_the_table() {
        let default = Thresholds::default();
        for field in FIELDS {
            let wanted = |line: &&str| line.starts_with(&format!("{} = ", field.name));
            let line = example().lines().find(wanted).unwrap_or_default();
            assert!(line.ends_with(&format!(" # {}", field.meaning)), "{}: {line}", field.shown(&default));
        }
    }

    #[test]
    fn bounds_and_instances_are_worked_out_from_what_people_know() {
        let config = parse(Path::new("example"), example()).unwrap();
        let pools = config.profile("checkout").unwrap().declared_pools();
        let bounds: Vec<_> = pools.iter().map(|pool| (&*pool.name, pool.max, pool.instances)).collect();
        assert_eq!(bounds, [("frontend", Some(10), 2), ("background", Some(15), 12)]);
    }

    proptest! {
        #[test]
        fn no_slip_of_the_pen_shows_a_secret(
            at in any::<prop::sample::Index>(), change in 0_u8..4, typed in "[ =\"'\\[\\]{}#a-z0-9\n\\\\]",
        ) {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/valid/everything.toml");
            let mut text = fs::read_to_string(path).unwrap();
            let at = at.index(text.len());
            match change {
                0 => text.insert_str(at, &typed),
                1 => text.replace_range(at..=at, &typed),
                2 => text.replace_range(at..=at, ""),
                _ => text.truncate(at),
            }
            let said = match parse(Path::new("c.toml"), &text) {
                Ok(config) => format!("{config:?}"),
                Err(error) => error.to_string(),
            };
            prop_assert!(!said.contains("hunter2"), "{}", said);
        }

        #[test]
        fn nothing_panics_on_any_text(text in any::<String>(), toml in "[a-z.=\"\\[\\]{}, 0-9\n]{0,60}") {
            for text in [text, toml] {
                let _ = parse(Path::new("c.toml"), &text).map_err(|error| error.to_string());
            }
        }
    }
}
