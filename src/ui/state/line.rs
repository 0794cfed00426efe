//! A line that is typed: what a key or a paste does to it.

use crossterm::event::{Event, KeyEvent};
use tui_input::backend::crossterm::to_input_request;
use tui_input::{Input, InputRequest};

/// Gives a key to the line; says whether the text changed.
pub fn key(input: &mut Input, key: KeyEvent) -> bool {
    let request = to_input_request(&Event::Key(key));
    request.and_then(|request| input.handle(request)).is_some_and(|changed| changed.value)
}

/// Inserts what was pasted. A line has no line feeds, and no control characters come from a clipboard.
pub fn paste(input: &mut Input, pasted: &str) {
    for c in pasted.trim_end_matches(['\n', '\r']).chars().filter(|c| !c.is_control()) {
        input.handle(InputRequest::InsertChar(c));
    }
}
