//! Layers that move, cut, pad and reduce, on 2 x 3 pixels of two channels, against NumPy 2.4; and what of them is refused.

#[path = "common/layers.rs"]
mod layers;

use unet_lens::Result;
use unet_lens::engine::exec::reference::evaluate;
use unet_lens::engine::ops::Sides;
use unet_lens::engine::tensor::{Shape, Tensor64};
use unet_lens::network::{Activation, Border, Convolution, Kind, Merge, Network, Part, Reduction, unet};

/// The image and these layers, each with its inputs.
fn network(layers: Vec<(Kind, Vec<usize>)>) -> Network {
    layers::network(Kind::Input { h: Some(2), w: Some(3), c: 2 }, layers)
}

/// What the last layer makes of `np.arange(1, 13).reshape(2, 3, 2)`, in C order.
fn of(layers: Vec<(Kind, Vec<usize>)>) -> Result<Vec<f64>> {
    let network = network(layers);
    let shape = Shape::new(1, 2, 3, 2);
    let built = unet::graph_to(&network, network.output, None, shape)?;
    // All that is computed on the way is called after a layer.
    let stray = built.graph.nodes().find(|(_, node)| !node.name.starts_with("layer"));
    assert!(stray.is_none(), "{stray:?}");
    let x = Tensor64 { shape, data: (1..=12).map(f64::from).collect() };
    Ok(evaluate(&built.graph, &[(built.image, &x)], &[built.output]).remove(0).data)
}

/// The same of layers in a row.
fn row(kinds: Vec<Kind>) -> Result<Vec<f64>> {
    of(layers::in_a_row(kinds))
}

fn pad(top: usize, bottom: usize, left: usize, right: usize, with: Border) -> Kind {
    Kind::Pad { sides: Sides { top, bottom, left, right }, with }
}

/// Of the images all, of the other axes these parts.
fn slice(parts: &[Part]) -> Kind {
    Kind::Slice([&[Part::ALL], parts].concat())
}

/// Where Python says nothing.
const NO: i64 = i64::MAX;

fn range(start: i64, stop: i64, step: i64) -> Part {
    let said = |v: i64| (v != NO).then_some(v);
    Part::Range { start: said(start), stop: said(stop), step }
}

fn reduce(by: Reduction, axes: &[i64], keep: bool) -> Kind {
    Kind::Reduce { by, axes: axes.to_vec(), keep }
}

