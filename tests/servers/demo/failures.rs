//! Why there is no demo, in the words of the program that failed; and nothing stays behind then, either.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pooltop::demo::{Demo, DemoError, Options};
use pooltop::model::clock::Clock;

use crate::support::eventually;

/// An `initdb` that does the least that is needed; its second argument is the directory of the cluster.
const INITDB: &str = "mkdir \"$2\" && touch \"$2/postgresql.conf\"";

/// A place that every user may use, with programs that do what these scripts say.
fn fake(initdb: &str, postgres: &str) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), PermissionsExt::from_mode(0o1777)).unwrap();
    for (name, script) in [("initdb", initdb), ("postgres", postgres)] {
        let program = place.path().join(name);
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    }
    place
}

async fn failure(place: &Path) -> DemoError {
    let options = Options { path: "".into(), temporary: place.to_owned(), binaries: Some(place.to_owned()) };
    Demo::start(&options, &Clock::real(), &mut |_| {}).await.unwrap_err()
}

fn left_overs(place: &Path) -> usize {
    let names = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("pooltop-demo-")).count()
}

#[tokio::test]
async fn a_failure_is_told_in_the_programs_own_words_and_leaves_nothing() {
    for (initdb, postgres, told) in [
        ("echo 'initdb: error: no space left' >&2; exit 1", "", "(initdb): initdb: error: no space left"),
        (INITDB, "echo 'FATAL:  could not map memory'", "(start): FATAL:  could not map memory"),
    ] {
        let place = fake(initdb, postgres);
        let said = failure(place.path()).await.to_string();
        assert!(said.contains(told), "{said}");
        eventually("nothing is left", || left_overs(place.path()) == 0);
    }
}

#[tokio::test]
async fn a_port_that_somebody_took_is_worth_another_try() {
    let count =
        "echo tried >>\"$(dirname \"$0\")/tries\"; echo 'FATAL:  could not create any TCP/IP sockets'";
    let place = fake(INITDB, count);
    assert!(failure(place.path()).await.to_string().contains("TCP/IP sockets"));
    assert_eq!(fs::read_to_string(place.path().join("tries")).unwrap().lines().count(), 3);
}

#[tokio::test]
async fn no_programs_means_the_recording() {
    let empty = tempfile::tempdir().unwrap();
    let error = failure(empty.path()).await;
    assert!(error.lacks_postgres(), "{error}");
    assert!(!failure(fake("exit 1", "").path()).await.lacks_postgres());
}
