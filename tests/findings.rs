//! What is found about filters that are known, and what must hold of any.

mod common;
#[path = "common/measured.rs"]
mod measured;
#[path = "common/planted.rs"]
mod planted;

use measured::{assert_planted, data, found};
use planted::{Planted, conv, gabors, input, of_filters, others};
use unet_lens::Error;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::Backend;
use unet_lens::engine::tensor::Shape;
use unet_lens::findings::{Data, FilterFindings, Proven, Reason, Shuffle, Verdict};
use unet_lens::network::{Activation, Network, unet};
use unet_lens::picture::npy;

const SIDE: usize = 64;

fn planted() -> Vec<Planted> {
    let mut all = gabors(11, [0.12, 0.18, 0.28]);
    all.extend(others(11));
    all
}

#[test]
fn planted_filters_are_found_as_they_are() {
    let planted = planted();
    let network = of_filters(&planted, 11, SIDE, 1, Activation::Relu);
    let found = found(&network, &data(&network, SIDE, 1));
    let filters = &found.layers[0].filters;
    assert_planted(&planted, filters, 1.0);
    assert_eq!(found.kappa, Some(1.0), "two halves of the stimuli");
    let of = |name: &str| &filters[planted.iter().position(|filter| filter.name == name).unwrap()];
    assert_eq!(of("dead by bias").life.proven, Some(Proven::Dead));
    assert_eq!(of("dead by bias").reason, Reason::Dead { proven: true, wakes: false });
    assert_eq!(of("dead on the data alone").life.proven, None);
    assert_eq!(of("on by bias").life.proven, Some(Proven::On));
    assert_eq!(of("on by bias").second, Some(Verdict::Line));
}

#[test]
fn bad_data_are_told_by_name() {
    let network = of_filters(&gabors(5, [0.2, 0.25, 0.3]), 5, 32, 1, Activation::Relu);
    let dir = tempfile::tempdir().unwrap();
    let told = |what: &str| {
        let error = Data::read(&dir.path().join(what), &network, 64).unwrap_err();
        let Error::File { file, problem } = error else { panic!("{error}") };
        format!("{}: {problem}", file.replace(&format!("{}/", dir.path().display()), ""))
    };
    let write = |name: &str, shape: &[usize], value: &dyn Fn(usize) -> f32| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        npy::write(path, shape, &(0..shape.iter().product()).map(value).collect::<Vec<f32>>()).unwrap();
    };
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    assert!(told("empty").starts_with("empty: is a folder without pictures"), "{}", told("empty"));
    write("sizes/a.npy", &[32, 32], &|i| i as f32);
    write("sizes/b.npy", &[16, 32], &|i| i as f32);
    assert!(told("sizes").starts_with("sizes/b.npy: has 16x32 pixels"), "{}", told("sizes"));
    write("one.npy", &[32, 32], &|i| i as f32);
    assert!(told("one.npy").starts_with("one.npy: is one image"), "{}", told("one.npy"));
    write("same.npy", &[3, 32, 32], &|i| (i / 1024) as f32);
    assert!(
        told("same.npy").starts_with("same.npy: holds images that are the same everywhere"),
        "{}",
        told("same.npy")
    );
    write("nan.npy", &[3, 32, 32], &|i| if i == 7 { f32::NAN } else { i as f32 });
    assert_eq!(told("nan.npy"), "nan.npy: value 7 is NaN; all must be finite");
    assert!(told("none.npy").starts_with("none.npy: cannot open it"), "{}", told("none.npy"));
}

