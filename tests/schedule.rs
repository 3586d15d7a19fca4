//! The order of a plan's steps: found from what each reads and writes, side values alike.

mod common;

use common::difference;
use std::sync::Arc;
use unet_lens::engine::exec::cpu::Cpu;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::exec::{Backend, Executor, open};
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::plan::{Placement, Plan};
use unet_lens::engine::tensor::{Shape, Tensor};

const SHAPE: Shape = Shape::new(1, 3, 3, 9);

fn values(seed: usize) -> Tensor {
    Tensor::new(SHAPE, (0..SHAPE.len()).map(|i| ((i * 31 + seed * 17) % 23) as f32 / 9.0 - 1.2).collect())
}

fn batch_norm(g: &mut Graph, name: &str, x: NodeId) -> NodeId {
    let scale: Arc<[f64]> = (0..9).map(|c| 0.5 + f64::from(c) / 4.0).collect();
    let shift: Arc<[f64]> = (0..9).map(|c| f64::from(c) / 8.0 - 0.5).collect();
    g.batch_norm(name, x, scale, shift).unwrap()
}

/// Every executor computes what the reference does.
fn agrees(g: &Graph, inputs: &[NodeId], keep: &[NodeId]) {
    let plan = Arc::new(Plan::compile(g.clone(), keep, &[], &[]));
    let run = |executor: &dyn Executor| -> Vec<Tensor> {
        let mut program = executor.prepare(plan.clone()).unwrap();
        inputs.iter().enumerate().for_each(|(i, &x)| program.write(x, &values(i)).unwrap());
        program.run(1).unwrap();
        // A second run: what an earlier one left behind must not matter.
        inputs.iter().enumerate().for_each(|(i, &x)| program.write(x, &values(i + 5)).unwrap());
        program.run(1).unwrap();
        keep.iter().map(|&id| program.read(id).unwrap()).collect()
    };
    let expected = run(&Reference::default());
    let mut executors: Vec<Box<dyn Executor>> = vec![Box::new(Cpu::new(None, Limit::default()).unwrap())];
    executors.extend(open(Backend::Gpu, None, None).ok().map(|(gpu, _)| gpu));
    for executor in executors {
        for (got, expected) in run(&*executor).iter().zip(&expected) {
            let (error, at) = difference(&got.data, &expected.data);
            assert!(error < 1e-6, "{}: [{at}] {} {}\n{plan}", executor.describe(), got.data[at], expected.data[at]);
        }
    }
}

/// The batch_norm may join the relu's step only if that still runs before the gradient that reads the relu's signs.
#[test]
fn signs_are_written_before_they_are_read() {
    let mut g = Graph::new();
    let (x, dy) = (g.input("x", SHAPE).unwrap(), g.input("dy", SHAPE).unwrap());
    let r = g.relu("r", x).unwrap();
    let gate = g.relu_grad("g", dy, r).unwrap();
    let b = batch_norm(&mut g, "b", r);
    agrees(&g, &[x, dy], &[gate, b]);
}

/// What is added waits for the very signs that the step would write.
#[test]
fn a_step_never_waits_for_itself() {
    let mut g = Graph::new();
    let (x, dy) = (g.input("x", SHAPE).unwrap(), g.input("dy", SHAPE).unwrap());
    let r = g.relu("r", x).unwrap();
    let gate = g.relu_grad("g", dy, r).unwrap();
    let own = g.relu_grad("own", r, r).unwrap();
    let b = batch_norm(&mut g, "b", own);
    let sum = g.add("sum", b, gate).unwrap();
    agrees(&g, &[x, dy], &[sum]);
}

/// Two steps that would each need what the other leaves behind: a, if it joined r, the signs of s; b, if it joined s, those of r.
#[test]
fn two_steps_never_wait_for_each_other() {
    for turned in [false, true] {
        let mut g = Graph::new();
        let (x, y) = (g.input("x", SHAPE).unwrap(), g.input("y", SHAPE).unwrap());
        let r = g.relu("r", x).unwrap();
        let s = g.relu("s", y).unwrap();
        let (gate_of_r, gate_of_s) = (g.relu_grad("of r", y, r).unwrap(), g.relu_grad("of s", x, s).unwrap());
        let (first, second) = if turned { (s, r) } else { (r, s) };
        let (of_first, of_second) = if turned { (gate_of_s, gate_of_r) } else { (gate_of_r, gate_of_s) };
        let a = g.add("a", first, of_second).unwrap();
        let b = g.add("b", second, of_first).unwrap();
        agrees(&g, &[x, y], &[a, b]);
    }
}

/// The invariants are really looked at.
#[test]
fn what_is_wrong_is_seen() {
    let mut g = Graph::new();
    let (x, dy) = (g.input("x", SHAPE).unwrap(), g.input("dy", SHAPE).unwrap());
    let r = g.relu("r", x).unwrap();
    let gate = g.relu_grad("g", dy, r).unwrap();
    let b = batch_norm(&mut g, "b", gate);
    let doubled = g.add("doubled", b, b).unwrap();
    let plan = Plan::compile(g, &[r, doubled], &[], &[]);
    plan.check().unwrap();
    assert!(plan.steps.len() >= 2, "{plan}");

    let mut wrong = plan.clone();
    wrong.steps.reverse();
    let why = wrong.check().unwrap_err();
    assert!(why.contains("before it is written"), "{why}");

    let mut wrong = plan.clone();
    let again = wrong.steps[0].clone();
    wrong.steps.push(again);
    let why = wrong.check().unwrap_err();
    assert!(why.contains("already"), "{why}");

    let mut wrong = plan.clone();
    wrong.steps.pop();
    let why = wrong.check().unwrap_err();
    assert!(why.contains("doubled") && why.contains("never written"), "{why}");

    let all_in_one = Placement { buffer_of: vec![0; plan.values.len()], sizes: vec![1] };
    let why = plan.check_placement(&all_in_one).unwrap_err();
    assert!(why.contains("share buffer 0"), "{why}");
    plan.check_placement(&plan.place(|_| 1)).unwrap();
}
