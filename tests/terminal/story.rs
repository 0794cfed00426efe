//! The main story: a leak is seen, found, ended and accounted for.

use super::stage::{Stage, audit_file, audited, escape, filter, mode, question};
use crate::support::Key;

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_is_seen_marked_ended_and_accounted_for() {
    let stage = Stage::new();
    let leaked = stage.leak("checkout", 3).await;
    let _other = stage.server.hold("bystander", "SELECT 1").await;
    let mut terminal = stage.start();
    terminal.wait_for("the verdict", |screen| {
        let text = screen.contents();
        text.contains("LEAK") && text.contains("checkout leaks") && text.contains("Leak suspects 1")
    });

    filter(&mut terminal, "checkout");
    terminal.wait_for("only the leak", |screen| !connections(&screen.contents()).contains("bystander"));
    terminal.send("a");
    terminal.send("K");
    question(&terminal, "Terminate 3 sessions on db1?");
    for held in &leaked {
        let pid = format!("{:>7}  checkout", held.pid);
        assert!(terminal.text().contains(&pid), "{pid}\n{}", terminal.text());
    }
    terminal.press(Key::Enter);
    terminal.wait_until_gone("Terminate 3 sessions");
    terminal.send("K");
    question(&terminal, "Terminate 3 sessions on db1?");
    escape(&mut terminal, "Terminate 3 sessions");
    assert_eq!(stage.sessions("checkout").await, 3, "No is the answer at hand, and Esc is No");
    assert_eq!(audited(&terminal), Vec::<serde_json::Value>::new());

    terminal.send("K");
    question(&terminal, "Terminate 3 sessions on db1?");
    terminal.press(Key::Left);
    terminal.press(Key::Enter);
    stage.until_sessions("checkout", 0).await;
    terminal.wait_for_text("terminate on db1: 3 ended");
    assert_eq!(stage.sessions("bystander").await, 1);
    assert_accounted_for(&terminal, &leaked.iter().map(|held| held.pid).collect::<Vec<_>>());

    escape(&mut terminal, "3 ended");
    for (columns, rows) in [(80, 24), (40, 12), (200, 60)] {
        terminal.resize(columns, rows);
        terminal.wait_for("the whole width", |screen| {
            let last = screen.rows(0, columns).next().unwrap_or_default();
            last.contains("shop")
                && last.trim_end().ends_with("UTC")
                && last.trim_end().chars().count() > usize::from(columns) - 4
        });
    }

    terminal.send("q");
    terminal.wait_for_text("Something was found, and no snapshot was written.");
    terminal.send("q");
    assert_eq!(terminal.wait_for_exit().exit_code(), 0);
    assert_eq!(terminal.left_behind(), Vec::<&str>::new());
}

/// The screen from the connections' tabs on.
fn connections(text: &str) -> &str {
    &text[text.find("┌ all").unwrap_or(0)..]
}

/// Every intent stands before any outcome, in a file for nobody else.
fn assert_accounted_for(terminal: &crate::support::Terminal, pids: &[i32]) {
    assert_eq!(mode(&audit_file(terminal)), 0o600);
    let records = audited(terminal);
    let phases: Vec<_> = records.iter().map(|record| record["phase"].as_str().unwrap()).collect();
    let first_outcome = phases.iter().position(|phase| *phase == "outcome").unwrap();
    assert!(phases[..first_outcome].iter().all(|phase| *phase == "intent"), "{phases:?}");
    assert_eq!(first_outcome, pids.len(), "{records:#?}");
    for pid in pids {
        let of = |phase: &str| {
            records
                .iter()
                .filter(|record| record["phase"] == phase && record["pid"] == *pid)
                .collect::<Vec<_>>()
        };
        assert_eq!(of("intent").len(), 1, "{records:#?}");
        assert_eq!(of("outcome").last().unwrap()["outcome"], "ended", "{records:#?}");
        assert_eq!(of("intent")[0]["profile"], "shop");
    }
}
