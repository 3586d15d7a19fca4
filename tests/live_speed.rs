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

/// While it opens, unpacks the weights and packs the kernels, the page answers its reader: no task of its main thread is longer than a
/// tenth of a second. The best of three, as what else runs takes its turns.
#[test]
fn opening_does_not_stop_the_page() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("lesson.html");
    let mut command = Command::new(env!("CARGO_BIN_EXE_unet-lens"));
    command.args(["explain", "-q", "--model"]).arg(fixture("unet.h5"));
    command.args(["--layer", "uconv128", "--live", "--html"]).arg(&file).assert().success();
    let longest = (0..3).map(|_| {
        let page = chromium.page(&file, 1400);
        page.wait("live.ready.then(() => live.queued())");
        let longest = page.wait(
            "new Promise(done => new PerformanceObserver(list => done(Math.max(...list.getEntries().map(one => one.duration)))) \
             .observe({ type: 'longtask', buffered: true }) ?? setTimeout(() => done(0), 1000))",
        );
        page.assert_quiet();
        page.tab.close(false).unwrap();
        longest.as_f64().unwrap()
    });
    let longest: Vec<f64> = longest.collect();
    println!("the longest tasks, ms: {longest:?}");
    assert!(longest.iter().any(|&ms| ms < 100.0), "{longest:?} ms");
}
