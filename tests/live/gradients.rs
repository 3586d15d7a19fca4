//! What it computes is what the engine computes: gradients, and a step.

use super::*;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::lens::ascent::climb;

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
    // As on a GPU, which takes a convolution's tiles by more threads.
    page.eval("void (live.engine_Gpu.is_software = false)");
    gradients_agree(&page, &network, (32, 32), &BY_ALL[..1]);
    page.assert_quiet();
}

/// The browser's own compiler of WGSL takes every shader, those as well that the page does without.
#[test]
fn tint_accepts_every_shader() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    // What stands in front of others, or behind them.
    let parts = ["prelude.wgsl", "functions.wgsl", "conv2d_params.wgsl", "conv2d_few_threads.wgsl"];
    let mut names: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !parts.contains(&name.as_str()));
    names.sort();
    assert!(names.len() > 18, "{names:?}");
    let page = chromium.page(&make(dir.path(), "tiny.h5", &[]), 1400);
    settle(&page);
    for name in names {
        let files = match name.as_str() {
            "conv2d.wgsl" => vec![parts[0], parts[2], &name, parts[3]],
            "conv2d_subgroup.wgsl" => vec![parts[0], parts[2], &name],
            "same.wgsl" | "unpool.wgsl" | "winograd.wgsl" => vec![parts[0], &name],
            "pointwise.wgsl" | "sum.wgsl" => vec![parts[1], &name],
            _ => vec![name.as_str()],
        };
        let enabled = if name.contains("subgroup") { "enable subgroups;\n" } else { "" };
        let whole = enabled.to_string() + &files.into_iter().map(text).collect::<String>();
        let code = serde_json::to_string(&whole).unwrap();
        let said = page.wait(&format!(
            "(async () => {{
                const adapter = await navigator.gpu.requestAdapter();
                const device = await adapter.requestDevice({{ requiredFeatures: ['subgroups'] }});
                device.onuncapturederror = event => event.preventDefault();
                const {{ messages }} = await device.createShaderModule({{ code: {code} }}).getCompilationInfo();
                device.destroy();
                return messages.map(one => `${{one.type}} in line ${{one.lineNum}}: ${{one.message}}`);
            }})()"
        ));
        assert_eq!(said, serde_json::json!([]), "{name}");
    }
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
