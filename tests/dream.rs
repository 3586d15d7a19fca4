//! Dreams of small pictures; tiles against the whole.

mod common;

use common::{correlation, difference, fixture, network};
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::{Backend, Executor};
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::lens::dream::{Dream, Work, dream, reach, recolour};
use unet_lens::network::{Network, unet};
use unet_lens::picture::{read_image, resize};

fn cpu(threads: usize) -> Box<dyn Executor> {
    unet_lens::engine::exec::open(Backend::Cpu, Some(threads), None).unwrap().0
}

/// A fixture's luma in another size.
fn picture(name: &str, h: usize, w: usize) -> Tensor {
    let photo = read_image(fixture(name)).unwrap();
    resize(&Tensor::new(Shape::new(1, photo.h, photo.w, 1), photo.luma()), (h, w))
}

fn what(network: &Network, layer: &str) -> Dream {
    let layer = unet::convolution(network, layer).unwrap();
    Dream { layer, filter: None, octaves: 3, octave_scale: 1.4, steps: 4, step_size: 1.5 / 255.0, jitter: 8, seed: 0 }
}

fn run(network: &Network, image: &Tensor, what: &Dream, most: usize) -> Tensor {
    let executor = cpu(2);
    let work = Work::with_tiles(&*executor, network, what, image.shape, most).unwrap();
    dream(
        &*executor,
        network,
        image,
        what,
        &work,
        &mut Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} },
        None,
    )
    .unwrap()
    .0
}

#[test]
fn the_goal_grows_in_every_octave() {
    let network = network("unet.h5");
    let executor = cpu(2);
    for (file, h, w) in [("camera.png", 64, 64), ("chelsea.png", 45, 67)] {
        let image = picture(file, h, w);
        for (layer, filter) in [("dconv64", None), ("conv512", None), ("uconv64", Some(3))] {
            // Without shifts, so that first and last step look at the same picture.
            let what = Dream { filter, jitter: 0, ..what(&network, layer) };
            let work = Work::new(&*executor, &network, &what, image.shape).unwrap();
            assert_eq!(work.tiles, 1);
            let mut last = (0, 0);
            let mut progress = |done: usize, total: usize| last = (done, total);
            let (result, octaves) = dream(
                &*executor,
                &network,
                &image,
                &what,
                &work,
                &mut Watch { cancel: &Cancel::default(), progress: &mut progress },
                None,
            )
            .unwrap();
            assert_eq!(last, (12, 12));
            assert_eq!(result.shape, image.shape);
            assert!(result.data.iter().all(|v| v.is_finite()) && result != image);
            assert_eq!(octaves.iter().map(|o| (o.h, o.w)).next_back(), Some((h, w)));
            for octave in octaves {
                assert!(octave.last > octave.first, "{file} {layer} {octave:?}");
            }
        }
    }
}

/// Pictures and a tile's values together stay within what is allowed; with less of it there are more tiles.
#[test]
fn memory_is_bounded() {
    let network = network("unet.h5");
    let image = Shape::new(1, 1000, 1500, 1);
    let mut tiles = vec![];
    for limit in [1_000_000_000, 200_000_000, 120_000_000] {
        let executor = unet_lens::engine::exec::open(Backend::Cpu, Some(2), Some(limit)).unwrap().0;
        let work = Work::new(&*executor, &network, &what(&network, "dconv128"), image).unwrap();
        assert!(work.needed.total() <= limit, "{} bytes where {limit} are allowed", work.needed.total());
        tiles.push(work.tiles);
    }
    assert!(tiles.windows(2).all(|pair| pair[0] < pair[1]), "{tiles:?}");
}

/// Any size is padded to what the pools divide; one pixel is a picture too.
#[test]
fn every_size_can_be_dreamt_on() {
    let network = network("unet.h5");
    for (h, w) in [(1, 1), (1, 40), (17, 3), (33, 50)] {
        let image = picture("camera.png", h, w);
        assert_eq!(run(&network, &image, &what(&network, "dconv64"), 1024).shape, Shape::new(1, h, w, 1));
    }
}

