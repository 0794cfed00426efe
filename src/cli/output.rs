//! Data on standard output, words for people on standard error; a closed pipe is not an error.

use std::io::{self, Write};

/// Writes data to standard output. A reader that went away ends the output, not the program.
pub fn data(text: &str) -> io::Result<()> {
    forgive_closed_pipe(write_all(&mut io::stdout().lock(), text))
}

/// The same, and whether anybody still reads there.
pub fn is_taken(text: &str) -> bool {
    write_all(&mut io::stdout().lock(), text).is_ok()
}

/// Writes a line for people to standard error; when that is closed, nobody reads it.
pub fn note(line: &str) {
    let _ = write_all(&mut io::stderr().lock(), &format!("{line}\n"));
}

fn write_all(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn forgive_closed_pipe(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
