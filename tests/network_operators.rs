//! What an operator between layers and its arguments mean, as Keras and TensorFlow document them.

mod common;
#[path = "common/entries.rs"]
mod entries;

use entries::{are, are_refused, kind, lambda, node, operator, x, x_2};
use serde_json::{Value, json};
use unet_lens::engine::ops::{Sides, Window};
use unet_lens::network::{Activation, Border, Interpolation, Kind, Merge, Part, Reduction, Size};

fn per_channel(scale: &[f64], shift: &[f64]) -> Kind {
    Kind::BatchNorm { axis: -1, scale: scale.into(), shift: shift.into() }
}

fn linear(scale: f64, shift: f64) -> Kind {
    Kind::Linear { scale, shift }
}

fn clip(least: f64, most: f64) -> Kind {
    Kind::Activation(Activation::Clip { least, most })
}

fn over(numerator: f64) -> Kind {
    Kind::Activation(Activation::Over { numerator })
}

fn range(start: Option<i64>, stop: Option<i64>) -> Part {
    Part::Range { start, stop, step: 1 }
}

const INFINITY: f64 = f64::INFINITY;

/// `x + 2`, `2 - x`, `x / array` and so on, in both orders.
#[test]
fn operators_with_numbers() {
    let of = |class: &str, a: Value, b: Value| operator(class, json!({}), json!([a, b]), json!({}));
    let array = |value: Value| json!({"class_name": "__numpy__", "config": {"value": value, "dtype": "float32"}});
    are(
        "3.3.0",
        vec![
            (of("Add", x(), json!(2.5)), linear(1.0, 2.5)),
            (of("Add", json!(2.5), x()), linear(1.0, 2.5)),
            (of("Subtract", x(), json!(2.5)), linear(1.0, -2.5)),
            (of("Subtract", json!(2.5), x()), linear(-1.0, 2.5)),
            (of("Multiply", json!(2.5), x()), linear(2.5, 0.0)),
            (of("TrueDivide", x(), json!(4)), linear(0.25, 0.0)),
            (of("TrueDivide", json!(4), x()), over(4.0)),
            (of("Maximum", x(), json!(0.5)), clip(0.5, INFINITY)),
            (of("Maximum", json!(0.5), x()), clip(0.5, INFINITY)),
            (of("Minimum", x(), json!(0.5)), clip(-INFINITY, 0.5)),
            (of("Maximum", x(), x()), Kind::Merge(Merge::Maximum)),
            // One number for each channel, however many axes of length 1 there are before.
            (of("Add", x(), array(json!([1, 2, 3, 4]))), per_channel(&[1.0; 4], &[1.0, 2.0, 3.0, 4.0])),
            (of("Multiply", x(), array(json!([[[1, 2, 3, 4]]]))), per_channel(&[1.0, 2.0, 3.0, 4.0], &[0.0; 4])),
            (of("TrueDivide", x(), array(json!([1, 2, 4, 8]))), per_channel(&[1.0, 0.5, 0.25, 0.125], &[0.0; 4])),
            (of("Add", x(), array(json!([[[2.5]]]))), linear(1.0, 2.5)),
            (of("Add", x(), array(json!([[1, 2]]))), per_channel(&[1.0, 1.0], &[1.0, 2.0])),
            (of("Power", x(), json!(2)), Kind::Activation(Activation::Square)),
            (of("Power", x(), json!(-1)), over(1.0)),
        ],
    );
    are_refused(
        "3.3.0",
        vec![
            // A number for each row and column.
            (of("Add", x(), array(json!([[1, 2], [3, 4]]))), "the operand"),
            (of("Add", x(), array(json!([[1], [2]]))), "the operand"),
            (of("Add", x(), array(json!([[[1, 2]], [[3, 4]]]))), "the operand"),
            (of("Add", x(), array(json!([]))), "the operand"),
            (of("Add", x(), json!("two")), "a tensor, a number, a number per channel"),
            (of("Add", x(), array(json!([1, "two"]))), "the operand"),
            (of("TrueDivide", array(json!([1, 2, 3, 4])), x()), "a tensor or a number"),
            (of("Maximum", x(), array(json!([1, 2, 3, 4]))), "a tensor or a number"),
            (of("Power", x(), json!(3)), "the exponent 3.0 is not supported (supported: 1, 2, 0.5, -1)"),
        ],
    );
}

