//! `pooltop record`: what is in the file, whatever happens to the process.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use pooltop::model::clock::Clock;
use pooltop::model::time::Timestamp;
use pooltop::record::{ReadError, Reader, Recorded};

use super::program::{Home, Ran};
use crate::support::{Postgres, wait_until};

/// A recorder that has opened its file.
fn start(home: &Home, args: &[&str]) -> Child {
    let mut child = home
        .command(&[&["record"], args].concat())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.as_mut().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    assert!(line.starts_with("recording "), "{line}");
    child
}

/// Ends it as Ctrl-C does, and waits for what it says.
fn interrupt(child: Child) -> (Option<i32>, String) {
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// Everything in a recording.
async fn all(path: &Path) -> Result<Vec<Recorded>, ReadError> {
    let mut reader = Reader::open(path).await?;
    let (mut found, mut after) = (Vec::new(), i64::MIN);
    while let Some(next) = reader.stretch_after(after).await? {
        after = next.id;
        found.push(next);
    }
    reader.close().await;
    Ok(found)
}

fn times(recorded: &[Recorded]) -> Vec<Timestamp> {
    recorded.iter().flat_map(|one| &one.stretch.frames).map(|frame| frame.at).collect()
}

async fn frames(path: &Path) -> usize {
    all(path).await.map_or(0, |recorded| times(&recorded).len())
}

/// Records into one file again and again, killed after a time that nobody chose. Whatever was there before is there
/// afterwards, with everything up to the last second.
async fn crash(home: &Home, url: &str, name: &str, times_killed: usize) {
    let path = home.path().join(name);
    let mut before: Vec<Timestamp> = Vec::new();
    for round in 0..times_killed {
        let mut child = start(home, &[url, "-o", name, "--interval", "100ms"]);
        wait_until("it records", async || frames(&path).await > before.len()).await;
        // Any time will do, so the clock throws the dice.
        let some = Clock::real().now().as_micros().unsigned_abs() % 500_000;
        tokio::time::sleep(Duration::from_micros(some)).await;
        let killed = Clock::real().now();
        child.kill().unwrap();
        child.wait().unwrap();
        let recorded = all(&path).await.unwrap_or_else(|error| panic!("round {round}: {error}"));
        let now = times(&recorded);
        assert!(now.starts_with(&before), "round {round}: what was there is there no more");
        let missing = killed.seconds_since(*now.last().unwrap());
        assert!(missing < 1.0, "round {round}: the last {missing} s are missing");
        before = now;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_times_killed_a_recording_has_all_but_the_last_second() {
    let url = Postgres::shared().url("postgres", "postgres");
    let home = Home::new();
    let names: Vec<String> = (0..5).map(|n| format!("{n}.pooltop")).collect();
    let crashes = names.iter().map(|name| crash(&home, &url, name, 20));
    futures_util::future::join_all(crashes).await;
}

/// A session that says something secret, and a recording of it.
async fn indiscreet(args: &[&str]) -> (Vec<u8>, String) {
    const SQL: &str = "SELECT 'canary-4711' AS secret, 815 AS number";
    let server = Postgres::shared();
    let _held = server.hold("gossip", SQL).await;
    let home = Home::new();
    let url = server.url("postgres", "postgres");
    let file = "x.pooltop";
    let child = start(&home, &[&[url.as_str(), "-o", file, "--interval", "100ms"], args].concat());
    let path = home.path().join(file);
    wait_until("it records", async || frames(&path).await > 5).await;
    let (code, said) = interrupt(child);
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("x.pooltop: "), "{said}");
    let mut bytes = std::fs::read(&path).unwrap();
    for one in all(&path).await.unwrap() {
        bytes.extend(zstd::decode_all(&*one.stretch.start.learned).unwrap());
        bytes.extend(format!("{:?}", one.stretch).into_bytes());
    }
    (bytes, said)
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn values_in_statements_are_recorded_only_where_that_is_asked_for() {
    let (bytes, _) = indiscreet(&[]).await;
    assert!(!holds(&bytes, "canary-4711") && holds(&bytes, "AS secret"));
    let (bytes, _) = indiscreet(&["--redact", "queries"]).await;
    assert!(!holds(&bytes, "AS secret"));
    let (bytes, _) = indiscreet(&["--redact", "none"]).await;
    assert!(holds(&bytes, "canary-4711"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_by_itself_and_says_what_it_left() {
    let home = Home::new();
    let url = Postgres::shared().url("postgres", "postgres");
    let ran = home.run(&["record", &url, "--redact", "none", "--for", "1s", "--interval", "100ms"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    let lines: Vec<&str> = ran.err.lines().collect();
    assert!(lines[0].contains("(WITH statements as they are, and the values in them)"), "{ran:?}");
    let path = lines[1].split_once(": ").unwrap().0;
    assert!(path.contains("/.local/state/pooltop/recordings/127.0.0.1-"), "{path}");
    assert!(lines.len() == 2 && lines[1].contains(" frames, "), "{ran:?}");
    let mut reader = Reader::open(Path::new(path)).await.unwrap();
    let meta = reader.meta().clone();
    assert_eq!((meta.interval_s, meta.redaction.as_str()), (0.1, "none"));
    let track = reader.track().await.unwrap();
    assert!((0.3..3.0).contains(&track.newest.seconds_since(track.oldest)), "{track:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_is_said_and_ends_with_its_code() {
    let home = Home::new();
    let url = Postgres::shared().url("postgres", "postgres");
    home.write("notes.txt", "mine");
    let refused = |ran: Ran, words: &str| {
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(words), "{ran:?}");
    };
    refused(
        home.run(&["record", &url, "-o", "notes.txt"]),
        "notes.txt is no recording of pooltop: it is no SQLite file",
    );
    assert_eq!(std::fs::read_to_string(home.path().join("notes.txt")).unwrap(), "mine");
    refused(
        home.run(&["record", &url, "-o", "x", "--max-size", "1MiB"]),
        "--max-size must be at least 16MiB",
    );
    let first = start(&home, &[&url, "-o", "x.pooltop"]);
    let said = format!("x.pooltop is being recorded into by process {}", first.id());
    refused(home.run(&["record", &url, "-o", "x.pooltop"]), &said);
    interrupt(first);
    let ran = home.run(&["record", "postgres://nobody@127.0.0.1:1/x", "-o", "y.pooltop", "--for", "1s"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("127.0.0.1:1"), "{ran:?}");
}
