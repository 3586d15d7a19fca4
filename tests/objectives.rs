//! Every way to climb: gradients against finite differences, and what each choice must do to the result.

mod common;

use common::network;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::reference::{Reference, evaluate};
use unet_lens::engine::exec::{Backend, Executor};
use unet_lens::engine::graph::NodeId;
use unet_lens::engine::tensor::{Shape, Tensor, Tensor64};
use unet_lens::lens::ascent::{
    Climb, Goal, Objective, Optimizer, Parameter, Recipe, Rescue, Starts, Verdict, climb, noise, rescue,
};
use unet_lens::network::{Network, unet};

fn cpu(threads: usize) -> Box<dyn Executor> {
    unet_lens::engine::exec::open(Backend::Cpu, Some(threads), None).unwrap().0
}

fn tiny() -> (Network, usize, Shape) {
    let network = network("tiny.h5");
    let layer = unet::convolutions(&network)[2];
    let image = unet::image_shape(&network, &[network.output], None).unwrap();
    (network, layer, image)
}

fn run(executor: &dyn Executor, filters: &[usize], recipe: Recipe) -> Vec<Climb> {
    let (network, layer, image) = tiny();
    let seeds = noise(0, &network.layers[layer].name, filters, image, 2.0);
    climb(
        executor,
        &network,
        layer,
        filters,
        &seeds,
        recipe,
        &mut Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} },
    )
    .unwrap()
}

/// The recipe with one thing changed, each of them.
fn choices() -> Vec<(&'static str, Recipe)> {
    let recipe = Recipe { steps: 4, ..Recipe::default() };
    vec![
        ("the recipe", recipe),
        ("square", Recipe { goal: Goal::Square, ..recipe }),
        ("negative", Recipe { negative: true, ..recipe }),
        ("neuron", Recipe { neuron: Some((2, 3)), before_relu: true, ..recipe }),
        ("square of a neuron", Recipe { neuron: Some((1, 0)), goal: Goal::Square, before_relu: true, ..recipe }),
        ("before relu", Recipe { before_relu: true, ..recipe }),
        ("tv", Recipe { tv: 3.0, ..recipe }),
        ("l2", Recipe { l2: 2.0, ..recipe }),
        ("tv and l2", Recipe { tv: 0.7, l2: 2.0, ..recipe }),
        ("jitter", Recipe { jitter: 3, ..recipe }),
        ("adam", Recipe { optimizer: Optimizer::Adam, rate: 0.05, ..recipe }),
        ("fourier", Recipe { parameter: Parameter::Fourier, ..recipe }),
        (
            "all at once",
            Recipe {
                goal: Goal::Square,
                negative: true,
                tv: 0.5,
                l2: 0.1,
                jitter: 2,
                optimizer: Optimizer::Adam,
                parameter: Parameter::Fourier,
                ..recipe
            },
        ),
    ]
}

/// What is climbed, in words of the test's own: the goal with its sign, less the regularisers.
fn climbed(objective: &Objective, recipe: &Recipe, inputs: &[(NodeId, &Tensor64)]) -> Vec<f64> {
    let graph = &objective.plan.graph;
    let pixels = graph.find("picture").unwrap_or(objective.image);
    let values = evaluate(graph, inputs, &[objective.loss, pixels]);
    let image = values[1].shape;
    (0..image.n)
        .map(|n| {
            let at = |y: usize, x: usize, c: usize| values[1].get(n, y, x, c);
            let (mut tv, mut l2) = (0.0, 0.0);
            for (y, x, c) in (0..image.image_len()).map(|i| (i / image.c / image.w, i / image.c % image.w, i % image.c))
            {
                l2 += at(y, x, c).powi(2);
                tv += if y + 1 < image.h { (at(y + 1, x, c) - at(y, x, c)).abs() } else { 0.0 };
                tv += if x + 1 < image.w { (at(y, x + 1, c) - at(y, x, c)).abs() } else { 0.0 };
            }
            let goal = if recipe.negative { -values[0].data[n] } else { values[0].data[n] };
            let count = image.image_len() as f64;
            goal - f64::from(recipe.tv) * tv / count - f64::from(recipe.l2) * l2 / count
        })
        .collect()
}

