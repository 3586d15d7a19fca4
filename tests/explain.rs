//! The lesson's numbers are the engine's: JSON, page and executor are compared; worked examples against the reference.

mod common;

use assert_cmd::Command;
use common::lesson::{BEYOND, MODELS, OF_A_UNET};
use common::{fixture, network};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::cpu::Cpu;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::exec::{Backend, Executor};
use unet_lens::engine::graph::NodeId;
use unet_lens::engine::plan::Plan;
use unet_lens::lens::ascent::{self, Objective, Recipe};
use unet_lens::lesson::explain::{Explanation, choose, explain, frames, others, source, zeros};
use unet_lens::network::unet;
use unet_lens::numbers::{number, percent};

/// Networks of other layers, each explained at its convolution "last". (No normalisation by mean and variance: what it subtracts
/// cancels, and single precision keeps fewer digits of it than are compared here.)
const OF_LAYERS: [&str; 21] = [
    "activation_functions_k2.keras",
    "attention_gate_k3.keras",
    "conv_dilation_k3.keras",
    "conv_even_k2.keras",
    "conv_stride_3_k3.keras",
    "conv_stride_valid_k2.keras",
    "crop_pad_k3.keras",
    "depthwise_k2.keras",
    "leaky_k3.keras",
    "merge_k3.keras",
    "merge_broadcast_k3.keras",
    "pool_average_k2.keras",
    "pool_average_rest_k3.keras",
    "pool_max_rest_k3.keras",
    "prelu_k2.keras",
    "scalings_k3.keras",
    "shared_k3.keras",
    "softmax_k3.keras",
    "squeeze_excite_k3.keras",
    "transpose_same_k3.keras",
    "upsampling_k3.keras",
];

/// Both.
fn models() -> impl Iterator<Item = (String, &'static str)> {
    let of_layers = OF_LAYERS.iter().map(|file| (format!("keras/layers/{file}"), "last"));
    MODELS.iter().map(|&(model, layer)| (model.to_string(), layer)).chain(of_layers)
}

fn explained(
    executor: &dyn Executor,
    model: &str,
    layer: &str,
) -> (Explanation, Objective, unet_lens::engine::tensor::Tensor) {
    let network = network(model);
    let layer = match layer {
        "" => *unet::convolutions(&network).last().unwrap(),
        name => unet::convolution(&network, name).unwrap(),
    };
    let multiple = unet::size_multiple(&network);
    // The networks of layers are of one size.
    let size = (!model.starts_with("keras/layers")).then_some((4 * multiple.h, 4 * multiple.w));
    let shape = unet::image_shape(&network, &[layer], size).unwrap();
    let start = |filter: usize| ascent::noise(0, &network.layers[layer].name, &[filter], shape, 2.0);
    let (filter, image) = ascent::first_alive(executor, &network, layer, start).unwrap();
    let objective = Objective::new(&network, layer, &[filter], shape, &Recipe::default(), false).unwrap();
    (explain(executor, &network, layer, filter, &image).unwrap(), objective, image)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-4 * a.abs().max(b.abs()) + 1e-12
}

#[test]
fn every_network_explains_itself_truly() {
    every_network_on(&Cpu::new(None, Limit::default()).unwrap());
}

#[test]
fn on_the_gpu_too() {
    if let Some(gpu) = common::open(Backend::Gpu) {
        every_network_on(&*gpu);
    }
}