#[test]
fn the_same_bits_again_and_on_one_thread() {
    let network = network("unet.h5");
    let image = picture("camera.png", 48, 48);
    let what = what(&network, "dconv128");
    let first = run(&network, &image, &what, 1024);
    let one = cpu(1);
    let work = Work::with_tiles(&*one, &network, &what, image.shape, 1024).unwrap();
    let mut frames = vec![];
    let mut keep = |picture: &Tensor| {
        frames.push(picture.clone());
        Ok(())
    };
    let again = dream(
        &*one,
        &network,
        &image,
        &what,
        &work,
        &mut Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} },
        Some(&mut keep),
    )
    .unwrap()
    .0;
    assert_eq!(first, again);
    assert_eq!(frames.len(), 13);
    assert_eq!(frames[0], image);
    assert!(difference(&frames[12].data, &first.data).0 < 1e-6);
    assert_ne!(first, run(&network, &image, &Dream { seed: 1, ..what }, 1024));
}

/// Where the margins are as wide as what a gradient depends on, tiles are the whole picture, to rounding.
#[test]
fn seams_of_a_near_sighted_layer_are_not_there() {
    let network = network("unet.h5");
    let what = Dream { octaves: 1, steps: 1, ..what(&network, "dconv64") };
    let reach = reach(&network, what.layer);
    let image = picture("camera.png", 160, 192);
    let executor = cpu(2);
    let work = Work::with_tiles(&*executor, &network, &what, image.shape, 64).unwrap();
    assert!(work.tiles >= 9 && work.tiling.margin.h >= 2 * reach, "{work:?}, reach {reach}");
    let (whole, tiled) = (run(&network, &image, &what, 1024), run(&network, &image, &what, 64));
    let changed = |t: &Tensor| -> Vec<f32> { t.data.iter().zip(&image.data).map(|(a, b)| a - b).collect() };
    let (error, at) = difference(&changed(&tiled), &changed(&whole));
    assert!(error < 1e-3, "at {at}: {} and {}", tiled.data[at], whole.data[at]);
}

/// Without padding the output is smaller than the image, and tiles have sizes that are no multiples of what the pools divide.
#[test]
fn tiles_of_a_network_without_padding() {
    let network = network("keras/layers/conv_stride_valid_k3.keras");
    let layer = *unet::convolutions(&network).last().unwrap();
    let name = &network.layers[layer].name;
    let what = Dream { octaves: 1, steps: 1, jitter: 0, ..what(&network, name) };
    let channels = unet::image_channels(&network).unwrap();
    let shape = Shape::new(1, 211, 217, channels);
    let image = Tensor::new(shape, (0..shape.len()).map(|i| (i * i % 101) as f32 / 101.0).collect());
    let executor = cpu(2);
    let work = Work::with_tiles(&*executor, &network, &what, image.shape, 120).unwrap();
    assert!(work.tiles >= 4 && work.tiling.margin.h >= 2 * reach(&network, layer), "{work:?}");
    let (whole, tiled) = (run(&network, &image, &what, 1024), run(&network, &image, &what, 120));
    let changed = |t: &Tensor| -> Vec<f32> { t.data.iter().zip(&image.data).map(|(a, b)| a - b).collect() };
    assert!(changed(&whole).iter().any(|&v| v != 0.0));
    let (error, at) = difference(&changed(&tiled), &changed(&whole));
    assert!(error < 1e-3, "at {at}: {} and {}", tiled.data[at], whole.data[at]);
}

/// A network that takes one size alone, as a PReLU with a slope of its own for each pixel makes it, dreams in tiles of that size.
#[test]
fn a_picture_larger_than_the_only_size() {
    let network = network("keras/layers/prelu_k3.keras");
    let own = unet::image_shape(&network, &[network.output], None).unwrap();
    let layer = *unet::convolutions(&network).last().unwrap();
    let what = what(&network, &network.layers[layer].name);
    let shape = Shape { h: own.h + 7, w: own.w * 2, ..own };
    let image = Tensor::new(shape, (0..shape.len()).map(|i| (i * 7 % 11) as f32 / 11.0).collect());
    let work = Work::new(&*cpu(2), &network, &what, image.shape).unwrap();
    assert!(work.tiles >= 4 && (work.tiling.size.h, work.tiling.size.w) == (own.h, own.w), "{work:?}");
    let dreamt = run(&network, &image, &what, 1024);
    assert_eq!(dreamt.shape, shape);
    assert!(dreamt != image && dreamt.data.iter().all(|v| v.is_finite()));
}

