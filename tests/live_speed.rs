//! How fast the living lesson computes. A binary of its own, so that no other test runs beside it.

#[path = "common/browser.rs"]
mod browser;
mod common;

use assert_cmd::Command;
use browser::open_with_gpu;
use common::fixture;

/// A step of uconv128 at 128x128, on a processor that stands in for a GPU: below 2 seconds on two cores. Told by what the processors
/// have done, the best of three: what else runs on the cores fills their caches and takes turns on their units.
#[test]
fn a_step_takes_below_two_seconds() {
    const CORES: f64 = 2.0;
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("lesson.html");
    let mut command = Command::new(env!("CARGO_BIN_EXE_unet-lens"));
    command.args(["explain", "-q", "--model"]).arg(fixture("unet.h5"));
    command.args(["--layer", "uconv128", "--live", "--html"]).arg(&file).assert().success();
    let page = chromium.page(&file, 1400);
    let settle = || page.wait("live.ready.then(() => live.queued())");
    settle();
    assert_eq!(page.eval("live.app.climb.nodes[live.app.climb.image].shape"), serde_json::json!([128, 128, 1]));
    if chromium.processor_time().is_none() {
        eprintln!("skipped: this system does not tell a process' time");
        return;
    }
    let steps = (0..3).map(|_| {
        let before = chromium.processor_time().unwrap();
        page.click("#live-step");
        settle();
        (chromium.processor_time().unwrap() - before) / CORES
    });
    let times: Vec<f64> = steps.collect();
    println!("a step on {CORES} cores: {times:.2?} s");
    assert!(times.iter().any(|&seconds| seconds < 2.0), "{times:.2?} s");
    assert_eq!(page.eval("live.error ? String(live.error.stack) : null"), serde_json::Value::Null);
    page.assert_quiet();
}
