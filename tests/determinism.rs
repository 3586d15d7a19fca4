//! The same command gives the same bytes: with one thread and with several, alone and in a batch, run after run.

mod common;

use common::{names, npy, unet_lens};
use std::collections::BTreeMap;
use std::fs;

/// Every file that a run writes, and what it prints.
fn run(line: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let arguments = line.split_whitespace().chain(["--npy"]);
    let output = unet_lens(folder.path()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let mut all: BTreeMap<_, _> = names(folder.path())
        .into_iter()
        .map(|name| (name.clone(), fs::read(folder.path().join(name)).unwrap()))
        .collect();
    assert!(!all.is_empty());
    all.insert("stdout".to_string(), output.stdout);
    all
}

fn assert_same(a: &BTreeMap<String, Vec<u8>>, b: &BTreeMap<String, Vec<u8>>, what: &str) {
    assert!(a.keys().eq(b.keys()), "{what}");
    for (name, bytes) in a {
        assert!(*bytes == b[name], "{what}: {name} differs");
    }
}

/// A layer at each depth, on the way down and up, with 3x3 and 1x1 kernels.
const LAYERS: &str = "--layer dconv64 --layer conv512 --layer uconv128 --layer uconv64 --layer final_conv1";

#[test]
fn with_any_number_of_threads_and_run_after_run() {
    let line = format!("{LAYERS} --size 24x40 --steps 3 --count 6 --backend cpu");
    let first = run(&format!("{line} --threads 1"));
    for threads in [2, 3, 1] {
        assert_same(&first, &run(&format!("{line} --threads {threads}")), &format!("{threads} threads"));
    }
}

#[test]
fn the_network_of_its_own_size() {
    let line = "--layer uconv64 --steps 1 --backend cpu --count 5";
    assert_same(&run(&format!("{line} --threads 1")), &run(&format!("{line} --threads 2")), "uconv64");
}

#[test]
fn on_the_reference() {
    let line = "--layer dconv128 --size 16x24 --steps 3 --count 3 --backend reference";
    assert_same(&run(&format!("{line} --threads 1")), &run(&format!("{line} --threads 2")), "reference");
}

#[test]
fn a_filter_alone_and_among_sixteen() {
    for (layer, rest) in [("uconv64", "--size 24x40"), ("conv512", "--size 64x48")] {
        let line = format!("--layer {layer} {rest} --steps 3 --backend cpu");
        let files = run(&line);
        let csv = String::from_utf8(files[&format!("out/{layer}.csv")].clone()).unwrap();
        let rows: Vec<&str> = csv.lines().skip(1).collect();
        assert_eq!(rows.len(), 16);
        let header = 128;
        let picture = (files[&format!("out/{layer}.npy")].len() - header) / 16;
        for i in [0, 3, 4, 15] {
            let filter = rows[i].split(',').next().unwrap();
            let alone = run(&format!("{line} --filters {filter}"));
            let row = String::from_utf8(alone[&format!("out/{layer}.csv")].clone()).unwrap();
            assert_eq!(row.lines().nth(1), Some(rows[i]), "{layer}, filter {filter}");
            let (all, one) = (&files[&format!("out/{layer}.npy")], &alone[&format!("out/{layer}.npy")]);
            assert!(
                all[header + i * picture..header + (i + 1) * picture] == one[header..],
                "{layer}, filter {filter}: the picture differs"
            );
        }
    }
}

#[test]
fn noise_depends_on_seed_layer_and_filter_alone() {
    let folder = tempfile::tempdir().unwrap();
    // With a step size of 0 the picture stays what it was in the beginning.
    let start = |line: &str, layer: &str| {
        let arguments =
            line.split_whitespace().chain(["--layer", layer, "--step-size", "0", "--npy", "--size", "16x16"]);
        unet_lens(folder.path()).args(arguments).assert().success();
        npy(&folder.path().join(format!("out/{layer}.npy"))).1
    };
    let first = start("--filters 5", "dconv128");
    for same in ["--filters 5 --steps 3", "--filters 5 --threads 1", "--filters 5 --backend reference --steps 1"] {
        assert_eq!(first, start(same, "dconv128"), "{same}");
    }
    assert_eq!(first, start("--filters 7,5,1 --steps 1", "dconv128")[256..512]);
    let doubled: Vec<f32> = first.iter().map(|v| v * 2.0).collect();
    assert_eq!(doubled, start("--filters 5 --noise 4 --steps 1", "dconv128"));
    assert_ne!(first, start("--filters 5 --seed 1 --steps 1", "dconv128"));
    assert_ne!(first, start("--filters 6 --steps 1", "dconv128"));
    assert_ne!(first, start("--filters 5 --steps 1", "dconv256"));
}
