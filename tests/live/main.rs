//! The living lesson in headless Chromium, with WebGPU on its software adapter: it computes what the engine computes.

#[path = "../common/browser.rs"]
mod browser;
#[path = "../common/mod.rs"]
mod common;
mod controls;
mod engines;
mod gradients;
mod inside;
mod play;
mod readme;
mod sent;

use assert_cmd::Command;
use browser::{Page, open, open_with_gpu};
use common::{difference, fixture, network};
use serde_json::{Value, from_value};
use std::path::{Path, PathBuf};
use unet_lens::engine::exec::{self, Backend};
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::lens::ascent::{Objective, Recipe};
use unet_lens::network::{Network, unet};

fn make(dir: &Path, model: &str, args: &[&str]) -> PathBuf {
    let file = dir.join("lesson.html");
    let mut command = Command::new(env!("CARGO_BIN_EXE_unet-lens"));
    command.args(["explain", "-q", "--model"]).arg(fixture(model)).args(args).arg("--live").arg("--html").arg(&file);
    command.assert().success();
    file
}

/// The page is open, and nothing waits.
fn settle(page: &Page) {
    // Until the script has run, the name is the section's.
    until(page, "window.live?.ready");
    page.wait("live.ready.then(() => live.queued())");
    assert_eq!(page.eval("live.error ? String(live.error.stack) : null"), Value::Null);
}

/// Waits for a condition, a minute at most.
fn until(page: &Page, condition: &str) {
    page.wait(&format!(
        "new Promise((done, fail) => {{ const begun = Date.now(), look = () => ({condition}) ? done() : \
         Date.now() - begun > 60000 ? fail(new Error('never')) : setTimeout(look, 50); look(); }})"
    ));
}

/// Chooses something as a reader would.
fn choose(page: &Page, id: &str, value: &str) {
    page.eval(&format!(
        "(e => {{ if (e.type === 'checkbox') e.checked = {value:?} === '1'; else e.value = {value:?}; \
         e.dispatchEvent(new Event('change', {{ bubbles: true }})); }})(document.getElementById('live-{id}'))"
    ));
    settle(page);
}

/// An image without two equal values, the same on every machine.
fn image(shape: Shape) -> Tensor {
    let mut state = 1u64;
    let mut next = || {
        state = state * 16807 % 2_147_483_647;
        (state as f64 / 2_147_483_647.0 * 2.0) as f32
    };
    Tensor::new(shape, (0..shape.len()).map(|_| next()).collect())
}

/// The page's gradient of the mean of a filter, by one of its ways.
fn gradient(page: &Page, engine: &str, plan: &str, layer: &str, filter: usize, image: &Tensor) -> Vec<f32> {
    let Shape { h, w, .. } = image.shape;
    let values = serde_json::to_string(&image.data).unwrap();
    let found = page.wait(&format!(
        "(async () => {{
            const layer = live.model.layers.findIndex(l => l.name === {layer:?});
            const size = live.model.layers[layer].sizes.findIndex(s => s.size[0] === {h} && s.size[1] === {w});
            const climb = live.climb_of(live.model, layer, size);
            const engine = live.engine_{engine} ??= await live.{engine}.open(live.model, () => {{}});
            const program = await engine.load(climb, {plan:?}, {filter});
            const inputs = [[climb.image, Float32Array.from({values})], ...live.goal_inputs(climb, {{ goal: 'mean' }})];
            const {{ values }} = await program.run(inputs, [climb.gradient]);
            program.destroy();
            return [...values.get(climb.gradient)];
        }})()"
    ));
    from_value(found).unwrap()
}

fn of_reference(network: &Network, layer: usize, filter: usize, image: &Tensor) -> Vec<f32> {
    let (executor, _) = exec::open(Backend::Reference, None, None).unwrap();
    let objective = Objective::new(network, layer, &[filter], image.shape, &Recipe::default(), true).unwrap();
    let mut program = executor.prepare(objective.plan.clone()).unwrap();
    program.write(objective.image, image).unwrap();
    program.run(1).unwrap();
    program.read(objective.gradient).unwrap().data
}

/// The first filter from `from` on whose gradient is not zero.
fn alive(network: &Network, layer: usize, from: usize, image: &Tensor) -> Option<(usize, Vec<f32>)> {
    let filters = (from..unet::filters(network, layer)).chain(0..from.min(unet::filters(network, layer)));
    let gradients = filters.take(8).map(|filter| (filter, of_reference(network, layer, filter, image)));
    gradients.into_iter().find(|(_, gradient)| gradient.iter().any(|&g| g != 0.0))
}

/// Every layer of a network at one size, by the GPU's fused plan, the one with all values there, and the worker.
fn gradients_agree(page: &Page, network: &Network, size: (usize, usize), ways: &[(&str, &str, f64)]) {
    let layers = unet::convolutions(network);
    let shape = unet::image_shape(network, &[network.output], Some(size)).unwrap();
    let image = image(shape);
    let mut compared = 0;
    for layer in layers {
        let name = &network.layers[layer].name;
        let Some((filter, expected)) = alive(network, layer, 3, &image) else { continue };
        for &(engine, plan, bound) in ways {
            let (error, at) = difference(&gradient(page, engine, plan, name, filter, &image), &expected);
            println!("{name}, filter {filter}, {size:?} by {engine}, {plan}: differs by {error:.1e}");
            assert!(error < bound, "{name}, filter {filter}, {size:?} by {engine}, {plan}: {error:e} at {at}");
            compared += 1;
        }
    }
    assert!(compared >= ways.len(), "no filter was compared");
}

const BY_ALL: [(&str, &str, f64); 3] = [("Gpu", "fast", 1e-4), ("Gpu", "open", 1e-4), ("Cpu", "open", 1e-5)];

fn said(page: &Page) -> String {
    page.text("#live-said")
}
