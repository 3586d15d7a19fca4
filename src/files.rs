//! Files: read with a limit, written whole or not at all, places for results tried before the work starts.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};
use tempfile::NamedTempFile;

/// So many bytes tell what kind of file it is.
const START: u64 = 64;
/// So many links may lead from one to the next; more are a circle.
const MOST_LINKS: usize = 40;

/// The bytes of a file of at most `limit` bytes. `check` gets the first of them, and how many there are as far as that is known: what
/// it refuses is not read to its end, which it may not have.
pub fn read_whole(path: &Path, limit: u64, check: impl FnOnce(&[u8], u64) -> Result<()>) -> Result<Vec<u8>> {
    let mut file = open(path)?;
    let mut bytes = Vec::new();
    let problem = |e| Error::file(path, format!("cannot read it: {}", plain(&e)));
    Read::by_ref(&mut file).take(START).read_to_end(&mut bytes).map_err(problem)?;
    if !bytes.is_empty() {
        check(&bytes, file.metadata().map_or(0, |about| about.len()))?;
    }
    file.take((limit + 1).saturating_sub(START)).read_to_end(&mut bytes).map_err(problem)?;
    match bytes.len() as u64 {
        0 => Err(Error::file(path, "is empty (0 bytes)")),
        n if n > limit => Err(Error::file(path, format!("is larger than {} MiB, the most that is read", limit >> 20))),
        _ => Ok(bytes),
    }
}

/// A file to be read.
pub fn open(path: &Path) -> Result<File> {
    if path.is_dir() {
        return Err(Error::file(path, "is a folder; name a file in it"));
    }
    File::open(path).map_err(|e| Error::file(path, format!("cannot open it: {}", plain(&e))))
}

/// Writes a file so that there is never half a file at `path`: under another name in the same folder, then renamed. On failure
/// the other name is removed, and what was at `path` stays as it was. A link is followed: what it leads to is written. A file that
/// is there keeps its permissions.
pub fn write_whole(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let problem = |e: io::Error| Error::file(path, format!("cannot write it: {}", plain(&e)));
    let about = fs::metadata(path).ok();
    match &about {
        Some(about) if about.is_dir() => return Err(Error::file(path, "is a folder; name a file to write")),
        // A pipe or a device, such as /dev/stdout, is written to, not replaced.
        Some(about) if !about.is_file() => {
            return open_device(path).and_then(|mut file| file.write_all(bytes)).map_err(problem);
        }
        _ => {}
    }
    let write = || {
        let target = target(path)?;
        let mut file = temporary(folder_of(&target))?;
        file.write_all(bytes)?;
        if let Some(about) = about {
            file.as_file().set_permissions(about.permissions())?;
        }
        file.as_file().sync_all()?;
        file.persist(target).map_err(|e| e.error)
    };
    write().map(drop).map_err(problem)
}

/// Makes sure that a file can be written at `path`, and makes its folder if there is none. To be asked before a long computation.
pub fn check_writable(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let problem = |e: io::Error| Error::file(path, format!("cannot write it: {}", plain(&e)));
    match fs::metadata(path) {
        Ok(about) if about.is_dir() => Err(Error::file(path, "is a folder; name a file to write")),
        Ok(about) if !about.is_file() => {
            // Left open: whoever reads a pipe would otherwise take it for finished.
            std::mem::forget(open_device(path).map_err(problem)?);
            Ok(())
        }
        _ => {
            let target = target(path).map_err(problem)?;
            let name = target.file_name().ok_or_else(|| Error::file(path, "is no name of a file"))?;
            check_writable_dir(folder_of(&target))?;
            check_name(path, &target, name)
        }
    }
}

/// Is this a name that the file system takes? It may be too long, or hold what it does not allow.
fn check_name(path: &Path, target: &Path, name: &std::ffi::OsStr) -> Result<()> {
    let Err(e) = fs::symlink_metadata(folder_of(target).join(name)) else { return Ok(()) };
    match e.kind() {
        ErrorKind::NotFound => Ok(()),
        _ => Err(Error::file(path, format!("cannot write it: {}", plain(&e)))),
    }
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
    temporary(dir).and_then(NamedTempFile::close).map_err(|e| {
        let what = "cannot make a file in this folder";
        Error::file(dir, format!("{what}: {}; choose another folder, or mend its permissions", plain(&e)))
    })
}

/// The folder that a file is to be written to.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new file in a folder, of a name that nobody else takes, whatever machine they are on. Dropped, it is removed.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".unet-lens-").suffix(".part");
    #[cfg(unix)]
    {
        // As of any new file; the umask takes from it what it takes.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Where the links lead that `path` may be, to a file that need not be there.
fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = folder_of(&path).join(next),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("its links lead in a circle"))
}

/// A pipe or a device, to be written to. A pipe that nobody reads would make whoever opens it wait for ever.
fn open_device(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(OFlags::NONBLOCK.bits() as i32);
        let file = options.open(path).map_err(|e| match rustix::io::Errno::from_io_error(&e) {
            Some(rustix::io::Errno::NXIO) => io::Error::other("it is a pipe that nobody reads"),
            _ => e,
        })?;
        // What is written waits until it is read.
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}

/// What went wrong, without the system's error number.
fn plain(e: &io::Error) -> String {
    match e.kind() {
        ErrorKind::NotFound => "there is no such file or folder".into(),
        ErrorKind::PermissionDenied => "no permission".into(),
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only".into(),
        ErrorKind::StorageFull => "the disk is full".into(),
        ErrorKind::QuotaExceeded => "the disk quota is used up".into(),
        ErrorKind::FileTooLarge => "a file as large as this is not allowed here (see ulimit -f)".into(),
        ErrorKind::NotADirectory => "a part of the path is a file, not a folder".into(),
        ErrorKind::InvalidFilename => "the name is too long or not allowed".into(),
        _ => e.to_string(),
    }
}
