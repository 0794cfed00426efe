//! Presets: the sizes that guides give, corrected where they do not fit the server that they name.

use super::SizingError;
use super::draft::{Draft, Source};
use super::field::Field;

/// A preset of a name that people know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// A machine for development.
    Development,
    /// Staging.
    Staging,
    /// Production, one process per pod.
    Production,
    /// One node of two workers.
    Small,
    /// Four nodes of four workers.
    Medium,
    /// Five nodes of eight workers.
    Large,
    /// The smallest instances of Supabase.
    Supabase,
}

/// What a preset is called, what it sets and what there is to say about it.
struct Row {
    preset: Preset,
    word: &'static str,
    values: &'static [(Field, f64)],
    note: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        preset: Preset::Development,
        word: "development",
        values: &[(Field::PoolSize, 2.0), (Field::MaxOverflow, 3.0)],
        note: "",
    },
    Row {
        preset: Preset::Staging,
        word: "staging",
        values: &[(Field::PoolSize, 10.0), (Field::MaxOverflow, 10.0)],
        note: "20 per process: multiply by the workers of a pod, which --workers does",
    },
    Row {
        preset: Preset::Production,
        word: "production",
        values: &[
            (Field::Pods, 5.0),
            (Field::PoolSize, 20.0),
            (Field::MaxOverflow, 20.0),
            (Field::Reserved, 10.0),
            (Field::PoolRecycle, 1_800.0),
        ],
        note: "40 per pod holds for one process per pod; the 210 connections of five pods do not fit \
               the default max_connections of 100",
    },
    Row {
        preset: Preset::Small,
        word: "small",
        values: &[(Field::Workers, 2.0), (Field::MaxConnections, 50.0)],
        note: "",
    },
    Row {
        preset: Preset::Medium,
        word: "medium",
        values: &[
            (Field::Pods, 4.0),
            (Field::Workers, 4.0),
            (Field::PoolSize, 3.0),
            (Field::MaxOverflow, 2.0),
            (Field::MaxConnections, 100.0),
        ],
        note: "corrected: guides give 4 workers on 4 nodes pools of 5 + 10 and 100 connections, but those \
               pools open 240; 3 + 2 fit",
    },
    Row {
        preset: Preset::Large,
        word: "large",
        values: &[
            (Field::Pods, 5.0),
            (Field::Workers, 8.0),
            (Field::PoolSize, 2.0),
            (Field::MaxOverflow, 2.0),
            (Field::MaxConnections, 200.0),
        ],
        note: "corrected: guides give 8 workers on 5 nodes pools of 5 + 10 and 200 connections, but those \
               pools open 600; 2 + 2 fit, or a pooler",
    },
    Row {
        preset: Preset::Supabase,
        word: "supabase",
        values: &[
            (Field::PoolSize, 10.0),
            (Field::MaxOverflow, 0.0),
            (Field::MaxConnections, 60.0),
            (Field::PoolTimeout, 60.0),
            (Field::PoolMode, 1.0),
            (Field::Provider, 5.0),
        ],
        note: "Supabase's own services hold some of the 60 connections: name the server as TARGET to see \
               how many, and give them as --reserved. The application belongs on port 6543 (transaction \
               mode), migrations on 5432",
    },
];

impl Preset {
    /// The names.
    pub fn words() -> impl Iterator<Item = &'static str> {
        ROWS.iter().map(|row| row.word)
    }

    /// The preset of that name.
    pub fn find(word: &str) -> Result<Self, SizingError> {
        let row = ROWS.iter().find(|row| row.word == word);
        let known = || format!("one of {}", Self::words().collect::<Vec<_>>().join(", "));
        row.map(|row| row.preset).ok_or_else(|| SizingError::new(None, "--preset", word, known()))
    }

    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.preset == self)
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        self.row().map_or("", |row| row.word)
    }

    /// What has to be said about it; may be empty.
    pub fn note(self) -> &'static str {
        self.row().map_or("", |row| row.note)
    }

    /// Puts its values into a draft.
    pub fn apply(self, draft: &mut Draft) {
        draft.preset = Some(self);
        for (field, value) in self.row().map_or(&[][..], |row| row.values) {
            draft.set(*field, Source::Preset, *value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::budget::Budget;
    use super::*;

    #[test]
    fn every_preset_that_names_a_server_fits_it() {
        for (word, demand, usable) in [
            ("development", 5, 90),
            ("staging", 20, 90),
            ("production", 210, 90),
            ("small", 30, 40),
            ("medium", 80, 90),
            ("large", 160, 185),
            ("supabase", 10, 50),
        ] {
            let mut draft = Draft::default();
            Preset::find(word).unwrap().apply(&mut draft);
            let budget = Budget::of(&draft);
            assert_eq!((budget.demand, budget.usable.usable), (Some(demand), usable), "{word}");
            let names_a_server = draft.said(Field::MaxConnections).1 == Some(Source::Preset);
            assert!(budget.fits() || !names_a_server, "{word}");
        }
        assert_eq!(Preset::words().count(), ROWS.len());
        let said = Preset::find("huge").unwrap_err().to_string();
        assert!(said.contains("'huge' is no value for --preset: one of development, staging"), "{said}");
    }

    #[test]
    fn every_value_of_a_preset_is_valid() {
        for row in ROWS {
            for (field, value) in row.values {
                assert_eq!(field.parse(&field.show(*value), row.word), Ok(*value), "{} {field:?}", row.word);
            }
        }
        let mut draft = Draft::default();
        Preset::Supabase.apply(&mut draft);
        assert_eq!(draft.choice(Field::Provider).as_deref(), Some("supabase"));
        assert_eq!(draft.choice(Field::PoolMode).as_deref(), Some("transaction"));
    }
}
