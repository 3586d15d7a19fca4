//! `unet-lens article` that cannot begin, is interrupted, or shows how far it is.

mod common;

use common::{fixture, names, unet_lens};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use unet_lens::picture::read_image;

#[test]
fn a_file_where_the_folder_should_be() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("taken"), "mine").unwrap();
    for out in ["taken", "taken/below"] {
        let start = Instant::now();
        let output = unet_lens(folder.path()).args(["article", "--out", out]).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(err.contains("taken") && err.contains("choose another folder"), "{err}");
        assert!(start.elapsed() < Duration::from_secs(20), "it computed first");
        assert_eq!(names(folder.path()), ["taken"]);
    }
    fs::create_dir_all(folder.path().join("dir/index.html")).unwrap();
    let output = unet_lens(folder.path()).args(["article", "--out", "dir"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(names(&folder.path().join("dir")), [""; 0]);
}

/// Starts the program, presses Ctrl-C as soon as `ready`, gives the exit code and the files that are left.
#[cfg(unix)]
fn interrupted(arguments: &[&str], ready: &dyn Fn(&Path) -> bool) -> (Option<i32>, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_unet-lens"));
    let command = command.args(arguments).current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let start = Instant::now();
    while !ready(folder.path()) {
        assert!(start.elapsed() < Duration::from_secs(600), "nothing was written");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap(), folder)
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_is_finished() {
    // A small picture, so that the dream does not take long.
    let small = fixture("brain.png").display().to_string();
    let line = ["article", "--backend", "cpu", "--out", "a", "--image", &small];
    let (code, err, folder) = interrupted(&line, &|f| f.join("a/dconv64.png").exists());
    assert_eq!(code, Some(130), "{err}");
    assert!(err.contains("interrupted; what was finished is kept"), "{err}");
    let files = names(&folder.path().join("a"));
    assert!(files.contains(&"dconv64.png".to_string()) && files.contains(&"restore.png".to_string()), "{files:?}");
    assert!(!files.contains(&"index.html".to_string()), "the page is there: {files:?}");
    assert!(files.iter().all(|f| f.ends_with(".png") || f == "summary.txt"), "{files:?}");
    for file in files.iter().filter(|f| f.ends_with(".png")) {
        read_image(folder.path().join("a").join(file)).unwrap();
    }

    // The main job, too: in the middle of its second layer.
    let line = "--layer dconv64 --layer uconv64 --steps 2000 --filters 0 --backend cpu --out b";
    let (code, err, folder) = interrupted(&line.split(' ').collect::<Vec<_>>(), &|f| f.join("b/dconv64.png").exists());
    assert_eq!(code, Some(130), "{err}");
    assert_eq!(names(&folder.path().join("b")), ["dconv64.png"]);
}

/// On a terminal there is a bar with what is being made, how much of it, and the time left.
#[cfg(target_os = "linux")]
#[test]
fn progress_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_unet-lens");
    let line = format!("'{program}' article --out a --backend cpu --model '{}'", fixture("tiny.h5").display());
    let mut command = Command::new("script");
    let command = command.args(["-qec", &line, "/dev/null"]).current_dir(folder.path()).stdin(Stdio::null());
    let output = match command.env("COLUMNS", "100").output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no script (apt-get install -y bsdutils)");
            return;
        }
        output => output.unwrap(),
    };
    let seen = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && folder.path().join("a/index.html").exists(), "{seen}");
    let bars: Vec<&str> =
        seen.split('\r').filter(|line| line.contains("% ") && line.trim_end().ends_with("left")).collect();
    assert!(bars.iter().any(|bar| bar.contains("dream")), "{seen}");
    let percent = |bar: &&str| bar.split('%').next()?.split_whitespace().last()?.parse::<u64>().ok();
    let percents: Vec<u64> = bars.iter().filter_map(percent).collect();
    assert!(percents.len() > 1 && percents.is_sorted() && percents.iter().all(|&p| p <= 100), "{percents:?}");
}