#[test]
fn functions_with_axes() {
    let of = |class: &str, config: Value| operator(class, config, json!([x()]), json!({}));
    are(
        "3.3.0",
        vec![
            (of("Softmax", json!({"axis": 1})), Kind::Softmax { axes: vec![1] }),
            (of("Softmax", json!({})), Kind::Activation(Activation::Softmax)),
            (of("LogSoftmax", json!({"axis": -1})), Kind::Activation(Activation::LogSoftmax)),
            (of("ExpandDims", json!({"axis": 1})), Kind::ExpandDims(1)),
            (of("Reshape", json!({"newshape": [-1, 4, 48]})), Kind::Reshape(vec![4, 48])),
            (of("Reshape", json!({"newshape": [-1, 192]})), Kind::Reshape(vec![192])),
            (of("Transpose", json!({"axes": [0, 3, 1, 2]})), Kind::Permute(vec![3, 1, 2])),
            (
                of("Mean", json!({"axis": [1, 2], "keepdims": true})),
                Kind::Reduce { by: Reduction::Mean, axes: vec![1, 2], keep: true },
            ),
            (of("Amax", json!({"axis": -1})), Kind::Reduce { by: Reduction::Max, axes: vec![-1], keep: false }),
        ],
    );
    are_refused(
        "3.3.0",
        vec![
            (of("LogSoftmax", json!({"axis": 1})), "axis 1 is not supported (supported: -1)"),
            (of("Reshape", json!({"newshape": [2, 96]})), "a list that begins with -1, for the images"),
            (of("Reshape", json!({"newshape": [-1, 0, 4]})), "newshape [-1,0,4] is not supported"),
            (of("Reshape", json!({"newshape": [-1, -2, 4]})), "newshape [-1,-2,4] is not supported"),
            (of("Transpose", json!({"axes": [1, 0, 2, 3]})), "a list that begins with 0, the images"),
            (of("Transpose", json!({"axes": [0, 1, 2, 2]})), "each axis after the images once"),
            // Over the images there is no picture any more.
            (of("Mean", json!({})), "axes from 1, or from the last, -1"),
            (of("Mean", json!({"axis": []})), "axes from 1, or from the last, -1"),
            (of("Mean", json!({"axis": [0, 1]})), "axes from 1, or from the last, -1"),
            (of("Sum", json!({"axis": 0})), "axes from 1, or from the last, -1"),
        ],
    );
    // Keras' backend: `concatenate(tensors, axis=-1)`, `expand_dims(x, axis=-1)`
    are(
        "2.11.0",
        vec![
            (lambda("keras.backend.concatenate", json!([x_2(), x_2()]), json!({})), Kind::Concat { axis: -1 }),
            (lambda("keras.backend.expand_dims", x_2(), json!({})), Kind::ExpandDims(-1)),
            (lambda("reshape", x_2(), json!({"shape": [-1, 48, 4]})), Kind::Reshape(vec![48, 4])),
            (lambda("transpose", x_2(), json!({"perm": [0, 2, 1, 3]})), Kind::Permute(vec![2, 1, 3])),
        ],
    );
}

/// TensorFlow says how long the parts are, Keras 3 where the cuts are.
#[test]
fn splits() {
    let cuts = |axis: i64, how: Value| {
        operator("Split", json!({"indices_or_sections": how, "axis": axis}), json!([x()]), json!({}))
    };
    let lengths = |how: Value, axis: i64| lambda("split", x_2(), json!({"num_or_size_splits": how, "axis": axis}));
    let last = |part: Part| vec![Part::Rest, part];
    for (entry, tensor, parts) in [
        (cuts(-1, json!([1, 3])), 0, last(range(Some(0), Some(1)))),
        (cuts(-1, json!([1, 3])), 1, last(range(Some(1), Some(3)))),
        (cuts(-1, json!([1, 3])), 2, last(range(Some(3), None))),
        (cuts(-1, json!(2)), 1, last(Part::Share { which: 1, of: 2 })),
        (cuts(-2, json!(2)), 0, vec![Part::Rest, Part::Share { which: 0, of: 2 }, Part::ALL]),
        (cuts(2, json!(2)), 1, vec![Part::ALL, Part::ALL, Part::Share { which: 1, of: 2 }, Part::Rest]),
        (cuts(1, json!([2])), 1, vec![Part::ALL, range(Some(2), None), Part::Rest]),
        (lengths(json!([1, 3]), -1), 0, last(range(Some(0), Some(1)))),
        (lengths(json!([1, 3]), -1), 1, last(range(Some(1), Some(4)))),
        (lengths(json!([1, 2, 1]), -1), 2, last(range(Some(3), Some(4)))),
        (lengths(json!(4), 3), 3, vec![Part::ALL, Part::ALL, Part::ALL, Part::Share { which: 3, of: 4 }, Part::Rest]),
    ] {
        let found = kind("2.11.0", entry.clone(), tensor);
        assert_eq!(format!("{found:?}"), format!("{:?}", Kind::Slice(parts)), "{entry} {tensor}");
    }
    for (entry, tensor) in [
        (cuts(-1, json!([1, 3])), 3),
        (cuts(-1, json!(2)), 2),
        (cuts(-1, json!([0, 3])), 1),
        (cuts(-1, json!([-1, 3])), 1),
        (cuts(-1, json!([1, "3"])), 1),
        (cuts(-1, json!(0)), 0),
        (cuts(0, json!(2)), 0),
        (lengths(json!([0, 4]), -1), 1),
        (lengths(json!([2, -1, 1]), -1), 2),
        (lengths(json!([1, 3]), 0), 1),
    ] {
        let found = kind("2.11.0", entry.clone(), tensor);
        assert!(matches!(found, Kind::Refused { .. }), "{entry} {tensor}: {found:?}");
    }
}

