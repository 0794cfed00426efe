use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::fixture::{BEGIN, CANARY, Server};
use super::*;
use crate::model::past::{Checkpoint, Frame};
use crate::model::time::Timestamp;
use crate::text::redact::Redaction;

const SECOND: Duration = Duration::from_secs(1);

fn meta() -> Meta {
    Meta { redaction: Redaction::None, ..Meta::new("shop", BEGIN, 1.0) }
}

fn directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("shop.pooltop");
    (directory, path)
}

/// What is recorded: stretches of so many frames each.
fn material(server: &mut Server, stretches: usize, frames: usize) -> Vec<Entry> {
    let mut entries = Vec::new();
    for _ in 0..stretches {
        entries.push(Entry::Start(Arc::new(server.checkpoint())));
        entries.extend((0..frames).map(|_| Entry::Frame(server.frame(SECOND))));
    }
    entries
}

async fn record(path: &Path, meta: &Meta, bounds: Bounds, entries: &[Entry]) -> RecordStatus {
    let mut recorder = Recorder::start(path, meta, bounds).await.unwrap();
    for entry in entries {
        recorder.give(entry.clone()).await;
    }
    recorder.finish().await
}

/// Everything in a recording, in its order.
async fn all(path: &Path) -> Result<Vec<Recorded>, ReadError> {
    let mut reader = Reader::open(path).await?;
    reader.track().await?;
    let mut found = Vec::new();
    let mut after = i64::MIN;
    while let Some(next) = reader.stretch_after(after).await? {
        assert!(next.id > after);
        after = next.id;
        found.push(next);
    }
    reader.close().await;
    Ok(found)
}

fn same(recorded: &[Recorded], entries: &[Entry]) {
    let mut expected: Vec<(Checkpoint, Vec<Arc<Frame>>)> = Vec::new();
    for entry in entries {
        match entry {
            Entry::Start(start) => expected.push((Checkpoint::clone(start), Vec::new())),
            Entry::Frame(frame) => expected.last_mut().unwrap().1.push(frame.clone()),
            Entry::Plain(_) => {}
        }
    }
    let found: Vec<_> =
        recorded.iter().map(|one| (one.stretch.start.clone(), one.stretch.frames.clone())).collect();
    assert_eq!(found.len(), expected.len());
    assert!(found == expected, "what was read is not what was written");
}

/// Futures that whoever records or replays runs on other threads.
#[test]
fn reading_and_writing_can_be_spawned() {
    fn is_send<T: Send>(_: impl FnOnce() -> T) {}
    is_send(|| async {
        let path = Path::new("x");
        drop(Recorder::start(path, &meta(), Bounds::default()).await);
        let mut reader = Reader::open(path).await.unwrap();
        drop(reader.track().await);
        drop(reader.stretch_at(BEGIN).await);
        reader.close().await;
    });
}

#[tokio::test]
async fn what_was_recorded_is_read_again() {
    let (_directory, path) = directory();
    let mut server = Server::new(30, 10);
    let entries = material(&mut server, 3, 4);
    let status = record(&path, &meta(), Bounds::default(), &entries).await;
    assert_eq!((status.phase, status.frames, status.lost), (RecordPhase::Finished, 12, 0));
    let recorded = all(&path).await.unwrap();
    same(&recorded, &entries);
    assert_eq!(recorded.iter().map(|one| one.follows).collect::<Vec<_>>(), [false, true, true]);
    let mut reader = Reader::open(&path).await.unwrap();
    assert_eq!((reader.meta(), reader.schema()), (&meta(), SCHEMA));
    let second = &recorded[1];
    for (at, id) in [
        (BEGIN.minus(SECOND), recorded[0].id),
        (second.stretch.start.at, second.id),
        (second.stretch.frames[2].at, second.id),
        (BEGIN.plus(SECOND * 1000), recorded[2].id),
    ] {
        assert_eq!(reader.stretch_at(at).await.unwrap().id, id, "{at}");
    }
    assert_eq!(reader.stretch_before(second.id).await.unwrap().unwrap().id, recorded[0].id);
    assert_eq!(reader.stretch_before(recorded[0].id).await.unwrap(), None);
    let track = reader.track().await.unwrap();
    let newest = recorded[2].stretch.frames[3].at;
    let oldest = recorded[0].stretch.frames[0].at;
    assert_eq!((track.oldest, track.newest, track.gaps.len()), (oldest, newest, 0));
}

