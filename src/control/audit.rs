//! The trace on disk: `audit.jsonl`, one JSON object per line, only ever appended to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::model::audit::{AuditPhase, AuditRecord};
use crate::text::Text;

/// How far back a reader looks for records, bytes.
const LOOK_BACK: u64 = 4 << 20;

/// The audit log of one person on one machine.
///
/// Several pooltops may append to one file at a time: every record is a single write in append mode, so lines
/// never mix. The file is made readable for its owner only, its directory likewise.
#[derive(Clone, Debug)]
pub struct Audit {
    path: PathBuf,
    operator: Text,
    host: Text,
}

/// The audit log could not be written, or not read.
#[derive(Debug, thiserror::Error)]
#[error("the audit log {} cannot be {doing}: {source}", path.display())]
pub struct AuditError {
    path: PathBuf,
    doing: &'static str,
    source: io::Error,
}

impl Audit {
    /// The log at `path`, for what `operator` does on `host`. Nothing is made before the first record.
    pub fn new(path: PathBuf, operator: &str, host: &str) -> Self {
        Self { path, operator: operator.into(), host: host.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who acts.
    pub fn operator(&self) -> &Text {
        &self.operator
    }

    /// Where pooltop runs.
    pub fn host(&self) -> &Text {
        &self.host
    }

    /// Appends the records and returns once the disk has them. After an error some of them may be there.
    pub fn append(&self, records: &[AuditRecord]) -> Result<(), AuditError> {
        self.try_append(records).map_err(|source| self.error("written", source))
    }

    fn try_append(&self, records: &[AuditRecord]) -> io::Result<()> {
        let mut file = self.open_for_append()?;
        for record in records {
            let mut line = serde_json::to_vec(record)?;
            line.push(b'\n');
            write_whole(&mut file, &line)?;
        }
        file.sync_data()
    }

    fn open_for_append(&self) -> io::Result<File> {
        let new = !self.path.try_exists()?;
        if let Some(directory) = self.path.parent()
            && new
        {
            make_private_directory(directory)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        private(&mut options);
        let mut file = options.open(&self.path)?;
        keep_private(&file)?;
        wait_for_turn(&file);
        if ends_in_the_middle_of_a_line(&mut file)? {
            file.write_all(b"\n")?;
        }
        if new && let Some(directory) = self.path.parent() {
            sync_directory(directory)?;
        }
        Ok(file)
    }

    /// The newest `count` records that are `wanted`, the newest last. Lines that are no records are passed over;
    /// a log that does not exist yet has none.
    pub fn last(
        &self,
        count: usize,
        wanted: impl Fn(&AuditRecord) -> bool,
    ) -> Result<Vec<AuditRecord>, AuditError> {
        let tail = match read_tail(&self.path) {
            Ok(tail) => tail,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.error("read", error)),
        };
        let mut records: Vec<AuditRecord> = tail
            .split(|byte| *byte == b'\n')
            .rev()
            .filter_map(|line| serde_json::from_slice(line).ok())
            .filter(wanted)
            .take(count)
            .collect();
        records.reverse();
        Ok(records)
    }

    /// Follows the outcomes of one profile's operations from now on, whoever carries them out.
    pub fn follow(&self, profile: &Text) -> Follow {
        let read = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        Follow { path: self.path.clone(), profile: profile.clone(), read }
    }

    fn error(&self, doing: &'static str, source: io::Error) -> AuditError {
        AuditError { path: self.path.clone(), doing, source }
    }
}

/// The outcomes of one profile's operations as they are written.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    profile: Text,
    /// Bytes of the log that were read.
    read: u64,
}

impl Follow {
    /// What was added since the last look, oldest first. As long as nothing was, it costs a look at the file's length.
    /// A log that cannot be read has nothing new; of one that grew by more than is looked back, the newest part counts.
    pub fn news(&mut self) -> Vec<AuditRecord> {
        let length = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        if length == self.read {
            return Vec::new();
        }
        // Shorter: it is another file now.
        let from = if length < self.read { 0 } else { self.read };
        let from = from.max(length.saturating_sub(LOOK_BACK));
        let Ok(mut new) = read_from(&self.path, from) else { return Vec::new() };
        // A line that is only half written is read when it is whole.
        new.truncate(new.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        self.read = from + new.len() as u64;
        let lines = new.split(|byte| *byte == b'\n');
        lines
            .filter_map(|line| serde_json::from_slice(line).ok())
            .filter(|record: &AuditRecord| {
                record.phase == AuditPhase::Outcome && record.profile == self.profile
            })
            .collect()
    }
}

/// One write, so that two writers never mix; a disk that takes only a part of it has failed.
fn write_whole(file: &mut File, line: &[u8]) -> io::Result<()> {
    loop {
        match file.write(line) {
            Ok(written) if written == line.len() => return Ok(()),
            Ok(_) => {
                return Err(io::Error::new(io::ErrorKind::StorageFull, "only a part of a line was written"));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Waits until no other pooltop is in the middle of a line; the lock ends with the file. It only spares the log an
/// empty line, because each record is one write. So where it cannot be had (a frozen neighbour, a file system
/// without locks), it is done without.
fn wait_for_turn(file: &File) {
    for _ in 0..20 {
        match file.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            Ok(()) | Err(std::fs::TryLockError::Error(_)) => return,
        }
    }
}

/// Whether an earlier writer was cut off, which would swallow the next record.
fn ends_in_the_middle_of_a_line(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn read_tail(path: &Path) -> io::Result<Vec<u8>> {
    let length = fs::metadata(path)?.len();
    read_from(path, length.saturating_sub(LOOK_BACK))
}

fn read_from(path: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(LOOK_BACK).read_to_end(&mut tail)?;
    Ok(tail)
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn private(_: &mut OpenOptions) {}

/// Takes back what others may do with a file that was made before, or under another umask.
#[cfg(unix)]
fn keep_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let open_to_others = file.metadata()?.permissions().mode() & 0o077;
    if open_to_others == 0 {
        return Ok(());
    }
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn keep_private(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn make_private_directory(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

#[cfg(not(unix))]
fn make_private_directory(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)
}

/// Without this a new file's name may be lost with the power although its content was flushed.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::audit::AuditPhase;
    use crate::model::operation::{OperationKind, Outcome};
    use crate::model::time::Timestamp;

    fn record(pid: i32) -> AuditRecord {
        AuditRecord {
            at: Timestamp::from_micros(1_795_252_800_123_456),
            phase: AuditPhase::Outcome,
            operator: "ada".into(),
            host: "bastion".into(),
            profile: "checkout".into(),
            target: "db1".into(),
            operation: OperationKind::Terminate,
            pid: Some(pid),
            backend_start: Some(Timestamp::from_micros(1_795_252_000_000_001)),
            application_name: "api".into(),
            user: "app".into(),
            database: None,
            client_id: None,
            client: None,
            dry_run: false,
            outcome: Some(Outcome::Ended),
            message: "ended after 200 ms".into(),
        }
    }

    fn pids(records: &[AuditRecord]) -> Vec<i32> {
        records.iter().filter_map(|record| record.pid).collect()
    }

    fn log() -> (tempfile::TempDir, Audit) {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::new(directory.path().join("state/pooltop/audit.jsonl"), "ada", "bastion");
        (directory, audit)
    }

    #[test]
    fn a_record_is_one_line_of_json_with_the_fields_of_the_contract() {
        let (_directory, audit) = log();
        audit.append(&[record(7)]).unwrap();
        assert_eq!(
            fs::read_to_string(audit.path()).unwrap(),
            "{\"at\":\"2026-11-21T09:20:00.123456Z\",\"phase\":\"outcome\",\"operator\":\"ada\",\
             \"host\":\"bastion\",\"profile\":\"checkout\",\"target\":\"db1\",\"operation\":\"terminate\",\
             \"pid\":7,\"backend_start\":\"2026-11-21T09:06:40.000001Z\",\"application_name\":\"api\",\
             \"user\":\"app\",\"dry_run\":false,\"outcome\":\"ended\",\"message\":\"ended after 200 ms\"}\n"
        );
    }

    #[cfg(unix)]
    #[test]
    fn file_and_directories_belong_to_the_operator_alone_even_where_the_file_was_open_to_others() {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (_directory, audit) = log();
        audit.append(&[record(1)]).unwrap();
        let directory = audit.path().parent().unwrap();
        assert_eq!(
            (mode(audit.path()), mode(directory), mode(directory.parent().unwrap())),
            (0o600, 0o700, 0o700)
        );
        fs::set_permissions(audit.path(), fs::Permissions::from_mode(0o644)).unwrap();
        audit.append(&[record(2)]).unwrap();
        assert_eq!(mode(audit.path()), 0o600);
    }

    #[test]
    fn outcomes_of_a_profile_are_followed_as_they_are_written_and_never_twice() {
        let (_directory, audit) = log();
        audit.append(&[record(1)]).unwrap();
        let mut follow = audit.follow(&"checkout".into());
        assert_eq!(follow.news(), []);
        let intent = AuditRecord { phase: AuditPhase::Intent, ..record(2) };
        let foreign = AuditRecord { profile: "other".into(), ..record(3) };
        audit.append(&[intent, foreign, record(4)]).unwrap();
        assert_eq!((pids(&follow.news()), follow.news()), (vec![4], vec![]));
        // Half a line is no record yet.
        let line = serde_json::to_string(&record(5)).unwrap() + "\n";
        let mut file = OpenOptions::new().append(true).open(audit.path()).unwrap();
        file.write_all(&line.as_bytes()[..40]).unwrap();
        assert_eq!(follow.news(), []);
        file.write_all(&line.as_bytes()[40..]).unwrap();
        assert_eq!(pids(&follow.news()), [5]);
        // Another file in its place.
        fs::remove_file(audit.path()).unwrap();
        assert_eq!(follow.news(), []);
        audit.append(&[record(6)]).unwrap();
        assert_eq!(pids(&follow.news()), [6]);
    }

    #[test]
    fn the_newest_wanted_records_come_back_in_their_order() {
        let (_directory, audit) = log();
        assert_eq!(audit.last(3, |_| true).unwrap(), []);
        for pid in 1..=5 {
            audit.append(&[record(pid)]).unwrap();
        }
        assert_eq!(pids(&audit.last(3, |_| true).unwrap()), [3, 4, 5]);
        assert_eq!(
            pids(&audit.last(2, |record| record.pid.is_some_and(|pid| pid % 2 == 0)).unwrap()),
            [2, 4]
        );
        assert_eq!(audit.last(1, |_| true).unwrap(), [record(5)]);
    }

    #[test]
    fn a_torn_line_costs_no_other_record() {
        let (_directory, audit) = log();
        audit.append(&[record(1)]).unwrap();
        let torn =
            OpenOptions::new().append(true).open(audit.path()).unwrap().write(b"{\"at\":\"20").unwrap();
        assert_eq!(torn, 9);
        audit.append(&[record(2)]).unwrap();
        assert_eq!(pids(&audit.last(9, |_| true).unwrap()), [1, 2]);
    }

    #[test]
    fn writers_at_the_same_time_lose_and_mix_nothing() {
        let (_directory, audit) = log();
        audit.append(&[]).unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let audit = audit.clone();
                scope.spawn(move || {
                    for n in 0..25 {
                        audit.append(&[record(writer * 100 + n), record(writer * 100 + n)]).unwrap();
                    }
                });
            }
        });
        let lines = fs::read_to_string(audit.path()).unwrap();
        assert_eq!((lines.lines().count(), audit.last(1000, |_| true).unwrap().len()), (200, 200));
    }

    #[test]
    fn a_log_that_cannot_be_written_says_which_and_why() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::new(directory.path().to_owned(), "ada", "bastion");
        let error = audit.append(&[record(1)]).unwrap_err().to_string();
        assert!(error.contains("audit log") && error.contains("cannot be written"), "{error}");
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let below = Audit::new(file.join("audit.jsonl"), "ada", "bastion");
        assert!(below.append(&[record(1)]).is_err());
    }
}
