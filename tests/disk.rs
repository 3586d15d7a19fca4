//! Disks that are full, programs that are killed, programs that write the same files at once: a file is whole, or it is not there.
#![cfg(target_os = "linux")]

mod common;

use common::{fixture, names};
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A command for each kind of file that is written. `@` is the folder of fixtures.
const WRITERS: &[&str] = &[
    "--layer down --model @tiny.h5 --count 2 --steps 2 --npy --gif way.gif --backend cpu --threads 1",
    "explain --layer down --model @tiny.h5 --html lesson.html --backend reference",
    "predict in.npy -o out.npy --model @tiny.h5 --backend cpu --threads 1",
    "predict in.npy -o out.png --model @tiny.h5 --backend cpu --threads 1",
    "restore --count 1 --npy --backend cpu --threads 1",
    "activations in.npy --model @tiny.h5 --backend cpu --threads 1",
    "dream in.npy --layer down --model @tiny.h5 --steps 1 --gif way.gif --backend cpu --threads 1",
    "article --model @tiny.h5 --image in.npy --count 1 --backend cpu --threads 1",
    "findings --model @tiny.h5 --images 4 --backend cpu --threads 1",
    "bench --model @tiny.h5 --layer down --json bench.json --backend cpu --rounds 1 --threads 1",
];

type Files = BTreeMap<String, Vec<u8>>;

/// A folder with the picture that is read.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<f32> = (0..24 * 24).map(|i| (i % 7) as f32 / 7.0).collect();
    unet_lens::picture::npy::write(folder.path().join("in.npy"), &[1, 24, 24, 1], &values).unwrap();
    folder
}

/// All that is there, but what is read.
fn files(folder: &Path) -> Files {
    let read = |name: String| (name.clone(), std::fs::read(folder.join(&name)).unwrap());
    names(folder).into_iter().filter(|name| name != "in.npy").map(read).collect()
}

