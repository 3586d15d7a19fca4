//! The gradient check itself: it agrees where it should, names kinks, and sees a wrong gradient.

mod common;
#[path = "common/wrapped.rs"]
mod wrapped;

use assert_cmd::Command;
use common::{Expected, fixture, network};
use std::sync::Arc;
use unet_lens::engine::exec::cpu::Cpu;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::reference::{Reference, evaluate};
use unet_lens::engine::exec::{Backend, Executor};
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::Op;
use unet_lens::engine::tensor::{Tensor, Tensor64};
use unet_lens::lens::ascent::{self, Objective, Recipe};
use unet_lens::lesson::check::{Check, Checker, Direction, TOLERANCE_F32, TOLERANCE_F64, check, pixel, verdict};
use unet_lens::network::unet;
use wrapped::{Besides, wrapped};

fn check_on(executor: &dyn Executor, model: &str, layer: &str, tolerance: f64) -> Check {
    let network = network(model);
    let layer = unet::convolution(&network, layer).unwrap();
    let shape = unet::image_shape(&network, &[network.output], Some((16, 24))).unwrap();
    let start = |filter: usize| ascent::noise(3, &network.layers[layer].name, &[filter], shape, 2.0);
    let (filter, image) = ascent::first_alive(executor, &network, layer, start).unwrap();
    check(executor, &network, (layer, filter), &image, (12, 1), tolerance, &mut |_| {}).unwrap()
}

#[test]
fn both_agree_with_differences() {
    for layer in ["down", "code", "up_conv", "final"] {
        for (executor, tolerance) in [
            (&Reference::default() as &dyn Executor, TOLERANCE_F64),
            (&Cpu::new(None, Limit::default()).unwrap(), TOLERANCE_F32),
        ] {
            let check = check_on(executor, "tiny.h5", layer, tolerance);
            assert!(!check.dead && check.points.len() == 12);
            assert!(check.agrees(), "{layer} on {}: {check:?}", executor.describe());
            assert!(check.points.iter().any(|point| point.backprop.abs() > 1e-4), "{check:?}");
        }
    }
    let check = check_on(&Cpu::new(None, Limit::default()).unwrap(), "unet.h5", "uconv128", TOLERANCE_F32);
    assert!(check.agrees(), "{check:?}");
}

#[test]
fn on_the_gpu_too() {
    let Some(gpu) = common::open(Backend::Gpu) else { return };
    for (model, layer) in [
        ("tiny.h5", "down"),
        ("tiny.h5", "up_conv"),
        ("tiny.h5", "final"),
        ("keras/unet_k3.keras", "up_conv"),
        ("unet.h5", "uconv128"),
    ] {
        let check = check_on(&*gpu, model, layer, TOLERANCE_F32);
        assert!(!check.dead && check.agrees(), "{model}, {layer}: {check:?}");
    }
}

/// Backprop that is wrong by 1%.
#[derive(Clone)]
struct Wrong;

impl Besides for Wrong {
    fn read(&mut self, _: &Graph, _: NodeId, values: &mut Tensor) {
        values.data.iter_mut().for_each(|v| *v *= 1.01);
    }
}

#[test]
fn a_wrong_gradient_is_seen() {
    let check = check_on(&wrapped(Arc::new(Reference::default()), Wrong), "tiny.h5", "up_conv", TOLERANCE_F32);
    assert!(check.worst() > 5e-3 && !check.agrees(), "{check:?}");
    let error = verdict(&[check]).unwrap_err();
    assert_eq!(error.exit_code(), 1);
    assert!(error.to_string().contains("up_conv"), "{error}");
}

/// In the fixtures' seed the two largest values of one window of the first max pool differ by about 1e-7: moving a pixel
/// under it makes the maximum change hands (see `tests/parity.rs`).
#[test]
fn the_kink_in_the_fixtures_seed_is_named() {
    let (network, seed) = (network("unet.h5"), Expected::open("reference.h5").tensor("seed"));
    let layer = unet::convolution(&network, "dconv128").unwrap();
    let executor = Cpu::new(None, Limit::default()).unwrap();
    let (filter, _) = ascent::first_alive(&executor, &network, layer, |_| seed.clone()).unwrap();
    let objective = Objective::new(&network, layer, &[filter], seed.shape, &Recipe::default(), true).unwrap();
    let graph = &objective.plan.graph;
    let (_, pool) = graph.nodes().find(|(_, node)| matches!(node.op, Op::MaxPool(_))).unwrap();
    let x = evaluate(graph, &[(objective.image, &Tensor64::from(&seed))], &[pool.inputs[0]]).remove(0);
    let mut nearest = (f64::INFINITY, 0, 0);
    for r in 0..pool.shape.h {
        for s in 0..pool.shape.w {
            for c in 0..pool.shape.c {
                let mut window = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(i, j)| x.get(0, 2 * r + i, 2 * s + j, c));
                window.sort_by(f64::total_cmp);
                // Where a relu is off all four are equal: no gradient comes through, whoever wins.
                if window[3] > window[2] && window[3] - window[2] < nearest.0 {
                    nearest = (window[3] - window[2], 2 * r, 2 * s);
                }
            }
        }
    }
    let (gap, row, column) = nearest;
    assert!(gap < 2e-7, "the closest call is {gap:e}");
    let checker = Checker::new(&executor, &objective, &seed).unwrap();
    let at = seed.shape.at(0, row, column, 0);
    let point = checker.point(Direction::Pixel { row, column, channel: 0 }, &pixel(&seed, at));
    assert!(point.kinks.iter().any(|kink| kink.node == pool.name && kink.op == "max_pool"), "{point:?}");
}

#[test]
fn on_the_command_line() {
    let tiny = fixture("tiny.h5");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unet-lens"));
        command.arg("check").arg("--model").arg(&tiny).args(args).assert()
    };
    let output = run(&["--points", "6", "--layer", "up_conv"]).success().get_output().stdout.clone();
    let text = String::from_utf8(output).unwrap();
    assert!(text.contains("max_pool") && text.contains("up_conv: 6 of 6 points agree to 1e-3"), "{text}");
    let output = run(&["--backend", "reference", "-q"]).success().get_output().stdout.clone();
    let text = String::from_utf8(output).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("agree to 1e-6")).count(), 4, "{text}");
    let output = run(&["--points", "4", "--layer", "up_conv", "--filter", "2"]).success().get_output().stdout.clone();
    let text = String::from_utf8(output).unwrap();
    assert!(text.starts_with("up_conv, filter 2: ") && text.contains("up_conv: "), "{text}");
    let output = run(&["--layer", "up_conv", "--filter", "99"]).code(2).get_output().stderr.clone();
    assert!(String::from_utf8_lossy(&output).contains("--filter 99: up_conv has "), "{output:?}");
    // Of all layers one has too few.
    let output = run(&["--filter", "1"]).code(2).get_output().stderr.clone();
    assert!(String::from_utf8_lossy(&output).contains("--filter 1: final has 1 filter"), "{output:?}");
    run(&["--layer", "nope"]).code(2);
    run(&["--points", "0"]).code(2);
    run(&["--size", "15x12"]).code(2);
}
