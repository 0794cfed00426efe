//! Questions on a terminal, one per field; Enter takes what is shown.

use std::io::{self, BufRead, Write};

use crate::analysis::sizing::draft::{Draft, Source};
use crate::analysis::sizing::field::{Field, Kind};

/// Asks for everything that is asked for and that the server has not told. The end of the input takes the rest as it is.
pub fn ask(draft: &mut Draft, input: &mut impl BufRead, output: &mut impl Write) -> io::Result<()> {
    writeln!(output, "Enter takes the value in brackets.")?;
    for field in Field::ALL.iter().copied().filter(|field| field.row().asked) {
        if draft.said(field).1 == Some(Source::Live) {
            continue;
        }
        if !ask_one(field, draft, input, output)? {
            break;
        }
    }
    writeln!(output)
}

/// Whether there is more input.
fn ask_one(
    field: Field,
    draft: &mut Draft,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> io::Result<bool> {
    loop {
        let known = draft.get(field).map_or("not known".to_owned(), |value| field.show(value));
        write!(output, "{} [{known}]: ", question(field))?;
        output.flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        if line.trim().is_empty() {
            return Ok(true);
        }
        match draft.read(field, Source::Typed, &line, field.row().label) {
            Ok(()) => return Ok(true),
            Err(error) => writeln!(output, "  {error}")?,
        }
    }
}

/// What the table says, and the special value that a person could not guess.
fn question(field: Field) -> String {
    let row = field.row();
    let special = match row.kind {
        Kind::Count(_, _, special) | Kind::Span(_, _, special) => special,
        Kind::Number(..) | Kind::Size(..) | Kind::Choice(_) => None,
    };
    let special = special.map(|(value, means)| format!(" ({value} = {means})")).unwrap_or_default();
    format!("{}{special}", row.about)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(draft: &mut Draft, typed: &str) -> String {
        let mut output = Vec::new();
        ask(draft, &mut typed.as_bytes(), &mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn enter_takes_what_is_shown_and_a_number_replaces_it() {
        let mut draft = Draft::default();
        let asked = answered(&mut draft, "3\n\n \n20\n-1\n");
        assert_eq!(draft.said(Field::Pods), (Some(3.0), Some(Source::Typed)));
        assert_eq!(draft.said(Field::Workers), (Some(1.0), None));
        assert_eq!((draft.get(Field::PoolSize), draft.bound()), (Some(20.0), None));
        assert!(asked.contains("Connections that one pool opens beyond its size; 0 for a pool with one bound (-1 = unlimited) [10]: "));
        assert_eq!(draft.said(Field::Rate), (None, None), "the input ended before");
    }

    #[test]
    fn nonsense_is_said_and_asked_again() {
        let mut draft = Draft::default();
        let asked = answered(&mut draft, "0\n2\n");
        assert!(asked.contains("'0' is no value for pods: 1 to 10000"), "{asked}");
        assert_eq!(draft.get(Field::Pods), Some(2.0));
    }

    #[test]
    fn what_the_server_told_is_not_asked() {
        let mut draft = Draft::default();
        draft.set(Field::MaxConnections, Source::Live, 60.0);
        let asked = answered(&mut draft, &"\n".repeat(40));
        assert!(!asked.contains("max_connections"), "{asked}");
        assert!(asked.contains("Cores of the database server [not known]"), "{asked}");
    }
}