#[test]
fn slices() {
    let slice = |start: Value, stop: Value, step: Value| json!({"class_name": "__slice__", "config": {"start": start, "stop": stop, "step": step}});
    let all = || slice(Value::Null, Value::Null, Value::Null);
    let rest = || json!({"class_name": "__ellipsis__"});
    let of = |parts: Value| operator("GetItem", json!({}), json!([x(), parts]), json!({}));
    let far = 1i64 << 32;
    let stepped = Part::Range { start: Some(1), stop: Some(-1), step: 2 };
    are(
        "3.3.0",
        vec![
            (
                of(json!([all(), slice(json!(1), json!(-1), json!(2)), rest(), 0])),
                Kind::Slice(vec![Part::ALL, stepped, Part::Rest, Part::Index(0)]),
            ),
            (of(json!([all(), null, -1])), Kind::Slice(vec![Part::ALL, Part::New, Part::Index(-1)])),
            (
                of(json!([all(), slice(json!(far - 1), json!(null), json!(null))])),
                Kind::Slice(vec![Part::ALL, range(Some(far - 1), None)]),
            ),
            (
                of(json!([all(), null, null, null, null, null, null, null])),
                Kind::Slice([&[Part::ALL][..], &[Part::New; 7]].concat()),
            ),
        ],
    );
    let why = "the slice";
    are_refused(
        "3.3.0",
        vec![
            (of(json!([rest(), 0, rest()])), why),
            (of(json!([all(), null, null, null, null, null, null, null, null])), why),
            (of(json!([all(), slice(json!(null), json!(null), json!(0))])), why),
            (of(json!([all(), slice(json!(far), json!(null), json!(null))])), why),
            (of(json!([all(), slice(json!(null), json!(-far), json!(null))])), why),
            (of(json!([all(), "2"])), why),
            (of(json!([all(), {"class_name": "__numpy__", "config": {"value": [0, 1]}}])), why),
        ],
    );
}

#[test]
fn pads() {
    let width = json!([[0, 0], [1, 2], [3, 4], [0, 0]]);
    let of = |config: Value| operator("Pad", config, json!([x()]), json!({}));
    let sides = Sides { top: 1, bottom: 2, left: 3, right: 4 };
    let zeros = || Kind::Pad { sides, with: Border::Zeros };
    are(
        "3.3.0",
        vec![
            (of(json!({"pad_width": width})), zeros()),
            (of(json!({"pad_width": width, "mode": "constant"})), zeros()),
            (of(json!({"pad_width": width, "constant_values": 0.0})), zeros()),
            (of(json!({"pad_width": width, "mode": "reflect"})), Kind::Pad { sides, with: Border::Reflect }),
            (of(json!({"pad_width": width, "mode": "SYMMETRIC"})), Kind::Pad { sides, with: Border::Symmetric }),
        ],
    );
    are_refused(
        "3.3.0",
        vec![
            (of(json!({"pad_width": width, "mode": "edge"})), "mode \"edge\" is not supported"),
            (of(json!({"pad_width": width, "constant_values": 1})), "constant_values 1 is not supported"),
            (of(json!({"pad_width": [[0, 0], [1, 2], [3, 4], [1, 0]]})), "pad_width"),
            (of(json!({"pad_width": [[1, 0], [1, 2], [3, 4], [0, 0]]})), "pad_width"),
            (of(json!({"pad_width": [[1, 2], [3, 4]]})), "pad_width"),
        ],
    );
}

