//! A drawn screen as an SVG picture, for the README: the same cells that the terminal gets.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Modifier;

use super::theme::{Background, css};

/// Width of one cell in the picture, px.
const CELL_WIDTH: f64 = 8.4;
/// Height of one cell, px.
const CELL_HEIGHT: f64 = 16.5;
/// Space around the screen, px.
const MARGIN: f64 = 12.0;

/// A terminal's own colours, in CSS.
#[derive(Clone, Copy, Debug)]
pub struct Ground {
    /// Of text without a colour.
    pub foreground: &'static str,
    /// Of cells without a background.
    pub background: &'static str,
}

impl Ground {
    /// A dark terminal.
    pub const DARK: Self = Self { foreground: "#c8ccd4", background: "#16181d" };
    /// A light terminal.
    pub const LIGHT: Self = Self { foreground: "#24292f", background: "#ffffff" };

    /// The terminal of a background.
    pub fn of(background: Background) -> Self {
        match background {
            Background::Dark => Self::DARK,
            Background::Light => Self::LIGHT,
        }
    }
}

/// Draws `buffer` as a self-contained SVG: one rectangle per run of background, one text per run of style.
pub fn svg(buffer: &Buffer, ground: Ground) -> String {
    let width = f64::from(buffer.area.width) * CELL_WIDTH + 2.0 * MARGIN;
    let height = f64::from(buffer.area.height) * CELL_HEIGHT + 2.0 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"'DejaVu Sans Mono','Menlo','Consolas',monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n",
        ground.background
    );
    for y in 0..buffer.area.height {
        for run in runs(buffer, y) {
            draw_run(&mut out, &run, ground);
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Neighbouring cells of one row that look alike.
struct Run<'a> {
    x: u16,
    y: u16,
    cells: u16,
    text: String,
    look: &'a Cell,
}

fn runs(buffer: &Buffer, y: u16) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    for x in 0..buffer.area.width {
        let Some(cell) = buffer.cell((buffer.area.x + x, buffer.area.y + y)) else { continue };
        match runs.last_mut() {
            Some(run) if alike(run.look, cell) => {
                run.cells += 1;
                run.text.push_str(cell.symbol());
            }
            _ => runs.push(Run { x, y, cells: 1, text: cell.symbol().to_owned(), look: cell }),
        }
    }
    runs
}

fn alike(a: &Cell, b: &Cell) -> bool {
    a.fg == b.fg && a.bg == b.bg && a.modifier == b.modifier
}

fn draw_run(out: &mut String, run: &Run<'_>, ground: Ground) {
    let reversed = run.look.modifier.contains(Modifier::REVERSED);
    let (fg, bg) = (css(run.look.fg, ground.foreground), css(run.look.bg, ground.background));
    let (ink, paper) = if reversed { (bg, fg) } else { (fg, bg) };
    let (x, y) = (MARGIN + f64::from(run.x) * CELL_WIDTH, MARGIN + f64::from(run.y) * CELL_HEIGHT);
    let width = f64::from(run.cells) * CELL_WIDTH;
    if paper != ground.background {
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{CELL_HEIGHT}\" fill=\"{paper}\"/>"
        );
    }
    if run.text.trim().is_empty() {
        return;
    }
    let weight = if run.look.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let faint = if run.look.modifier.contains(Modifier::DIM) { " opacity=\"0.6\"" } else { "" };
    let line =
        if run.look.modifier.contains(Modifier::UNDERLINED) { " text-decoration=\"underline\"" } else { "" };
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{ink}\" \
         xml:space=\"preserve\"{weight}{faint}{line}>{}</text>",
        y + CELL_HEIGHT * 0.75,
        crate::text::escape::html(&run.text)
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn neighbours_that_look_alike_are_one_text_and_markup_is_inert() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        buffer.set_string(0, 0, "<b>", Style::new().add_modifier(Modifier::BOLD));
        buffer.set_string(3, 0, "plain", Style::new());
        let picture = svg(&buffer, Ground::DARK);
        assert_eq!(picture.matches("<text").count(), 2);
        assert!(picture.contains("font-weight=\"bold\">&lt;b&gt;</text>"), "{picture}");
    }
}
