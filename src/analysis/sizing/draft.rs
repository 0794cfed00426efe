//! What is known so far, and who said it: the strongest word counts.

use std::collections::BTreeMap;

use super::SizingError;
use super::field::Field;
use super::preset::Preset;

/// Where a value comes from, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The profile says so.
    Profile,
    /// A preset.
    Preset,
    /// Read from the server.
    Live,
    /// An env file.
    EnvFile,
    /// Typed: a flag, an answer, a field of the panel.
    Typed,
}

impl Source {
    const ALL: [Self; 5] = [Self::Profile, Self::Preset, Self::Live, Self::EnvFile, Self::Typed];

    /// One word; nothing for what was typed, because the person knows.
    pub fn word(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Preset => "preset",
            Self::Live => "live",
            Self::EnvFile => "env file",
            Self::Typed => "",
        }
    }
}

/// Values by field and source. What nobody said has its default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    values: BTreeMap<(Field, Source), f64>,
    /// The preset that was taken, for what has to be said about it.
    pub preset: Option<Preset>,
    /// The variables that an env file had: results go out under the same names.
    pub variables: Vec<&'static str>,
}

impl Draft {
    /// Sets a value that is known to be valid.
    pub fn set(&mut self, field: Field, source: Source, value: f64) {
        self.values.insert((field, source), value);
    }

    /// Reads and sets a value. `name` is what the person knows it by.
    pub fn read(&mut self, field: Field, source: Source, text: &str, name: &str) -> Result<(), SizingError> {
        self.set(field, source, field.parse(text, name)?);
        Ok(())
    }

    /// Takes back what one source said about a field.
    pub fn clear(&mut self, field: Field, source: Source) {
        self.values.remove(&(field, source));
    }

    /// What counts, and who said it; `None` in the second place is the default.
    pub fn said(&self, field: Field) -> (Option<f64>, Option<Source>) {
        let mut strongest = Source::ALL.into_iter().rev();
        let said = strongest.find_map(|source| Some((*self.values.get(&(field, source))?, source)));
        match said {
            Some((value, source)) => (Some(value), Some(source)),
            None => (field.row().default, None),
        }
    }

    /// What counts; `None` where nobody knows.
    pub fn get(&self, field: Field) -> Option<f64> {
        self.said(field).0
    }

    /// A whole number that has a default; −1 and unknown are 0.
    pub fn count(&self, field: Field) -> u64 {
        self.whole(field).unwrap_or(0)
    }

    /// A whole number, where it is known; −1 is 0.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are bounded by their kind"
    )]
    pub fn whole(&self, field: Field) -> Option<u64> {
        self.get(field).map(|value| value.max(0.0) as u64)
    }

    /// The word of a choice, where one was made.
    pub fn choice(&self, field: Field) -> Option<String> {
        self.get(field).map(|value| field.show(value))
    }

    /// Takes every value of another draft that this one does not have.
    pub fn fill(&mut self, other: &Self) {
        for (key, value) in &other.values {
            self.values.entry(*key).or_insert(*value);
        }
    }

    /// The most that one pool opens; `None` = unlimited.
    pub fn bound(&self) -> Option<u64> {
        let size = self.count(Field::PoolSize);
        let unlimited = self.get(Field::MaxOverflow).is_some_and(|overflow| overflow < 0.0);
        (size > 0 && !unlimited).then(|| size + self.count(Field::MaxOverflow))
    }

    /// Processes: pods × workers × services.
    pub fn processes(&self) -> u64 {
        [Field::Pods, Field::Workers, Field::Services].into_iter().map(|field| self.count(field)).product()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_word_counts_and_a_default_is_the_last() {
        let mut draft = Draft::default();
        assert_eq!(draft.said(Field::MaxConnections), (Some(100.0), None));
        assert_eq!(draft.said(Field::Cores), (None, None));
        draft.set(Field::MaxConnections, Source::Live, 60.0);
        draft.set(Field::MaxConnections, Source::Preset, 200.0);
        assert_eq!(draft.said(Field::MaxConnections), (Some(60.0), Some(Source::Live)));
        draft.set(Field::MaxConnections, Source::Typed, 250.0);
        draft.clear(Field::MaxConnections, Source::Live);
        assert_eq!(draft.get(Field::MaxConnections), Some(250.0));
        draft.clear(Field::MaxConnections, Source::Typed);
        assert_eq!(draft.said(Field::MaxConnections), (Some(200.0), Some(Source::Preset)));
    }

    #[test]
    fn a_pool_without_a_bound_has_none() {
        for (size, overflow, bound) in
            [(5.0, 10.0, Some(15)), (0.0, 10.0, None), (5.0, -1.0, None), (8.0, 0.0, Some(8))]
        {
            let mut draft = Draft::default();
            draft.set(Field::PoolSize, Source::Typed, size);
            draft.set(Field::MaxOverflow, Source::Typed, overflow);
            assert_eq!(draft.bound(), bound, "{size} + {overflow}");
        }
    }
}