/// Where they are not, the dream is another one in places, but no seam is to be seen: the picture is no rougher across where
/// tiles meet than elsewhere.
#[test]
fn seams_of_a_far_sighted_layer_are_not_seen() {
    let network = network("unet.h5");
    let what = Dream { octaves: 1, steps: 8, jitter: 16, ..what(&network, "uconv128") };
    let image = picture("camera.png", 160, 160);
    let executor = cpu(2);
    let work = Work::with_tiles(&*executor, &network, &what, image.shape, 96).unwrap();
    assert!(work.tiles >= 4 && work.tiling.margin.h < 2 * reach(&network, what.layer), "{work:?}");
    let (whole, tiled) = (run(&network, &image, &what, 1024), run(&network, &image, &what, 96));
    let changed = |t: &Tensor| -> Vec<f32> { t.data.iter().zip(&image.data).map(|(a, b)| a - b).collect() };
    assert!(correlation(&changed(&tiled), &changed(&whole)) > 0.7);
    // For each line between two rows, and two columns: how rough the change is across it.
    let change = changed(&tiled);
    let rough = |line: usize, down: bool| -> f32 {
        let at = |along: usize, across: usize| change[if down { across * 160 + along } else { along * 160 + across }];
        (0..160).map(|i| (at(i, line) - at(i, line - 1)).abs()).sum::<f32>() / 160.0
    };
    for down in [true, false] {
        let mut all: Vec<f32> = (1..160).map(|line| rough(line, down)).collect();
        let median = {
            let mut sorted = all.clone();
            sorted.sort_by(f32::total_cmp);
            sorted[sorted.len() / 2]
        };
        let worst = all.drain(..).fold(0.0, f32::max);
        let of_whole = {
            let change = changed(&whole);
            let at = |i: usize, j: usize| change[if down { j * 160 + i } else { i * 160 + j }];
            let rough = |line| (0..160).map(|i| (at(i, line) - at(i, line - 1)).abs()).sum::<f32>() / 160.0;
            (1..160).map(rough).fold(0.0, f32::max)
        };
        assert!(worst < (3.0 * median).max(1.5 * of_whole), "a line {worst}, {median} in the middle, whole {of_whole}");
    }
}

/// Of a network of two channels: from an .npy to an .npy, and a picture of it.
#[test]
fn an_array_goes_in_and_comes_out() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<f32> = (0..30 * 20 * 2).map(|i| (i * i % 97) as f32 / 97.0).collect();
    unet_lens::picture::npy::write(folder.path().join("two.npy"), &[1, 30, 20, 2], &values).unwrap();
    let model = fixture("keras/unet_k2.h5").display().to_string();
    let line = ["dream", "two.npy", "--layer", "up_conv", "--model", &model, "--steps", "3", "--gif", "way.gif"];
    let output = common::unet_lens(folder.path()).args(line).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for said in ["channel 0 magenta, channel 1 green", "out/two_up_conv.png", "out/two_up_conv.npy", "way.gif"] {
        assert!(out.contains(said), "{said}: {out}");
    }
    let (shape, dreamt) = common::npy(&folder.path().join("out/two_up_conv.npy"));
    assert_eq!(shape, [1, 30, 20, 2]);
    assert!(dreamt != values && dreamt.iter().all(|v| (0.0..=1.0).contains(v)));
    let picture = read_image(folder.path().join("out/two_up_conv.png")).unwrap();
    assert_eq!((picture.h, picture.w), (30, 20));
    // Magenta: as much red as blue.
    assert!(picture.rgb.chunks(3).all(|p| p[0] == p[2]) && picture.rgb.chunks(3).any(|p| p[0] != p[1]));

    let photo = common::unet_lens(folder.path())
        .args(["dream", "out/two_up_conv.png", "--layer", "up_conv", "--model", &model])
        .output();
    let err = String::from_utf8(photo.unwrap().stderr).unwrap();
    assert!(err.contains("2 channels") && err.contains("an .npy can"), "{err}");
}

#[test]
fn colours_stay() {
    let rgb = [0.1, 0.5, 0.3, 0.9, 0.2, 0.0];
    let out = recolour(&rgb, &[0.4, 0.3], &[0.5, 0.1]);
    for (a, b) in out.iter().zip([0.2, 0.6, 0.4, 0.7, 0.0, -0.2]) {
        assert!((a - b).abs() < 1e-6);
    }
}
