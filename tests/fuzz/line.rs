//! Command lines: options of the climb with numbers that nobody should write.

use super::fixture;
use super::trial::Outcome;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use std::process::Command;

const OPTIONS: &[&str] = &[
    "--size",
    "--count",
    "--filters",
    "--steps",
    "--step-size",
    "--seed",
    "--noise",
    "--tv",
    "--l2",
    "--jitter",
    "--neuron",
    "--rescue",
    "--memory",
    "--threads",
];
const VALUES: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "7",
    "16",
    "-1",
    "-0",
    "0.5",
    ".5",
    "1.",
    "1e",
    "1e3",
    "1e38",
    "1e39",
    "-1e38",
    "1e-45",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "0x10",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "",
    " ",
    "１",
    "1_000",
    "+1",
    "x",
    "8x8",
    "0x0",
    "16x",
    "x16",
    "1x1",
    "16x4096",
    "65536x65536",
    "18446744073709551615x2",
    "4294967296x4294967296",
    "3,3",
    "0,0",
    "99,99",
    "-1,2",
    "18446744073709551615,0",
    "0-3",
    "3-0",
    "0-18446744073709551615",
    "0-4294967295",
    "1,1,1",
    ",",
    "0-",
    "-",
    "50MB",
    "1e30GB",
    "0.1B",
    "1B",
    "99TB",
    "all",
    "\u{202e}",
];
const FLAGS: &[&str] = &[
    "--parameter fourier",
    "--optimizer adam",
    "--objective square",
    "--negative",
    "--keep-best",
    "--quiet",
    "--npy",
    "--init phantom",
];

/// One argument a line.
pub fn case(rng: &mut ChaCha8Rng) -> String {
    let mut line = match rng.random_range(0..8) {
        0 => "check --layer down --points 2".to_string(),
        _ => "--layer down --steps 2 --count 2".to_string(),
    };
    for _ in 0..rng.random_range(1..4) {
        line += &format!(" {}", FLAGS[rng.random_range(0..FLAGS.len())]);
    }
    let mut arguments: Vec<String> = line.split(' ').map(str::to_string).collect();
    for _ in 0..rng.random_range(1..4) {
        let option = OPTIONS[rng.random_range(0..OPTIONS.len())];
        let value = VALUES[rng.random_range(0..VALUES.len())];
        if let Some(at) = arguments.iter().position(|a| a == option) {
            arguments.drain(at..at + 2);
        }
        arguments.push(format!("{option}={value}"));
    }
    if !arguments.iter().any(|a| a.starts_with("--memory")) {
        arguments.push("--memory=50MB".to_string());
    }
    arguments.join("\n")
}

/// Runs the program; how it ends must be one of the ways that are documented.
pub fn run(arguments: &str, folder: &Path) -> Outcome {
    let output = Command::new("sh")
        .args(["-c", "ulimit -t 10 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_unet-lens")])
        .args(arguments.split('\n'))
        .args(["--backend", "cpu", "--model"])
        .arg(fixture("tiny.h5"))
        .current_dir(folder)
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        matches!(output.status.code(), Some(0..=2)) && !err.contains("panicked"),
        "{:?}: {:?} {err}",
        arguments.replace('\n', " "),
        output.status
    );
    if output.status.success() { Outcome::Computed } else { Outcome::Refused }
}
