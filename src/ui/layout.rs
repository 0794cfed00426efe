//! Where everything stands. It depends on the size of the terminal and on the focus, never on the data, so nothing
//! moves from sample to sample.

use ratatui::layout::Rect;

/// The panels that can have the focus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Panel {
    /// The pools.
    Pools,
    /// The connections.
    #[default]
    Connections,
    /// Leak suspects and other findings.
    Suspects,
}

impl Panel {
    /// Every panel, in the order of `tab`.
    pub const ALL: [Self; 3] = [Self::Pools, Self::Connections, Self::Suspects];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Pools => "Pools",
            Self::Connections => "Connections",
            Self::Suspects => "Suspects",
        }
    }

    /// The panel `by` places further, round about.
    pub fn step(self, by: isize) -> Self {
        let at = Self::ALL.iter().position(|panel| *panel == self).unwrap_or(0);
        Self::ALL[(at + Self::ALL.len()).saturating_add_signed(by) % Self::ALL.len()]
    }
}

/// How much fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Below 40x12: one plain line.
    TooSmall,
    /// Below 60 columns or 20 rows: the verdict and one list of few columns.
    Narrow,
    /// Up to 100x30: one panel at a time, under tabs.
    Compact,
    /// Everything at once.
    Full,
    /// And the detail of the selected row at the right.
    Wide,
}

/// The places of one frame. A panel that is not shown is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How much fits.
    pub shape: Shape,
    /// Profile, targets, cost, clock.
    pub header: Rect,
    /// What is paused; empty as long as nothing is.
    pub banner: Rect,
    /// The verdict.
    pub verdict: Rect,
    /// Limits.
    pub limits: Rect,
    /// Counts by state over time.
    pub states: Rect,
    /// The names of the panels, where only one is shown.
    pub tabs: Rect,
    /// Pools.
    pub pools: Rect,
    /// Connections.
    pub connections: Rect,
    /// Suspects.
    pub suspects: Rect,
    /// Detail of the selected row.
    pub detail: Rect,
    /// The past at a glance; empty in the present. It takes the last row of what stands above the footer, so that
    /// nothing moves when it comes or goes.
    pub ruler: Rect,
    /// Keys.
    pub footer: Rect,
}

/// Lines that are there only at times.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines {
    /// What is paused.
    pub banner: bool,
    /// The past at a glance.
    pub ruler: bool,
}

impl Layout {
    /// The layout of a terminal of this size with the focus on `focus`.
    pub fn new(area: Rect, focus: Panel, lines: Lines) -> Self {
        let (shape, banner) = (shape(area), u16::from(lines.banner));
        let layout = match shape {
            Shape::TooSmall => return Self::empty(shape),
            Shape::Narrow => Self::one_panel(shape, area, focus, [1, banner, 2, 1, 0, 1]),
            Shape::Compact => Self::one_panel(shape, area, focus, [1, banner, 2, 1, 1, 1]),
            Shape::Full | Shape::Wide => Self::all_panels(shape, area, banner),
        };
        if lines.ruler { layout.with_ruler() } else { layout }
    }

    /// Takes the row above the footer for the ruler.
    fn with_ruler(mut self) -> Self {
        let above = self.footer.y.saturating_sub(1);
        for place in [&mut self.pools, &mut self.connections, &mut self.suspects, &mut self.detail] {
            place.height -= u16::from(place.height > 0 && place.bottom() == self.footer.y);
        }
        self.ruler = Rect { y: above, height: 1, ..self.footer };
        self
    }

    fn empty(shape: Shape) -> Self {
        let none = Rect::ZERO;
        Self {
            shape,
            header: none,
            banner: none,
            verdict: none,
            limits: none,
            states: none,
            tabs: none,
            pools: none,
            connections: none,
            suspects: none,
            detail: none,
            ruler: none,
            footer: none,
        }
    }

    /// Rows from the top with the given heights, one panel, the footer.
    fn one_panel(shape: Shape, area: Rect, focus: Panel, heights: [u16; 6]) -> Self {
        let mut cut = Cut(area);
        let [header, banner, verdict, limits, states, tabs] = heights.map(|height| cut.top(height));
        let footer = cut.bottom(1);
        let panel = |of: Panel| if of == focus { cut.0 } else { Rect::ZERO };
        Self {
            header,
            banner,
            verdict,
            limits,
            states,
            tabs,
            pools: panel(Panel::Pools),
            connections: panel(Panel::Connections),
            suspects: panel(Panel::Suspects),
            footer,
            ..Self::empty(shape)
        }
    }

