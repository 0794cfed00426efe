//! The throwaway directory, and what earlier runs left behind.
//!
//! A directory is in use exactly as long as someone holds the lock on its `lock` file: the guardian and pooltop
//! share one. So a left-over is recognised without looking at any process, and none is ever signalled for it:
//! a server that lost its directory ends itself within a minute, because it checks its own `postmaster.pid`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::DemoError;
use super::account::Account;

/// How the directories are called, before six random characters.
const PREFIX: &str = "pooltop-demo-";
/// What stands in `lock`, so that only directories of ours are ever removed.
const MAGIC: &str =
    "pooltop demo: a throwaway PostgreSQL; remove the directory once nobody holds this lock\n";
/// The longest directory whose socket still has a valid name: 108 bytes with `/.s.PGSQL.65535` and an end.
const LONGEST: usize = 90;

/// A directory of this run, with the lock held. Removed when dropped, unless a guardian took it.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    lock: File,
    guarded: bool,
}

impl Directory {
    /// Makes one that belongs to `account`, below the first usable place.
    pub(super) fn create(temporary: &Path, account: &Account) -> Result<Self, DemoError> {
        let place = places(temporary, account).into_iter().next().unwrap_or_else(|| "/tmp".into());
        let failed = |error| DemoError::Directory { path: place.display().to_string(), error };
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).permissions(fs::Permissions::from_mode(0o700));
        let made = builder.tempdir_in(&place).map_err(failed)?;
        let lock = locked(made.path()).map_err(failed)?;
        account.take_over(&made.path().join("lock")).map_err(failed)?;
        account.take_over(made.path()).map_err(failed)?;
        Ok(Self { path: made.keep(), lock, guarded: false })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A second handle of the lock, for the guardian to inherit. The lock is free when both are closed.
    pub(super) fn share_lock(&self) -> io::Result<File> {
        self.lock.try_clone()
    }

    /// Writes a file that the server's user can read and others cannot.
    pub(super) fn write(&self, name: &str, content: &str, account: &Account) -> io::Result<()> {
        let file = self.path.join(name);
        fs::write(&file, "")?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
        fs::write(&file, content)?;
        account.take_over(&file)
    }

    /// From now on the guardian removes it.
    pub(super) fn hand_over(&mut self) {
        self.guarded = true;
    }

    /// Removes it now, where the guardian did not.
    pub(super) fn remove(&self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if !self.guarded {
            self.remove();
        }
    }
}

/// Makes the lock file. It gets its name only once it is locked, so that no other run sees it free.
fn locked(directory: &Path) -> io::Result<File> {
    let unnamed = directory.join("lock.new");
    let mut file = File::options().create_new(true).read(true).write(true).open(&unnamed)?;
    file.write_all(MAGIC.as_bytes())?;
    file.lock()?;
    fs::rename(&unnamed, directory.join("lock"))?;
    Ok(file)
}

/// Removes the directories of earlier runs that nobody holds any more. Returns how many.
pub(super) fn sweep(temporary: &Path, account: &Account) -> usize {
    let places = places(temporary, account).into_iter();
    let entries = places.flat_map(|place| fs::read_dir(place).into_iter().flatten().flatten());
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .filter(|entry| abandoned(&entry.path(), account) && fs::remove_dir_all(entry.path()).is_ok())
        .count()
}

/// Whether this is a directory of ours, by owner and content, whose lock is free.
fn abandoned(directory: &Path, account: &Account) -> bool {
    let ours = |data: fs::Metadata| data.uid() == account.uid();
    if !fs::symlink_metadata(directory).is_ok_and(|data| data.is_dir() && ours(data)) {
        return false;
    }
    let lock = directory.join("lock");
    if !fs::symlink_metadata(&lock).is_ok_and(|data| data.is_file() && data.len() == MAGIC.len() as u64) {
        return false;
    }
    let marked = fs::read(&lock).is_ok_and(|content| content == MAGIC.as_bytes());
    marked && File::open(&lock).is_ok_and(|file| file.try_lock().is_ok())
}