#[test]
fn the_first_layers_gratings_are_its_kernels_fourier_transform() {
    use unet_lens::findings::probe::Probe;
    use unet_lens::findings::stimuli::{GREYS, Stimuli, split};
    let network = common::network("unet.h5");
    let layer = unet::convolution(&network, "dconv64").unwrap();
    let unet_lens::network::Kind::Conv2d { conv, .. } = &network.layers[layer].kind else { panic!() };
    let kernel = conv.kernel.values();
    let data = Data::nothing(&network).unwrap();
    let stimuli = Stimuli::new(Shape::new(1, 64, 64, 1), &data, 0);
    let executor = common::open(Backend::Cpu).unwrap();
    let mut probe = Probe::new(&*executor, &network, &[layer], stimuli.shape).unwrap();
    let cancel = Cancel::default();
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
    let mut progress = unet_lens::findings::probe::Progress { watch: &mut watch, shown: 0, total: 1 };
    let at = (31 * 64 + 29) * 64;
    let mut grey = vec![0.0f32; 64];
    probe
        .show(1, &|_| stimuli.grey(GREYS), &mut progress, &mut |_, _, _, r| {
            grey.copy_from_slice(&r.before[at..at + 64])
        })
        .unwrap();
    let mut squares = vec![0.0f64; 96 * 64];
    let mut see = |i: usize, before: &[f32]| {
        for (f, &grey) in grey.iter().enumerate() {
            squares[i / 4 * 64 + f] += (f64::from(before[at + f]) - f64::from(grey)).powi(2);
        }
    };
    probe.show(384, &|i| stimuli.grating(i), &mut progress, &mut |_, _, i, r| see(i, r.before)).unwrap();
    for pattern in 0..96 {
        let (orientation, frequency, _) = split(pattern * 4);
        let angle = std::f64::consts::PI * orientation as f64 / 12.0;
        let frequency = unet_lens::findings::frequencies()[frequency];
        for f in 0..64 {
            let (mut re, mut im) = (0.0, 0.0);
            for tap in 0..9 {
                let across = (tap % 3) as f64 * angle.sin() + (tap / 3) as f64 * angle.cos();
                let (sin, cos) = (2.0 * std::f64::consts::PI * frequency * across).sin_cos();
                re += f64::from(kernel[tap * 64 + f]) * cos;
                im += f64::from(kernel[tap * 64 + f]) * sin;
            }
            // Four phases: the sum of squares is twice the square of the amplitude, which is sqrt(2) deviations of the stimulus.
            let amplitude = (squares[pattern * 64 + f] / 2.0).sqrt() / (data.facts.deviation * 2.0f64.sqrt());
            let expected = re.hypot(im);
            // To 1e-4 of the amplitude itself; of what nearly vanishes, to 1e-5.
            let off = (amplitude - expected).abs();
            assert!(off < 1e-4 * expected.max(0.1), "filter {f}: {amplitude}, not {expected}");
        }
    }
}

