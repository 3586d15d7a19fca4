//! Where results go: what cannot be written is told before computing, no result replaces another one, links are followed, and
//! a terminal or a pipe that is gone changes nothing but the exit code.

mod common;

use common::archive::{entry, zip_of};
use common::{fixture, names, unet_lens};
use std::path::Path;
use unet_lens::files::{check_writable, write_whole};
use unet_lens::picture::npy;

/// A network whose first three convolutions have these names; and in.npy, a picture for it.
fn network_of(folder: &Path, layers: [&str; 3]) -> String {
    let archive = std::fs::read(fixture("keras/unet_k3.keras")).unwrap();
    let text = String::from_utf8(entry(&archive, "config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&text).unwrap();
    let all = config["config"]["layers"].as_array().unwrap();
    let own: Vec<&str> = all
        .iter()
        .filter(|layer| ["Conv2D", "Conv2DTranspose"].contains(&layer["class_name"].as_str().unwrap()))
        .map(|layer| layer["config"]["name"].as_str().unwrap())
        .collect();
    assert!(own.len() >= 3, "{own:?}");
    let renamed = own.iter().zip(layers).fold(text.clone(), |text, (old, new)| {
        text.replace(&format!("\"{old}\""), &serde_json::json!(new).to_string())
    });
    let path = folder.join("named.keras");
    let weights = entry(&archive, "model.weights.h5");
    std::fs::write(&path, zip_of(&[("config.json", renamed.as_bytes()), ("model.weights.h5", &weights)])).unwrap();
    npy::write(folder.join("in.npy"), &[1, 16, 12, 2], &[0.5; 16 * 12 * 2]).unwrap();
    path.display().to_string()
}

fn done(folder: &Path, line: &str) -> String {
    let output = unet_lens(folder).args(line.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn layers_whose_names_are_alike_have_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let model = network_of(folder.path(), ["a/b", "a_b", "A:B"]);
    done(folder.path(), &format!("--model {model} --layer all --count 1 --steps 1 --backend cpu"));
    let written = names(folder.path());
    ["out/a_b.png", "out/a_b-2.png", "out/A_B-3.png"]
        .iter()
        .for_each(|name| assert!(written.contains(&name.to_string())));
    // One alone is called as among all.
    done(folder.path(), &format!("--model {model} --layer A:B --count 1 --steps 1 --backend cpu --out one"));
    assert!(names(folder.path()).contains(&"one/A_B-3.png".to_string()));
    done(folder.path(), &format!("activations in.npy --model {model} --out act"));
    let written = names(&folder.path().join("act"));
    ["activations-a_b.png", "activations-a_b-2.png", "activations-A_B-3.png"]
        .iter()
        .for_each(|name| assert!(written.contains(&name.to_string()), "{written:?}"));
}

#[test]
fn the_articles_own_pictures_are_not_replaced_by_layers() {
    let folder = tempfile::tempdir().unwrap();
    let model = network_of(folder.path(), ["output", "activations", "first-output"]);
    let out =
        done(folder.path(), &format!("article --model {model} --image in.npy --count 1 --backend cpu --out page"));
    let mut written: Vec<&str> = out.lines().filter(|line| line.starts_with("page/")).collect();
    let count = written.len();
    written.sort_unstable();
    written.dedup();
    assert_eq!(written.len(), count, "a file was written twice: {out}");
    for name in ["output-2.png", "activations-2.png", "first-output.png", "activations.png", "first-output-2.png"] {
        assert!(folder.path().join("page").join(name).is_file(), "{name}: {out}");
    }
}

#[test]
fn outputs_that_cannot_be_are_refused_before_computing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("taken.gif")).unwrap();
    std::fs::create_dir_all(folder.path().join("full/uconv64.csv")).unwrap();
    std::fs::create_dir_all(folder.path().join("full/restore.png")).unwrap();
    let long = "x".repeat(300);
    let climb = "--layer uconv64 --count 1 --steps 1000000 --backend cpu";
    for (line, words) in [
        (format!("{climb} --gif taken.gif"), "taken.gif: is a folder"),
        (format!("{climb} --npy --out full"), "uconv64.csv: is a folder"),
        (format!("{climb} --gif {long}.gif"), "the name is too long or not allowed"),
        ("restore --count 64 --out full".to_string(), "restore.png: is a folder"),
        ("explain --html taken.gif --backend reference".to_string(), "taken.gif: is a folder"),
        (
            format!("dream {} --layer uconv64 --steps 100000 --gif taken.gif", fixture("brain.png").display()),
            "is a folder",
        ),
    ] {
        let output =
            unet_lens(folder.path()).args(line.split_whitespace()).timeout(std::time::Duration::from_secs(60)).output();
        let output = output.unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}: {err}");
        assert!(err.contains(words), "{line}: {err}");
        assert!(output.stdout.is_empty(), "{line}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_is_written_through_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mode = |name: &str| std::fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
    std::fs::create_dir(at("far")).unwrap();
    std::fs::write(at("far/result"), "old").unwrap();
    std::fs::set_permissions(at("far/result"), std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink("far/result", at("link")).unwrap();
    symlink("link", at("second")).unwrap();
    check_writable(at("second")).unwrap();
    write_whole(at("second"), b"new").unwrap();
    assert_eq!((std::fs::read(at("far/result")).unwrap(), mode("far/result")), (b"new".to_vec(), 0o640));
    assert!(at("second").is_symlink() && at("link").is_symlink());
    // One that leads to nothing yet, and a circle.
    symlink("far/none", at("open")).unwrap();
    write_whole(at("open"), b"new").unwrap();
    assert_eq!(std::fs::read(at("far/none")).unwrap(), b"new");
    symlink("circle", at("circle")).unwrap();
    assert!(write_whole(at("circle"), b"x").unwrap_err().to_string().contains("circle"));
    // A new file is as any other program's.
    std::fs::write(at("other"), "").unwrap();
    write_whole(at("own"), b"").unwrap();
    assert_eq!(mode("own"), mode("other"));
    assert_eq!(names(folder.path()).len(), 8, "{:?}", names(folder.path()));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_written_to_if_somebody_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let nobody = "it is a pipe that nobody reads";
    assert!(check_writable(&pipe).unwrap_err().to_string().contains(nobody));
    assert!(write_whole(&pipe, b"x").unwrap_err().to_string().contains(nobody));
    let copy = folder.path().join("copy");
    let mut cat = std::process::Command::new("cat");
    let mut reader = cat.arg(&pipe).stdout(std::fs::File::create(&copy).unwrap()).spawn().unwrap();
    let start = std::time::Instant::now();
    let wait_until = |is_so: &mut dyn FnMut() -> bool, what: &str| {
        while !is_so() {
            assert!(start.elapsed().as_secs() < 60, "{what}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    wait_until(&mut || check_writable(&pipe).is_ok(), "cat does not open the pipe");
    // More than a pipe holds: what is written waits for the reader.
    let many = vec![b'x'; 1 << 20];
    write_whole(&pipe, &many).unwrap();
    wait_until(&mut || std::fs::read(&copy).unwrap() == many, "cat does not get all of it");
    // The check keeps the pipe open as long as this program runs.
    reader.kill().unwrap();
    reader.wait().unwrap();
}

/// What nobody hears changes neither the work nor, where it is a mere warning, the exit code.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| {
        let line = line.replace('@', &fixture("").display().to_string());
        let status = std::process::Command::new("sh")
            .args(["-c", &line.replace("UNET", env!("CARGO_BIN_EXE_unet-lens"))])
            .current_dir(folder.path())
            .status()
            .unwrap();
        status.code()
    };
    assert_eq!(run("UNET --layer none 2>/dev/full"), Some(2));
    assert_eq!(run("UNET --layer none 2>&-"), Some(2));
    assert_eq!(run("UNET summary --model none.h5 2>/dev/full"), Some(1));
    // The notice that the CPU computes.
    assert_eq!(run("UNET --layer dconv64 --count 1 --steps 1 2>/dev/full"), Some(0));
    assert_eq!(run("UNET --help >/dev/full 2>/dev/null"), Some(1));
    assert_eq!(run("UNET --version >/dev/full 2>/dev/null"), Some(1));
    assert_eq!(run("UNET --help >/dev/null"), Some(0));
    assert_eq!(run("UNET --nonsense 2>/dev/full"), Some(2));
    assert_eq!(run("UNET summary >/dev/full 2>/dev/full"), Some(1));
    // A reader that has seen enough is no failure.
    assert_eq!(run("(UNET summary; echo $? >code) | head -n 1 >/dev/null; exit $(cat code)"), Some(0));
}

/// Nothing that a file holds is an order to the terminal.
#[test]
fn orders_to_the_terminal_are_spelled_out() {
    let folder = tempfile::tempdir().unwrap();
    let name = "a\u{1b}[31m.h5";
    std::fs::write(folder.path().join(name), "no\u{1b}[2Jmodel").unwrap();
    let output = unet_lens(folder.path()).args(["summary", "--model", name]).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(!err.contains('\u{1b}') && err.contains("a\\u{1b}[31m.h5"), "{err:?}");
}
