//! The report in a real browser, and hostile names in every format.

use std::path::Path;

use super::program::{Home, incident};
use crate::support::{Postgres, PostgresOptions, Scheme, dump_dom, screenshot};

fn url(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// The colour of the page's ground, as the browser works it out: lightness from 0 to 255.
fn ground(home: &Home, report: &str, scheme: Scheme) -> u32 {
    let script = "<script>document.title = getComputedStyle(document.documentElement).backgroundColor + '|' + \
                  getComputedStyle(document.body).backgroundColor</script></body>";
    let start = report.find("<meta http-equiv=\"Content-Security-Policy\"").unwrap();
    let end = start + report[start..].find('>').unwrap() + 1;
    let probe = format!("{}{}", &report[..start], &report[end..]).replace("</body>", script);
    home.write("probe.html", &probe);
    let dom = dump_dom(&url(&home.path().join("probe.html")), scheme);
    let title = dom.split_once("<title>").unwrap().1.split_once("</title>").unwrap().0;
    let opaque = title.split('|').find(|colour| !colour.contains("rgba(0, 0, 0, 0)")).unwrap();
    let numbers = opaque.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse::<u32>().ok());
    numbers.take(3).sum::<u32>() / 3
}

#[test]
fn the_report_of_an_incident_opens_in_a_browser_in_both_colour_schemes() {
    let home = Home::new();
    let ran = home.run(&["snapshot", "--recording", incident(), "--format", "html", "-o", "report.html"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let file = home.path().join("report.html");
    let report = std::fs::read_to_string(&file).unwrap();
    let dom = dump_dom(&url(&file), Scheme::Light);
    assert!(dom.contains("checkout leaks") && dom.contains("leak.idle_in_transaction"), "{dom}");
    assert!(dom.matches("<svg").count() >= 3, "the course of connections, waiting and utilization");
    assert!(dom.matches("<tr>").count() > 20, "pools, holders and limits");
    for outside in ["<script", " src=", "@import", "url(", "href=\"http"] {
        assert!(!dom.contains(outside), "{outside} in the report");
    }
    let (light, dark) = (ground(&home, &report, Scheme::Light), ground(&home, &report, Scheme::Dark));
    assert!(light > 200 && dark < 60, "light {light}, dark {dark}");
    for (scheme, name) in [(Scheme::Light, "report-light.png"), (Scheme::Dark, "report-dark.png")] {
        let picture = screenshot(&url(&file), scheme, (1200, 2400));
        assert!(picture.starts_with(b"\x89PNG") && picture.len() > 20_000, "{} bytes", picture.len());
        std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), picture).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_name_is_inert_in_every_format() {
    let server = Postgres::start(&PostgresOptions::default());
    let names = [
        "<img src=x onerror=document.title='HACKED'>",
        "</table><script>document.title='HACKED'</script>",
        "=HYPERLINK(\"http://evil.example\";\"x\")",
        "`x` | **b** [a](http://evil.example)",
        "\u{202e}evil\u{1b}[31m\u{7}",
    ];
    let mut held = Vec::new();
    for name in names {
        held.push(server.hold(name, "BEGIN").await);
    }
    let home = Home::new();
    let of = |format: &str| {
        let ran = home.run(&["snapshot", &server.url("postgres", "postgres"), "--format", format]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(!ran.out.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{format}");
        ran.out
    };
    let page = of("html");
    home.write("hostile.html", &page);
    let dom = dump_dom(&url(&home.path().join("hostile.html")), Scheme::Light);
    assert!(dom.contains("&lt;img src=x") && dom.contains("=HYPERLINK"), "the names are shown: {dom}");
    for inert in ["<img", "<script", "<title>HACKED", "<a href=\"http"] {
        assert!(!dom.contains(inert), "{inert}");
    }
    for line in of("csv").lines() {
        assert!(!line.split(',').any(|cell| cell.trim_matches('"').starts_with(['=', '@'])), "{line}");
    }
    // A bracket with a backslash in front is only a bracket.
    let note = of("markdown").replace("\\[", "").replace("\\]", "");
    assert!(!note.contains("<img") && !note.contains("](http"), "{note}");
    let json: serde_json::Value = serde_json::from_str(&of("json")).unwrap();
    assert_eq!(json["backends"].as_array().unwrap().len(), names.len());
    of("text");
}
