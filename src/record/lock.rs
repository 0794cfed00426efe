//! One writer per file.
//!
//! The lock lies on a file beside the recording: closing any handle of the recording itself would give up the locks that
//! SQLite holds on it in this process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::error::RecordError;

/// The right to write into a recording. It ends with the process, however that ends.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the right, or says who has it.
    pub(super) fn take(recording: &Path) -> Result<Self, RecordError> {
        let path = beside(recording, ".lock");
        loop {
            let mut file = open(&path).map_err(|error| RecordError::io(recording, &error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(RecordError::Busy { path: recording.to_owned(), who: holder(&mut file) });
                }
                Err(TryLockError::Error(error)) => return Err(RecordError::io(recording, &error)),
            }
            // Whoever had it may have removed the file between opening and locking it.
            if is_still(&path, &file) {
                sign(&mut file).map_err(|error| RecordError::io(recording, &error))?;
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is locked nobody else has it. One that stays behind after all does no harm.
        let _ = fs::remove_file(&self.path);
    }
}

/// The name of a file that belongs to a recording: `x.pooltop-wal`.
pub(super) fn beside(recording: &Path, ending: &str) -> PathBuf {
    let mut name = recording.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    private(&mut options);
    options.open(path)
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    write!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut said = String::new();
    let read = file.take(20).read_to_string(&mut said);
    match said.parse::<u32>() {
        Ok(pid) if read.is_ok() => format!("process {pid}"),
        _ => "another process".to_owned(),
    }
}

/// Readable for its owner alone from the first byte on.
#[cfg(unix)]
pub(super) fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

/// Readable for its owner alone, as far as the operating system has that.
#[cfg(not(unix))]
pub(super) fn private(_: &mut OpenOptions) {}

#[cfg(unix)]
fn is_still(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let which = |file: io::Result<fs::Metadata>| file.ok().map(|file| (file.dev(), file.ino()));
    which(fs::metadata(path)).is_some_and(|there| which(file.metadata()) == Some(there))
}

#[cfg(not(unix))]
fn is_still(path: &Path, _: &File) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_writer_is_told_who_the_first_is_and_the_third_may() {
        let directory = tempfile::tempdir().unwrap();
        let recording = directory.path().join("x.pooltop");
        let first = Lock::take(&recording).unwrap();
        let error = Lock::take(&recording).unwrap_err().to_string();
        assert!(error.contains(&format!("by process {}", std::process::id())), "{error}");
        drop(first);
        assert!(!beside(&recording, ".lock").exists());
        Lock::take(&recording).unwrap();
    }

    #[test]
    fn a_lock_that_its_holder_left_behind_is_nobodys() {
        let directory = tempfile::tempdir().unwrap();
        let recording = directory.path().join("x.pooltop");
        fs::write(beside(&recording, ".lock"), "1").unwrap();
        Lock::take(&recording).unwrap();
    }
}
