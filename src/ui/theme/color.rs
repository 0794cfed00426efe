//! Colours as files write them, and what is left of them on terminals that have fewer.

use ratatui::style::{Color, Modifier, Style};

/// How many colours the terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// None: bold, reverse and underline only.
    None,
    /// The eight of ANSI.
    Ansi8,
    /// Those and their bright variants.
    Ansi16,
    /// The 256 of xterm.
    Indexed,
    /// 24 bits.
    True,
}

/// Which background the terminal seems to have, for choosing a theme where none is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// Dark, or not known.
    Dark,
    /// Light.
    Light,
}

impl Background {
    /// From `COLORFGBG` (`15;0`), which some terminals set.
    pub fn detect(colorfgbg: Option<&str>) -> Self {
        match colorfgbg.and_then(|value| value.rsplit(';').next()).and_then(|bg| bg.parse::<u8>().ok()) {
            Some(7 | 9..=15) => Self::Light,
            _ => Self::Dark,
        }
    }

    /// The one that a theme is for, by the colour of its text: dark text wants a light one.
    pub fn under(text: Option<Color>) -> Self {
        match text {
            Some(Color::Rgb(r, g, b)) if u32::from(r) + u32::from(g) + u32::from(b) < 3 * 128 => Self::Light,
            Some(Color::Black) => Self::Light,
            _ => Self::Dark,
        }
    }

    /// The built-in theme for it.
    pub fn theme(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
        }
    }
}

impl Depth {
    /// Every depth, the poorest first.
    pub const ALL: [Self; 5] = [Self::None, Self::Ansi8, Self::Ansi16, Self::Indexed, Self::True];

    /// From `TERM`, `COLORTERM` and whether colours are unwanted (`NO_COLOR` set and not empty, `--no-color`).
    pub fn detect(term: Option<&str>, colorterm: Option<&str>, no_color: bool) -> Self {
        let term = term.unwrap_or_default();
        if no_color || matches!(term, "" | "dumb" | "vt100" | "vt220") || term.ends_with("-m") {
            return Self::None;
        }
        match colorterm {
            Some("truecolor" | "24bit") => Self::True,
            _ if term.contains("direct") => Self::True,
            _ if term.contains("256color") || term.contains("kitty") || term.contains("alacritty") => {
                Self::Indexed
            }
            _ if matches!(term, "linux" | "ansi" | "screen" | "cygwin") => Self::Ansi8,
            _ => Self::Ansi16,
        }
    }

    /// `style` in the colours that there are.
    pub(super) fn reduce(self, mut style: Style) -> Style {
        style.fg = style.fg.map(|color| self.nearest(color));
        style.bg = style.bg.map(|color| self.nearest(color));
        style
    }

    fn nearest(self, color: Color) -> Color {
        match (self, color) {
            (Self::None, _) => Color::Reset,
            (Self::Indexed, Color::Rgb(r, g, b)) => Color::Indexed(nearest_index([r, g, b])),
            (Self::Ansi16, Color::Rgb(r, g, b)) => nearest_ansi([r, g, b], 16),
            (Self::Ansi8, Color::Rgb(r, g, b)) => nearest_ansi([r, g, b], 8),
            (Self::Ansi8, color) => ANSI
                .iter()
                .position(|(ansi, _)| *ansi == color)
                .and_then(|index| ANSI.get(index % 8))
                .map_or(color, |(ansi, _)| *ansi),
            (_, color) => color,
        }
    }
}

/// Where few colours make a sign as dark as its ground, it is drawn like text, dimmed: a frame has to be seen. The
/// terminal's own two colours have one name and do differ.
pub(super) fn visible(style: Style, text: Style) -> Style {
    if style.fg.is_none_or(|fg| fg == Color::Reset) || style.fg != style.bg.or(text.bg) {
        return style;
    }
    Style { fg: text.fg, bg: text.bg, ..style }.add_modifier(Modifier::DIM)
}

/// The ANSI colours with the values that xterm gives them.
const ANSI: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 0, 0]),
    (Color::LightGreen, [0, 255, 0]),
    (Color::LightYellow, [255, 255, 0]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 0, 255]),
    (Color::LightCyan, [0, 255, 255]),
    (Color::White, [255, 255, 255]),
];

/// The ANSI colour of the same hue, among the first `count`. Distance would turn pastel red into grey, and a
/// danger that looks like a label is worse than a crude one.
fn nearest_ansi(rgb: [u8; 3], count: usize) -> Color {
    let most = rgb.iter().max().copied().unwrap_or(0);
    let bright = count > 8 && most > 215;
    let index = match hue(rgb) {
        None => grey(rgb, count),
        Some(33..75) => 3 + 8 * usize::from(bright),
        Some(75..165) => 2 + 8 * usize::from(bright),
        Some(165..200) => 6 + 8 * usize::from(bright),
        Some(200..260) => 4 + 8 * usize::from(bright),
        Some(260..330) => 5 + 8 * usize::from(bright),
        Some(_) => 1 + 8 * usize::from(bright),
    };
    ANSI.get(index).map_or(Color::Reset, |(color, _)| *color)
}

/// The hue in degrees; greys have none.
fn hue(rgb: [u8; 3]) -> Option<u16> {
    let [r, g, b] = rgb.map(i32::from);
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    let span = most - least;
    // Dark colours need more of a hue before one sees it.
    let clear = if most < 100 { span * 3 >= most } else { span * 4 >= most };
    if !clear || most < 32 {
        return None;
    }
    let sixth = |left: i32, right: i32, from: i32| from + 60 * (left - right) / span;
    let degrees = if most == r {
        sixth(g, b, 360)
    } else if most == g {
        sixth(b, r, 120)
    } else {
        sixth(r, g, 240)
    };
    u16::try_from(degrees % 360).ok()
}

