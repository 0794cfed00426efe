//! Help: every command with its keys, made from the table.

use ratatui::text::{Line, Span};

use crate::ui::command::{Command, Topic};
use crate::ui::keymap::Keymap;
use crate::ui::paint::{Paint, wrap};
use crate::ui::theme::Meaning;

const KEYS: usize = 20;

const FILTER: &[&str] = &[
    "Words stand for text anywhere in a row; all of them must hold. !word leaves out. \"two words\" stay together.",
    "application: user: database: client: pid: state: wait: query: pool: target: look in one field.",
    "age>30s tx>5m query<1s session>1h blocks>0 compare.",
];

/// The lines of help.
pub fn lines(keymap: &Keymap, width: u16, paint: &Paint<'_>) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for topic in Topic::ALL {
        lines.push(Line::from(paint.span(topic.title(), Meaning::Title)));
        for command in Command::ALL.iter().filter(|command| command.row().topic == topic) {
            lines.extend(command_lines(*command, keymap, width, paint));
        }
        lines.push(Line::default());
    }
    lines.push(Line::from(paint.span("Filter", Meaning::Title)));
    for text in FILTER {
        let wrapped = wrap(text, width.saturating_sub(2).into());
        lines.extend(wrapped.into_iter().map(|line| Line::from(format!("  {line}"))));
    }
    lines
}

fn command_lines(command: Command, keymap: &Keymap, width: u16, paint: &Paint<'_>) -> Vec<Line<'static>> {
    let keys: Vec<_> = keymap.keys(command).iter().take(3).map(|chord| chord.label(paint.glyphs)).collect();
    let room = usize::from(width).saturating_sub(KEYS + 2);
    let text = wrap(command.row().description, room);
    let line = |(index, text)| {
        let keys = if index == 0 { keys.join(" ") } else { String::new() };
        Line::from(vec![
            Span::raw("  "),
            paint.span(format!("{keys:<KEYS$}"), Meaning::Key),
            paint.span(text, Meaning::Text),
        ])
    };
    text.into_iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Depth, Themes};

    #[test]
    fn help_names_every_command_with_a_key() {
        let theme = Themes::built_in().load("dark", Depth::True).unwrap();
        let zone = jiff::tz::TimeZone::UTC;
        let paint = Paint { theme: &theme, glyphs: &crate::ui::glyphs::ASCII, zone: &zone };
        let text: Vec<String> =
            lines(&Keymap::new(&[]).unwrap(), 120, &paint).iter().map(ToString::to_string).collect();
        for command in Command::ALL {
            let line = text.iter().find(|line| line.contains(command.row().description));
            assert!(line.is_some_and(|line| !line.starts_with("     ")), "{command:?}");
        }
    }
}