/// Where directories may be made, best first: the user's own place for temporary files if the server's user can
/// get there and the socket's name stays short enough, then `/tmp`.
fn places(temporary: &Path, account: &Account) -> Vec<PathBuf> {
    let own = fs::canonicalize(temporary).ok().filter(|place| {
        let short = place.as_os_str().len() + PREFIX.len() + 7 <= LONGEST;
        short && (!account.is_switched() || open_to_all(place))
    });
    let common = fs::canonicalize("/tmp").ok().filter(|place| Some(place) != own.as_ref());
    own.into_iter().chain(common).collect()
}

/// Whether every user may enter this directory and all above it, and remove a directory of his own from it.
fn open_to_all(place: &Path) -> bool {
    let allows = |step: &Path, bits| fs::metadata(step).is_ok_and(|data| data.mode() & bits == bits);
    allows(place, 0o003) && place.ancestors().all(|step| allows(step, 0o001))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place of its own and an account that owns what is made in it.
    fn place() -> (tempfile::TempDir, Account) {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        (place, Account::choose().unwrap())
    }

    #[test]
    fn a_directory_is_ours_alone_and_goes_when_it_is_dropped() {
        let (place, account) = place();
        let directory = Directory::create(place.path(), &account).unwrap();
        let path = directory.path().to_owned();
        let data = fs::metadata(&path).unwrap();
        assert_eq!((data.uid(), data.mode() & 0o777), (account.uid(), 0o700));
        directory.write("password", "secret", &account).unwrap();
        assert_eq!(fs::metadata(path.join("password")).unwrap().mode() & 0o777, 0o600);
        drop(directory);
        assert!(!path.exists());
    }

    #[test]
    fn a_left_over_is_removed_and_one_in_use_is_not() {
        let (place, account) = place();
        let used = Directory::create(place.path(), &account).unwrap();
        let mut left = Directory::create(place.path(), &account).unwrap();
        left.hand_over();
        let shared = left.share_lock().unwrap();
        let path = left.path().to_owned();
        drop(left);
        assert_eq!(sweep(place.path(), &account), 0, "the guardian still holds its half of the lock");
        drop(shared);
        assert_eq!(sweep(place.path(), &account), 1);
        assert!(!path.exists());
        assert!(used.path().exists());
    }

    #[test]
    fn foreign_directories_are_never_touched_whatever_their_name() {
        let (place, account) = place();
        let named = |name: &str| place.path().join(format!("{PREFIX}{name}"));
        let (empty, marked, linked) = (named("empty"), named("marked"), named("linked"));
        for directory in [&empty, &marked] {
            fs::create_dir(directory).unwrap();
            account.take_over(directory).unwrap();
        }
        fs::write(marked.join("lock"), "something else that happens to be called lock").unwrap();
        let target = place.path().join("precious");
        fs::create_dir(&target).unwrap();
        drop(locked(&target).unwrap());
        std::os::unix::fs::symlink(&target, &linked).unwrap();
        assert_eq!(sweep(place.path(), &account), 0);
        for path in [&empty, &marked, &linked, &target] {
            assert!(path.exists(), "{}", path.display());
        }
    }

    #[test]
    fn a_directory_of_another_user_stays() {
        let (place, account) = place();
        let mut left = Directory::create(place.path(), &account).unwrap();
        left.hand_over();
        let path = left.path().to_owned();
        drop(left);
        if account.is_switched() {
            std::os::unix::fs::lchown(&path, Some(account.uid() + 1), None).unwrap();
            assert_eq!(sweep(place.path(), &account), 0);
            std::os::unix::fs::lchown(&path, Some(account.uid()), None).unwrap();
        }
        assert_eq!(sweep(place.path(), &account), 1);
    }

    #[test]
    fn a_place_where_the_guardian_could_not_clean_up_gives_way_to_tmp() {
        let (place, account) = place();
        for mode in [0o755, 0o1776] {
            fs::set_permissions(place.path(), fs::Permissions::from_mode(mode)).unwrap();
            let common = fs::canonicalize("/tmp").unwrap();
            let expected = if account.is_switched() { &common } else { place.path() };
            assert_eq!(places(place.path(), &account).first().unwrap(), expected, "{mode:o}");
        }
    }

    #[test]
    fn a_place_with_too_long_a_name_gives_way_to_tmp() {
        let (place, account) = place();
        let deep = place.path().join("d".repeat(LONGEST));
        fs::create_dir(&deep).unwrap();
        assert_eq!(places(&deep, &account), [fs::canonicalize("/tmp").unwrap()]);
    }
}