/// The index of the grey that is about as bright.
fn grey(rgb: [u8; 3], count: usize) -> usize {
    let bright: u16 = rgb.iter().map(|part| u16::from(*part)).sum::<u16>() / 3;
    match bright {
        0..40 => 0,
        40..125 if count <= 8 => 0,
        40..150 if count > 8 => 8,
        238.. if count > 8 => 15,
        _ => 7,
    }
}

/// The nearest colour of the 6×6×6 cube or the grey ramp.
fn nearest_index(rgb: [u8; 3]) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let step = |value: u8| (0u8..6).min_by_key(|i| STEPS[usize::from(*i)].abs_diff(value)).unwrap_or(0);
    let [r, g, b] = rgb.map(step);
    let cube = (16 + 36 * r + 6 * g + b, [r, g, b].map(|i| STEPS[usize::from(i)]));
    let level = ((u16::from(rgb[0]) + u16::from(rgb[1]) + u16::from(rgb[2])) / 3).saturating_sub(3) / 10;
    let level = u8::try_from(level.min(23)).unwrap_or(23);
    let ramp = (232 + level, [8 + 10 * level; 3]);
    if distance(rgb, ramp.1) < distance(rgb, cube.1) { ramp.0 } else { cube.0 }
}

/// Squared distance, weighted by how well eyes tell the channels apart.
fn distance(left: [u8; 3], right: [u8; 3]) -> u32 {
    let square = |i: usize| u32::from(left[i].abs_diff(right[i])).pow(2);
    3 * square(0) + 4 * square(1) + 2 * square(2)
}

/// A colour as theme files write it: `#rrggbb`, `default`, an index, or ratatui's names of the ANSI colours.
pub(super) fn parse(word: &str) -> Option<Color> {
    if word == "default" { Some(Color::Reset) } else { word.parse().ok() }
}

/// A colour as CSS writes it; `default` stands for the terminal's own.
pub fn css(color: Color, default: &'static str) -> String {
    let [r, g, b] = match color {
        Color::Rgb(r, g, b) => [r, g, b],
        Color::Reset => return default.to_owned(),
        // A picture is drawn with a theme in true colours; what is left over are names.
        named => ANSI.iter().find(|(known, _)| *known == named).map_or([229, 229, 229], |(_, rgb)| *rgb),
    };
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Meaning, Themes};

    #[test]
    fn dark_text_is_made_for_a_light_ground() {
        for (text, ground) in [
            (None, Background::Dark),
            (Some(Color::Rgb(220, 220, 220)), Background::Dark),
            (Some(Color::Rgb(20, 20, 20)), Background::Light),
            (Some(Color::Black), Background::Light),
        ] {
            assert_eq!(Background::under(text), ground, "{text:?}");
        }
    }

    #[test]
    fn the_depth_follows_the_environment() {
        for (term, colorterm, no_color, depth) in [
            (Some("xterm-256color"), Some("truecolor"), false, Depth::True),
            (Some("xterm-256color"), None, false, Depth::Indexed),
            (Some("xterm"), None, false, Depth::Ansi16),
            (Some("linux"), None, false, Depth::Ansi8),
            (Some("dumb"), None, false, Depth::None),
            (None, None, false, Depth::None),
            (Some("xterm-256color"), Some("truecolor"), true, Depth::None),
        ] {
            assert_eq!(Depth::detect(term, colorterm, no_color), depth, "{term:?} {colorterm:?}");
        }
    }

    #[test]
    fn colours_become_the_nearest_that_there_are() {
        for (rgb, indexed, ansi) in [
            ([255, 0, 0], 196, Color::LightRed),
            ([0, 0, 0], 16, Color::Black),
            ([128, 128, 128], 244, Color::DarkGray),
            ([255, 255, 255], 231, Color::White),
            ([247, 118, 142], 210, Color::LightRed),
            ([158, 206, 106], 149, Color::Green),
            ([224, 175, 104], 179, Color::LightYellow),
            ([53, 58, 68], 237, Color::DarkGray),
        ] {
            assert_eq!(nearest_index(rgb), indexed, "{rgb:?}");
            assert_eq!(nearest_ansi(rgb, 16), ansi, "{rgb:?}");
        }
        assert_eq!(Depth::Ansi8.nearest(Color::LightRed), Color::Red);
    }

    #[test]
    fn a_light_background_is_recognised() {
        assert_eq!(Background::detect(Some("0;15")), Background::Light);
        assert_eq!(Background::detect(Some("15;default;0")), Background::Dark);
        assert_eq!(Background::detect(None), Background::Dark);
    }

    #[test]
    fn nothing_is_drawn_in_the_colour_of_its_ground() {
        let themes = Themes::built_in();
        for name in themes.names() {
            for depth in Depth::ALL.into_iter().filter(|depth| *depth != Depth::None) {
                let theme = themes.load(name, depth).unwrap();
                let ground = theme.style(Meaning::Text).bg;
                for meaning in Meaning::ALL {
                    let style = theme.style(*meaning);
                    let own = style.fg.is_none_or(|fg| fg == Color::Reset);
                    let seen = own || style.fg != style.bg.or(ground);
                    assert!(seen, "{name} {depth:?} {meaning:?}: {style:?}");
                }
            }
        }
    }
}
