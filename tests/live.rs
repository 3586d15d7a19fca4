//! The living lesson in headless Chromium, with WebGPU on its software adapter: it computes what the engine computes.

#[path = "common/browser.rs"]
mod browser;
mod common;

use assert_cmd::Command;
use browser::{Page, open, open_with_gpu};
use common::{difference, fixture, network};
use serde_json::{Value, from_value};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::{self, Backend};
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::lens::ascent::{Objective, Recipe, climb};
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

#[test]
fn gradients_of_the_built_in_network() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = make(dir.path(), "unet.h5", &[]);
    let bytes = std::fs::metadata(&file).unwrap().len();
    assert!(bytes < 16_000_000, "the page has {bytes} bytes");
    let page = chromium.page(&file, 1400);
    settle(&page);
    let network = network("unet.h5");
    gradients_agree(&page, &network, (32, 32), &BY_ALL);
    gradients_agree(&page, &network, (128, 128), &BY_ALL[..1]);
    page.assert_quiet();
}

/// Networks of other layers live as well.
#[test]
fn gradients_of_other_networks() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    for model in [
        "tiny.h5",
        "keras/unet_k3.keras",
        "keras/layers/attention_gate_k3.keras",
        "keras/layers/conv_groups_k3.keras",
        "keras/layers/conv_stride_3_k3.keras",
        "keras/layers/activation_layers_k3.keras",
    ] {
        println!("{model}");
        let network = network(model);
        let page = chromium.page(&make(dir.path(), model, &[]), 1400);
        settle(&page);
        let size = page.eval("live.model.layers[0].sizes[0].size");
        let [h, w, _]: [usize; 3] = from_value(size).unwrap();
        gradients_agree(&page, &network, (h, w), &BY_ALL);
        page.assert_quiet();
    }
}

/// One step is the engine's own step; Adam's first too.
#[test]
fn a_step() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "unet.h5", &["--size", "32x32"]), 1400);
    settle(&page);
    let network = network("unet.h5");
    let layer = unet::convolution(&network, "uconv128").unwrap();
    let image = image(Shape::new(1, 32, 32, 1));
    let native = |recipe: Recipe| {
        let executor = common::open(Backend::Gpu).unwrap_or_else(|| common::open(Backend::Cpu).unwrap());
        let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
        climb(&*executor, &network, layer, &[3], &image, recipe, &mut watch).unwrap().remove(0)
    };
    let adam = Recipe { optimizer: unet_lens::lens::ascent::Optimizer::Adam, rate: 0.05, ..Recipe::default() };
    for (recipe, name, rate) in [(Recipe::default(), "ascent", 1.0), (adam, "adam", 0.05)] {
        let expected = native(Recipe { steps: 1, ..recipe });
        let values = serde_json::to_string(&image.data).unwrap();
        let found = page.wait(&format!(
            "(async () => {{
                const climb = live.climb_of(live.model, live.model.layers.findIndex(l => l.name === 'uconv128'), 0);
                const program = await live.app.engines.gpu.load(climb, 'fast', 3);
                const recipe = {{ goal: 'mean', optimizer: {name:?}, rate: {rate}, jitter: 0, seed: 0 }};
                const climber = new live.Climber(climb, recipe, Float32Array.from({values}));
                await climber.step(program);
                program.destroy();
                const [{{ loss, rms }}] = climber.steps;
                return [loss, rms, [...climber.image]];
            }})()"
        ));
        let (loss, rms, picture): (f32, f32, Vec<f32>) = from_value(found).unwrap();
        assert!((loss - expected.losses[0]).abs() < 1e-4 * loss.abs(), "{loss} {}", expected.losses[0]);
        assert!((rms - expected.rms[0]).abs() < 1e-4 * rms.abs(), "{rms} {}", expected.rms[0]);
        let (error, at) = difference(&picture, &expected.picture);
        println!("one step of {name}: differs by {error:.1e}");
        // Adam's first step is the gradient's sign wherever it is not zero, which rounding may turn.
        assert!(error < if name == "adam" { 5e-2 } else { 1e-4 }, "{name}: {error:e} at {at}");
    }
    page.assert_quiet();
}

fn said(page: &Page) -> String {
    page.text("#live-said")
}

