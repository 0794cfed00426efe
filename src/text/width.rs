//! Width in terminal cells: what a person sees as one character may take none, one or two of them.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Which side of a cell the text stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text: padded on the right.
    Left,
    /// Numbers: padded on the left.
    Right,
}

/// How many cells `text` takes. Not its bytes, not its characters.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// At most `cells` cells of `text`; where something is cut, `ellipsis` stands in its place and counts.
///
/// A wide character is never halved, so the result may be a cell narrower than asked.
pub fn truncate<'a>(text: &'a str, cells: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= cells {
        return text.into();
    }
    let Some(room) = cells.checked_sub(width(ellipsis)) else {
        return head(text, cells).into();
    };
    format!("{}{ellipsis}", head(text, room)).into()
}

/// `text` in exactly `cells` cells: cut as by [`truncate`], then padded with blanks.
pub fn fit(text: &str, cells: usize, align: Align, ellipsis: &str) -> String {
    let text = truncate(text, cells, ellipsis);
    let blanks = " ".repeat(cells.saturating_sub(width(&text)));
    match align {
        Align::Left => format!("{text}{blanks}"),
        Align::Right => format!("{blanks}{text}"),
    }
}

/// The longest beginning of `text` that takes at most `cells` cells, without an ellipsis.
pub fn head(text: &str, cells: usize) -> &str {
    let mut taken = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        taken += width(grapheme);
        if taken > cells {
            return &text[..at];
        }
    }
    text
}

/// `text` in lines of at most `cells` cells, broken at blanks, and inside a word only where the word alone is
/// too wide. Line feeds in the text end a line; other runs of blanks become one.
///
/// Every line has at least one character, however few the cells are.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    text.split('\n').flat_map(|paragraph| wrap_paragraph(paragraph, cells.max(1))).collect()
}

fn wrap_paragraph(text: &str, cells: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    // A piece of a word that was too wide fills its line, so the next piece always starts one.
    for word in text.split_whitespace().flat_map(|word| pieces(word, cells)) {
        let needed = width(word);
        if used > 0 && used + 1 + needed > cells {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += needed;
        }
    }
    lines
}

/// A word in pieces of at most `cells` cells, each with at least one character.
fn pieces(word: &str, cells: usize) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let fitting = head(rest, cells).len();
        let first = rest.graphemes(true).next()?.len();
        let (piece, after) = rest.split_at(fitting.max(first));
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wide_and_combining_characters_are_counted_in_cells() {
        for (text, cells) in [("abc", 3), ("漢字", 4), ("e\u{301}", 1), ("🦀", 2), ("🇩🇪", 2), ("", 0)]
        {
            assert_eq!(width(text), cells, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis_and_no_character_is_halved() {
        for (text, cells, cut) in [
            ("checkout-api", 12, "checkout-api"),
            ("checkout-api", 8, "checkou…"),
            ("漢字漢字", 8, "漢字漢字"),
            ("漢字漢字", 6, "漢字…"),
            ("ae\u{301}iou", 3, "ae\u{301}…"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(truncate(text, cells, "…"), cut, "{text} in {cells}");
        }
        assert_eq!(truncate("abcdef", 2, "..."), "ab", "no room for the ellipsis itself");
    }

    #[test]
    fn fitted_text_fills_its_cells_exactly() {
        assert_eq!(fit("漢字漢字", 6, Align::Left, "…"), "漢字… ");
        assert_eq!(fit("42", 5, Align::Right, "…"), "   42");
    }

    #[test]
    fn lines_break_at_blanks_and_long_words_anywhere() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("a verylongword b", 5), ["a", "veryl", "ongwo", "rd b"]);
        assert_eq!(wrap("first\nsecond", 80), ["first", "second"]);
        assert_eq!(wrap("漢字", 1), ["漢", "字"]);
        assert_eq!(wrap("", 10), [""]);
    }

    proptest! {
        #[test]
        fn nothing_is_ever_wider_than_asked(text in any::<String>(), cells in 0_usize..40) {
            prop_assert!(width(&truncate(&text, cells, "…")) <= cells);
            prop_assert_eq!(width(&fit("x", cells, Align::Left, "…")), cells);
            let flat = text.replace(char::is_whitespace, " ");
            for line in wrap(&flat, cells) {
                prop_assert!(width(&line) <= cells.max(1) || line.graphemes(true).count() == 1, "{line:?}");
            }
        }
    }
}
