//! The contract of executors and programs (`src/engine/exec/mod.rs`), the same on all three.

mod common;

use std::sync::Arc;
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::exec::{Backend, Executor, Program, open};
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Conv2d, Kernel, Window};
use unet_lens::engine::plan::{Plan, ValueId, ValueKind};
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::{Error, Result};

/// The executors that this machine has; without a GPU it is an error where GPU tests may not be skipped.
fn executors() -> Vec<Box<dyn Executor>> {
    let mut all: Vec<Box<dyn Executor>> =
        [Backend::Reference, Backend::Cpu].map(|backend| open(backend, None, None).unwrap().0).into();
    all.extend(common::gpus().into_iter().map(|gpu| Box::new(gpu) as Box<dyn Executor>));
    all
}

const IMAGE: Shape = Shape::new(2, 4, 4, 1);

struct Net {
    plan: Arc<Plan>,
    image: NodeId,
    /// An input that nothing depends on.
    unused: NodeId,
    hidden: NodeId,
    dx: NodeId,
}

fn net() -> Net {
    let mut g = Graph::new();
    let image = g.input("image", IMAGE).unwrap();
    let unused = g.input("unused", IMAGE).unwrap();
    let weight = g.input("weight", IMAGE.with_c(3)).unwrap();
    let kernel = Kernel::new(3, 3, 1, 3, (0..27).map(|i| (i as f32 - 11.0) / 20.0).collect()).unwrap();
    let hidden = g.conv2d("hidden", image, Conv2d::same(kernel, None)).unwrap();
    let relu = g.relu("relu", hidden).unwrap();
    let weighted = g.mul("weighted", relu, weight).unwrap();
    let pool = g.max_pool("pool", weighted, Window::new(2, 2)).unwrap();
    let loss = g.mean("loss", pool).unwrap();
    let dx = gradient(&mut g, loss, image).unwrap().of_wrt();
    let next = g.step("next", image, dx, 1.0).unwrap();
    Net { plan: Arc::new(Plan::compile(g, &[dx], &[loss], &[(image, next)])), image, unused, hidden, dx }
}

fn values(shape: Shape, seed: usize) -> Tensor {
    Tensor::new(shape, (0..shape.len()).map(|i| ((i * 7 + seed) % 11) as f32 / 5.0 - 1.0).collect())
}

fn refused<T>(what: Result<T>, words: &[&str], executor: &str) {
    match what {
        Err(Error::Usage(message)) => {
            for word in words {
                assert!(message.contains(word), "{executor}: \"{message}\" does not say \"{word}\"");
            }
        }
        Err(other) => panic!("{executor}: {other:?}"),
        Ok(_) => panic!("{executor}: not refused: {words:?}"),
    }
}

#[test]
fn every_executor_keeps_it() {
    for executor in executors() {
        let name = &executor.describe();
        let Net { plan, image, unused, hidden, dx } = net();
        let weight = plan.graph.find("weight").unwrap();
        let mut program = executor.prepare(plan.clone()).unwrap();

        refused(program.run(1), &["image", "written"], name);
        refused(program.write(hidden, &values(IMAGE.with_c(3), 0)), &["hidden", "computed"], name);
        refused(program.write(image, &values(IMAGE.with_n(1), 0)), &["image", "2x4x4x1", "1x4x4x1"], name);
        program.write(image, &values(IMAGE, 0)).unwrap();
        refused(program.run(1), &["weight", "written"], name);
        refused(program.first_traced(), &["weight", "written"], name);
        if !matches!(program.profile(), Err(Error::Device(_))) {
            refused(program.profile(), &["weight", "written"], name);
        }
        program.write(weight, &values(IMAGE.with_c(3), 1)).unwrap();
        refused(program.read(dx), &["d image", "after a run"], name);
        assert_eq!(program.read(image).unwrap(), values(IMAGE, 0), "{name}");

        let first = program.first_traced().unwrap();
        refused(program.read(dx), &["after a run"], name);
        assert_eq!(program.run(2).unwrap()[0][0], first, "{name}: the state had moved");
        program.read(dx).unwrap();
        refused(program.read(hidden), &["hidden", "keep"], name);
        assert_ne!(program.read(image).unwrap(), values(IMAGE, 0), "{name}: the state moves");

        // From the start again, with what nothing depends on written: nothing changes.
        program.write(unused, &values(IMAGE, 5)).unwrap();
        program.write(image, &values(IMAGE, 0)).unwrap();
        assert_eq!(program.run(1).unwrap()[0][0], first, "{name}");
    }
}

#[test]
fn a_plan_that_traces_nothing_has_no_first_traced() {
    for executor in executors() {
        let mut g = Graph::new();
        let x = g.input("x", IMAGE).unwrap();
        let y = g.relu("y", x).unwrap();
        let mut program = executor.prepare(Arc::new(Plan::compile(g, &[y], &[], &[]))).unwrap();
        program.write(x, &values(IMAGE, 0)).unwrap();
        refused(program.first_traced(), &["traces nothing"], &executor.describe());
        assert_eq!(program.run(1).unwrap(), [Vec::<Vec<f32>>::new()]);
    }
}

#[test]
fn a_program_moves_to_another_thread() {
    for executor in executors() {
        let Net { plan, image, .. } = net();
        let weight = plan.graph.find("weight").unwrap();
        let mut program = executor.prepare(plan).unwrap();
        let run = move |mut program: Box<dyn Program>| {
            program.write(image, &values(IMAGE, 0)).unwrap();
            program.write(weight, &values(IMAGE.with_c(3), 1)).unwrap();
            (program.run(1).unwrap(), program)
        };
        let (here, back) = run(program);
        program = back;
        let (there, _) = std::thread::spawn(move || run(program)).join().unwrap();
        assert_eq!(here, there, "{}", executor.describe());
    }
}

/// What is said before loading is what the shapes tell; it grows with the images.
#[test]
fn compiling_tells_sizes_without_weights() {
    for executor in executors() {
        let compiled = executor.compile(net().plan).unwrap();
        let plan = compiled.plan().clone();
        let all = (0..plan.values.len()).map(ValueId);
        let data = all.filter(|&id| plan.value(id).kind == ValueKind::Data);
        for id in data {
            let least = plan.value(id).shape.image_len() * 4;
            assert!(compiled.image_bytes(id) >= least, "{}: {id:?}", executor.describe());
        }
        assert!(compiled.memory().total() > 1000, "{}: {:?}", executor.describe(), compiled.memory());
    }
}
