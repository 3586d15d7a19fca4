//! The lesson's worked examples: against differences and by hand.

mod common;

use common::lesson::{BEYOND, MODELS, OF_A_UNET};
use common::{fixture, network};
use unet_lens::lesson::explain::{exercises, worked_for};
use unet_lens::network::unet;
use unet_lens::page::strings::Lang;

/// Examples of all ops in the networks of the fixtures, and the ops that the lesson speaks of.
#[test]
fn worked_examples_are_gradients() {
    let mut seen = vec![];
    let folder = std::fs::read_dir(fixture("keras/layers")).unwrap();
    let files = folder.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = files.filter(|file| !file.contains("expected") && !file.contains("lambda")).collect();
    files.sort();
    assert!(files.len() > 80, "{files:?}");
    let of_layers = files.iter().map(|file| (format!("keras/layers/{file}"), "last"));
    // A Lambda layer may stand for any function.
    let of_lambda = [("keras/layers/lambdas_k3.keras".to_string(), "last")];
    let all = MODELS.iter().map(|&(model, layer)| (model.to_string(), layer)).chain(of_layers).chain(of_lambda);
    for (model, layer) in all {
        let mut network = network(&model);
        let names: Vec<String> =
            network.layers.iter().filter(|l| l.class == "Lambda").map(|l| l.name.clone()).collect();
        names.iter().for_each(|name| network.set_lambda(name, "gelu_tanh").unwrap());
        let layer = match layer {
            "" => *unet::convolutions(&network).last().unwrap(),
            name => unet::convolution(&network, name).unwrap(),
        };
        let shape = unet::image_shape(&network, &[layer], None).unwrap();
        for worked in worked_for(&network, layer, shape).unwrap() {
            let about = format!("{model}: {}", worked.topic);
            for (dx, differences) in worked.dx.iter().zip(&worked.differences) {
                for (a, b) in dx.values.iter().zip(&differences.values) {
                    assert!((a - b).abs() < 1e-6 * a.abs().max(1.0), "{about}: {a} and {b}");
                }
            }
            // Of a value used twice: its gradients add up to the whole.
            if !worked.parts.is_empty() {
                let sum = |i: usize| worked.parts.iter().map(|part| part.values[i]).sum::<f64>();
                assert!((0..worked.dx[0].values.len()).all(|i| sum(i) == worked.dx[0].values[i]), "{about}");
                assert_eq!((worked.parts.len(), worked.topic), (2, "used-twice"));
            }
            // One cell by hand: the chain rule's terms add up to its gradient.
            let chain: f64 = worked.chain.read_by.iter().map(|&(at, slope)| worked.dy.values[at] * slope).sum();
            assert!((chain - worked.dx[0].values[worked.chain.cell]).abs() < 1e-6, "{about}");
            assert!(!worked.chain.read_by.is_empty(), "{about}: nothing reads the cell that is shown");
            assert!(!worked.formula.is_empty() && !worked.rule.is_empty(), "{about}");
            let cells = worked.x.iter().chain([&worked.y]).map(|array| array.values.len());
            assert!(cells.max() <= Some(64), "{about}: not small: {cells:?}", cells = worked.x);
            let values = worked.x.iter().map(|x| x.values.clone()).collect();
            let again = worked.with(values, worked.dy.values.clone(), worked.settings.values.clone()).unwrap();
            assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&worked).unwrap(), "{about}");
            seen.push(worked.topic);
        }
    }
    for topic in OF_A_UNET.into_iter().chain(BEYOND) {
        assert!(seen.contains(&topic), "no network of this test has a {topic}");
    }
    for topic in seen {
        for lang in [Lang::En, Lang::Es] {
            assert!(lang.strings().op(topic).is_some(), "{lang:?}: nothing is said of {topic}");
        }
    }
}