#[test]
fn everything_can_be_chosen() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 1400);
    settle(&page);
    assert!(page.text("#live-who").contains("WebGPU"), "{}", page.text("#live-who"));
    let loss = || page.eval("live.app.climbers[0].now.loss").as_f64().unwrap();
    let steps = || page.eval("live.app.climbers[0].steps.length").as_u64().unwrap();
    let first = loss();
    page.click("#live-step");
    settle(&page);
    assert!(said(&page).starts_with("Step 1 of 1"), "{}", said(&page));
    assert!(loss() > first, "{} after {first}", loss());
    // Run and pause, by keyboard.
    page.eval("document.getElementById('live-run').focus()");
    page.press("Enter");
    until(&page, "live.app.climbers[0].steps.length > 5");
    page.press("Enter");
    settle(&page);
    let count = steps();
    page.wait("new Promise(done => setTimeout(done, 300))");
    assert_eq!(steps(), count, "it runs on after the pause");
    // The scrubber shows any step again.
    page.eval("document.getElementById('live-scrub').focus()");
    page.press("ArrowLeft");
    settle(&page);
    assert!(said(&page).starts_with(&format!("Step {} of {count}", count - 1)), "{}", said(&page));
    page.click("#live-back");
    settle(&page);
    assert_eq!(steps(), 0);
    assert!((loss() - first).abs() < 1e-6 * first.abs());
    // Every choice makes another climb.
    let sight = || page.eval("[live.app.climbers[0].now.loss, ...live.app.climbers[0].start.slice(0, 60)]");
    let mut seen = vec![sight()];
    for (id, value) in [
        ("filter", "1"),
        ("goal", "square"),
        ("goal", "neuron"),
        ("start", "phantom"),
        ("start", "recorded"),
        ("seed", "7"),
        ("angle", "70"),
        ("layer", "0"),
    ] {
        choose(&page, id, value);
        assert!(!seen.contains(&sight()), "{id} {value} changes nothing");
        seen.push(sight());
    }
    // The recipe's choices change the step.
    let picture = || page.eval("[...live.app.climbers[0].image]");
    let mut pictures = vec![];
    for (id, value) in [("rate", "0.5"), ("optimizer", "adam"), ("jitter", "3")] {
        choose(&page, id, value);
        page.click("#live-back");
        page.click("#live-step");
        settle(&page);
        assert!(!pictures.contains(&picture()), "{id} changes nothing");
        pictures.push(picture());
    }
    // A list by its own keys: they are not the lesson's.
    page.eval("document.getElementById('live-layer').focus()");
    page.press("ArrowRight");
    settle(&page);
    assert_eq!(page.eval("live.app.climb.layer"), "code");
    choose(&page, "two", "1");
    page.click("#live-step");
    settle(&page);
    assert!(said(&page).contains("Second recipe"), "{}", said(&page));
    // All of it is in the address: another page opened with it stands where this one does.
    let address = page.eval("location.hash");
    let hash = address.as_str().unwrap();
    for part in ["filter", "angle", "optimizer", "jitter", "two"] {
        assert!(hash.contains(part), "{part} is not in {hash}");
    }
    let loss_here = page.eval("(live.app.climbers[0].steps[0] ?? live.app.climbers[0].now).loss");
    page.tab.reload(false, None).unwrap().wait_until_navigated().unwrap();
    settle(&page);
    assert_eq!(page.eval("live.app.climbers[0].now.loss"), loss_here);
    page.assert_quiet();
}