#[test]
fn what_numpy_makes_of_it() {
    let cases: Vec<(Kind, &str, &[f64])> = vec![
        (
            pad(1, 0, 2, 1, Border::Zeros),
            "np.pad(x, ((1, 0), (2, 1), (0, 0)))",
            &[
                0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0,
                5.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 0.0, 0.0,
            ],
        ),
        (
            pad(1, 1, 2, 1, Border::Reflect),
            r#"np.pad(x, ((1, 1), (2, 1), (0, 0)), mode="reflect")"#,
            &[
                11.0, 12.0, 9.0, 10.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 9.0, 10.0, 5.0, 6.0, 3.0, 4.0, 1.0, 2.0, 3.0,
                4.0, 5.0, 6.0, 3.0, 4.0, 11.0, 12.0, 9.0, 10.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 9.0, 10.0, 5.0, 6.0,
                3.0, 4.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 3.0, 4.0,
            ],
        ),
        (
            pad(0, 1, 0, 2, Border::Reflect),
            r#"np.pad(x, ((0, 1), (0, 2), (0, 0)), mode="reflect")"#,
            &[
                1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 3.0, 4.0, 1.0, 2.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 9.0, 10.0, 7.0, 8.0,
                1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 3.0, 4.0, 1.0, 2.0,
            ],
        ),
        (
            pad(2, 1, 3, 0, Border::Symmetric),
            r#"np.pad(x, ((2, 1), (3, 0), (0, 0)), mode="symmetric")"#,
            &[
                11.0, 12.0, 9.0, 10.0, 7.0, 8.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 5.0, 6.0, 3.0, 4.0, 1.0, 2.0, 1.0,
                2.0, 3.0, 4.0, 5.0, 6.0, 5.0, 6.0, 3.0, 4.0, 1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 11.0, 12.0, 9.0,
                10.0, 7.0, 8.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 11.0, 12.0, 9.0, 10.0, 7.0, 8.0, 7.0, 8.0, 9.0, 10.0,
                11.0, 12.0,
            ],
        ),
        (
            pad(0, 2, 1, 3, Border::Symmetric),
            r#"np.pad(x, ((0, 2), (1, 3), (0, 0)), mode="symmetric")"#,
            &[
                1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 5.0, 6.0, 3.0, 4.0, 1.0, 2.0, 7.0, 8.0, 7.0, 8.0, 9.0, 10.0,
                11.0, 12.0, 11.0, 12.0, 9.0, 10.0, 7.0, 8.0, 7.0, 8.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 11.0, 12.0,
                9.0, 10.0, 7.0, 8.0, 1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 5.0, 6.0, 3.0, 4.0, 1.0, 2.0,
            ],
        ),
        (Kind::Crop(Sides { top: 1, bottom: 0, left: 0, right: 2 }), "x[1:, :1]", &[7.0, 8.0]),
        (slice(&[range(1, NO, 1)]), "x[1:]", &[7.0, 8.0, 9.0, 10.0, 11.0, 12.0]),
        (slice(&[Part::ALL, range(NO, NO, 2)]), "x[:, ::2]", &[1.0, 2.0, 5.0, 6.0, 7.0, 8.0, 11.0, 12.0]),
        (
            slice(&[Part::ALL, range(NO, NO, -1)]),
            "x[:, ::-1]",
            &[5.0, 6.0, 3.0, 4.0, 1.0, 2.0, 11.0, 12.0, 9.0, 10.0, 7.0, 8.0],
        ),
        (slice(&[Part::ALL, range(NO, NO, -2)]), "x[:, ::-2]", &[5.0, 6.0, 1.0, 2.0, 11.0, 12.0, 7.0, 8.0]),
        (slice(&[range(NO, NO, -1)]), "x[::-1]", &[7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        (slice(&[Part::ALL, range(-2, NO, 1)]), "x[:, -2:]", &[3.0, 4.0, 5.0, 6.0, 9.0, 10.0, 11.0, 12.0]),
        (slice(&[Part::ALL, range(2, 0, -1)]), "x[:, 2:0:-1]", &[5.0, 6.0, 3.0, 4.0, 11.0, 12.0, 9.0, 10.0]),
        (slice(&[Part::ALL, range(NO, -1, 1)]), "x[:, :-1]", &[1.0, 2.0, 3.0, 4.0, 7.0, 8.0, 9.0, 10.0]),
        (slice(&[Part::ALL, range(-1, -3, -1)]), "x[:, -1:-3:-1]", &[5.0, 6.0, 3.0, 4.0, 11.0, 12.0, 9.0, 10.0]),
        (slice(&[Part::ALL, range(-9, 9, 2)]), "x[:, -9:9:2]", &[1.0, 2.0, 5.0, 6.0, 7.0, 8.0, 11.0, 12.0]),
        (slice(&[Part::ALL, range(9, -9, -2)]), "x[:, 9:-9:-2]", &[5.0, 6.0, 1.0, 2.0, 11.0, 12.0, 7.0, 8.0]),
        (
            slice(&[Part::Rest, range(NO, NO, -1)]),
            "x[..., ::-1]",
            &[2.0, 1.0, 4.0, 3.0, 6.0, 5.0, 8.0, 7.0, 10.0, 9.0, 12.0, 11.0],
        ),
        (slice(&[Part::Rest, range(1, NO, 1)]), "x[..., 1:]", &[2.0, 4.0, 6.0, 8.0, 10.0, 12.0]),
        (slice(&[Part::Rest, Part::Index(0)]), "x[..., 0]", &[1.0, 3.0, 5.0, 7.0, 9.0, 11.0]),
        (slice(&[Part::Index(-1)]), "x[-1]", &[7.0, 8.0, 9.0, 10.0, 11.0, 12.0]),
        (slice(&[Part::Index(0), Part::Rest, Part::Index(-1)]), "x[0, ..., -1]", &[2.0, 4.0, 6.0]),
        (slice(&[Part::ALL, Part::Index(2)]), "x[:, 2]", &[5.0, 6.0, 11.0, 12.0]),
        (slice(&[Part::Index(1), Part::New, Part::Index(1)]), "x[1, None, 1]", &[9.0, 10.0]),
        (
            slice(&[Part::Rest, Part::Share { which: 1, of: 2 }]),
            "np.split(x, 2, axis=-1)[1]",
            &[2.0, 4.0, 6.0, 8.0, 10.0, 12.0],
        ),
        (slice(&[Part::ALL, Part::Share { which: 2, of: 3 }]), "np.split(x, 3, axis=1)[2]", &[5.0, 6.0, 11.0, 12.0]),
        (
            Kind::Permute(vec![2, 1, 3]),
            "x.transpose(1, 0, 2)",
            &[1.0, 2.0, 7.0, 8.0, 3.0, 4.0, 9.0, 10.0, 5.0, 6.0, 11.0, 12.0],
        ),
        (
            Kind::Permute(vec![3, 1, 2]),
            "x.transpose(2, 0, 1)",
            &[1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0],
        ),
        (
            Kind::Repeat(3),
            "x.repeat(3, axis=-1)",
            &[
                1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 4.0, 4.0, 5.0, 5.0, 5.0, 6.0, 6.0, 6.0, 7.0, 7.0,
                7.0, 8.0, 8.0, 8.0, 9.0, 9.0, 9.0, 10.0, 10.0, 10.0, 11.0, 11.0, 11.0, 12.0, 12.0, 12.0,
            ],
        ),
        (reduce(Reduction::Mean, &[1], false), "x.mean(0)", &[4.0, 5.0, 6.0, 7.0, 8.0, 9.0]),
        (reduce(Reduction::Sum, &[2], false), "x.sum(1)", &[9.0, 12.0, 27.0, 30.0]),
        (reduce(Reduction::Sum, &[-1], true), "x.sum(2)", &[3.0, 7.0, 11.0, 15.0, 19.0, 23.0]),
        (reduce(Reduction::Max, &[1, 2], false), "x.max((0, 1))", &[11.0, 12.0]),
        (reduce(Reduction::Max, &[2], true), "x.max(1)", &[5.0, 6.0, 11.0, 12.0]),
        (reduce(Reduction::Min, &[3], false), "x.min(2)", &[1.0, 3.0, 5.0, 7.0, 9.0, 11.0]),
        (reduce(Reduction::Min, &[1, -1], true), "x.min((0, 2))", &[1.0, 3.0, 5.0]),
        (reduce(Reduction::Mean, &[1, 2, 3], true), "x.mean()", &[6.5]),
    ];
    for (kind, numpy, values) in cases {
        let found = row(vec![kind]).unwrap_or_else(|error| panic!("{numpy}: {error}"));
        assert_eq!(found.len(), values.len(), "{numpy}");
        assert!(found.iter().zip(values).all(|(a, b)| (a - b).abs() < 1e-6), "{numpy}: {found:?}");
    }
}

#[test]
fn blocks_of_channels_become_blocks_of_pixels_and_back() {
    // x.repeat(4, axis=-1).reshape(2, 3, 2, 2, 2).transpose(0, 2, 1, 3, 4).reshape(4, 6, 2)
    let two = row(vec![Kind::Repeat(4), Kind::DepthToSpace(2)]).unwrap();
    assert_eq!(
        two,
        [
            1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0, 5.0, 5.0, 5.0, 5.0, 2.0, 2.0, 2.0, 2.0, 4.0, 4.0, 4.0, 4.0, 6.0,
            6.0, 6.0, 6.0, 7.0, 7.0, 7.0, 7.0, 9.0, 9.0, 9.0, 9.0, 11.0, 11.0, 11.0, 11.0, 8.0, 8.0, 8.0, 8.0, 10.0,
            10.0, 10.0, 10.0, 12.0, 12.0, 12.0, 12.0
        ]
    );
    // The first row of 6 x 9 pixels, of 18 channels: nine times each channel.
    let three = row(vec![Kind::Repeat(9), Kind::DepthToSpace(3)]).unwrap();
    assert_eq!(
        (three.len(), &three[..18]),
        (2 * 3 * 18, &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0][..])
    );
    // np.pad(x, ((1, 1), (0, 1), (0, 0))).reshape(2, 2, 2, 2, 2).transpose(0, 2, 1, 3, 4).reshape(2, 2, 8)
    let back = row(vec![pad(1, 1, 0, 1, Border::Zeros), Kind::SpaceToDepth(2)]).unwrap();
    assert_eq!(
        back,
        [
            0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 5.0, 6.0, 0.0, 0.0, 7.0, 8.0, 9.0, 10.0, 0.0,
            0.0, 0.0, 0.0, 11.0, 12.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        ]
    );
    assert!(
        row(vec![Kind::DepthToSpace(2)])
            .unwrap_err()
            .to_string()
            .contains("2 channels cannot be cut into blocks of 2x2")
    );
    assert!(row(vec![Kind::SpaceToDepth(2)]).unwrap_err().to_string().contains("an input of 2x3 pixels cannot be cut"));
}

#[test]
fn axes_of_length_1_come_and_go() {
    let flat = || Kind::Flatten;
    let all: Vec<f64> = (1..=12).map(f64::from).collect();
    let first_of = |axis: i64| row(vec![flat(), Kind::ExpandDims(axis), slice(&[Part::Index(0)])]).unwrap();
    // [1, 12] and [12, 1]: the first of the first axis.
    assert_eq!((first_of(1), first_of(2)), (all.clone(), vec![1.0]));
    assert_eq!((first_of(-2), first_of(-1)), (all.clone(), vec![1.0]));
    for axis in [0, 3, -3, 9] {
        let why = row(vec![flat(), Kind::ExpandDims(axis)]).unwrap_err().to_string();
        assert!(why.contains(&format!("a new axis {axis} of a tensor of 2 axes")), "{why}");
    }
    // x[:, :1], of 2 x 1 x 2: what is squeezed is 2 x 2, whose second row is x[1, 0].
    let narrow = || slice(&[Part::ALL, range(NO, 1, 1)]);
    for axes in [vec![], vec![2], vec![-2]] {
        assert_eq!(row(vec![narrow(), Kind::Squeeze(axes), slice(&[Part::Index(1)])]).unwrap(), [7.0, 8.0]);
    }
    let why = row(vec![narrow(), Kind::Squeeze(vec![1])]).unwrap_err().to_string();
    assert!(why.contains("axis 1 has length 2, not 1"), "{why}");
    assert_eq!(
        row(vec![slice(&[range(NO, 1, 1), range(NO, 1, 1), range(NO, 1, 1)]), Kind::Squeeze(vec![])]).unwrap(),
        [1.0]
    );
    for shape in [vec![6, 2], vec![-1, 2], vec![6, -1], vec![3, 2, 2]] {
        assert_eq!(row(vec![Kind::Reshape(shape)]).unwrap(), all);
    }
    assert_eq!(row(vec![Kind::Reshape(vec![-1, 4]), slice(&[Part::Index(2)])]).unwrap(), [9.0, 10.0, 11.0, 12.0]);
    let why = row(vec![Kind::Reshape(vec![5, -1])]).unwrap_err().to_string();
    assert!(why.contains("[2, 3, 2] cannot be given the shape [5, -1]"), "{why}");
}

#[test]
fn side_by_side_and_place_by_place() {
    let twice = || (Kind::Linear { scale: 2.0, shift: 1.0 }, vec![0]);
    let cat = |axis: i64| of(vec![twice(), (Kind::Concat { axis }, vec![0, 1, 0])]).unwrap();
    // np.concatenate([x, 2 * x + 1, x], axis - 1)
    assert_eq!(
        cat(1),
        [
            1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0,
            19.0, 21.0, 23.0, 25.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0
        ]
    );
    assert_eq!(
        cat(2),
        [
            1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0,
            10.0, 11.0, 12.0, 15.0, 17.0, 19.0, 21.0, 23.0, 25.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0
        ]
    );
    assert_eq!(
        cat(3),
        [
            1.0, 2.0, 3.0, 5.0, 1.0, 2.0, 3.0, 4.0, 7.0, 9.0, 3.0, 4.0, 5.0, 6.0, 11.0, 13.0, 5.0, 6.0, 7.0, 8.0, 15.0,
            17.0, 7.0, 8.0, 9.0, 10.0, 19.0, 21.0, 9.0, 10.0, 11.0, 12.0, 23.0, 25.0, 11.0, 12.0
        ]
    );
    assert_eq!((cat(-3), cat(-2), cat(-1)), (cat(1), cat(2), cat(3)));
    let all: Vec<f64> = (1..=12).map(f64::from).collect();
    assert_eq!(
        [1, 2, 3].map(|axis| row(vec![Kind::Concat { axis }]).unwrap()),
        [all.clone(), all.clone(), all.clone()]
    );
    let narrow = (slice(&[Part::ALL, range(NO, 1, 1)]), vec![0]);
    let why = of(vec![narrow, (Kind::Concat { axis: -1 }, vec![0, 1])]).unwrap_err().to_string();
    assert!(why.contains("layer0 (2x3x2) and layer1") && why.contains("(2x1x2) cannot be laid side by side"), "{why}");

    let merged = |by: Merge| of(vec![twice(), (Kind::Merge(by), vec![0, 1])]).unwrap();
    let each = |f: fn(f64) -> f64| all.iter().map(|&x| f(x)).collect::<Vec<f64>>();
    let near = |found: Vec<f64>, right: Vec<f64>| {
        assert!(found.len() == right.len() && found.iter().zip(&right).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
    };
    near(merged(Merge::Add), each(|x| 3.0 * x + 1.0));
    near(merged(Merge::Subtract), each(|x| -x - 1.0));
    near(merged(Merge::Multiply), each(|x| x * (2.0 * x + 1.0)));
    near(merged(Merge::Divide), each(|x| x / (2.0 * x + 1.0)));
    near(merged(Merge::Average), each(|x| (3.0 * x + 1.0) / 2.0));
    near(merged(Merge::Maximum), each(|x| 2.0 * x + 1.0));
    near(merged(Merge::Minimum), each(|x| x));
    near(of(vec![twice(), (Kind::Merge(Merge::Average), vec![0, 1, 1])]).unwrap(), each(|x| (5.0 * x + 2.0) / 3.0));
    // A tensor of fewer axes has axes of length 1 in front, whichever comes first: x - x[0], and x[0] - x.
    let first = || (slice(&[Part::Index(0)]), vec![0]);
    let less = |inputs: [usize; 2]| of(vec![first(), (Kind::Merge(Merge::Subtract), inputs.to_vec())]).unwrap();
    let differences: Vec<f64> = (0..12).map(|i| if i < 6 { 0.0 } else { 6.0 }).collect();
    assert_eq!(less([0, 1]), differences);
    assert_eq!(less([1, 0]), differences.iter().map(|v| -v).collect::<Vec<f64>>());
}

/// `np.clip(x - 6, least, most)`
#[test]
fn what_is_clipped() {
    let clipped = |least: f64, most: f64| {
        row(vec![Kind::Linear { scale: 1.0, shift: -6.0 }, Kind::Activation(Activation::Clip { least, most })])
    };
    let infinite = f64::INFINITY;
    for (least, most) in
        [(-2.0, 3.0), (0.0, 4.0), (-infinite, 3.0), (-2.0, infinite), (-infinite, infinite), (2.0, 2.0), (1.0, 3.0)]
    {
        let right: Vec<f64> = (1..=12).map(|x| (f64::from(x) - 6.0).clamp(least, most)).collect();
        assert_eq!(clipped(least, most).unwrap(), right, "{least} to {most}");
    }
    for (least, most) in [(2.0, 1.0), (f64::NAN, 1.0), (1.0, f64::NAN)] {
        let why = clipped(least, most).unwrap_err().to_string();
        assert!(why.contains(&format!("layer 'layer2' (Class): nothing lies from {least} to {most}")), "{why}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    for (kinds, said) in [
        (vec![pad(1, 2, 0, 0, Border::Reflect)], "1+2 mirrored pixels of 2"),
        (vec![pad(0, 0, 3, 0, Border::Reflect)], "3+0 mirrored pixels of 3"),
        (vec![pad(0, 0, 0, 4, Border::Symmetric)], "0+4 mirrored pixels of 3"),
        (vec![Kind::Crop(Sides { top: 1, bottom: 1, left: 0, right: 0 })], "nothing is left of layer0 (2x3)"),
        (vec![slice(&[range(5, NO, 1)])], "nothing is left of an axis of length 2"),
        (vec![slice(&[Part::ALL, range(0, 2, -1)])], "nothing is left of an axis of length 3"),
        (vec![slice(&[Part::ALL, Part::Index(3)])], "place 3 of an axis of length 3"),
        (vec![slice(&[Part::ALL, Part::Index(-4)])], "place -4 of an axis of length 3"),
        (vec![slice(&[Part::ALL, Part::Share { which: 0, of: 2 }])], "2 equal parts of an axis of length 3"),
        (vec![slice(&[Part::ALL; 4])], "5 parts of a tensor of 4 axes"),
        (vec![slice(&[Part::Index(0); 3])], "one number for an image is left over"),
        (vec![Kind::Slice(vec![Part::Index(0)])], "a slice of the images is not supported"),
        (vec![reduce(Reduction::Sum, &[1, 2, 3], false)], "one number for an image is left over"),
        (vec![Kind::Permute(vec![2, 1])], "an order of 2 axes for 3"),
        (vec![Kind::Refused { why: "it is a riddle".to_string() }], "it is a riddle"),
    ] {
        let why = row(kinds).unwrap_err().to_string();
        assert!(why.contains(said), "{said}: {why}");
    }
}

fn convolution(ci: usize, co: usize, side: usize) -> Convolution {
    let weights: Vec<f32> = (0..side * side * ci * co).map(|i| ((i * 7) % 5) as f32 - 2.0).collect();
    layers::convolution(side, ci, co, &weights)
}

/// From two channels to three, as each of the three layers that have filters.
fn of_three_filters(activation: Activation) -> [Kind; 3] {
    let depthwise = Convolution { groups: 2, ..convolution(1, 2, 3) };
    [
        Kind::Conv2d { conv: convolution(2, 3, 1), activation },
        Kind::ConvTranspose { conv: convolution(3, 2, 2), output_padding: None, activation },
        Kind::Separable { depthwise, pointwise: convolution(2, 3, 1), activation },
    ]
}

/// Where a softmax looks at all channels, a channel alone is what it is among them all.
#[test]
fn a_channel_alone_is_what_it_is_among_all() {
    for activation in [Activation::Softmax, Activation::LogSoftmax, Activation::Sigmoid] {
        for kind in of_three_filters(activation) {
            let network = network(vec![(kind, vec![0])]);
            let of = |own: Option<&[usize]>, n: usize| {
                let shape = Shape::new(n, 2, 3, 2);
                let built = unet::graph_to(&network, 1, own, shape).unwrap();
                let data = (1..=12).map(|v| f64::from(v) / 12.0).collect::<Vec<f64>>().repeat(n);
                evaluate(&built.graph, &[(built.image, &Tensor64 { shape, data })], &[built.output]).remove(0)
            };
            let (all, alone) = (of(None, 1), of(Some(&[2, 0]), 2));
            assert_eq!((all.shape.c, alone.shape.c), (3, 1));
            for (i, v) in alone.data.iter().enumerate() {
                let (place, channel) = (i % 6, [2, 0][i / 6]);
                assert!((v - all.data[place * 3 + channel]).abs() < 1e-6, "{activation:?}: {v} at {i}");
            }
        }
    }
}

#[test]
fn what_can_be_asked_of_a_network() {
    for kind in of_three_filters(Activation::Relu) {
        let network = network(vec![(kind, vec![0]), (Kind::Identity, vec![1])]);
        assert_eq!([0, 1, 2].map(|layer| unet::filters(&network, layer)), [0, 3, 0]);
        assert_eq!(unet::convolutions(&network), [1]);
        let built = unet::graph_to(&network, 1, None, Shape::new(1, 2, 3, 2)).unwrap();
        assert_eq!((unet::input_name(&network), &*built.graph[built.image].name), ("layer0", "layer0"));
        // Before its activation it has a name of its own.
        let before = built.graph.find(&unet::before_activation(&network, 1)).unwrap();
        assert!(built.graph[built.output].inputs.contains(&before) && built.graph[built.output].name == "layer1");
    }
    let of = |h: Option<usize>, w: Option<usize>| {
        let mut network = network(vec![(Kind::Identity, vec![0])]);
        network.layers[0].kind = Kind::Input { h, w, c: 2 };
        (unet::fixed_size(&network), unet::image_channels(&network).unwrap())
    };
    assert_eq!(of(Some(5), Some(7)), (Some((5, 7)), 2));
    assert_eq!((of(Some(5), None).0, of(None, Some(7)).0), (None, None));
    let mut none = network(vec![(Kind::Identity, vec![0])]);
    none.layers[0].kind = Kind::Identity;
    assert_eq!((unet::fixed_size(&none), unet::input_name(&none)), (None, "image"));
    assert!(unet::image_channels(&none).unwrap_err().to_string().contains("has no input layer"));
}