#[test]
fn random_images_never_leave_their_bounds() {
    use rand::RngExt;
    use unet_lens::engine::plan::Plan;
    use unet_lens::engine::random::stream;
    use unet_lens::engine::tensor::Tensor;
    use unet_lens::findings::bounds::bounds;
    const BATCH: usize = 100;
    let network = common::network("tiny.h5");
    let layers = unet::convolutions(&network);
    let image = unet::image_shape(&network, &layers, Some((16, 16))).unwrap();
    let executor = common::open(Backend::Cpu).unwrap();
    let built = |n: usize| {
        let mut graph = unet_lens::engine::graph::Graph::new();
        let input = graph.input("image", image.with_n(n)).unwrap();
        unet::graph_of(graph, input, &network, &layers, None).unwrap()
    };
    let one = built(1);
    let (graph, all) = bounds(&one.graph, (-0.5, 1.5)).unwrap();
    let nodes: Vec<_> = layers.iter().filter_map(|&layer| one.layers[layer]).collect();
    let ends: Vec<_> =
        nodes.iter().map(|node| all[node.0].expect("there is a rule for each op of this network")).collect();
    let keep: Vec<_> = ends.iter().flat_map(|&(low, high)| [low, high]).collect();
    let mut program = executor.prepare(Plan::compile(graph, &keep, &[], &[]).into()).unwrap();
    program.run(1).unwrap();
    let limits: Vec<_> =
        ends.iter().map(|&(low, high)| (program.read(low).unwrap(), program.read(high).unwrap())).collect();
    let many = built(BATCH);
    let nodes: Vec<_> = layers.iter().filter_map(|&layer| many.layers[layer]).collect();
    let mut program = executor.prepare(Plan::compile(many.graph.clone(), &nodes, &[], &[]).into()).unwrap();
    let mut nearest = f32::INFINITY;
    for round in 0..100 {
        let mut rng = stream(round, "images", 0);
        let mut values = vec![];
        for n in 0..BATCH {
            // Noise, noise of two values alone, and flat pictures with a little noise.
            let (grey, kind) = (rng.random::<f32>() * 2.0 - 0.5, n % 3);
            values.extend((0..image.image_len()).map(|_| match (kind, rng.random::<f32>()) {
                (0, v) => v * 2.0 - 0.5,
                (1, v) => {
                    if v < 0.5 {
                        -0.5
                    } else {
                        1.5
                    }
                }
                (_, v) => (grey + 0.1 * v).clamp(-0.5, 1.5),
            }));
        }
        program.write(many.image, &Tensor::new(image.with_n(BATCH), values)).unwrap();
        program.run(1).unwrap();
        for (node, (low, high)) in nodes.iter().zip(&limits) {
            let found = program.read(*node).unwrap();
            for n in 0..BATCH {
                for ((v, low), high) in found.image(n).iter().zip(&low.data).zip(&high.data) {
                    assert!(low <= v && v <= high, "{v} is not from {low} to {high}");
                    nearest = nearest.min((v - low).min(high - v) / (high - low).max(1e-20));
                }
            }
        }
    }
    assert!(nearest < 0.45, "bounds so wide say nothing: {nearest}");
}

/// The network for images of another size than its own.
fn resized(mut network: Network, side: usize) -> Network {
    network.layers[0].kind = unet_lens::network::Kind::Input { h: Some(side), w: Some(side), c: 1 };
    network
}

/// All 1,345 filters, on small images: of the taps of each kernel shuffled, and of all weights of a layer.
#[test]
fn shuffled_weights_are_rarely_lines() {
    let network = resized(common::network("unet.h5"), 32);
    for (what, how) in [("taps", Shuffle::Taps), ("all weights", Shuffle::Weights)] {
        let network = unet_lens::findings::shuffled(&network, how, 77, 0).unwrap();
        let found = found(&network, &data(&network, 32, 1));
        let filters: Vec<&FilterFindings> = found.layers.iter().flat_map(|layer| &layer.filters).collect();
        let count = |verdict: Verdict| filters.iter().filter(|filter| filter.verdict == verdict).count();
        for verdict in Verdict::ALL {
            println!("{what}: {verdict} {} of {}", count(verdict), filters.len());
        }
        let lines = count(Verdict::Line);
        assert!(filters.len() == 1345 && 50 * lines <= filters.len(), "{what}: {lines} are lines by chance");
    }
}

/// On every second image a filter is off, on the others it is on: the halves do not agree about it, and kappa says so.
#[test]
fn what_depends_on_the_images_that_are_shown_is_told_by_kappa() {
    let planted = planted();
    let network = of_filters(&planted, 11, SIDE, 1, Activation::Relu);
    let mut data = data(&network, SIDE, 1);
    let chessboard: Vec<f32> = (0..SIDE * SIDE).map(|i| ((i / SIDE + i % SIDE) % 2) as f32).collect();
    data.images.iter_mut().skip(1).step_by(2).for_each(|image| image.clone_from(&chessboard));
    let found = found(&network, &data);
    let sometimes = planted.iter().position(|filter| filter.name == "dead on the data alone").unwrap();
    assert_ne!(found.layers[0].filters[sometimes].verdict, Verdict::Dead);
    let kappa = found.kappa.unwrap();
    assert!(kappa > 0.5 && kappa < 1.0, "{kappa}");
}

