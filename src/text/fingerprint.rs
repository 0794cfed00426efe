//! Statements that differ only in their values are one statement.

use super::Text;
use super::redact::{has_two_readings, placeholder};
use super::sql::{Kind, tokens};

/// `sql` on one line without values, parameters, comments and superfluous blanks; lists of values folded, so that
/// `IN (1, 2, 3)` and `IN ($1)` are the same.
///
/// It holds nothing that redaction would remove, so it may stand in any sentence.
pub fn fingerprint(sql: &str) -> Text {
    let mut out = Folded::default();
    for token in tokens(sql) {
        match token.kind {
            Kind::Whitespace | Kind::Comment => out.blank = true,
            Kind::Parameter => out.push("?"),
            _ => out.push(placeholder(&token).unwrap_or(token.text)),
        }
        if has_two_readings(&token) {
            break;
        }
    }
    Text::line(&out.text)
}

#[derive(Default)]
struct Folded {
    text: String,
    blank: bool,
}

impl Folded {
    /// Appends a token, and folds what has become a repetition: `?, ?` and `(?), (?)`.
    fn push(&mut self, token: &str) {
        if std::mem::take(&mut self.blank) && !self.text.is_empty() && !self.sticks(token) {
            self.text.push(' ');
        }
        self.text.push_str(token);
        if token == "," {
            self.blank = true;
        }
        for (twice, once) in [("?, ?", "?"), ("(?), (?)", "(?)")] {
            if self.text.ends_with(twice) {
                self.text.truncate(self.text.len() - twice.len() + once.len());
            }
        }
    }

    /// No blank inside parentheses and before commas and semicolons, however the author spaced them.
    fn sticks(&self, token: &str) -> bool {
        self.text.ends_with('(') || matches!(token, ")" | "," | ";")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn statements_that_differ_in_values_and_blanks_only_are_the_same() {
        for (sql, folded) in [
            ("select *\n  from t -- why\n where id = 42", "select * from t where id = ?"),
            ("where id in (1,2, 3)", "where id in (?)"),
            ("where id IN ( $1 , $2 )", "where id IN (?)"),
            ("values (1, 'a'), (2, 'b')", "values (?)"),
            ("select f(a,b)", "select f(a, b)"),
            ("/* trace=1 */ select 'cut", "select ?"),
            ("  ", ""),
        ] {
            assert_eq!(&*fingerprint(sql), folded, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn a_fingerprint_is_its_own_fingerprint(sql in "[a-c'?$,() 0-9\n-]{0,40}") {
            let once = fingerprint(&sql);
            prop_assert_eq!(super::super::redact::literals(&once), &*once);
        }
    }
}