fn every_network_on(executor: &dyn Executor) {
    for (model, layer) in models() {
        let (e, objective, image) = explained(executor, &model, layer);
        let (graph, plan) = (&objective.plan.graph, &objective.plan);
        assert!(!e.dead, "{model}");
        // Against another executor: the reference computes every node anew.
        let all: Vec<NodeId> = graph.nodes().map(|(id, _)| id).collect();
        let kept = Plan::compile((**graph).clone(), &all, &[], &[]);
        let mut program = Reference::default().prepare(Arc::new(kept)).unwrap();
        program.write(objective.image, &image).unwrap();
        program.run(1).unwrap();
        // Only a rule's gradients of constants, which nobody needs, are left out.
        let needless = |id: NodeId| graph[id].answers.is_some() && plan.steps.iter().all(|s| !s.nodes.contains(&id));
        let shown: Vec<usize> = e.nodes().map(|node| node.id).collect();
        for (id, node) in graph.nodes().filter(|(id, _)| !shown.contains(&id.0)) {
            assert!(
                needless(id) && shown.iter().all(|&y| !graph[NodeId(y)].inputs.contains(&id)),
                "{model}: {}",
                node.name
            );
        }
        for node in e.nodes() {
            let id = NodeId(node.id);
            let data = program.read(id).unwrap().data;
            let rms = (data.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / data.len() as f64).sqrt();
            assert!(near(node.rms, rms), "{model}: RMS of {} is {}, should be {rms}", node.name, node.rms);
            let zeros = zeros(&data);
            assert!((node.zeros - zeros).abs() < 0.01, "{model}: zeros of {}: {} for {zeros}", node.name, node.zeros);
            assert_eq!((&node.name, node.op), (&graph[id].name, graph[id].op.name()));
            assert_eq!(node.answers, graph[id].answers.map(|y| y.0));
            assert!(!node.formula.is_empty(), "{model}: {} has no formula", node.name);
            let has_rule = id <= objective.loss && !matches!(node.op, "input" | "constant" | "fill");
            assert_eq!((!node.rule.is_empty(), node.topic.is_some()), (has_rule, has_rule), "{model}: {}", node.name);
            if let Some(step) = node.step {
                assert!(plan.steps[step].nodes.contains(&id));
            }
        }
        // Gradients that need the past say so, and no others do.
        for node in &e.backward {
            let y = node.answers.map_or("", |y| e.node(y).op);
            let of_product = node.op == "mul" && matches!(y, "mul" | "softmax");
            let asks_forward = graph[NodeId(node.id)]
                .inputs
                .iter()
                .any(|&x| x <= objective.loss && !matches!(graph[x].op.name(), "constant" | "fill"));
            let needs = asks_forward && (of_product || node.op.ends_with("_grad"));
            assert_eq!(node.remembers.is_some(), needs, "{model}: {} ({})", node.name, node.op);
            if let Some(r) = &node.remembers {
                assert!(r.bytes > 0 && r.from < r.until, "{model}: {r:?}");
                assert_eq!(
                    r.kind,
                    match node.op {
                        "relu_grad" => "signs",
                        // Of windows that do not cut all of the image up the winners are looked for again.
                        "max_pool_grad" if e.node(node.answers.unwrap()).topic == Some("max_pool") => "winners",
                        _ => "values",
                    }
                );
            }
        }
        // The streams of a skip are what is added up, and all shares make the whole.
        let sums = e.backward.iter().filter(|node| node.formula == "dx = dx₁ + dx₂").count();
        assert_eq!(e.skips.iter().map(|skip| skip.streams.len() - 1).sum::<usize>(), sums, "{model}");
        for skip in &e.skips {
            let shares: f64 = skip.streams.iter().map(|stream| stream.share.unwrap()).sum();
            assert!((shares - 1.0).abs() < 1e-4, "{model}: shares add up to {shares}");
            let sum = &e.values[&skip.gradient].data;
            for (i, &sum) in sum.iter().enumerate() {
                let parts: f32 = skip.streams.iter().map(|stream| e.values[&stream.gradient].data[i]).sum();
                assert!((parts - sum).abs() <= 1e-5 * sum.abs() + 1e-12);
            }
        }
        // The plan's memory: at each step what lives then, in buffers that never hold two things at once.
        assert_eq!(e.plan.steps.len(), plan.steps.len());
        assert_eq!(e.plan.peak, e.plan.steps.iter().map(|step| step.live).max().unwrap());
        assert!(e.plan.peak <= e.plan.buffers.iter().sum());
        // The networks of layers have two or three channels, of which a GPU stores four.
        assert!(e.plan.peak < e.plan.unplanned || model.starts_with("keras/layers"), "{model}");
        for (i, a) in e.plan.values.iter().enumerate() {
            for b in e.plan.values[..i].iter().filter(|b| b.buffer == a.buffer) {
                assert!(a.until < b.from || b.until < a.from, "{model}: {a:?} and {b:?}");
            }
        }
        // An adapter need not have clocks.
        let clocks = !executor.describe().starts_with("gpu");
        assert!(e.plan.steps.iter().all(|step| step.seconds.map_or(!clocks, |s| s >= 0.0)));
        // What is kept is what gradients ask for, from when it is made until they have read it.
        for r in e.backward.iter().filter_map(|node| node.remembers.as_ref()) {
            let kept = e.kept().into_iter().find(|v| (v.node, v.kind) == (r.of, r.kind));
            let kept = kept.unwrap_or_else(|| panic!("{model}: {r:?} is not kept"));
            assert_eq!((kept.bytes, kept.from, kept.until), (r.bytes, r.from, r.until), "{model}");
            assert!(e.plan.steps[r.until].remembered >= r.bytes, "{model}: {r:?}");
        }
    }
}

