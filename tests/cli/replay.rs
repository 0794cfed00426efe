//! Recordings after the fact: compared, written as snapshots, and refused with a reason.

use serde_json::Value;

use super::program::{Home, incident};

#[test]
fn two_times_of_a_recording_are_compared_in_sentences_and_as_json() {
    let home = Home::new();
    let ran = home.run(&["diff", incident(), "--from", "-60s", "--to", "-1s"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("checkout") && ran.out.contains("idle in transaction"), "{}", ran.out);
    let ran = home.run(&["diff", incident(), "--format", "json"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(document["changes"].as_array().is_some_and(|changes| !changes.is_empty()), "{document}");
}

#[test]
fn a_snapshot_is_written_of_any_moment_of_a_recording() {
    let home = Home::new();
    let of = |at: &str| -> Value {
        let ran = home.run(&["snapshot", "--recording", incident(), "--at", at]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        serde_json::from_str(&ran.out).unwrap()
    };
    let (early, late) = (of("-70s"), of("-1s"));
    assert!(early["taken_at"].as_str() < late["taken_at"].as_str());
    assert_eq!((&late["schema"], &late["profile"]), (&"pooltop.snapshot/1".into(), &"shop".into()));
    assert_eq!(late["verdict"]["kind"], "leak");
    let ran = home.run(&["snapshot", "--recording", incident(), "--format", "html"]);
    assert!(ran.out.starts_with("<!DOCTYPE html>") && ran.out.contains("checkout"), "{}", ran.err);
}

#[test]
fn what_is_no_recording_or_no_time_of_it_is_refused_with_what_to_do() {
    let home = Home::new();
    let other = home.path().join("other.pooltop");
    std::fs::write(&other, "plain text").unwrap();
    let other = other.to_str().unwrap();
    for (args, words) in [
        (&["replay", other][..], "other.pooltop"),
        (&["replay", "/nowhere/x.pooltop"], "/nowhere/x.pooltop"),
        (&["diff", incident(), "--from", "soon"], "'soon' is no time"),
        (&["diff", incident(), "--to", "-5h"], "not in the recording"),
        (&["snapshot", "--recording", incident(), "--at", "soon"], "'soon' is no time"),
    ] {
        let ran = home.run(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(words), "{args:?}: {}", ran.err);
        assert!(ran.err.lines().count() <= 2, "{}", ran.err);
    }
}
