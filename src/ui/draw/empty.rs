//! What an empty list says: why it is empty, and what to do about it.

use crate::analysis::Moment;
use crate::model::verdict::VerdictKind;
use crate::ui::layout::Panel;
use crate::ui::state::connections::Connections;
use crate::ui::view::connections::Tab;

/// The text for one panel.
pub(super) fn text(list: &Connections, panel: Panel, moment: &Moment) -> String {
    if moment.servers.iter().all(Option::is_none) {
        return "No server was seen yet.".to_owned();
    }
    match panel {
        Panel::Pools => "No pool: nobody is connected but pooltop.".to_owned(),
        Panel::Suspects if moment.verdict.kind == VerdictKind::Unknown => {
            "Too little is known yet to suspect anybody.".to_owned()
        }
        Panel::Suspects => "No leak suspects.".to_owned(),
        Panel::Connections if moment.servers.iter().flatten().any(|server| server.counts_only) => {
            "The server answers slowly: only counts are read now.".to_owned()
        }
        Panel::Connections if list.filter_error.is_some() => {
            list.filter_error.as_ref().map(ToString::to_string).unwrap_or_default()
        }
        Panel::Connections if list.is_filtered() => {
            let filter = if list.typed.is_empty() { "this pool" } else { &list.typed };
            format!("No {}connections match {filter}. Esc clears the filter.", state(list.tab))
        }
        Panel::Connections if list.tab == Tab::All => "No connections but pooltop's own.".to_owned(),
        Panel::Connections => format!("No {}connections.", state(list.tab)),
    }
}

/// The state in front of "connections".
fn state(tab: Tab) -> String {
    if tab == Tab::All { String::new() } else { format!("{} ", tab.label()) }
}
