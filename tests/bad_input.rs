//! Bad input: the program says what is wrong and what to do, ends with 1 or 2, and leaves no file.

mod common;

use common::{fixture, names, unet_lens};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use unet_lens::network::{Kind, keras};
use unet_lens::picture::npy;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The program must refuse: that exit code, these words, nothing on stdout, no new file, at once.
    fn refused(&self, line: &str, code: i32, words: &[&str]) -> String {
        let fixtures = fixture("").display().to_string();
        let arguments = line.split_whitespace().map(|word| word.replace('@', &fixtures));
        let before = names(self.0.path());
        let start = Instant::now();
        let output = unet_lens(self.0.path()).args(arguments).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!err.contains("panicked"), "{line}: {err}");
        assert_eq!(output.status.code(), Some(code), "{line}: {err}");
        for word in words {
            assert!(err.contains(word), "{line}: '{word}' is not in: {err}");
        }
        assert!(output.stdout.is_empty(), "{line}");
        assert_eq!(names(self.0.path()), before, "{line}: no file is left");
        assert!(start.elapsed() < Duration::from_secs(60), "{line}: told before computing");
        err
    }

    /// Every command that reads a network refuses this one.
    fn refused_model(&self, model: &Path, words: &[&str]) {
        let model = model.display().to_string();
        let named = [words, &[&*model]].concat();
        self.refused(&format!("summary --model {model}"), 1, &named);
        self.refused(&format!("--layer all --model {model}"), 1, &named);
        self.refused(&format!("predict @/brain.png -o x.png --model {model}"), 1, &named);
    }
}

/// tiny.h5 with some of its bytes replaced.
fn tiny_with(from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = fs::read(fixture("tiny.h5")).unwrap();
    let at = bytes.windows(from.len()).position(|w| w == from).expect("these bytes are in the file");
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

#[test]
fn what_is_no_network() {
    let folder = Folder::new();
    folder.refused_model(&folder.file("empty.h5", b""), &["the file is empty"]);
    folder.refused_model(&folder.file("text.h5", b"Dear model,\nhello"), &["it is text: 'Dear model,'", "model.save"]);
    folder.refused_model(&folder.file("zip.keras", b"PK\x03\x04 no zip"), &["damaged or cut short"]);
    folder.refused_model(&fixture("brain.png"), &["neither a Keras .h5 file nor a .keras file"]);
    folder.refused_model(&fixture("reference.h5"), &["no Keras model"]);
    folder.refused_model(&fixture("keras/refused/weights_only.h5"), &["weights only"]);
    folder.refused_model(Path::new("no/such.h5"), &["there is no such file"]);
    folder.refused_model(&fixture("keras"), &["is a folder"]);
}

#[test]
fn cut_short() {
    let folder = Folder::new();
    for name in ["tiny.h5", "unet.h5", "keras/unet_k3.keras"] {
        let bytes = fs::read(fixture(name)).unwrap();
        for part in [1, 5, 9, 14, 19] {
            let cut = folder.file("cut.h5", &bytes[..bytes.len() * part / 20]);
            folder.refused_model(&cut, &["cut short"]);
        }
        folder.refused_model(&folder.file("cut.h5", &bytes[..bytes.len() - 1]), &["cut short"]);
    }
}

#[test]
fn weights_of_the_wrong_shape_or_missing() {
    let folder = Folder::new();
    let wrong = folder.file("wrong.h5", &tiny_with(b"\"filters\": 7", b"\"filters\": 6"));
    folder.refused_model(&wrong, &["layer 'code' (Conv2D)", "[3, 3, 5, 7]", "expected [3, 3, 5, 6]"]);
    let missing = folder.file("missing.h5", &tiny_with(b"down/bias:0", b"down/bIas:0"));
    folder.refused_model(&missing, &["layer 'down' (Conv2D)", "bias is missing"]);
}

#[test]
fn nan_in_weights_is_warned_of() {
    let folder = Folder::new();
    let network = keras::load(fixture("tiny.h5")).unwrap();
    let Kind::Conv2d { conv, .. } = &network.layers.iter().find(|l| l.name == "code").unwrap().kind else { panic!() };
    let kernel = &conv.kernel.values();
    let first: Vec<u8> = kernel[..2].iter().flat_map(|v| v.to_le_bytes()).collect();
    let nan: Vec<u8> = [f32::NAN, kernel[1]].iter().flat_map(|v| v.to_le_bytes()).collect();
    folder.file("nan.h5", &tiny_with(&first, &nan));
    let warning = "unet-lens: warning: layer 'code': 1 of 315 values of kernel are NaN or infinite";
    for line in [
        "summary --model nan.h5",
        "--layer down --layer code --steps 2 --model nan.h5 --backend cpu",
        "predict hw.npy -o x.npy --model nan.h5 --backend cpu",
    ] {
        npy::write(folder.0.path().join("hw.npy"), &[16, 12], &[0.5; 192]).unwrap();
        let output = unet_lens(folder.0.path()).args(line.split_whitespace()).output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(0), "{line}: {err}");
        assert_eq!(err.trim_end(), warning, "{line}");
        if line.contains("--layer") {
            // The NaN is in filter 0 of code; the other filters go on, and so does the layer before it.
            let verdict = |filter: &str, after: &str| {
                let from = out.lines().skip_while(|line| !line.starts_with(&format!("{after}: "))).skip(2);
                from.map(str::trim_start).find(|line| line.starts_with(filter)).unwrap().to_string()
            };
            assert!(verdict("0 ", "code").contains("not finite"), "{out}");
            assert!(verdict("2 ", "code").ends_with("ok"), "{out}");
            assert!(verdict("0 ", "down").ends_with("ok"), "{out}");
        }
    }
}

