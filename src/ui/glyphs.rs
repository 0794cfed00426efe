//! The signs of the screen, in Unicode and in ASCII. Every sign has both, so a serial console shows the same facts.

use std::borrow::Cow;

use ratatui::symbols::border;

/// One set of signs. Every sign is one cell wide, and signs that mean different things differ in shape.
#[derive(Debug)]
pub struct Glyphs {
    /// It is lost: a leak, a refused target.
    pub critical: &'static str,
    /// It needs a look.
    pub warning: &'static str,
    /// Worth knowing.
    pub notice: &'static str,
    /// Live.
    pub live: &'static str,
    /// No longer current.
    pub stale: &'static str,
    /// Not there.
    pub down: &'static str,
    /// As it should be; marked; done.
    pub check: &'static str,
    /// The row under the cursor.
    pub cursor: &'static str,
    /// The used part of a gauge.
    pub used: &'static str,
    /// The free part of a gauge.
    pub free: &'static str,
    /// The part of a gauge that ordinary roles cannot use.
    pub reserved: &'static str,
    /// Nine levels of a sparkline, the first for zero.
    pub levels: [&'static str; 9],
    /// Where a sparkline has no sample.
    pub gap: &'static str,
    /// Text goes on.
    pub ellipsis: &'static str,
    /// Sorted upwards.
    pub up: &'static str,
    /// Sorted downwards.
    pub down_arrow: &'static str,
    /// Not known.
    pub unknown: &'static str,
    /// Between facts of one line.
    pub dot: &'static str,
    /// So many times.
    pub times: &'static str,
    /// The line of the ruler, where something is known.
    pub rail: &'static str,
    /// An operation, on the ruler.
    pub operation: &'static str,
    /// An event, on the ruler.
    pub event: &'static str,
    /// Between names of tabs.
    pub bar: &'static str,
    /// A child with siblings below.
    pub branch: &'static str,
    /// The last child.
    pub last: &'static str,
    /// A level whose children go on below.
    pub trunk: &'static str,
    /// Where a list goes on, in a scroll bar.
    pub thumb: &'static str,
    /// The space bar, as a key.
    pub space: &'static str,
    /// Enter, as a key.
    pub enter: &'static str,
    /// Frames.
    pub border: border::Set<'static>,
}

/// For terminals whose locale is UTF-8.
pub static UNICODE: Glyphs = Glyphs {
    critical: "●",
    warning: "▲",
    notice: "◆",
    live: "●",
    stale: "◌",
    down: "✗",
    check: "✓",
    cursor: "▌",
    used: "━",
    free: "╌",
    reserved: "▒",
    levels: ["▁", "▂", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    gap: " ",
    ellipsis: "…",
    up: "↑",
    down_arrow: "↓",
    unknown: "–",
    dot: "·",
    times: "×",
    rail: "─",
    operation: "■",
    event: "┼",
    bar: "│",
    branch: "├─ ",
    last: "└─ ",
    trunk: "│  ",
    thumb: "┃",
    space: "␣",
    enter: "⏎",
    border: border::PLAIN,
};

/// For every other terminal.
pub static ASCII: Glyphs = Glyphs {
    critical: "X",
    warning: "!",
    notice: "i",
    live: "*",
    stale: "o",
    down: "x",
    check: "+",
    cursor: ">",
    used: "#",
    free: ".",
    reserved: "%",
    levels: ["_", ".", ".", ":", "-", "=", "+", "*", "#"],
    gap: " ",
    ellipsis: "~",
    up: "^",
    down_arrow: "v",
    unknown: "-",
    dot: "-",
    times: "x",
    rail: "-",
    operation: "@",
    event: "|",
    bar: "|",
    branch: "|- ",
    last: "`- ",
    trunk: "|  ",
    thumb: "#",
    space: "space",
    enter: "enter",
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
};

impl Glyphs {
    /// Our own sentences without signs that a terminal of this set cannot show.
    pub fn spell<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !std::ptr::eq(self, &raw const ASCII) || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        Cow::Owned(text.replace('→', "->").replace('×', "x").replace('µ', "u"))
    }

    /// The set for a terminal.
    pub fn of(ascii: bool) -> &'static Self {
        if ascii { &ASCII } else { &UNICODE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr as _;

    #[test]
    fn the_ascii_set_is_ascii_and_signs_are_one_cell_wide() {
        for glyphs in [&UNICODE, &ASCII] {
            for sign in
                [glyphs.critical, glyphs.warning, glyphs.stale, glyphs.check, glyphs.used, glyphs.ellipsis]
            {
                assert_eq!(sign.width(), 1, "{sign}");
                assert!(std::ptr::eq(glyphs, &raw const UNICODE) || sign.is_ascii());
            }
        }
        assert!(ASCII.levels.iter().all(|level| level.is_ascii()));
    }
}