#[test]
fn a_photo_a_drawing_and_keys() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 400);
    settle(&page);
    let start = || -> Vec<f64> { from_value(page.eval("[...live.app.climbers[0].start]")).unwrap() };
    // A file of two colours, dropped on the image.
    page.wait(
        "(async () => { const c = new OffscreenCanvas(8, 8), x = c.getContext('2d'); x.fillStyle = '#fff'; x.fillRect(0, 0, 4, 8); \
         x.fillStyle = '#000'; x.fillRect(4, 0, 4, 8); const file = new File([await c.convertToBlob()], 'half.png', { type: 'image/png' }); \
         const data = new DataTransfer(); data.items.add(file); \
         document.getElementById('live-image').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })); })()",
    );
    until(&page, "live.app.choices.start === 'photo'");
    settle(&page);
    let photo = start();
    let (h, w) = (16, 12);
    assert_eq!(photo.len(), h * w);
    assert!(photo[0] > 0.95 && photo[w - 1] < 0.05, "{} {}", photo[0], photo[w - 1]);
    // Drawn by keys: the mark moves, Space leaves ink.
    page.eval("document.getElementById('live-image').focus()");
    page.press("ArrowRight");
    page.press("ArrowDown");
    page.press(" ");
    settle(&page);
    let [row, column]: [usize; 2] = from_value(page.eval("live.app.choices.place")).unwrap();
    assert_eq!([row, column], [h / 4 + 1, w / 4 + 1]);
    assert_eq!(page.eval("document.getElementById('live-start').value"), "drawn");
    assert_eq!(start()[row * w + column], 1.0);
    // And by the pointer.
    let inked = start().iter().filter(|&&v| v > 0.0).count();
    page.click("#live-image");
    settle(&page);
    assert!(start().iter().filter(|&&v| v > 0.0).count() > inked);
    page.assert_fits(400);
    page.assert_fits(1400);
    page.assert_contrast();
    page.assert_quiet();
}

/// The device goes away in the middle: the page says so and goes on.
#[test]
fn the_gpu_is_lost() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 1400);
    settle(&page);
    page.click("#live-step");
    settle(&page);
    page.eval("void live.app.engines.gpu.device.destroy()");
    until(&page, "live.app.engine.kind === 'cpu'");
    settle(&page);
    let who = page.text("#live-who");
    assert!(who.contains("GPU is gone") && who.contains("processor"), "{who}");
    let before = page.eval("live.app.climbers[0].now.loss").as_f64().unwrap();
    page.click("#live-step");
    settle(&page);
    assert!(page.eval("live.app.climbers[0].now.loss").as_f64().unwrap() > before);
    page.assert_quiet();
}

#[test]
fn without_webgpu() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv", "--lang", "es"]), 1400);
    settle(&page);
    let who = page.text("#live-who");
    assert!(who.contains("no tiene WebGPU") && who.contains("procesador"), "{who}");
    page.click("#live-step");
    settle(&page);
    assert!(said(&page).starts_with("Paso 1 de 1"), "{}", said(&page));
    gradients_agree(&page, &network("tiny.h5"), (16, 12), &BY_ALL[2..]);
    let text = page.text("#live");
    for english in [" the ", "The ", "gradient of", "step", "Layer", "before"] {
        assert!(!text.contains(english), "English in the Spanish page: {english:?}");
    }
    page.assert_fits(400);
    page.assert_quiet();
}

/// A web server of a folder: enough of one for a browser. Gives its address.
fn serve(dir: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).unwrap();
            let name = request.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_string();
            let kind = if name.ends_with(".html") { "text/html" } else { "application/octet-stream" };
            let body = std::fs::read(dir.join(&name)).unwrap_or_default();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            // A browser that hangs up early has no bearing on the test.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    address
}

/// As a folder: the page, and the numbers beside it, which it loads once.
#[test]
fn from_a_web_server() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("site");
    let mut command = Command::new(env!("CARGO_BIN_EXE_unet-lens"));
    command
        .args(["explain", "-q", "--layer", "up_conv", "--model"])
        .arg(fixture("tiny.h5"))
        .arg("--live-dir")
        .arg(&folder);
    command.assert().success();
    assert_eq!(common::names(&folder), ["index.html", "numbers.bin"]);
    let address = serve(folder);
    let page = chromium.visit(&format!("{address}/index.html"), &[format!("{address}/numbers.bin")], 1400);
    settle(&page);
    page.click("#live-step");
    settle(&page);
    assert!(said(&page).starts_with("Step 1 of 1"), "{}", said(&page));
    gradients_agree(&page, &network("tiny.h5"), (16, 12), &BY_ALL);
    page.assert_quiet();
}