/// All that a graph needs: what is fixed, and the image.
fn inputs<'t>(fixed: &'t [(NodeId, Tensor64)], image: NodeId, start: &'t Tensor64) -> Vec<(NodeId, &'t Tensor64)> {
    fixed.iter().map(|(id, t)| (*id, t)).chain([(image, start)]).collect()
}

#[test]
fn every_gradient_agrees_with_finite_differences() {
    let (network, layer, image) = tiny();
    let filters: Vec<usize> = (0..unet::filters(&network, layer).min(3)).collect();
    for (name, recipe) in choices() {
        let objective = Objective::new(&network, layer, &filters, image, &recipe, true).unwrap();
        let start = Tensor64::from(&noise(0, &network.layers[layer].name, &filters, image, 2.0));
        let fixed: Vec<(NodeId, Tensor64)> =
            objective.fixed.iter().map(|(id, fixed)| (*id, (&fixed.values()).into())).collect();
        let gradient =
            evaluate(&objective.plan.graph, &inputs(&fixed, objective.image, &start), &[objective.gradient]).remove(0);
        let largest = gradient.data.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        assert!(largest > 0.0, "{name}: no gradient, nothing is tested");
        let step = 1e-6;
        let mut kinks = 0;
        for i in (0..start.data.len()).step_by(7) {
            let at = |offset: f64| {
                let mut moved = start.clone();
                moved.data[i] += offset;
                climbed(&objective, &recipe, &inputs(&fixed, objective.image, &moved))[i / image.image_len()]
            };
            let (up, here, down) = (at(step), at(0.0), at(-step));
            // Where a relu or a pool switches between the two points there is no one slope.
            let bend = ((up - here) - (here - down)).abs() / step / largest;
            if bend > 1e-4 {
                kinks += 1;
                continue;
            }
            let difference = (up - down) / (2.0 * step);
            let error = (difference - gradient.data[i]).abs() / largest;
            assert!(error < 1e-6, "{name}: index {i}: finite difference {difference}, backprop {}", gradient.data[i]);
        }
        assert!(kinks * 7 * 10 < start.data.len(), "{name}: {kinks} kinks");
    }
}

#[test]
fn every_executor_climbs_as_the_reference_does() {
    for executor in [Backend::Cpu, Backend::Gpu].into_iter().filter_map(common::open) {
        for (name, recipe) in choices() {
            let expected = run(&Reference::default(), &[0, 1, 2], recipe);
            let got = run(&*executor, &[0, 1, 2], recipe);
            for (expected, got) in expected.iter().zip(&got) {
                let likeness = common::correlation(&got.picture, &expected.picture);
                let on = executor.describe();
                assert!(likeness > 0.999, "{name} on {on}, filter {}: correlation {likeness}", got.filter);
                assert_eq!(got.verdict, expected.verdict, "{name} on {on}");
            }
        }
    }
}

#[test]
fn the_same_bits_on_any_number_of_threads_and_in_any_batch() {
    for (name, recipe) in choices() {
        let together = run(&*cpu(2), &[0, 1, 2, 3, 4], recipe);
        for alone in [1, 4].map(|i| run(&*cpu(1), &[i], recipe).remove(0)) {
            assert_eq!(together[alone.filter], alone, "{name}");
        }
    }
}