#[tokio::test]
async fn a_finished_recording_is_one_file_that_a_directory_without_write_permission_can_hold() {
    let (directory, path) = directory();
    record(&path, &meta(), Bounds::default(), &material(&mut Server::new(3, 1), 1, 2)).await;
    let names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["shop.pooltop"]);
    all(&path).await.unwrap();
    let again: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(again, names, "reading leaves nothing behind");
}

#[cfg(unix)]
#[tokio::test]
async fn every_file_is_its_owners_alone_from_the_beginning() {
    use std::os::unix::fs::PermissionsExt as _;
    let (directory, path) = directory();
    let mut recorder = Recorder::start(&path, &meta(), Bounds::default()).await.unwrap();
    for entry in material(&mut Server::new(3, 1), 1, 2) {
        recorder.give(entry).await;
    }
    recorder.status().wait_for(|status| status.frames == 2).await.unwrap();
    let files: Vec<_> = fs::read_dir(directory.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    recorder.finish().await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    record(&path, &meta(), Bounds::default(), &[]).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn what_is_added_later_comes_after_a_gap() {
    let (_directory, path) = directory();
    let mut server = Server::new(5, 2);
    let first = material(&mut server, 1, 2);
    record(&path, &meta(), Bounds::default(), &first).await;
    server.sample(SECOND * 60);
    let second = material(&mut server, 2, 2);
    record(&path, &meta(), Bounds::default(), &second).await;
    let recorded = all(&path).await.unwrap();
    same(&recorded, &[first, second].concat());
    assert_eq!(recorded.iter().map(|one| one.follows).collect::<Vec<_>>(), [false, false, true]);
    let track = Reader::open(&path).await.unwrap().track().await.unwrap();
    let gap = (recorded[0].stretch.frames[1].at, recorded[1].stretch.frames[0].at);
    assert_eq!(track.gaps, [gap]);
}

#[tokio::test]
async fn a_silence_between_two_stretches_is_a_gap() {
    let (_directory, path) = directory();
    let mut server = Server::new(5, 2);
    let mut entries = material(&mut server, 2, 2);
    server.sample(SECOND * 20);
    entries.extend(material(&mut server, 1, 2));
    record(&path, &meta(), Bounds::default(), &entries).await;
    let recorded = all(&path).await.unwrap();
    let track = Reader::open(&path).await.unwrap().track().await.unwrap();
    let gap = (recorded[1].stretch.frames[1].at, recorded[2].stretch.frames[0].at);
    assert_eq!((recorded[2].follows, track.gaps), (true, vec![gap]));
}

#[tokio::test]
async fn another_process_reads_along_while_it_grows() {
    let (_directory, path) = directory();
    let mut server = Server::new(5, 2);
    let mut recorder = Recorder::start(&path, &meta(), Bounds::default()).await.unwrap();
    recorder.give(Entry::Start(Arc::new(server.checkpoint()))).await;
    recorder.give(Entry::Frame(server.frame(SECOND))).await;
    let mut status = recorder.status();
    status.wait_for(|status| status.frames == 1).await.unwrap();
    let mut reader = Reader::open(&path).await.unwrap();
    let late = BEGIN.plus(SECOND * 1000);
    for frames in 2..5 {
        let before = reader.stretch_at(late).await.unwrap();
        assert_eq!(before.stretch.frames.len(), frames - 1);
        recorder.give(Entry::Frame(server.frame(SECOND))).await;
        status.wait_for(|status| status.frames == frames as u64).await.unwrap();
        let track = reader.track().await.unwrap();
        assert_eq!(Some(track.newest), status.borrow().newest);
    }
    assert_eq!(recorder.finish().await.phase, RecordPhase::Finished);
    assert_eq!(reader.stretch_at(late).await.unwrap().stretch.frames.len(), 4);
}

#[tokio::test]
async fn a_second_writer_is_told_about_the_first() {
    let (_directory, path) = directory();
    let first = Recorder::start(&path, &meta(), Bounds::default()).await.unwrap();
    let error = Recorder::start(&path, &meta(), Bounds::default()).await.unwrap_err().to_string();
    assert!(error.contains(&format!("recorded into by process {}", std::process::id())), "{error}");
    first.finish().await;
    Recorder::start(&path, &meta(), Bounds::default()).await.unwrap();
}

async fn execute(path: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut file).await.unwrap();
    file.close().await.unwrap();
}

#[tokio::test]
async fn what_is_no_recording_is_neither_read_nor_written() {
    let (directory, _) = directory();
    let text = directory.path().join("text");
    fs::write(&text, "SELECT 1, 2, 3; -- far more than a hundred bytes of it ".repeat(10)).unwrap();
    let other = directory.path().join("other");
    execute(&other, "CREATE TABLE meta (x)").await;
    let newer = directory.path().join("newer");
    record(&newer, &meta(), Bounds::default(), &material(&mut Server::new(2, 1), 1, 1)).await;
    execute(&newer, "PRAGMA user_version = 9; UPDATE meta SET pooltop_version = '7.1'").await;
    let cut = directory.path().join("cut");
    record(&cut, &meta(), Bounds::default(), &material(&mut Server::new(50, 1), 2, 4)).await;
    let whole = fs::read(&cut).unwrap();
    fs::write(&cut, &whole[..whole.len() - 5000]).unwrap();
    let view = directory.path().join("view");
    record(&view, &meta(), Bounds::default(), &[]).await;
    let endless =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS id, x AS at_us FROM n";
    let sql: &'static str = format!("DROP TABLE samples; CREATE VIEW samples AS {endless}").leak();
    execute(&view, sql).await;
    for (path, words) in [
        (&text, "is no recording of pooltop: it is no SQLite file"),
        (&other, "is no recording of pooltop: it is a SQLite file of another program"),
        (&newer, "was written by pooltop 7.1, schema 9; this version reads up to schema 2"),
        (&cut, "is cut off: "),
        (&view, "is damaged: it has no table 'samples'"),
    ] {
        let before = fs::read(path).unwrap();
        let read = Reader::open(path).await.unwrap_err().to_string();
        assert!(read.contains(words) && read.starts_with(&path.display().to_string()), "{read}");
        let write = Recorder::start(path, &meta(), Bounds::default()).await.unwrap_err().to_string();
        assert!(write.contains(words) && write.contains("Nothing was changed"), "{write}");
        assert_eq!(fs::read(path).unwrap(), before);
    }
    let error = Reader::open(directory.path()).await.unwrap_err().to_string();
    assert!(error.contains("no ordinary file"), "{error}");
    let error = Reader::open(&directory.path().join("none")).await.unwrap_err().to_string();
    assert!(error.contains("No such file"), "{error}");
}

#[tokio::test]
async fn a_recording_of_something_else_is_not_mixed_with_this_one() {
    let (_directory, path) = directory();
    record(&path, &meta(), Bounds::default(), &material(&mut Server::new(2, 1), 1, 1)).await;
    for (meta, words) in [
        (Meta { profile: "stock".into(), ..meta() }, "holds a recording of 'shop', not of 'stock'"),
        (Meta { redaction: Redaction::Literals, ..meta() }, "made with --redact none, not literals"),
    ] {
        let error = Recorder::start(&path, &meta, Bounds::default()).await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_file_of_the_first_schema_opens_and_is_gone_on_with() {
    let (_directory, path) = directory();
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    schema::migrator().run_to(1, &mut file).await.unwrap();
    meta().insert(&mut file).await.unwrap();
    let (mut server, mut packer) = (Server::new(5, 2), pack::Packer::default());
    let mut censor = redact::Censor::new(Redaction::None);
    let first = material(&mut server, 1, 1);
    let [Entry::Start(start), Entry::Frame(frame)] = &first[..] else { panic!() };
    let stretch = packer.start(start, &mut censor).unwrap();
    let id = rows::stretch(&mut file, &stretch, false).await.unwrap();
    rows::frame(&mut file, id, &packer.frame(frame).unwrap()).await.unwrap();
    file.close().await.unwrap();
    let mut reader = Reader::open(&path).await.unwrap();
    assert_eq!((reader.schema(), reader.track().await.unwrap().marks.len()), (1, 0));
    reader.close().await;
    same(&all(&path).await.unwrap(), &first);
    let second = material(&mut server, 1, 1);
    record(&path, &meta(), Bounds::default(), &second).await;
    assert_eq!(Reader::open(&path).await.unwrap().schema(), 2);
    same(&all(&path).await.unwrap(), &[first, second].concat());
}

#[tokio::test]
async fn what_cannot_be_taken_is_a_gap_and_counted() {
    let (_directory, path) = directory();
    let mut server = Server::new(5, 2);
    let mut recorder = Recorder::start(&path, &meta(), Bounds::default()).await.unwrap();
    // Nothing is awaited, so that the task cannot take anything out of the queue.
    for entry in material(&mut server, 1, 100) {
        recorder.offer(entry);
    }
    recorder.give(Entry::Start(Arc::new(server.checkpoint()))).await;
    recorder.give(Entry::Frame(server.frame(SECOND))).await;
    let status = recorder.finish().await;
    assert_eq!((status.lost, status.frames), (37, 64));
    let found = all(&path).await.unwrap();
    assert_eq!(found.iter().map(|one| one.follows).collect::<Vec<_>>(), [false, false]);
    assert_eq!(Reader::open(&path).await.unwrap().track().await.unwrap().gaps.len(), 1);
}

#[tokio::test]
async fn a_disk_that_is_full_stops_the_recording_and_leaves_what_was_written() {
    let (_directory, path) = directory();
    let mut server = Server::new(200, 200);
    let bounds = Bounds { keep: None, max_bytes: Some(400 << 10) };
    let status = record(&path, &meta(), bounds, &material(&mut server, 1, 200)).await;
    let RecordPhase::Stopped(reason) = status.phase else { panic!("{status:?}") };
    assert!(reason.contains("disk is full"), "{reason}");
    let recorded = all(&path).await.unwrap();
    assert_eq!(recorded[0].stretch.frames.len() as u64, status.frames);
    assert!(status.frames > 10, "{}", status.frames);
    assert!(fs::metadata(&path).unwrap().len() <= 500 << 10);
}

#[tokio::test]
async fn what_is_too_old_goes_stretch_by_stretch() {
    let (_directory, path) = directory();
    let bounds = Bounds { keep: Some(SECOND * 25), max_bytes: None };
    let entries = material(&mut Server::new(5, 2), 10, 10);
    record(&path, &meta(), bounds, &entries).await;
    let recorded = all(&path).await.unwrap();
    // The newest stretch begins after 90 s; of what is 25 s older, the stretch that began after 60 s is the last.
    same(&recorded, &entries[6 * 11..]);
}

#[tokio::test]
async fn a_file_that_would_be_too_large_loses_its_oldest_stretches_and_gives_the_space_back() {
    let (_directory, path) = directory();
    let mut server = Server::new(100, 50);
    let mut entries = material(&mut server, 30, 5);
    record(&path, &meta(), Bounds::default(), &entries).await;
    let large = fs::metadata(&path).unwrap().len();
    let bounds = Bounds { keep: None, max_bytes: Some(large / 2) };
    let more = material(&mut server, 10, 5);
    let status = record(&path, &meta(), bounds, &more).await;
    assert_eq!(status.phase, RecordPhase::Finished);
    let is = fs::metadata(&path).unwrap().len();
    assert!(is <= large / 2 && is > large / 3, "{is} of {large}");
    entries.extend(more);
    let recorded = all(&path).await.unwrap();
    assert!(recorded.len() > 5, "{}", recorded.len());
    same(&recorded, &entries[entries.len() - 6 * recorded.len()..]);
}

#[tokio::test]
async fn a_thousand_backends_of_which_half_change_every_second_stay_under_100_mb_an_hour() {
    let (_directory, path) = directory();
    let mut server = Server::new(1000, 500);
    let meta = Meta::new("shop", BEGIN, 1.0);
    record(&path, &meta, Bounds::default(), &material(&mut server, 3, 15)).await;
    let per_second = fs::metadata(&path).unwrap().len() / 45;
    assert!(per_second * 3600 < 100_000_000, "{per_second} bytes a second");
}

/// Everything in a file as it is before it is compressed, column by column.
async fn uncompressed(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    for one in all(path).await.unwrap() {
        let mut add = |value: Vec<u8>| bytes.extend(value);
        add(codec::pack(&one.stretch.start).unwrap());
        one.stretch.frames.iter().for_each(|frame| add(codec::pack(frame).unwrap()));
    }
    bytes
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

#[tokio::test]
async fn no_literal_of_a_statement_is_anywhere_in_the_file() {
    let entries = material(&mut Server::new(50, 25), 2, 5);
    for (redaction, literal, statement) in [
        (Redaction::Literals, false, true),
        (Redaction::Queries, false, false),
        (Redaction::None, true, true),
    ] {
        let (_directory, path) = directory();
        let meta = Meta { redaction, ..meta() };
        let mut entries = entries.clone();
        entries.push(Entry::Frame(Arc::new(tale(&entries))));
        let findings = [plain::tests::finding(&sentence())];
        let told = Plain { events: happened(), ..plain::tests::plain(0, &findings) };
        entries.push(Entry::Plain(Box::new(told)));
        record(&path, &meta, Bounds::default(), &entries).await;
        let bytes = uncompressed(&path).await;
        assert_eq!(holds(&bytes, CANARY), literal, "{redaction:?}");
        assert_eq!(holds(&bytes, "customer_id"), statement, "{redaction:?}");
    }
}

/// What a finding or an operation says when it repeats a statement.
fn sentence() -> String {
    let of = "SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.status = ";
    format!("14 sessions, last statement {of}'{CANARY}' AND o.reg…")
}

/// What a moment says has happened, in an event that repeats a statement.
fn happened() -> Vec<crate::model::event::Event> {
    use crate::model::event::{Event, EventKind};
    let text = crate::text::Text::line(&sentence());
    vec![Event { at: BEGIN.plus(SECOND * 11), target: "db1".into(), kind: EventKind::Deadlock, text }]
}

/// A frame in which everything that can repeats a statement.
fn tale(entries: &[Entry]) -> Frame {
    let Some(Entry::Frame(last)) = entries.last() else { panic!() };
    let (at, text) = (last.at.plus(SECOND), crate::text::Text::line(&sentence()));
    Frame {
        at,
        events: happened(),
        operations: vec![plain::tests::operation(at, text)],
        ..Frame::clone(last)
    }
}

#[tokio::test]
async fn damage_is_an_error_and_never_a_panic_or_an_endless_loop() {
    let (directory, path) = directory();
    record(&path, &meta(), Bounds::default(), &material(&mut Server::new(6, 3), 3, 4)).await;
    let whole = fs::read(&path).unwrap();
    let mut dice = 88_172_645_463_325_252_u64;
    let mut roll = |most: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        usize::try_from(dice % most as u64).unwrap()
    };
    let (mut refused, mut damaged) = (0, directory.path().join("damaged"));
    for case in 0..400 {
        let mut bytes = whole.clone();
        match case % 4 {
            0 => bytes.truncate(roll(whole.len())),
            1 => bytes[roll(whole.len())] ^= 1 << roll(8),
            2 => (0..20).for_each(|_| bytes[roll(whole.len())] = u8::try_from(roll(256)).unwrap()),
            _ => {
                let (from, to) = (roll(whole.len()), roll(whole.len()));
                let length = roll(4096).min(whole.len() - from.max(to));
                bytes.copy_within(from..from + length, to);
            }
        }
        damaged.set_file_name(format!("damaged-{case}"));
        fs::write(&damaged, &bytes).unwrap();
        if let Err(error) = all(&damaged).await {
            assert!(error.to_string().starts_with(&damaged.display().to_string()), "{error}");
            refused += 1;
        }
        fs::remove_file(&damaged).unwrap();
    }
    assert!(refused > 150, "{refused} of 400");
}

#[tokio::test]
async fn a_bomb_is_refused() {
    let (_directory, path) = directory();
    record(&path, &meta(), Bounds::default(), &material(&mut Server::new(2, 1), 1, 1)).await;
    let bomb = codec::squeeze(&vec![0xc0; usize::try_from(codec::LARGEST).unwrap() + 10], &[]).unwrap();
    let options = SqliteConnectOptions::new().filename(&path);
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("UPDATE samples SET data = ?").bind(bomb).execute(&mut file).await.unwrap();
    file.close().await.unwrap();
    let error = Reader::open(&path).await.unwrap().stretch_at(BEGIN).await.unwrap_err().to_string();
    assert!(error.contains("unpacks to more than"), "{error}");
}

/// Half a minute of a finding that opens, gets worse and closes, with everything else that plain tables hold.
async fn a_tale(path: &Path) {
    use crate::model::finding::{Finding, Severity};
    let mut server = Server::new(5, 2);
    let mut entries = vec![Entry::Start(Arc::new(server.checkpoint()))];
    let mild = plain::tests::finding("checkout: 3 connections idle in transaction");
    let bad =
        Finding { severity: Severity::Critical, ..plain::tests::finding("checkout: 9 connections idle") };
    for second in 0..30 {
        let frame = server.frame(SECOND);
        let findings = match second {
            5..10 => vec![mild.clone()],
            10..20 => vec![bad.clone()],
            _ => Vec::new(),
        };
        let (targets, events) = (frame.statuses.clone(), if second < 12 { Vec::new() } else { happened() });
        let plain = Plain { targets, events, ..plain::tests::plain(second, &findings) };
        entries.push(Entry::Frame(frame));
        entries.push(Entry::Plain(Box::new(plain)));
    }
    entries.insert(18, Entry::Frame(Arc::new(tale(&entries[..16]))));
    record(path, &Meta::new("shop", BEGIN, 1.0), Bounds::default(), &entries).await;
}

#[tokio::test]
async fn what_happened_stands_beside_the_track() {
    use crate::model::event::EventKind;
    use crate::model::finding::Severity;
    use crate::model::track::MarkKind;
    let (_directory, path) = directory();
    a_tale(&path).await;
    let track = Reader::open(&path).await.unwrap().track().await.unwrap();
    let marks: Vec<_> = track.marks.iter().map(|mark| (mark.kind, mark.text.as_str())).collect();
    assert_eq!(
        marks.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
        [
            MarkKind::Finding(Severity::Warning),
            MarkKind::Operation,
            MarkKind::Finding(Severity::Critical),
            MarkKind::Event(EventKind::Deadlock)
        ]
    );
    assert_eq!(marks[0].1, "checkout: 3 connections idle in transaction");
    assert_eq!(marks[1].1, "terminate pid 4711 on db1: ended");
}

#[tokio::test]
async fn every_query_of_the_documentation_answers() {
    let document = include_str!("../../docs/recording.md");
    let queries: Vec<&'static str> =
        document.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(queries.len() >= 5, "{}", queries.len());
    let (_directory, path) = directory();
    a_tale(&path).await;
    let mut file =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path)).await.unwrap();
    for query in queries {
        let rows =
            sqlx::query(query).fetch_all(&mut file).await.unwrap_or_else(|error| panic!("{query}: {error}"));
        assert!(!rows.is_empty(), "nothing comes of: {query}");
    }
    for (table, rows) in [
        ("pools", 3),
        ("limits", 3),
        ("findings", 1),
        ("finding_steps", 2),
        ("operations", 1),
        ("events", 1),
        ("targets", 1),
    ] {
        let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut file).await.unwrap(), rows, "{table}");
        assert!(document.contains(&format!("`{table}`")), "{table} is not documented");
    }
    let views = sqlx::query_scalar::<_, String>("SELECT name FROM sqlite_schema WHERE type = 'view'");
    for view in views.fetch_all(&mut file).await.unwrap() {
        assert!(document.contains(&format!("`{view}`")), "{view} is not documented");
        let some = sqlx::AssertSqlSafe(format!("SELECT * FROM {view}"));
        assert!(sqlx::query(some).fetch_optional(&mut file).await.unwrap().is_some(), "{view}");
    }
}

#[test]
fn times_are_whole_numbers_in_the_file() {
    let at = Timestamp::from_micros(1_795_252_800_123_456);
    let bytes = codec::pack(&at).unwrap();
    assert_eq!((bytes.len(), codec::unpack::<Timestamp>(&bytes).unwrap()), (9, at));
}