#[test]
fn networks_that_are_not_supported() {
    let folder = Folder::new();
    let (mut refused, mut late) = (0, 0);
    for entry in fs::read_dir(fixture("keras/refused")).unwrap() {
        let path = entry.unwrap().path();
        let (model, says) = (path.display().to_string(), ["supported", "save", "which is not run"]);
        let output = unet_lens(folder.0.path()).args(["summary", "--model", &model]).output().unwrap();
        let text = match output.status.code() {
            // The table of layers is there, and says what is not.
            Some(0) => {
                late += 1;
                let table = String::from_utf8(output.stdout).unwrap();
                assert!(table.contains("Not computed, nor what comes from it:\nlayer '"), "{table}");
                folder.refused(&format!("--layer final --model {model}"), 1, &[&model]);
                table
            }
            _ => {
                refused += 1;
                folder.refused(&format!("summary --model {model}"), 1, &[&model])
            }
        };
        assert!(says.iter().any(|way| text.contains(way)), "what to do: {text}");
    }
    assert_eq!((refused, late), (7, 2));
    folder.refused_model(&fixture("keras/refused/two_inputs.keras"), &["2 inputs", "one is supported"]);
}

#[test]
fn lambda_layers() {
    let folder = Folder::new();
    let model = "--model @/keras/refused/unknown_lambda.keras";
    let words = ["layer 'mirror' (Lambda)", "Python code, which is not run", "--lambda 'mirror=identity'"];
    folder.refused(&format!("--layer final {model}"), 1, &words);
    folder.refused(&format!("predict @/brain.png -o x.png {model}"), 1, &words);
    folder.refused(&format!("--layer final {model} --lambda mirror=what"), 2, &["mirror", "'what'", "scale:2"]);
    folder.refused(&format!("--layer final {model} --lambda miror=identity"), 2, &["miror", "there is mirror"]);
    folder.refused(&format!("--layer final {model} --lambda mirror"), 2, &["NAME=MEANING"]);
    let told = format!("--layer final {model} --lambda mirror=scale:2,shift:-1 --backend reference --steps 1 --quiet");
    let told = told.replace('@', &fixture("").display().to_string());
    let output = unet_lens(folder.0.path()).args(told.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(folder.0.path().join("out/final.png").exists());
}

#[test]
fn cycles_and_unknown_names() {
    let folder = Folder::new();
    let cycle = folder.file("cycle.h5", &tiny_with(b"[[[\"pool\", 0", b"[[[\"code\", 0"));
    folder.refused_model(&cycle, &["code", "wait for each other in a circle"]);
    let unknown = folder.file("unknown.h5", &tiny_with(b"[[[\"pool\", 0", b"[[[\"poll\", 0"));
    folder.refused_model(&unknown, &["layer 'code' (Conv2D)", "'poll'", "not in the file"]);
}

#[test]
fn a_layer_that_is_no_convolution() {
    let folder = Folder::new();
    let list = "dconv64, dconv128, dconv256, conv512, uconv256, uconv128, uconv64, econv64, final_conv1";
    folder.refused("--layer concatenate_9", 2, &["concatenate_9 is a Concatenate", "no filters", list]);
    folder.refused("--layer input_3", 2, &["input_3 is a InputLayer", list]);
    folder.refused("--layer nothing", 2, &["no layer nothing", list]);
}

#[test]
fn sizes_that_the_pools_do_not_divide() {
    let folder = Folder::new();
    npy::write(folder.0.path().join("odd.npy"), &[44, 67], &[0.5; 44 * 67]).unwrap();
    let near = ["44x67", "multiples of 8", "40x64 and 48x72"];
    folder.refused("--layer uconv64 --init odd.npy", 2, &near);
    folder.refused("--layer uconv64 --size 44x67", 2, &near);
    folder.refused("predict odd.npy -o x.npy", 2, &near);
}

#[test]
fn pictures_and_arrays() {
    let folder = Folder::new();
    let both = |name: &str, words: &[&str]| {
        let named = [words, &[name]].concat();
        folder.refused(&format!("--layer dconv64 --init {name}"), 1, &named);
        folder.refused(&format!("predict {name} -o x.npy"), 1, &named);
    };
    npy::write(folder.0.path().join("rank1.npy"), &[64], &[0.0; 64]).unwrap();
    npy::write(folder.0.path().join("rank5.npy"), &[1, 8, 8, 1, 1], &[0.0; 64]).unwrap();
    npy::write(folder.0.path().join("nan.npy"), &[8, 8], &[f32::NAN; 64]).unwrap();
    npy::write(folder.0.path().join("none.npy"), &[0, 8, 8], &[]).unwrap();
    both("rank1.npy", &["[64]", "[H,W], [N,H,W] or [N,H,W,C]"]);
    both("rank5.npy", &["[1, 8, 8, 1, 1]", "[H,W]"]);
    both("nan.npy", &["value 0 is NaN", "finite"]);
    both("none.npy", &["no values"]);
    npy::write(folder.0.path().join("good.npy"), &[8, 8], &[0.0; 64]).unwrap();
    let good = fs::read(folder.0.path().join("good.npy")).unwrap();
    let at = good.windows(3).position(|w| w == b"<f4").unwrap();
    folder.file("complex.npy", &[&good[..at], b"<c8", &good[at + 3..], &[0; 4 * 64]].concat());
    both("complex.npy", &["complex numbers", "numpy.abs", "float32"]);
    folder.file("short.npy", &good[..good.len() - 9]);
    both("short.npy", &["cut short: 64 values"]);
    folder.file("empty.npy", b"");
    both("empty.npy", &["is empty"]);
    folder.file("text.npy", b"1 2 3");
    both("text.npy", &["is not an .npy file"]);
    folder.file("text.png", b"hello, I am a picture");
    both("text.png", &["is not an image that is known here", "PNG and JPEG"]);
    folder.file("empty.png", b"");
    both("empty.png", &["is empty"]);
    let png = fs::read(fixture("brain.png")).unwrap();
    folder.file("cut.png", &png[..png.len() / 2]);
    both("cut.png", &["broken"]);
    both("missing.png", &["no such file"]);
    fs::create_dir(folder.0.path().join("folder.png")).unwrap();
    both("folder.png", &["is a folder"]);
}

#[test]
fn results_that_cannot_be_written_are_told_before_computing() {
    let folder = Folder::new();
    folder.file("file", b"x");
    // Were it computed first, this would take hours.
    let long = "--layer uconv64 --steps 1000000";
    folder.refused(&format!("{long} --out file"), 1, &["file", "choose another folder"]);
    folder.refused(&format!("{long} --out file/below"), 1, &["file", "choose another folder"]);
    fs::create_dir_all(folder.0.path().join("taken/uconv64.png")).unwrap();
    folder.refused(&format!("{long} --out taken"), 1, &["taken/uconv64.png", "is a folder"]);
    if cfg!(target_os = "linux") {
        folder.refused(&format!("{long} --out /proc"), 1, &["/proc", "choose another"]);
        folder.refused("predict @/brain.png -o /proc/x.png", 1, &["/proc", "choose another"]);
    }
    folder.refused("predict @/brain.png -o file/x.png", 1, &["file"]);
    folder.refused("predict @/brain.png -o taken/uconv64.png", 1, &["taken/uconv64.png", "is a folder"]);
}

/// Run with no more than 3 GB of address space: memory that was asked for too early would end the program.
#[cfg(target_os = "linux")]
#[test]
fn sizes_that_need_more_memory_than_there_is() {
    let folder = Folder::new();
    npy::write(folder.0.path().join("one.npy"), &[8, 8], &[0.5; 64]).unwrap();
    for (arguments, words) in [
        (
            "--layer uconv64 --size 65536x65536",
            &["65536x65536 pixels", "TiB of memory", "may be taken", "--memory"][..],
        ),
        (
            "--layer uconv64 --size 65536x65536 --backend reference",
            &["65536x65536 pixels", "TiB of memory", "may be taken", "--memory"],
        ),
        (
            "--layer dconv64 --layer uconv64 --size 65536x65536 --count 1 --steps 1",
            &["65536x65536", "GiB", "may be taken"],
        ),
        ("--layer uconv64 --size 8x1000000000000", &["8x1000000000000", "more than any memory"]),
        ("--layer uconv64 --size 4294967296x4294967296", &["4294967296x4294967296", "more than any memory"]),
        ("--layer uconv64 --size 18446744073709551608x8", &["18446744073709551608x8", "more than any memory"]),
        ("--layer uconv64 --size 18446744073709551615x8", &["18446744073709551615x8", "more than any memory"]),
    ] {
        let output = assert_cmd::Command::new("sh")
            .current_dir(folder.0.path())
            .env("RAYON_NUM_THREADS", "2")
            .args(["-c", "ulimit -v 3000000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_unet-lens")])
            .args(["--threads", "2"])
            .args(arguments.split_whitespace())
            .timeout(Duration::from_secs(60))
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments}: {:?} {err}", output.status);
        for word in words {
            assert!(err.contains(word), "{arguments}: '{word}' is not in: {err}");
        }
        assert!(!err.contains("panicked") && !err.contains("out/"), "{arguments}: {err}");
        assert!(!names(folder.0.path()).iter().any(|name| name.ends_with(".png") || name.ends_with(".part")));
    }
}

#[test]
fn figures_too_large_to_draw() {
    let folder = Folder::new();
    let line = "--model @/tiny.h5 --layer down --backend cpu --steps 1";
    let err = folder.refused(&format!("{line} --size 20000x20000"), 1, &["20000x20000"]);
    assert!(err.contains("million pixels") || err.contains("may be taken"), "{err}");
}