/// Nodes as TensorFlow 1.15 to 2.3 wrote them.
#[test]
fn nodes_of_tensorflows_graph() {
    let reduce = |axes: Value, attributes: Value| node("Mean", attributes, 2, json!({ "1": axes }));
    let mean = |keep| Kind::Reduce { by: Reduction::Mean, axes: vec![1, 2], keep };
    let resize = |op: &str, attributes: Value| node(op, attributes, 2, json!({"1": [16, 12]}));
    let resized = |by| Kind::Resize { to: Size::Pixels(Window::new(16, 12)), by };
    let centres = json!({"half_pixel_centers": {"b": true}, "align_corners": {"b": false}});
    // [batch, rows, columns, channels] of x[:, 1:, ::2]
    let strided = |masks: Value, begin: Value, end: Value, step: Value| {
        node("StridedSlice", masks, 4, json!({"1": begin, "2": end, "3": step}))
    };
    let step_2 = Part::Range { start: None, stop: None, step: 2 };
    are(
        "2.3.0-tf",
        vec![
            (reduce(json!([1, 2]), json!({"keep_dims": {"b": true}})), mean(true)),
            (reduce(json!([1, 2]), json!({"keep_dims": {"b": false}})), mean(false)),
            (reduce(json!([1, 2]), json!({})), mean(false)),
            (resize("ResizeBilinear", centres.clone()), resized(Interpolation::Bilinear)),
            (resize("ResizeNearestNeighbor", centres.clone()), resized(Interpolation::Nearest)),
            (node("ConcatV2", json!({}), 2, json!({"1": 3})), Kind::Concat { axis: 3 }),
            (node("DepthToSpace", json!({"block_size": {"i": "2"}}), 1, json!({})), Kind::DepthToSpace(2)),
            (node("SpaceToDepth", json!({"block_size": {"i": 2}}), 1, json!({})), Kind::SpaceToDepth(2)),
            // A mask has a bit for each part, the first is 1: all of the images; rows from 1, of which the end is not said.
            (
                strided(
                    json!({"begin_mask": {"i": "5"}, "end_mask": {"i": "7"}}),
                    json!([0, 1, 0]),
                    json!([0, 0, 0]),
                    json!([1, 1, 2]),
                ),
                Kind::Slice(vec![range(None, None), range(Some(1), None), step_2]),
            ),
            // x[:, None, 2]
            (
                strided(
                    json!({"begin_mask": {"i": "1"}, "end_mask": {"i": "1"}, "new_axis_mask": {"i": "2"}, "shrink_axis_mask": {"i": "4"}}),
                    json!([0, 0, 2]),
                    json!([0, 0, 3]),
                    json!([1, 1, 1]),
                ),
                Kind::Slice(vec![range(None, None), Part::New, Part::Index(2)]),
            ),
            // x[..., 1:3]
            (
                strided(json!({"ellipsis_mask": {"i": "1"}}), json!([0, 1]), json!([0, 3]), json!([1, 1])),
                Kind::Slice(vec![Part::Rest, range(Some(1), Some(3))]),
            ),
        ],
    );
    // The axis comes first, the tensor after it.
    for (which, of) in [(0, 2), (1, 2), (3, 4)] {
        let mut entry = node("Split", json!({"num_split": {"i": of.to_string()}}), 2, json!({"0": 3}));
        entry["config"]["node_def"]["input"] = json!(["axis", "x"]);
        let parts = [&[Part::ALL; 3][..], &[Part::Share { which, of }, Part::Rest]].concat();
        assert_eq!(format!("{:?}", kind("2.3.0-tf", entry, which)), format!("{:?}", Kind::Slice(parts)));
    }
    let supported = "half_pixel_centers";
    are_refused(
        "2.3.0-tf",
        vec![
            (resize("ResizeBilinear", json!({})), supported),
            (resize("ResizeBilinear", json!({"half_pixel_centers": {"b": false}})), supported),
            (
                resize("ResizeBilinear", json!({"half_pixel_centers": {"b": false}, "align_corners": {"b": true}})),
                supported,
            ),
            (
                resize("ResizeBilinear", json!({"half_pixel_centers": {"b": true}, "align_corners": {"b": true}})),
                supported,
            ),
            (node("Split", json!({"num_split": {"i": "2"}}), 1, json!({})), "axis"),
            (node("Mean", json!({}), 3, json!({})), "more inputs than it gets"),
        ],
    );
}
