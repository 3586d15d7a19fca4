//! Files that strangers made, by the thousand: models, pictures, arrays of numbers, and the numbers of the command line, each
//! changed at random from one that is right. Whatever it is, it must be taken or refused in words: no panic, no signal, not more
//! than 1 GiB of address space, not more than a second.
//!
//! Every case is a function of its number. They run in children of this program, batch by batch ([`batches`]); when a child dies,
//! the number that it wrote down last tells which case killed it, and that case is kept in `tests/corpus`, which is tried again
//! with every run of the tests.
//!
//! `FUZZ_CASES=1000000 cargo test --release --test fuzz` is the long run: a million models, and a tenth of that of pictures and of
//! arrays. `FUZZ_START` is the number of the first case, where not the same again is wanted.
#![cfg(target_os = "linux")]

#[path = "../common/archive.rs"]
mod archive;
mod arrays;
mod batches;
mod bytes;
mod hdf5;
mod json;
mod line;
mod models;
mod pictures;
mod trial;

use std::path::{Path, PathBuf};
use trial::Target;

/// Models that are tried where nobody says how many.
const FEW: u64 = 4000;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: not a number")))
}

/// One in so many of the cases that are asked for.
fn run(target: Target, one_in: u64) {
    let cases = number("FUZZ_CASES").unwrap_or(FEW) / one_in;
    let start = number("FUZZ_START").unwrap_or(0);
    batches::run(target, start..start + cases);
}

#[test]
fn models() {
    run(Target::Models, 1);
}

#[test]
fn pictures() {
    run(Target::Pictures, 10);
}

#[test]
fn arrays_of_numbers() {
    run(Target::Arrays, 10);
}

/// Whole runs of the program take longer.
#[test]
fn numbers_of_the_command_line() {
    run(Target::Lines, 100);
}

/// What once failed.
#[test]
fn corpus() {
    let kept = trial::corpus();
    batches::run(Target::Corpus, 0..kept.len() as u64);
}

/// Not a test: what the children do.
#[test]
fn child() {
    if let Ok(order) = std::env::var(batches::ORDER) {
        batches::child(&order);
    }
}
