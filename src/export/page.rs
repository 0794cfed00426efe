//! The list of profiles that are served, for a browser. It needs no script.

use std::fmt::Write as _;

use crate::model::verdict::VerdictKind;
use crate::text::Text;
use crate::text::escape::html as escape;

/// How often it is loaded again, s.
pub const REFRESH_S: u32 = 5;

const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#fff;--ink:#1c1e21;--soft:#5b6168;--line:#d5d9de;--bad:#b3261e;--good:#1b6e3c}\
@media(prefers-color-scheme:dark){:root{--ground:#14171a;--ink:#e4e7ea;--soft:#9aa2aa;--line:#343a41;--bad:#ff8a80;--good:#7fd8a4}}\
body{background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif;margin:1.5rem auto;max-width:64rem;padding:0 1rem}\
pre{font:13px/1.45 ui-monospace,monospace;overflow-x:auto;border-top:1px solid var(--line);padding-top:1rem}\
a{color:inherit}h1{font-size:1.3rem;margin:.2rem 0}p{margin:.2rem 0;color:var(--soft)}\
li{margin:.5rem 0}.bad{color:var(--bad)}.good{color:var(--good)}";

/// One profile in the list of them.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its name.
    pub name: Text,
    /// The query that leads to its page.
    pub query: String,
    /// What was concluded, if anything yet.
    pub kind: Option<VerdictKind>,
    /// Likewise.
    pub sentence: Option<Text>,
}

/// The list of several profiles.
pub fn contents(pages: &[Listed]) -> String {
    let mut body = "<h1>Profiles</h1>\n<ul>\n".to_owned();
    for one in pages {
        let word = one.kind.map_or("not read yet", VerdictKind::as_str);
        let class = one.kind.map_or("", class);
        let sentence = one.sentence.as_deref().unwrap_or_default();
        let (query, name, sentence) = (escape(&one.query), escape(&one.name), escape(sentence));
        let _ = writeln!(
            body,
            "<li><a href=\"/{query}\">{name}</a>: <span class=\"{class}\">{word}</span><br>{sentence}</li>"
        );
    }
    body.push_str("</ul>\n");
    page("profiles", &body)
}

fn class(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Healthy => "good",
        VerdictKind::Unknown => "",
        _ => "bad",
    }
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"refresh\" content=\"{REFRESH_S}\">\n<title>{} · pooltop</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(title)
    )
}