/// What a pass takes decides on the size of what is shown, where the network leaves a choice.
#[test]
fn large_networks_are_shown_small_images() {
    use unet_lens::findings::effort::Effort;
    use unet_lens::findings::size::image_shape;
    let of = |side: usize, layers: usize| {
        let kernel = |_: usize, _: usize| vec![0.1; 9];
        let conv =
            |i: usize, inputs: usize| conv(&format!("c{i}"), 3, (inputs, 64), kernel, &[0.0; 64], Activation::Relu, i);
        let mut all = vec![input(side, 1), conv(0, 1)];
        all.extend((1..=layers).map(|i| conv(i, 64)));
        Network { name: "large".to_string(), file: String::new(), output: layers + 1, layers: all, warnings: vec![] }
    };
    let shape = |network: &Network| image_shape(network).unwrap();
    assert_eq!(shape(&of(256, 3)), Shape::new(1, 256, 256, 1), "7.3e9 multiply-accumulates");
    assert_eq!(shape(&of(256, 4)), Shape::new(1, 128, 128, 1), "9.7e9");
    assert_eq!(shape(&of(128, 20)), Shape::new(1, 128, 128, 1), "no smaller");
    let large = of(512, 12);
    let data = Data::nothing(&large).unwrap();
    assert_eq!((data.shape, data.stimuli_shape(&large).unwrap()), (shape(&large), shape(&large)));
    // Of one layer more is drawn than of each of all.
    let drawn = |layers: &[usize]| Effort::of(&large, layers, Some(data.shape)).unwrap().drawn;
    assert!(drawn(&[3]) == 8 && drawn(&unet::convolutions(&large)) < 8);
}

/// A filter that tells red from green and sees nothing else: gratings and noise are grey, and do not move it.
#[test]
fn a_filter_of_colours_is_not_called_what_it_is_not() {
    const SIDE: usize = 32;
    let of_channels = |channels: [f64; 3]| {
        let blurred = planted::gaussian(3, 1.0);
        move |i: usize| blurred.iter().map(|v| v * channels[i]).collect::<Vec<f64>>()
    };
    let (red_green, brightness) = (of_channels([1.0, -1.0, 0.0]), of_channels([0.3, 0.4, 0.3]));
    let kernel = |i: usize, o: usize| if o == 0 { red_green(i) } else { brightness(i) };
    let layers = vec![input(SIDE, 3), conv("colours", 3, (3, 2), kernel, &[0.0, -0.1], Activation::Relu, 0)];
    let network = Network { name: "colours".to_string(), file: String::new(), layers, output: 1, warnings: vec![] };
    let coloured = tempfile::tempdir().unwrap();
    let mut values = vec![];
    for i in 0..8u64 {
        let planes = [0, 1, 2].map(|channel| unet_lens::mri::phantom(channel, i, (SIDE, SIDE)));
        (0..SIDE * SIDE).for_each(|p| values.extend(planes.iter().map(|plane| plane[p])));
    }
    npy::write(coloured.path().join("data.npy"), &[8, SIDE, SIDE, 3], &values).unwrap();
    let cases = [
        (Data::read(&coloured.path().join("data.npy"), &network, 64).unwrap(), true),
        (Data::nothing(&network).unwrap(), true),
        (data(&network, SIDE, 3), false),
    ];
    for (data, has_colours) in cases {
        let found = found(&network, &data);
        let [colour, grey] = [0, 1].map(|filter| &found.layers[0].filters[filter]);
        assert!(colour.tuning.is_none(), "{:?}", colour.tuning);
        match has_colours {
            true => assert_eq!(colour.verdict, Verdict::Unclear, "{}", colour.reason),
            // Off on all that is grey, but for rounding; if it is called dead, it is said that another image wakes it.
            false => assert!(
                matches!(colour.reason, Reason::Unclear { .. } | Reason::Dead { proven: false, wakes: true }),
                "{}",
                colour.reason
            ),
        }
        assert_eq!(grey.verdict, Verdict::Level, "{}", grey.reason);
    }
}

