//! Files: read with a limit, written whole or not at all, folders tried before the work starts.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Error, Result};

/// The bytes of a file of at most `limit` bytes.
pub fn read_whole(path: impl AsRef<Path>, limit: u64) -> Result<Vec<u8>> {
    let path = path.as_ref();
    if path.is_dir() {
        return Err(Error::file(path, "is a folder; name a file in it"));
    }
    let file = File::open(path).map_err(|e| Error::file(path, format!("cannot open it: {}", plain(&e))))?;
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::file(path, format!("cannot read it: {}", plain(&e))))?;
    match bytes.len() as u64 {
        0 => Err(Error::file(path, "is empty (0 bytes)")),
        n if n > limit => Err(Error::file(path, format!("is larger than {} MiB, the most that is read", limit >> 20))),
        _ => Ok(bytes),
    }
}

/// Writes a file so that there is never half a file at `path`: under another name in the same folder, then renamed.
/// On failure the other name is removed, and what was at `path` stays as it was.
pub fn write_whole(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let problem = |e: io::Error| Error::file(path, format!("cannot write it: {}", plain(&e)));
    match fs::metadata(path) {
        Ok(m) if m.is_dir() => return Err(Error::file(path, "is a folder; name a file to write")),
        // A pipe or a device, such as /dev/stdout, is written to, not replaced.
        Ok(m) if !m.is_file() => return fs::write(path, bytes).map_err(problem),
        _ => {}
    }
    let temporary = temporary(path.parent().unwrap_or(Path::new("")));
    let written = create_new(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    written.map_err(|e| {
        let _ = fs::remove_file(&temporary);
        problem(e)
    })
}

/// Makes the folder if there is none, and makes sure that a file can be made in it. To be asked before a long
/// computation whose result is to be written there.
pub fn check_writable_dir(dir: impl AsRef<Path>) -> Result<()> {
    let dir = if dir.as_ref().as_os_str().is_empty() { Path::new(".") } else { dir.as_ref() };
    if let Some(file) = dir.ancestors().find(|p| p.exists() && !p.is_dir()) {
        let what = format!("cannot make the folder {}: a file stands here; choose another folder", dir.display());
        return Err(Error::file(file, what));
    }
    fs::create_dir_all(dir).map_err(|e| {
        Error::file(dir, format!("cannot make this folder: {}; choose another, or mend its permissions", plain(&e)))
    })?;
    let probe = temporary(dir);
    create_new(&probe).and_then(|_| fs::remove_file(&probe)).map_err(|e| {
        let what = "cannot make a file in this folder";
        Error::file(dir, format!("{what}: {}; choose another folder, or mend its permissions", plain(&e)))
    })
}

fn create_new(path: &Path) -> io::Result<File> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        // Left there by a process of the same number that was killed.
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            OpenOptions::new().write(true).create_new(true).open(path)
        }
        made => made,
    }
}

/// A name in a folder that no other running program and no other thread uses.
fn temporary(dir: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    dir.join(format!(".unet-lens-{}-{}.part", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)))
}

/// What went wrong, without the system's error number.
fn plain(e: &io::Error) -> String {
    match e.kind() {
        ErrorKind::NotFound => "there is no such file or folder".into(),
        ErrorKind::PermissionDenied => "no permission".into(),
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only".into(),
        ErrorKind::StorageFull => "the disk is full".into(),
        ErrorKind::NotADirectory => "a part of the path is a file, not a folder".into(),
        ErrorKind::InvalidFilename => "the name is too long or not allowed".into(),
        _ => e.to_string(),
    }
}