/// Two hundred starts leave no buffer behind.
#[test]
fn no_buffer_is_left() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 1400);
    settle(&page);
    let counts = page.wait(
        "(async () => {
            let there = 0;
            const create = GPUDevice.prototype.createBuffer, destroy = GPUBuffer.prototype.destroy;
            GPUDevice.prototype.createBuffer = function (...of) { there++; return create.apply(this, of); };
            GPUBuffer.prototype.destroy = function () { there--; return destroy.apply(this); };
            const layer = document.getElementById('live-layer'), counts = [];
            for (let i = 0; i < 200; i++) {
                layer.value = i % 2;
                layer.dispatchEvent(new Event('change'));
                await live.queued();
                if (i % 2) counts.push(there);
            }
            return counts;
        })()",
    );
    let counts: Vec<i64> = from_value(counts).unwrap();
    assert_eq!(counts.len(), 100);
    assert!(counts.iter().all(|&count| count == counts[0]), "{counts:?}");
    page.assert_quiet();
}

/// Values taken apart add up to what the network has there, forward and back; so do the routes of a gradient.
#[test]
fn parts_add_up() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "unet.h5", &["--size", "32x32"]), 1400);
    settle(&page);
    choose(&page, "size", "1");
    assert_eq!(page.eval("live.app.climbers[0].image.length"), 16 * 16);
    choose(&page, "size", "0");
    choose(&page, "inside", "1");
    let count = page.eval("document.querySelectorAll('#live-u button').length").as_u64().unwrap();
    assert!(count > 15, "{count} nodes");
    for node in (1..count).step_by(3) {
        page.eval(&format!("document.querySelectorAll('#live-u button')[{node}].click()"));
        settle(&page);
        for i in 0..page.eval("document.querySelectorAll('#live-close canvas').length").as_u64().unwrap() {
            // The place with the largest value, and one to the right of it.
            let key = ["Enter", "ArrowRight"][(node + i) as usize % 2];
            page.eval(&format!("document.querySelectorAll('#live-close canvas')[{i}].focus()"));
            page.press(key);
            settle(&page);
            let [sum, value]: [f64; 2] =
                from_value(page.eval("(d => [+d.sum, +d.value])(document.getElementById('live-made').dataset)"))
                    .unwrap();
            let what = page.text("#live-made p");
            assert!((sum - value).abs() <= 1e-4 * value.abs().max(1e-4), "{what} {sum} {value}");
        }
    }
    page.click("#live-routes");
    settle(&page);
    let routes =
        page.eval("({ parts: live.routes.parts.length, whole: [...live.routes.whole], sum: [...live.routes.sum] })");
    assert!(routes["parts"].as_u64().unwrap() >= 3);
    let of = |what: &str| -> Vec<f32> { from_value(routes[what].clone()).unwrap() };
    let (error, _) = difference(&of("sum"), &of("whole"));
    assert!(error < 1e-5, "{error:e}");
    // Each part is one: without a route the sum is another.
    assert!(page.eval("live.routes.parts.every(part => part.some(v => v !== 0))").as_bool().unwrap());
    page.assert_fits(400);
    page.assert_fits(1400);
    page.assert_quiet();
}

/// What computes another function keeps a right gradient; what bends the way back does not, and the check says so.
#[test]
fn what_is_broken_is_seen() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "unet.h5", &["--size", "32x32"]), 1400);
    settle(&page);
    let loss = || page.eval("live.app.climbers[0].now.loss").as_f64().unwrap();
    let check = || {
        page.click("#live-check");
        settle(&page);
        page.eval("document.querySelector('#live-checked p').className").as_str().unwrap().to_string()
    };
    let whole = loss();
    assert_eq!(check(), "good");
    let skip = page.eval("document.getElementById('live-skip').options[1].value");
    for (id, value, verdict, same_loss) in [
        ("guided", "1", "bad", true),
        ("scale", "1", "bad", true),
        ("skip", skip.as_str().unwrap(), "good", false),
        ("off", "dconv64/5", "good", false),
    ] {
        choose(&page, id, value);
        assert_eq!(check(), verdict, "{id}");
        assert_eq!((loss() - whole).abs() < 1e-6 * whole.abs(), same_loss, "{id}: {} {whole}", loss());
        choose(&page, id, "");
    }
    assert!((loss() - whole).abs() < 1e-6 * whole.abs());
    page.assert_quiet();
}