/// Where filters have no seed of their own, one that is off everywhere is dead, and one that is on somewhere is not.
#[test]
fn seeds_can_be_shared() {
    use unet_lens::findings::life::{SHARED, dead_at_shared_seeds};
    use unet_lens::findings::probe::{Probe, Progress};
    let mut planted = gabors(7, [0.2, 0.24, 0.3]);
    planted.extend(others(7));
    let network = of_filters(&planted, 7, 32, 1, Activation::Relu);
    let shape = Shape::new(1, 32, 32, 1);
    let executor = common::open(Backend::Cpu).unwrap();
    let mut probe = Probe::new(&*executor, &network, &[1], shape).unwrap();
    let cancel = Cancel::default();
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
    let mut progress = Progress { watch: &mut watch, shown: 0, total: SHARED };
    let constant = vec![vec![false; planted.len()]];
    let dead = dead_at_shared_seeds(&mut probe, shape, 0, &constant, &mut progress).unwrap();
    for (planted, dead) in planted.iter().zip(&dead[0]) {
        assert_eq!(planted.name == "dead by bias", *dead, "{}", planted.name);
    }
}

/// Networks that Keras wrote, of one channel and of several, with and without an output like their input.
#[test]
fn other_networks_give_findings() {
    for name in ["seq_k3.keras", "unet_k3.keras", "fit_k3.keras", "kernels_k3.h5"] {
        let dir = tempfile::tempdir().unwrap();
        let model = common::fixture(&format!("keras/{name}"));
        let arguments = ["findings", "--images", "2", "--backend", "cpu", "-q", "--out", "f", "--model"];
        common::unet_lens(dir.path()).args(arguments).arg(&model).assert().success();
        let read = |file: &str| std::fs::read_to_string(dir.path().join("f").join(file)).unwrap();
        let network = common::network(&format!("keras/{name}"));
        let all: usize = unet::convolutions(&network).iter().map(|&layer| unet::filters(&network, layer)).sum();
        assert_eq!(read("filters.csv").lines().count(), 1 + all, "{name}");
        assert_eq!(read("claims.json").matches("\"answer\"").count(), 6, "{name}");
        assert!(read("index.html").len() > 10_000, "{name}");
    }
}

#[test]
fn the_same_command_writes_the_same_bytes_whatever_the_threads() {
    let dir = tempfile::tempdir().unwrap();
    let model = common::fixture("tiny.h5");
    let written = |out: &str, threads: &str| {
        let arguments =
            ["findings", "--backend", "cpu", "--images", "8", "-q", "--out", out, "--threads", threads, "--model"];
        common::unet_lens(dir.path()).args(arguments).arg(&model).assert().success();
        std::fs::read(dir.path().join(out).join("filters.csv")).unwrap()
    };
    let first = written("a", "1");
    assert!(first == written("b", "2"));
    assert!(first.starts_with(b"layer,filter,verdict,because"));
}

#[test]
fn why_a_filter_is_dead_is_told_in_a_moment() {
    use unet_lens::findings::{WhyDead, why_dead};
    let planted = others(11);
    let network = of_filters(&planted, 11, SIDE, 1, Activation::Relu);
    let data = data(&network, SIDE, 1);
    let named = |name: &str| planted.iter().position(|filter| filter.name == name).unwrap();
    let filters = ["dead by bias", "dead on the data alone", "a Gaussian"].map(named);
    let executor = common::open(Backend::Cpu).unwrap();
    let why = why_dead(&*executor, &network, 1, &filters, &data).unwrap();
    assert_eq!(why, [WhyDead::Proven, WhyDead::OffOnData, WhyDead::LivesOnData]);
}
