//! Text for places with a syntax of their own. [`Text`](super::Text) is safe for a terminal, not for these.

use std::borrow::Cow;

/// A CSV field (RFC 4180) that a spreadsheet will not take for a formula.
///
/// Text that begins like a formula (`=`, `+`, `-`, `@`, also their full-width forms, also after blanks) gets a
/// leading apostrophe. Numbers that pooltop itself wrote must not pass through here, or `-1.5` would become text.
pub fn csv(field: &str) -> Cow<'_, str> {
    const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let starts_formula = field.starts_with(['\t', '\r', '\n']) || field.trim_start().starts_with(FORMULA);
    // Semicolons and tabs separate fields too, where the spreadsheet's locale says so.
    let needs_quotes = field.contains(['"', ',', ';', '\t', '\r', '\n']) || field.trim() != field;
    match (starts_formula, needs_quotes) {
        (false, false) => field.into(),
        (true, false) => format!("'{field}").into(),
        (guard, true) => format!("\"{}{}\"", if guard { "'" } else { "" }, field.replace('"', "\"\"")).into(),
    }
}

/// Text inside HTML, in elements and in quoted attributes.
pub fn html(text: &str) -> Cow<'_, str> {
    replace(text, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        _ => None,
    })
}

/// Text in a Markdown paragraph or table cell: shown as it is, on one line, never as markup or HTML.
///
/// An underscore inside a word means nothing in Markdown and stays, so that names read well where nobody renders it.
/// `@name` notifies nobody: what renders Markdown looks for that in the finished text, so only a character in between
/// helps. Addresses are no links, and what begins like a list does not begin one.
pub fn markdown(text: &str) -> Cow<'_, str> {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut after = text.chars();
    let mut before = None;
    let list = text.len() - text.trim_start().len() + marker(text.trim_start());
    let mut at = 0;
    replace(text, move |c| {
        after.next();
        at += c.len_utf8();
        let next = after.clone().next();
        let was = before.replace(c);
        match c {
            '_' if is_word(was) && is_word(next) => None,
            ':' if after.as_str().starts_with("//") => Some("\\:"),
            '.' if is_www(text, at) && is_word(next) => Some("\\."),
            '-' if at == list => Some("\\-"),
            '+' if at == list => Some("\\+"),
            '=' if at == list => Some("\\="),
            '.' if at == list => Some("\\."),
            ')' if at == list => Some("\\)"),
            c => markdown_instead(c),
        }
    })
}

/// Whether the dot that ends at `at` is that of `www.`.
fn is_www(text: &str, at: usize) -> bool {
    let before = at.checked_sub(4).and_then(|from| text.get(from..at - 1));
    before.is_some_and(|word| word.eq_ignore_ascii_case("www"))
}

/// Bytes up to and with the sign by which a line would begin a list or a heading (`- `, `+ `, `12. `, `===`); far beyond the end without.
fn marker(line: &str) -> usize {
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let signs: &[char] = if digits == 0 { &['-', '+', '='] } else { &['.', ')'] };
    let mut rest = line[digits..].chars();
    let begins =
        rest.next().is_some_and(|c| signs.contains(&c)) && rest.next().is_none_or(|c| !c.is_alphanumeric());
    if begins { digits + 1 } else { usize::MAX / 2 }
}

fn markdown_instead(c: char) -> Option<&'static str> {
    match c {
        '\n' | '\r' => Some(" "),
        '\\' => Some("\\\\"),
        '`' => Some("\\`"),
        '*' => Some("\\*"),
        '_' => Some("\\_"),
        '[' => Some("\\["),
        ']' => Some("\\]"),
        '~' => Some("\\~"),
        '#' => Some("\\#"),
        '$' => Some("\\$"),
        '@' => Some("@\u{200b}"),
        '|' => Some("\\|"),
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

/// Text as Markdown code on one line, also inside a table cell: for statements.
///
/// A backslash right before a pipe has no form in a cell's code that all renderers read alike: some count backslashes
/// in pairs, and end the cell there. Such text is written as plain text.
pub fn markdown_code(text: &str) -> String {
    if text.contains("\\|") {
        return markdown(text.trim()).into_owned();
    }
    let line = text.replace(['\n', '\r'], " ").replace('|', "\\|");
    let line = line.trim();
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if line.is_empty() || line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{line}{pad}{fence}")
}

/// Every character for which `instead` knows something replaced by it. It is asked once for each, in order.
fn replace(text: &str, mut instead: impl FnMut(char) -> Option<&'static str>) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    for (at, c) in text.char_indices() {
        if let Some(escaped) = instead(c) {
            out.push_str(&text[copied..at]);
            out.push_str(escaped);
            copied = at + c.len_utf8();
        }
    }
    if copied == 0 {
        return text.into();
    }
    out.push_str(&text[copied..]);
    out.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_csv_field_is_quoted_where_needed_and_never_a_formula() {
        for (raw, field) in [
            ("checkout-api", "checkout-api"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("a\nb", "\"a\nb\""),
            ("a;b", "\"a;b\""),
            ("=1+1", "'=1+1"),
            ("+49", "'+49"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("＝1", "'＝1"),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            (" =1", "\"' =1\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
        ] {
            assert_eq!(csv(raw), field, "{raw:?}");
        }
    }

    #[test]
    fn html_and_markdown_show_markup_as_text() {
        assert_eq!(html("<b a='1'>&\"</b>"), "&lt;b a=&#39;1&#39;&gt;&amp;&quot;&lt;/b&gt;");
        assert_eq!(markdown("a|b\n*c* <script> [x](y)"), "a\\|b \\*c\\* &lt;script&gt; \\[x\\](y)");
        assert_eq!(markdown("checkout-api 14/20"), "checkout-api 14/20");
        assert_eq!(markdown("idle_in_tx _b_ a_"), "idle_in_tx \\_b\\_ a\\_");
        for (raw, inert) in [
            ("@channel a@b.c", "@\u{200b}channel a@\u{200b}b.c"),
            ("https://evil.example www.evil.example", "https\\://evil.example www\\.evil.example"),
            ("- a", "\\- a"),
            ("  + a", "  \\+ a"),
            ("12. a", "12\\. a"),
            ("===", "\\==="),
            ("-1.5 4) b", "-1.5 4) b"),
            ("+5.8/min", "+5.8/min"),
            ("10.0.4.17", "10.0.4.17"),
            ("$a$", "\\$a\\$"),
        ] {
            assert_eq!(markdown(raw), inert, "{raw:?}");
        }
    }

    #[test]
    fn code_in_markdown_outlives_backticks_and_pipes() {
        for (raw, code) in [
            ("select 1", "`select 1`"),
            ("a || b", "`a \\|\\| b`"),
            ("a ` b", "``a ` b``"),
            ("`a``", "``` `a`` ```"),
            ("a\nb", "`a b`"),
            ("", "`  `"),
            ("a ~ '\\|'", "a \\~ '\\\\\\|'"),
        ] {
            assert_eq!(markdown_code(raw), code, "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn escaped_text_has_nothing_left_to_misread(
            text in prop_oneof![any::<String>(), "[-<>&\"'/=a-c `|*#@!{}%\\[\\]()\\\\\n]{0,60}"],
        ) {
            let escaped = html(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            let field = csv(&text);
            prop_assert!(!field.starts_with(['=', '+', '-', '@', '\t', '\r']));
            let cell = markdown(&text);
            prop_assert!(!cell.contains(['\n', '<']));
            for cell in [cell.into_owned(), markdown_code(&text)] {
                prop_assert!(!cell.replace("\\\\", "").replace("\\|", "").contains('|'));
            }
        }
    }
}