/// What the sentences say is what the grids show: backprop's slopes, also at a kink; and a weight of 0 is a slope of 0.
#[test]
fn the_chain_takes_the_slopes_of_backprop() {
    let network = network("unet.h5");
    let layer = unet::convolution(&network, "dconv128").unwrap();
    let examples = worked_for(&network, layer, unet::image_shape(&network, &[network.output], None).unwrap()).unwrap();
    let find = |topic: &str| examples.iter().find(|worked| worked.topic == topic).unwrap();
    // The cell that is shown stands exactly at the relu's corner.
    let relu = find("relu");
    let (count, cell) = (relu.y.values.len(), relu.chain.cell);
    let at_zero = relu.with(vec![vec![0.0; count]], vec![1.0; count], vec![]).unwrap();
    assert_eq!((&at_zero.chain.read_by[..], at_zero.dx[0].values[cell]), (&[(cell, 0.0)][..], 0.0));
    assert_eq!(at_zero.differences[0].values[cell], 0.5);
    // All equal: the first wins, and the cell that is shown, (2, 2), is the first of its window.
    let pool = find("max_pool");
    let tie = pool.with(vec![vec![3.0; 16]], vec![1.0; 4], vec![]).unwrap();
    assert_eq!((&tie.chain.read_by[..], tie.dx[0].values[tie.chain.cell]), (&[(3, 1.0)][..], 1.0));
    // Nine outputs read a pixel in the middle, one of them through a weight of 0.
    let conv = find("conv2d");
    assert_eq!(conv.settings.values[1], 0.0);
    assert_eq!(conv.chain.read_by.len(), 9);
    assert!(conv.chain.read_by.iter().any(|&(_, slope)| slope == 0.0));
    let through_zero = conv.links.iter().filter(|link| link.setting == Some(1)).count();
    assert_eq!(
        through_zero, 12,
        "4 columns of 3 rows: the entry above the middle does not reach the last row's outputs"
    );
    // The mean's own rule, not that of the loss.
    assert_eq!(find("mean").rule, "dx = dy / count");
}

/// A convolution and its transpose by hand, and what nobody reads.
#[test]
fn general_ops_by_hand() {
    let example = |file: &str, topic: &str| {
        let network = network(&format!("keras/layers/{file}"));
        let layer = unet::convolution(&network, "last").unwrap();
        let shape = unet::image_shape(&network, &[layer], None).unwrap();
        worked_for(&network, layer, shape).unwrap().into_iter().find(|worked| worked.topic == topic).unwrap()
    };
    // Kernels that overlap by a column: rows of 2 4 6 5 are made of 1 2 3 by a kernel of 1 x 3 that leaps by 2.
    let transposed = example("transpose_same_k3.keras", "conv_transpose");
    let [kh, kw, _] = transposed.settings.shape;
    let ones =
        transposed.with(vec![vec![1.0, 10.0, 100.0, 1000.0]], vec![1.0; transposed.y.values.len()], vec![1.0; kh * kw]);
    let ones = ones.unwrap();
    assert_eq!(
        ones.y.values.iter().sum::<f64>(),
        ones.x[0].values.iter().zip(&ones.dx[0].values).map(|(x, dx)| x * dx).sum::<f64>()
    );
    for (cell, dx) in ones.dx[0].values.iter().enumerate() {
        let outputs = ones.links.iter().filter(|link| link.cell == cell).count();
        assert_eq!(*dx, outputs as f64, "each output that the cell moves, once");
    }
    // What a crop cuts off is read by none, and its gradient is 0.
    let crop = example("crop_pad_k3.keras", "slice");
    let is_read = |cell: usize| crop.links.iter().any(|link| link.cell == cell);
    let unread: Vec<usize> = (0..crop.x[0].values.len()).filter(|&cell| !is_read(cell)).collect();
    assert!(unread.iter().all(|&cell| crop.dx[0].values[cell] == 0.0));
    // A softmax: all outputs read all inputs of their group, and the gradients of a group add up to 0.
    let softmax = example("softmax_k3.keras", "softmax");
    assert!(softmax.dx[0].values.iter().sum::<f64>().abs() < 1e-12);
    assert!(softmax.y.values.iter().all(|&y| y > 0.0));
}