#[test]
fn each_choice_does_what_it_says() {
    let long = Recipe { steps: 30, before_relu: true, ..Recipe::default() };
    let alive = |climbs: Vec<Climb>| -> Vec<Climb> {
        let alive: Vec<Climb> = climbs.into_iter().filter(|c| c.verdict == Verdict::Ok).collect();
        assert!(alive.len() >= 2, "too few filters are alive to tell");
        alive
    };
    let all: Vec<usize> = (0..5).collect();
    let plain = alive(run(&Reference::default(), &all, long));
    let grows = |climbs: &[Climb]| climbs.iter().all(|c| c.losses[long.steps] > c.losses[0]);
    assert!(grows(&plain));
    for recipe in [
        Recipe { goal: Goal::Square, ..long },
        Recipe { neuron: Some((3, 3)), before_relu: true, ..long },
        Recipe { optimizer: Optimizer::Adam, rate: 0.05, ..long },
        Recipe { parameter: Parameter::Fourier, ..long },
        Recipe { jitter: 2, ..long },
    ] {
        let climbs = alive(run(&Reference::default(), &all, recipe));
        let ends: Vec<(f32, f32)> = climbs.iter().map(|c| (c.losses[0], c.losses[long.steps])).collect();
        assert!(grows(&climbs), "{recipe:?}: {ends:?}");
    }
    let silenced = alive(run(&Reference::default(), &all, Recipe { negative: true, ..long }));
    assert!(silenced.iter().all(|c| c.losses[long.steps] < c.losses[0]));
    // A regulariser makes smaller what it weighs.
    let image = tiny().2;
    let squares = |c: &Climb| c.picture.iter().map(|v| v * v).sum::<f32>();
    let rough = |c: &Climb| {
        let row = image.w * image.c;
        c.picture.iter().zip(&c.picture[row..]).map(|(a, b)| (a - b).abs()).sum::<f32>()
    };
    let l2 = alive(run(&Reference::default(), &all, Recipe { l2: 10.0, ..long }));
    let tv = alive(run(&Reference::default(), &all, Recipe { tv: 10.0, ..long }));
    for plain in &plain {
        let same = |climbs: &[Climb]| climbs.iter().find(|c| c.filter == plain.filter).unwrap().clone();
        assert!(squares(&same(&l2)) < squares(plain) && rough(&same(&tv)) < rough(plain));
    }
}

/// By hand: Kingma and Ba's algorithm 1, in f64, with the gradients that the graph gives.
#[test]
fn adam_is_adam() {
    let (network, layer, image) = tiny();
    let recipe = Recipe { steps: 5, optimizer: Optimizer::Adam, rate: 0.1, ..Recipe::default() };
    let got = run(&Reference::default(), &[0], recipe).remove(0);
    let objective = Objective::new(&network, layer, &[0], image, &Recipe::default(), true).unwrap();
    let mut x = Tensor64::from(&noise(0, &network.layers[layer].name, &[0], image, 2.0));
    let (mut m, mut v) = (vec![0.0; x.data.len()], vec![0.0; x.data.len()]);
    for t in 1..=5 {
        let g = evaluate(&objective.plan.graph, &[(objective.image, &x)], &[objective.gradient]).remove(0);
        for i in 0..g.data.len() {
            m[i] = 0.9 * m[i] + 0.1 * g.data[i];
            v[i] = 0.999 * v[i] + 0.001 * g.data[i] * g.data[i];
            let (m_hat, v_hat) = (m[i] / (1.0 - 0.9f64.powi(t)), v[i] / (1.0 - 0.999f64.powi(t)));
            x.data[i] += 0.1 * m_hat / (v_hat.sqrt() + 1e-8);
        }
    }
    assert!(got.verdict == Verdict::Ok);
    for (got, expected) in got.picture.iter().zip(&x.data) {
        assert!((f64::from(*got) - expected).abs() < 1e-4, "{got} {expected}");
    }
}

#[test]
fn frames_are_the_start_and_every_step_and_change_nothing() {
    for parameter in [Parameter::Pixel, Parameter::Fourier] {
        let recipe = Recipe { steps: 3, parameter, ..Recipe::default() };
        let without = run(&*cpu(1), &[0, 1], recipe);
        let with = run(&*cpu(1), &[0, 1], Recipe { keep_frames: true, ..recipe });
        for (with, without) in with.iter().zip(&without) {
            assert_eq!(with.frames.len(), 4);
            assert_eq!(with.frames[3], without.picture);
            assert_eq!(with.losses, without.losses);
            let one = run(&*cpu(1), &[with.filter], Recipe { steps: 1, ..recipe }).remove(0);
            assert_eq!(with.frames[1], one.picture);
            assert!(without.frames.is_empty());
        }
    }
}

