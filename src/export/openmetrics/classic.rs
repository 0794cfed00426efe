//! The text format 0.0.4 from OpenMetrics: the samples are the same, what is said about them is not.
//!
//! A counter is declared by the name of its samples, an info is a gauge, units are not declared, and there is no mark
//! at the end. Values of labels have their line feeds escaped, so a line that begins like a comment is one.

use std::fmt;

/// Takes what [`prometheus_client`] encodes, and rewrites the comments as they pass: thousands of pools are megabytes
/// of samples, which are written once.
#[derive(Debug, Default)]
pub(super) struct Classic {
    out: String,
    /// The comment that has begun.
    comment: Option<String>,
    /// Words of the newest HELP, which stands before its TYPE.
    help: Option<String>,
}

impl Classic {
    /// The whole text.
    pub(super) fn into_text(self) -> String {
        self.out
    }

    fn rewrite(&mut self, line: &str) {
        match comment(line) {
            Some(("HELP", _, words)) => self.help = Some(words.to_owned()),
            Some(("TYPE", name, kind)) => {
                let help = self.help.take();
                declare(&mut self.out, name, kind, help.as_deref());
            }
            // Units, and the mark at the end.
            _ => {}
        }
    }
}

impl fmt::Write for Classic {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        // Nearly all pieces, of which there are dozens in a sample.
        if self.comment.is_none() && !piece.as_bytes().contains(&b'#') {
            self.out.push_str(piece);
            return Ok(());
        }
        for part in piece.split_inclusive('\n') {
            let begins = self.out.is_empty() || self.out.ends_with('\n');
            match &mut self.comment {
                Some(line) => line.push_str(part),
                None if begins && part.starts_with('#') => self.comment = Some(part.to_owned()),
                None => self.out.push_str(part),
            }
            if let Some(line) = self.comment.take_if(|line| line.ends_with('\n')) {
                self.rewrite(line.trim_end());
            }
        }
        Ok(())
    }
}

/// `(HELP, name, rest)` of `# HELP name rest`.
fn comment(line: &str) -> Option<(&str, &str, &str)> {
    let mut parts = line.strip_prefix("# ")?.splitn(3, ' ');
    Some((parts.next()?, parts.next()?, parts.next()?))
}

fn declare(out: &mut String, name: &str, kind: &str, help: Option<&str>) {
    let (suffix, kind) = match kind {
        "counter" => ("_total", "counter"),
        "info" => ("_info", "gauge"),
        other => ("", other),
    };
    if let Some(words) = help {
        out.extend(["# HELP ", name, suffix, " ", words, "\n"]);
    }
    out.extend(["# TYPE ", name, suffix, " ", kind, "\n"]);
}
