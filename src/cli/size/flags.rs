//! The flags of `pooltop size`: one per row of the table of fields.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::analysis::sizing::SizingError;
use crate::analysis::sizing::draft::{Draft, Source};
use crate::analysis::sizing::field::{Field, Kind};

/// What was typed, not read yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldArgs(Vec<(Field, String)>);

impl FieldArgs {
    /// Whether no flag was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads every flag into a draft.
    pub fn read(&self, draft: &mut Draft) -> Result<(), SizingError> {
        let mut flags = self.0.iter();
        flags.try_for_each(|(field, text)| draft.read(*field, Source::Typed, text, &flag(*field)))
    }
}

/// The flag with its dashes.
pub fn flag(field: Field) -> String {
    format!("--{}", field.row().word)
}

fn arg(field: Field) -> Arg {
    let row = field.row();
    let default = row.default.map(|value| format!(" [default: {}]", field.show(value))).unwrap_or_default();
    let arg = Arg::new(row.word).long(row.word).help_heading(row.group.title());
    match row.kind {
        Kind::Choice(words) => arg
            .value_name("WORD")
            .ignore_case(true)
            .value_parser(PossibleValuesParser::new(words))
            .help(format!("{}{default}", row.about)),
        kind => arg.value_name(value_name(kind)).allow_negative_numbers(true).help(format!(
            "{} ({}){default}",
            row.about,
            field.valid()
        )),
    }
}

fn value_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Span(..) => "SPAN",
        Kind::Size(..) => "SIZE",
        Kind::Count(..) | Kind::Number(..) | Kind::Choice(_) => "N",
    }
}

impl Args for FieldArgs {
    fn augment_args(command: Command) -> Command {
        Field::ALL.iter().fold(command, |command, field| command.arg(arg(*field)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for FieldArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = |field: &Field| Some((*field, matches.get_one::<String>(field.row().word)?.clone()));
        Ok(Self(Field::ALL.iter().filter_map(typed).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let Self(typed) = Self::from_arg_matches(matches)?;
        self.0.extend(typed);
        Ok(())
    }
}