/// A sigmoid's own values are kept for its gradient, and the page says so; a sum of gradients remembers nothing.
#[test]
fn the_page_says_what_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let html = dir.path().join("lesson.html");
    let mut seen = vec![];
    for (model, layer) in MODELS {
        let (e, ..) = explained(&Cpu::new(None, Limit::default()).unwrap(), model, layer);
        let run = |more: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_unet-lens"));
            command
                .args([
                    "explain",
                    "--backend",
                    "cpu",
                    "--layer",
                    &e.layer,
                    "--filter",
                    &e.filter.to_string(),
                    "--model",
                ])
                .arg(fixture(model))
                .args(more);
            String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
        };
        run(&["--html", html.to_str().unwrap()]);
        let terminal = run(&[]);
        let page = std::fs::read_to_string(&html).unwrap();
        let memory = page.split_once(r#"<section id="memory">"#).unwrap().1.split_once("</section>").unwrap().0;
        for node in e.backward.iter() {
            if let Some(r) = &node.remembers {
                let row = format!(r#"<th scope="row">{}</th>"#, e.node(r.of).name);
                assert!(memory.contains(&row) && memory.contains(&node.name), "{model}: {} is not listed", node.name);
                seen.push(r.kind);
            }
        }
        let gradients = e.backward.len();
        assert_eq!(terminal.matches("  remembers ").count(), gradients, "{model}: one for each gradient");
    }
    assert!(["signs", "winners", "values"].iter().all(|kind| seen.contains(kind)), "{seen:?}");
}

#[test]
fn frames_are_the_climb() {
    let network = network("tiny.h5");
    let layer = unet::convolution(&network, "up_conv").unwrap();
    let executor = Cpu::new(None, Limit::default()).unwrap();
    let shape = unet::image_shape(&network, &[network.output], None).unwrap();
    let image = ascent::noise(0, "up_conv", &[1], shape, 2.0);
    let frames = frames(&executor, &network, (layer, 1), &image).unwrap();
    let climb = ascent::climb(
        &executor,
        &network,
        layer,
        &[1],
        &image,
        ascent::Recipe::default(),
        &mut Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} },
    );
    let climb = &climb.unwrap()[0];
    assert_eq!(frames.iter().map(|frame| frame.step).collect::<Vec<_>>(), [0, 1, 2, 5, 10, 20]);
    assert!(frames.iter().all(|frame| frame.loss == climb.losses[frame.step]));
    assert_eq!(frames.last().unwrap().image.data, climb.picture);
    assert_eq!(frames[0].image, image);
}

/// The places in the code are there.
#[test]
fn places_are_true() {
    let ops = OF_A_UNET.into_iter().chain(BEYOND).filter(|topic| !topic.contains('-'));
    for op in ops.chain(["pad", "permute", "broadcast", "reciprocal", "rms", "normalise", "step"]) {
        let source = source(op).unwrap_or_else(|| panic!("{op} is nowhere"));
        // A reshape has no loops: nothing moves.
        assert_eq!(source.forward.is_some(), op != "reshape", "{op}");
        assert_eq!(source.rule.is_some(), !["rms", "normalise", "step"].contains(&op), "{op}");
        let places = [source.forward, source.rule, source.gradient];
        assert!(!source.shaders.is_empty(), "{op} has no shader");
        for place in places.into_iter().flatten().chain(source.shaders) {
            let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(place.file)).unwrap();
            assert!(text.lines().nth(place.line - 1).unwrap().contains(&place.text), "{op}: {place:?}");
            // The excerpt is the function from the file, whole: its braces match.
            let lines: Vec<&str> = place.excerpt.lines().collect();
            let own: Vec<&str> = text.lines().map(str::trim).collect();
            assert!(lines.iter().all(|line| own.contains(&line.trim())), "{op}: {place:?}");
            let count = |c: char| place.excerpt.matches(c).count();
            assert_eq!((count('{'), count('(')), (count('}'), count(')')), "{op}: {place:?}");
            assert!(place.excerpt.contains(&place.text) && lines.len() > 2, "{op}: {place:?}");
        }
    }
}