/// Dead from 8 seeds or alive from one of them, and climbing before the relu if not.
#[test]
fn a_dead_filter_is_rescued_and_says_how() {
    let network = network("unet.h5");
    let layer = unet::convolution(&network, "dconv256").unwrap();
    let name = &network.layers[layer].name;
    let image = unet::image_shape(&network, &[network.output], Some((32, 32))).unwrap();
    let filters: Vec<usize> = (0..24).collect();
    let starts = |seed: u64, filters: &[usize]| Ok(noise(seed, name, filters, image, 2.0));
    let executor = cpu(2);
    let recipe = Recipe { steps: 3, rate: 0.1, ..Recipe::default() };
    let seeds = starts(0, &filters).unwrap();
    let before = climb(
        &*executor,
        &network,
        layer,
        &filters,
        &seeds,
        recipe,
        &mut Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} },
    )
    .unwrap();
    let mut after = before.clone();
    let from = Starts { own: 0, tried: 1..9, of: &starts };
    rescue(
        &*executor,
        &network,
        layer,
        &mut after,
        recipe,
        from,
        &mut Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} },
    )
    .unwrap();
    assert!(before.iter().any(|c| c.verdict == Verdict::Dead) && before.iter().any(|c| c.verdict == Verdict::Ok));
    let mut ways = [0, 0];
    for (before, after) in before.iter().zip(&after) {
        match after.rescued {
            None => assert_eq!(before, after),
            Some(how) => {
                assert_eq!(before.verdict, Verdict::Dead);
                assert_eq!(after.verdict, Verdict::Ok, "steps so short do not throw a filter off");
                let (seed, before_relu) = match how {
                    Rescue::Seed(seed) => (seed, false),
                    Rescue::BeforeRelu => (0, true),
                };
                ways[usize::from(before_relu)] += 1;
                // What the panel says is how to get it.
                let (seeds, recipe) = (starts(seed, &[after.filter]).unwrap(), Recipe { before_relu, ..recipe });
                let again = climb(
                    &*executor,
                    &network,
                    layer,
                    &[after.filter],
                    &seeds,
                    recipe,
                    &mut Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} },
                )
                .unwrap();
                assert_eq!(again[0].picture, after.picture);
            }
        }
    }
    assert!(after.iter().all(|c| c.verdict == Verdict::Ok), "before its relu every filter has a gradient");
    assert!(ways[0] > 0 && ways[1] > 0, "{ways:?}");
}

#[test]
fn a_neuron_outside_of_the_map_is_refused_with_its_range() {
    let (network, layer, image) = tiny();
    let recipe = Recipe { neuron: Some((400, 2)), ..Recipe::default() };
    let error = Objective::new(&network, layer, &[0], image, &recipe, false).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("rows 0 to "), "{error}");
}

#[test]
fn the_fourier_start_is_the_picture_itself() {
    let (network, layer, image) = tiny();
    let climbs = run(
        &Reference::default(),
        &[0],
        Recipe { steps: 1, rate: 0.0, parameter: Parameter::Fourier, ..Recipe::default() },
    );
    let start: Tensor = noise(0, &network.layers[layer].name, &[0], image, 2.0);
    for (a, b) in climbs[0].picture.iter().zip(&start.data) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
}

/// A filter that a step turned off is not called fine, and the best of its steps can be kept.
#[test]
fn a_filter_that_fell_is_said_and_its_best_step_kept() {
    let network = network("unet.h5");
    let layer = unet::convolution(&network, "uconv128").unwrap();
    let shape = unet::image_shape(&network, &[], None).unwrap();
    let filters = [69, 70, 72];
    let seeds = noise(0, "uconv128", &filters, shape, 2.0);
    let gpu = unet_lens::engine::exec::open(Backend::Gpu, None, None).ok().map(|(gpu, _)| gpu);
    for executor in [cpu(2)].into_iter().chain(gpu) {
        let climbs = |recipe: Recipe| {
            let watch = &mut Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
            climb(&*executor, &network, layer, &filters, &seeds, recipe, watch).unwrap()
        };
        let recipe = Recipe { steps: 6, ..Recipe::default() };
        let last = climbs(recipe);
        let fell = &last[1];
        let Verdict::Fell { step } = fell.verdict else { panic!("{}: {:?}", executor.describe(), fell.verdict) };
        assert!(fell.losses[step..].iter().all(|&loss| loss < fell.losses[0]), "{:?}", fell.losses);
        assert_eq!(fell.shown, 6);

        let best = climbs(Recipe { keep_best: true, ..recipe });
        for (best, last) in best.iter().zip(&last) {
            assert_eq!(best.losses, last.losses, "only what is shown is another");
            assert_eq!(best.verdict, last.verdict);
            let highest = best.losses.iter().copied().fold(f32::MIN, f32::max);
            assert_eq!(best.losses[best.shown], highest);
            assert_eq!(best.picture == last.picture, best.shown == 6);
        }
        // The picture is really that of the step: the climb that ends there ends with it.
        for i in 0..filters.len() {
            let shown = best[i].shown;
            let expected = match shown {
                0 => seeds.image(i).to_vec(),
                steps => climbs(Recipe { steps, ..Recipe::default() }).remove(i).picture,
            };
            assert_eq!(best[i].picture, expected, "{}: filter {}", executor.describe(), filters[i]);
        }
    }
}

