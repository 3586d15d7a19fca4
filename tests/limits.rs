//! Memory: what a job takes is counted before it is taken. The program runs in an address space that is hardly larger than it may
//! be; one allocation that nobody has counted ends it by a signal, or by a panic, and that is seen here.
#![cfg(target_os = "linux")]

mod common;

use common::{fixture, names};
use std::path::Path;
use std::process::{Command, Output};

/// Runs the program in `folder` with `mib` of address space; `@` is the folder of fixtures.
fn within(folder: &Path, mib: u64, line: &str) -> Output {
    let fixtures = fixture("").display().to_string();
    Command::new("sh")
        .args(["-c", "ulimit -v \"$0\" && exec \"$@\"", &(mib << 10).to_string(), env!("CARGO_BIN_EXE_unet-lens")])
        .args(line.split_whitespace().map(|word| word.replace('@', &fixtures)))
        .current_dir(folder)
        .output()
        .unwrap()
}

/// It refuses with these words, and leaves nothing behind.
fn refused(mib: u64, line: &str, words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let output = within(folder.path(), mib, line);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}: {:?} {err}", output.status);
    words.iter().for_each(|words| assert!(err.contains(words), "{line}: '{words}' is not in: {err}"));
    assert_eq!(names(folder.path()), [""; 0], "{line}");
}

/// It does what it is asked to.
fn done(mib: u64, line: &str) {
    let folder = tempfile::tempdir().unwrap();
    let output = within(folder.path(), mib, line);
    assert!(output.status.success(), "{line}: {:?} {}", output.status, String::from_utf8_lossy(&output.stderr));
}

/// A Fourier matrix of the long side would have 16 and 4000 GB.
#[test]
fn waves_need_no_matrix() {
    let fourier = "--layer dconv64 --count 1 --steps 1 --backend cpu --parameter fourier";
    refused(1500, &format!("{fourier} --size 16x65536 --memory 200MB"), &["of memory", "the limit is", "--memory"]);
    refused(1500, &format!("{fourier} --size 16x1000000 --memory 200MB"), &["of memory", "the limit is"]);
    refused(1500, &format!("{fourier} --size 16x1000000 --memory 200MB --backend reference"), &["of memory"]);
    // What is within the limit is computed: the two matrices alone would have 1 GB.
    done(1200, &format!("{fourier} --size 16x16384 --memory 800MB"));
}

/// A .keras file whose architecture unpacks to 40 MB, which take more than a gigabyte when they are read.
#[test]
fn an_architecture_that_unpacks_to_no_end() {
    let config = format!("[{}0]", "0,".repeat(20_000_000));
    let file = packed(&[("config.json", config.as_bytes()), ("model.weights.h5", b"")]);
    refused(500, &format!("summary --model {}", file.path().display()), &["config.json", "more than 32.0 MiB"]);
}

#[test]
fn weights_that_unpack_to_no_end() {
    let archive = std::fs::read(fixture("keras/unet_k3.keras")).unwrap();
    let config = common::archive::entry(&archive, "config.json");
    let mut weights = common::archive::entry(&archive, "model.weights.h5");
    weights.resize(400_000_000, 0);
    let file = packed(&[("config.json", &config), ("model.weights.h5", &weights)]);
    refused(350, &format!("summary --model {}", file.path().display()), &["model.weights.h5 unpacks to more than"]);
}

/// A compressed dataset is unpacked piece by piece; one in a single piece would be there twice.
#[test]
fn weights_in_one_large_piece() {
    refused(
        350,
        "summary --model @/hostile/one_piece.h5",
        &["layer 'wide'", "pieces of more than 64 MiB", "model.save"],
    );
}

/// The settings of a layer that is used 10,000 times are there once.
#[test]
fn a_layer_that_is_used_very_often() {
    let tensor = |node: usize| {
        let history = if node == 0 { "[\"x\",0,0]".to_string() } else { format!("[\"again\",{},0]", node - 1) };
        format!(
            "{{\"args\":[{{\"class_name\":\"__keras_tensor__\",\"config\":{{\"keras_history\":{history}}}}}],\"kwargs\":{{}}}}"
        )
    };
    const USES: usize = 10_000;
    let nodes: Vec<String> = (0..USES).map(tensor).collect();
    let config = format!(
        "{{\"class_name\":\"Functional\",\"config\":{{\"name\":\"often\",\"layers\":[\
         {{\"class_name\":\"InputLayer\",\"name\":\"x\",\"inbound_nodes\":[],\
         \"config\":{{\"name\":\"x\",\"batch_shape\":[null,4,4,1]}}}},\
         {{\"class_name\":\"ReLU\",\"name\":\"again\",\"inbound_nodes\":[{}],\"config\":{{\"name\":\"again\",\"note\":\"{}\"}}}}],\
         \"input_layers\":[[\"x\",0,0]],\"output_layers\":[[\"again\",{},0]]}}}}",
        nodes.join(","),
        "-".repeat(100_000),
        USES - 1
    );
    let archive = std::fs::read(fixture("keras/unet_k3.keras")).unwrap();
    let weights = common::archive::entry(&archive, "model.weights.h5");
    let file = packed(&[("config.json", config.as_bytes()), ("model.weights.h5", &weights)]);
    done(500, &format!("summary --model {}", file.path().display()));
}

/// A zip archive of these files, compressed.
fn packed(entries: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
    use std::io::Write;
    let file = tempfile::Builder::new().suffix(".keras").tempfile().unwrap();
    let mut archive = zip::ZipWriter::new(file.reopen().unwrap());
    for (name, bytes) in entries {
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
    file
}