    fn all_panels(shape: Shape, area: Rect, banner: u16) -> Self {
        let mut cut = Cut(area);
        let header = cut.top(1);
        let banner = cut.top(banner);
        let verdict = cut.top(if area.width < 140 { 2 } else { 1 });
        let footer = cut.bottom(1);
        let mut above = Cut(cut.top(match area.height {
            50.. => 9,
            40.. => 8,
            36.. => 7,
            _ => 6,
        }));
        let limits = above.left(area.width / 2);
        let detail =
            if shape == Shape::Wide { cut.right((area.width * 3 / 10).clamp(56, 90)) } else { Rect::ZERO };
        let rest = cut.0.height;
        let suspects = cut.bottom((rest / 4).clamp(5, 12));
        let pools = cut.top((rest * 3 / 10).clamp(6, 20));
        Self {
            header,
            banner,
            verdict,
            limits,
            states: above.0,
            pools,
            connections: cut.0,
            suspects,
            detail,
            footer,
            ..Self::empty(shape)
        }
    }

    /// The place of a panel.
    pub fn panel(&self, panel: Panel) -> Rect {
        match panel {
            Panel::Pools => self.pools,
            Panel::Connections => self.connections,
            Panel::Suspects => self.suspects,
        }
    }

    /// How many rows a table in this panel shows: without its frame, if it has one, and its head.
    pub fn table_rows(&self, panel: Panel) -> usize {
        let area = self.panel(panel);
        let around = if matches!(self.shape, Shape::Full | Shape::Wide) { 3 } else { 1 };
        let tabs = u16::from(panel == Panel::Connections && self.shape == Shape::Compact);
        usize::from(area.height.saturating_sub(around + tabs))
    }
}

fn shape(area: Rect) -> Shape {
    match (area.width, area.height) {
        (width, height) if width < 40 || height < 12 => Shape::TooSmall,
        (width, height) if width < 60 || height < 20 => Shape::Narrow,
        (width, height) if width < 100 || height < 30 => Shape::Compact,
        (width, height) if width < 170 || height < 40 => Shape::Full,
        _ => Shape::Wide,
    }
}

/// What is left of an area while pieces are cut off.
struct Cut(Rect);

impl Cut {
    fn top(&mut self, height: u16) -> Rect {
        let height = height.min(self.0.height);
        let piece = Rect { height, ..self.0 };
        self.0 = Rect { y: self.0.y + height, height: self.0.height - height, ..self.0 };
        piece
    }

    fn bottom(&mut self, height: u16) -> Rect {
        let height = height.min(self.0.height);
        self.0.height -= height;
        Rect { y: self.0.bottom(), height, ..self.0 }
    }

    fn left(&mut self, width: u16) -> Rect {
        let width = width.min(self.0.width);
        let piece = Rect { width, ..self.0 };
        self.0 = Rect { x: self.0.x + width, width: self.0.width - width, ..self.0 };
        piece
    }

    fn right(&mut self, width: u16) -> Rect {
        let width = width.min(self.0.width);
        self.0.width -= width;
        Rect { x: self.0.right(), width, ..self.0 }
    }
}

/// A dialog of at most this size in the middle of `area`.
pub fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_a_layout_whose_places_do_not_overlap() {
        let sizes = [
            (0, 0),
            (39, 12),
            (40, 12),
            (59, 19),
            (80, 24),
            (99, 60),
            (100, 30),
            (120, 40),
            (200, 60),
            (300, 100),
        ];
        let lines = [(false, false), (true, false), (false, true), (true, true)];
        let lines = lines.map(|(banner, ruler)| Lines { banner, ruler });
        for ((width, height), lines) in sizes.into_iter().flat_map(|size| lines.map(|lines| (size, lines))) {
            let area = Rect::new(0, 0, width, height);
            let layout = Layout::new(area, Panel::Connections, lines);
            let places = [
                layout.header,
                layout.banner,
                layout.verdict,
                layout.limits,
                layout.states,
                layout.tabs,
                layout.pools,
                layout.connections,
                layout.suspects,
                layout.detail,
                layout.ruler,
                layout.footer,
            ];
            let covered: u32 = places.iter().map(|place| place.area()).sum();
            assert!(covered == 0 || covered == area.area(), "{width}x{height}: {covered}");
            for (i, left) in places.iter().enumerate() {
                assert!(places[i + 1..].iter().all(|right| !left.intersects(*right)), "{width}x{height}");
            }
            assert!(width < 40 || height < 12 || layout.connections.height >= 4, "{width}x{height}");
        }
    }

    #[test]
    fn nothing_moves_when_the_ruler_comes() {
        for (width, height) in [(40, 12), (80, 24), (120, 40), (200, 60)] {
            let area = Rect::new(0, 0, width, height);
            let [without, with] = [false, true]
                .map(|ruler| Layout::new(area, Panel::Suspects, Lines { ruler, ..Lines::default() }));
            assert_eq!(with.ruler, Rect { y: height - 2, height: 1, ..without.footer });
            for (before, after) in [
                (without.header, with.header),
                (without.limits, with.limits),
                (without.connections, with.connections),
                (without.suspects, Rect { height: with.suspects.height + 1, ..with.suspects }),
            ] {
                assert_eq!(before, after, "{width}x{height}");
            }
        }
    }
}