/// A max pool by hand: 4x4 numbers, the winners are easy to see.
#[test]
fn the_pool_of_the_page_by_hand() {
    let network = network("unet.h5");
    let layer = unet::convolution(&network, "dconv128").unwrap();
    let examples = worked_for(&network, layer, unet::image_shape(&network, &[network.output], None).unwrap()).unwrap();
    let pool = examples.iter().find(|worked| worked.topic == "max_pool").unwrap();
    #[rustfmt::skip]
    let x = vec![
        1.0, 2.0, 0.0, 0.0,
        3.0, 3.0, 0.0, 5.0,
        -1.0, -2.0, 4.0, 4.0,
        -4.0, -3.0, 4.0, 4.0,
    ];
    let pool = pool.with(vec![x], vec![10.0, 20.0, 30.0, 40.0], vec![]).unwrap();
    assert_eq!(pool.y.values, [3.0, 5.0, -1.0, 4.0]);
    #[rustfmt::skip]
    let dx = [
        0.0, 0.0, 0.0, 0.0,
        10.0, 0.0, 0.0, 20.0, // of the equal ones the first wins
        30.0, 0.0, 40.0, 0.0,
        0.0, 0.0, 0.0, 0.0,
    ];
    assert_eq!(pool.dx[0].values, dx);
}

/// The exercises' answers by hand, and the small U's two ways.
#[test]
fn the_exercises_by_hand() {
    let all = exercises().unwrap();
    let answer = |id: &str| {
        let exercise = all.iter().find(|exercise| exercise.id == id).unwrap();
        assert!(exercise.asked < exercise.answer.values.len() && !exercise.source.excerpt.is_empty(), "{id}");
        exercise.answer.values.clone()
    };
    assert_eq!(all.len(), 8);
    assert_eq!(answer("sum"), [2.5; 6]);
    assert_eq!(answer("relu"), [2.0, 0.0, -1.0, 0.0, 0.0, -2.5]);
    // The last window has three equal values: the first wins.
    assert_eq!(answer("max_pool"), [2.0, 0.0, 0.0, 0.0]);
    assert_eq!(answer("upsample"), [6.0, 10.0, -10.0, 7.0]);
    assert_eq!(answer("concat"), [-1.0, 0.5, -2.0, 1.5, -3.0, 2.5, -4.0, 3.5]);
    // The corner: y[0,0] read it through the kernel's middle, y[0,1] through its left, y[1,0] through its upper, y[1,1] through
    // the upper left entry.
    assert_eq!(answer("conv2d")[0], 0.5 * 1.0 + 2.0 * 2.0 + 0.0 * 3.0 + 1.0 * 0.0);
    assert_eq!(answer("used-twice"), [3.0 * 1.0 + 2.0, -3.0, 3.0 * 0.5 - 2.0, 6.0, -6.0, 3.0 * 1.5 - 1.0]);
    let g = [0.02f64, -0.01, 0.03, 0.0, 0.04, 0.015];
    let rms = (g.iter().map(|g| g * g).sum::<f64>() / 6.0).sqrt();
    for (a, g) in answer("normalise").iter().zip(g) {
        assert!((a - g / (rms + 1e-5)).abs() < 1e-12, "{a}");
    }
    let network = network("unet.h5");
    let layer = unet::convolution(&network, "uconv128").unwrap();
    let examples = worked_for(&network, layer, unet::image_shape(&network, &[network.output], None).unwrap()).unwrap();
    let twice = examples.iter().find(|worked| worked.topic == "used-twice").unwrap();
    let x = vec![1.0, 3.0, 0.0, 0.0, 2.0, 3.0, -1.0, -2.0];
    let dy: Vec<f64> = (1..=16).map(f64::from).collect();
    let twice = twice.with(vec![x], dy, vec![]).unwrap();
    assert_eq!(twice.parts[0].values, [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0], "across the skip");
    assert_eq!(
        twice.parts[1].values,
        [0.0, 28.0, 44.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        "to the winners, the first of equals"
    );
}