fn command(folder: &Path, before: &[&str], line: &str) -> Command {
    let fixtures = fixture("").display().to_string();
    let words = before.iter().map(|word| word.to_string()).chain([env!("CARGO_BIN_EXE_unet-lens").to_string()]);
    let mut words = words.chain(line.split(' ').map(|word| word.replace('@', &fixtures)));
    let mut command = Command::new(words.next().unwrap());
    command.args(words).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(folder: &Path, before: &[&str], line: &str) -> Output {
    command(folder, before, line).output().unwrap()
}

/// What a command writes.
fn written(line: &str) -> Files {
    let folder = folder();
    let output = run(folder.path(), &[], line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let files = files(folder.path());
    assert!(!files.is_empty(), "{line}");
    files
}

/// Does it hold measured times, which have more digits in one run than in another? What bench measures, the times on the article's
/// page, and those of findings' slimmed network are never the same.
fn is_timed(name: &str) -> bool {
    ["bench.json", "claims.json", "index.html"].iter().any(|timed| name.ends_with(timed))
}

/// Is it the whole file?
fn is_whole(whole: &Files, name: &str, bytes: &[u8]) -> bool {
    match name {
        _ if !is_timed(name) => whole.get(name).is_some_and(|whole| whole == bytes),
        _ if name.ends_with(".json") => serde_json::from_slice::<serde_json::Value>(bytes).is_ok(),
        _ => bytes.starts_with(b"<!DOCTYPE html>") && bytes.trim_ascii_end().ends_with(b"</html>"),
    }
}

/// It refuses in words that name a file and say what is the matter, and what is there is whole.
fn refused(folder: &Path, output: &Output, line: &str, whole: &Files, why: &str) {
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}: {:?} {err}", output.status);
    assert!(err.contains("cannot write it") || err.contains("cannot make"), "{line}: {err}");
    assert!(err.contains(why), "{line}: '{why}' is not in: {err}");
    for (name, bytes) in files(folder) {
        assert!(is_whole(whole, &name, &bytes), "{line}: {name}, {} bytes, is not what it should be", bytes.len());
    }
}

/// A write fails at the first byte, in the middle, at the last one: of the largest file, and of the smaller ones.
#[test]
fn a_write_that_fails_at_any_byte() {
    for line in WRITERS {
        let whole = written(line);
        let least = whole.values().map(Vec::len).min().unwrap();
        // A file with measured times may be shorter the next time, by a few digits.
        let surely = |(name, bytes): (&String, &Vec<u8>)| if is_timed(name) { bytes.len() / 2 } else { bytes.len() };
        let most = whole.iter().map(surely).max().unwrap();
        for limit in [0, 1, least.min(most) / 2, most / 2, most - 1] {
            let folder = folder();
            // The signal that would end the program is ignored: the write itself fails.
            let before = ["sh", "-c", "trap '' XFSZ; exec prlimit --fsize=\"$0\" \"$@\"", &limit.to_string()];
            let output = run(folder.path(), &before, line);
            refused(folder.path(), &output, line, &whole, "a file as large as this is not allowed here");
        }
    }
}

/// The same on a disk that is full: a small file system in memory, where it may be mounted.
#[test]
fn a_disk_that_is_full() {
    let mount = "mkdir disk && mount -t tmpfs -o size=\"$0\" tmpfs disk && cp in.npy disk && cd disk && \"$@\"; code=$?; \
                 mkdir -p ../left && cp -r . ../left && exit $code";
    let unshared = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"];
    let probe = folder();
    let can = Command::new("unshare")
        .args(&unshared[1..])
        .args([mount, "64k", "true"])
        .current_dir(probe.path())
        .output()
        .is_ok_and(|output| output.status.success());
    if !can {
        println!("skipped: no file system may be mounted here");
        return;
    }
    for line in WRITERS.iter().filter(|line| !line.starts_with("bench")) {
        let whole = written(line);
        let all: usize = whole.values().map(|bytes| bytes.len().next_multiple_of(4096)).sum();
        for size in [0, all / 2] {
            let folder = folder();
            // The picture that is read lies there, too, and folders.
            let size = (size + 4096 * 3).to_string();
            let output = run(folder.path(), &[&unshared[..], &[mount, &size]].concat(), line);
            let err = String::from_utf8_lossy(&output.stderr);
            if output.status.success() {
                // Folders take less than was thought.
                assert_eq!(files(&folder.path().join("left")), whole, "{line}: {err}");
                continue;
            }
            refused(&folder.path().join("left"), &output, line, &whole, "the disk is full");
        }
    }
}

fn kill(child: &Child, signal: &str) {
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    // It may have ended by itself.
    let _ = killed;
}

/// A program is ended at any time, while it computes and while it writes. What was there before, or what is to be there, is there.
#[test]
fn signals_at_any_time() {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(std::process::id().into());
    for line in [WRITERS[0], WRITERS[1], WRITERS[7], WRITERS[8]] {
        let start = std::time::Instant::now();
        let whole = written(line);
        let takes = start.elapsed();
        let (mut ended, mut finished) = (0, 0);
        for round in 0..20 {
            let folder = folder();
            let mut old = Files::new();
            // In every other round there is something before.
            if round % 2 == 0 {
                for name in whole.keys() {
                    let path = folder.path().join(name);
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    std::fs::write(path, "old").unwrap();
                    old.insert(name.clone(), b"old".to_vec());
                }
            }
            let mut child =
                command(folder.path(), &[], line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_micros(rng.random_range(0..takes.as_micros() as u64 * 5 / 4)));
            let signal = ["-INT", "-TERM", "-KILL", "-HUP"][rng.random_range(0..4)];
            kill(&child, signal);
            let status = child.wait().unwrap();
            if status.success() {
                finished += 1
            } else {
                ended += 1
            }
            for (name, bytes) in files(folder.path()) {
                // Files in the making have names of their own; where there is no time to remove them they stay.
                if name.ends_with(".part") && name.contains(".unet-lens-") {
                    continue;
                }
                let is_there = is_whole(&whole, &name, &bytes) || old.get(&name) == Some(&bytes);
                assert!(is_there, "{line}, {signal}: {name}, {} bytes, is half a file", bytes.len());
            }
            // What was there is still there, under its name.
            old.keys().for_each(|name| assert!(folder.path().join(name).is_file(), "{line}, {signal}: {name} is gone"));
        }
        println!("{ended} ended by a signal, {finished} finished before: {line}");
    }
}

/// Ten programs write the same files; whoever reads them meanwhile finds whole ones.
#[test]
fn ten_writers_in_one_folder() {
    let line = WRITERS[0];
    let whole = written(line);
    let folder = folder();
    let start = || command(folder.path(), &[], line).stdout(Stdio::null()).spawn().unwrap();
    let mut children: Vec<Child> = (0..10).map(|_| start()).collect();
    let mut looked = 0;
    while children.iter_mut().any(|child| child.try_wait().unwrap().is_none()) {
        for (name, bytes) in &whole {
            match std::fs::read(folder.path().join(name)) {
                Ok(found) => {
                    looked += 1;
                    assert!(found == *bytes, "{name}: {} of {} bytes", found.len(), bytes.len());
                }
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{name}: {error}"),
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(looked > 0);
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(files(folder.path()), whole);
}
