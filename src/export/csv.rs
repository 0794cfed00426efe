//! One list of the document as CSV, for spreadsheets and scripts.

use super::snapshot::{
    Backend, Client, Finding, Limit, Operation, Pool, Recommendation, Row, Snapshot, Target,
};

/// Which list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Table {
    /// `targets`
    Targets,
    /// `limits`
    Limits,
    /// `pools`
    Pools,
    /// `backends`
    #[default]
    Backends,
    /// `clients`
    Clients,
    /// `findings`
    Findings,
    /// `recommendations`
    Recommendations,
    /// `operations`
    Operations,
}

impl Table {
    /// Every list by its name in the document.
    pub const NAMES: [(&'static str, Self); 8] = [
        ("targets", Self::Targets),
        ("limits", Self::Limits),
        ("pools", Self::Pools),
        ("backends", Self::Backends),
        ("clients", Self::Clients),
        ("findings", Self::Findings),
        ("recommendations", Self::Recommendations),
        ("operations", Self::Operations),
    ];

    /// The list of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, table)| table)
    }
}

/// One list with a header line. What is not known is an empty field; lists in a field are separated by blanks or
/// line feeds.
pub fn csv(snapshot: &Snapshot, table: Table) -> String {
    match table {
        Table::Targets => rows::<Target>(&snapshot.targets),
        Table::Limits => rows::<Limit>(&snapshot.limits),
        Table::Pools => rows::<Pool>(&snapshot.pools),
        Table::Backends => rows::<Backend>(&snapshot.backends),
        Table::Clients => rows::<Client>(&snapshot.clients),
        Table::Findings => rows::<Finding>(&snapshot.findings),
        Table::Recommendations => rows::<Recommendation>(&snapshot.recommendations),
        Table::Operations => rows::<Operation>(&snapshot.operations),
    }
}

fn rows<R: Row>(rows: &[R]) -> String {
    let mut out = R::COLUMNS.join(",");
    out.push('\n');
    for row in rows {
        out.push_str(&row.cells().join(","));
        out.push('\n');
    }
    out
}
