//! The colours of the curves. A drawing has those for light paper; the page's style sheet turns each into the one for
//! dark paper, by its value, so no two may be the same.

use plotters::style::RGBColor;

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Active,
    InTransaction,
    Aborted,
    Other,
    Idle,
    Queued,
    Blocked,
    Share,
    Ceiling,
    Label,
    Mark,
    Grid,
    Gap,
}

/// On light paper, on dark paper.
const INKS: [(Ink, RGBColor, &str); 13] = [
    (Ink::Active, RGBColor(0x2A, 0x7F, 0x74), "#4fb3a4"),
    (Ink::InTransaction, RGBColor(0xE3, 0x97, 0x2F), "#e3a64b"),
    (Ink::Aborted, RGBColor(0xC2, 0x3F, 0x38), "#ec7368"),
    (Ink::Other, RGBColor(0x8B, 0x7A, 0xBF), "#a596d8"),
    (Ink::Idle, RGBColor(0xC9, 0xD2, 0xDC), "#465160"),
    (Ink::Queued, RGBColor(0x2F, 0x66, 0xC2), "#7fa9f0"),
    (Ink::Blocked, RGBColor(0xB0, 0x3F, 0x86), "#e083bd"),
    (Ink::Share, RGBColor(0x30, 0x62, 0xB8), "#86adf0"),
    (Ink::Ceiling, RGBColor(0xB3, 0x26, 0x1E), "#ff9a91"),
    (Ink::Label, RGBColor(0x56, 0x61, 0x72), "#9aa5b4"),
    (Ink::Mark, RGBColor(0x6F, 0x7A, 0x89), "#8993a1"),
    (Ink::Grid, RGBColor(0xE2, 0xE6, 0xEC), "#2e3540"),
    (Ink::Gap, RGBColor(0xEE, 0xF0, 0xF4), "#232932"),
];

impl Ink {
    /// The colour on light paper.
    pub(super) fn color(self) -> RGBColor {
        INKS.iter().find(|(ink, ..)| *ink == self).map_or(RGBColor(0, 0, 0), |(_, light, _)| *light)
    }

    /// The same as drawings write it.
    pub(super) fn written(self) -> String {
        written(self.color())
    }
}

fn written(color: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2)
}

/// Every colour as drawings write it, and what it becomes on dark paper.
pub(in crate::export) fn inks() -> Vec<(String, &'static str)> {
    INKS.iter().map(|(_, light, dark)| (written(*light), *dark)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_of_a_drawing_has_one_counterpart() {
        let mut light: Vec<String> = inks().into_iter().map(|(light, _)| light).collect();
        light.sort();
        light.dedup();
        assert_eq!(light.len(), INKS.len());
    }
}