fn page_data(page: &str) -> Value {
    let start = page.find(r#"id="data">"#).unwrap() + r#"id="data">"#.len();
    serde_json::from_str(&page[start..start + page[start..].find("</script>").unwrap()]).unwrap()
}

/// In the terminal, too, the lesson speaks Spanish; what is computed is the same.
#[test]
fn the_terminal_in_spanish() {
    let run = |lang: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unet-lens"));
        command.args(["explain", "--backend", "reference", "--size", "32x32", "--lang", lang]);
        String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
    };
    let (english, spanish) = (run("en"), run("es"));
    let has = |words: &[&str]| {
        words.iter().filter(|word| spanish.contains(**word)).map(|w| w.to_string()).collect::<Vec<_>>()
    };
    let words = [
        "the ",
        "FORWARD",
        "before activation",
        "remembers",
        "nothing",
        "zeros",
        "loss",
        "window",
        "count",
        "signs",
        "scale",
        "winners",
        "memory",
        "next image",
        "direction",
        "of the sum",
        "by way of",
    ];
    assert_eq!(has(&words), Vec::<String>::new(), "{spanish}");
    let words = [
        "VUELTA",
        "antes de la activación",
        "no guarda nada",
        "de la suma",
        "pérdida",
        "ventana",
        "signos de dconv64",
        "ganadores de",
        "imagen siguiente",
        "99.5\u{a0}%",
        "El filtro",
    ];
    assert_eq!(has(&words[..words.len() - 2]).len(), words.len() - 2, "{spanish}");
    assert!(spanish.contains("\u{a0}%") && !spanish.replace("\u{a0}%", "").contains('%'), "{spanish}");
    // The same numbers in the same order.
    let rms = |text: &str| {
        text.split("RMS ")
            .skip(1)
            .map(|rest| rest.split([',', ' ', '\n']).next().unwrap().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(rms(&english), rms(&spanish));
}

/// Without a filter's name one is taken that has something to see, and why is said.
#[test]
fn the_filter_is_chosen_by_measurement() {
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unet-lens"));
        command.args(["explain", "--backend", "cpu"]).args(args);
        String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
    };
    let chosen = run(&[]);
    assert!(chosen.starts_with("model: filter 2 of uconv128"), "{chosen}");
    assert!(chosen.contains("Of 128 filters this is the first with something to see"), "{chosen}");
    let named = run(&["--filter", "0"]);
    assert!(named.starts_with("model: filter 0 of uconv128") && !named.contains("something to see"), "{named}");
    // Filters of the reference's maps: those before have more zeros, this one has not.
    let network = network("unet.h5");
    let layer = unet::convolution(&network, "uconv128").unwrap();
    let shape = unet::image_shape(&network, &[layer], None).unwrap();
    let start = |filter: usize| ascent::noise(0, "uconv128", &[filter], shape, 2.0);
    let cpu = Cpu::new(None, Limit::default()).unwrap();
    let choice = choose(&cpu, &network, layer, start).unwrap();
    let maps = &unet_lens::lens::activations::compute(&cpu, &network, &start(0), &[layer], 128).unwrap()[0].strongest;
    let share = |filter: usize| zeros(&maps.iter().find(|channel| channel.number == filter).unwrap().map);
    assert_eq!((choice.zeros, choice.first_zeros), (share(choice.filter), share(0)));
    assert!(choice.zeros <= 0.5 && (0..choice.filter).all(|filter| share(filter) > 0.5));
    assert_eq!(choice.image, start(choice.filter));
    // A dead filter to look at, whose gradient was computed; and a border.
    let others = others(&cpu, &network, (layer, choice.filter), &choice.image).unwrap();
    let (dead, gradient) = others.dead.unwrap();
    assert!(dead.map.data.iter().chain(&gradient.data).all(|&v| v == 0.0), "{} {}", dead.layer, dead.filter);
    let border = others.border.unwrap();
    assert!(border.border > 3.0 * border.ring && border.filter != choice.filter);
}

/// Everything but the times, which no two runs share.
fn without_times(mut explanation: Value) -> Value {
    for step in explanation["plan"]["steps"].as_array_mut().unwrap() {
        step["seconds"].take();
    }
    explanation
}

#[test]
fn terminal_json_and_page_say_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (html, json) = (dir.path().join("lesson.html"), dir.path().join("lesson.json"));
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unet-lens"));
        command
            .args(["explain", "--model"])
            .arg(fixture("tiny.h5"))
            .args(["--layer", "up_conv", "--backend", "cpu"])
            .args(args)
            .assert()
    };
    let output = run(&["--html", html.to_str().unwrap(), "--json", json.to_str().unwrap()])
        .success()
        .get_output()
        .stdout
        .clone();
    // Beside a page the terminal has its summary and the names of the files, or with -q these alone.
    let short = String::from_utf8(output).unwrap();
    let lines: Vec<&str> = short.lines().collect();
    assert_eq!((lines.len(), &lines[5..]), (7, &[json.to_str().unwrap(), html.to_str().unwrap()][..]), "{short}");
    let output = run(&["-q", "--html", html.to_str().unwrap()]).success().get_output().stdout.clone();
    assert_eq!(String::from_utf8(output).unwrap(), format!("{}\n", html.display()));
    run(&["--html", html.to_str().unwrap(), "--json", json.to_str().unwrap()]).success();
    let terminal = String::from_utf8(run(&[]).success().get_output().stdout.clone()).unwrap();
    let page = std::fs::read_to_string(&html).unwrap();
    let json: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(page_data(&page)["explanation"], json);
    // The same numbers as a run through the library.
    let network = network("tiny.h5");
    let layer = unet::convolution(&network, "up_conv").unwrap();
    let filter = json["filter"].as_u64().unwrap() as usize;
    let image =
        ascent::noise(0, "up_conv", &[filter], unet::image_shape(&network, &[network.output], None).unwrap(), 2.0);
    let e = explain(&Cpu::new(None, Limit::default()).unwrap(), &network, layer, filter, &image).unwrap();
    assert_eq!(without_times(serde_json::from_str(&serde_json::to_string(&e).unwrap()).unwrap()), without_times(json));
    for node in e.nodes() {
        assert!(terminal.contains(&node.name), "{} is not in the terminal", node.name);
        assert!(terminal.contains(&format!("RMS {}", number(node.rms, 3))), "{node:?}");
    }
    for node in e.forward.iter().chain(&e.backward) {
        let rms = number(node.rms, 3);
        let shown = [format!("<dd>{rms}</dd>"), format!("RMS {rms}<")].iter().any(|text| page.contains(text));
        assert!(shown, "{} ({}): the page does not show its RMS {rms}", node.name, node.op);
    }
    // A gradient whose readers each compute the part that they need.
    let in_parts: Vec<_> = e.nodes().filter(|node| e.steps(node).len() > 1).collect();
    assert!(!in_parts.is_empty());
    for node in in_parts {
        let steps: Vec<String> = e.steps(node).iter().map(usize::to_string).collect();
        let parts = e.plan.steps.iter().filter(|step| step.nodes.contains(&node.id) && step.nodes.len() > 1).count();
        assert_eq!(parts, steps.len(), "{}: each step goes on to another node", node.name);
        assert!(terminal.contains(&format!("in parts, steps {}", steps.join(", "))), "{}: {steps:?}", node.name);
        assert!(page.contains(&format!("in parts, in steps {}", steps.join(", "))), "{}: {steps:?}", node.name);
    }
    for skip in &e.skips {
        for stream in &skip.streams {
            let share = format!("{} of the sum", percent(stream.share.unwrap()));
            assert!(terminal.contains(&share) && page.contains(&share), "{share}");
        }
    }
    assert!(!page.contains("http:") && !page.contains("https:"), "the page names another place");
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
}

#[test]
fn bad_input() {
    let run = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_unet-lens")).arg("explain").args(args).assert().get_output().clone()
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("lesson.html");
    for (args, code, says) in [
        (vec!["--layer", "uconv12"], 2, "uconv128"),
        (vec!["--layer", "code"], 2, "no filters"),
        (vec!["--layer", "all"], 2, "final_conv1\n"),
        (vec!["--filter", "128"], 2, "128 filters"),
        (vec!["--size", "100x100"], 2, "96x96"),
        (vec!["--lang", "fr"], 2, "es"),
        (vec!["--init", "nothing.png"], 1, "nothing.png"),
        (vec!["--html", below.to_str().unwrap()], 1, "file"),
    ] {
        let output = run(&args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
        assert!(error.contains(says), "{args:?}: {error}");
        assert!(output.stdout.is_empty());
    }
}