/// A filter that its steps turn off is climbed with shorter ones, from the same start, and says how short.
#[test]
fn a_filter_that_fell_is_climbed_with_shorter_steps() {
    let network = network("unet.h5");
    let layer = unet::convolution(&network, "uconv128").unwrap();
    let shape = unet::image_shape(&network, &[], None).unwrap();
    let filters = [69, 70, 72];
    let starts = |seed: u64, filters: &[usize]| Ok(noise(seed, "uconv128", filters, shape, 2.0));
    let executor = cpu(2);
    let climbs = |filters: &[usize], recipe: Recipe| {
        let watch = &mut Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
        climb(&*executor, &network, layer, filters, &starts(0, filters).unwrap(), recipe, watch).unwrap()
    };
    let recipe = Recipe { steps: 6, ..Recipe::default() };
    let before = climbs(&filters, recipe);
    let mut after = before.clone();
    let from = Starts { own: 0, tried: 1..1, of: &starts };
    let watch = &mut Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
    rescue(&*executor, &network, layer, &mut after, recipe, from, watch).unwrap();
    assert!(
        matches!(before[1].verdict, Verdict::Fell { .. }) && after[1].verdict == Verdict::Ok,
        "{:?}",
        after[1].verdict
    );
    for (before, after) in before.iter().zip(&after).filter(|(before, _)| before.verdict == Verdict::Ok) {
        assert_eq!(before, after, "what did not fall stays as it is");
    }
    let halved = after[1].halved;
    assert!((1..=6).contains(&halved) && after[1].rescued.is_none());
    // No longer steps would have done, and what the panel says is how to get it.
    for halvings in 1..=halved {
        let rate = recipe.rate * 0.5f32.powi(halvings as i32);
        let again = climbs(&[filters[1]], Recipe { rate, ..recipe }).remove(0);
        assert_eq!(again.verdict == Verdict::Ok, halvings == halved);
        assert!(halvings < halved || (again.picture == after[1].picture && again.losses == after[1].losses));
    }
}

/// A token stops one climb and no other: a program that embeds this one can climb again.
#[test]
fn a_cancelled_climb_stops_and_the_next_one_runs() {
    let network = network("tiny.h5");
    let layer = unet::convolutions(&network)[0];
    let shape = unet::image_shape(&network, &[], None).unwrap();
    let seeds = noise(0, "any", &[0, 1], shape, 2.0);
    let executor = cpu(1);
    let cancel = Cancel::default();
    let mut heard = 0;
    let mut progress = |done: usize, _: usize| {
        heard = done;
        if done > 0 {
            cancel.cancel();
        }
    };
    let recipe = Recipe { steps: 1000, ..Recipe::default() };
    let watch = &mut Watch { cancel: &cancel, progress: &mut progress };
    let stopped = climb(&*executor, &network, layer, &[0, 1], &seeds, recipe, watch);
    assert!(matches!(stopped, Err(unet_lens::Error::Interrupted)), "{stopped:?}");
    assert!(heard > 0 && heard < 2000, "{heard}");
    let watch = &mut Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
    climb(&*executor, &network, layer, &[0, 1], &seeds, Recipe::default(), watch).unwrap();
}
