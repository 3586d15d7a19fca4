//! Burn on the GPU through wgpu: `iters` steps of gradient ascent on the image, one filter of one layer.
//! The network, the job and the output line are those of the Python peers (common.py, torch_peer.py), and so are the files that it
//! reads (mkdata.py): PEERS_DIR, or target/peers.
//!
//! `cargo run --release --manifest-path benches/peers/burn/Cargo.toml -- --check`, then `-- --iters 1`
use burn::tensor::module::{batch_norm, conv2d, interpolate, max_pool2d};
use burn::tensor::ops::{ConvOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions};
use burn::tensor::{Device, DeviceKind, Tensor, TensorData, activation::relu};
use std::{collections::HashMap, env, fs, time::Instant};

const LAYER: &str = "uconv128";

/// Layers in order: the convolution, whether a max pool precedes it, the skip joined before it, the batch norm after its ReLU.
const NET: [(&str, bool, &str, &str); 6] = [
    ("dconv64", false, "", "conv64_1"),
    ("dconv128", true, "", "conv128_1"),
    ("dconv256", true, "", "conv256_1"),
    ("conv512", true, "", ""),
    ("uconv256", false, "dconv256", "conv512_2"),
    (LAYER, false, "dconv128", ""),
];

/// The weights, named as in weights.txt.
struct Net {
    kernels: HashMap<String, Tensor<4>>,
    vectors: HashMap<String, Tensor<1>>,
}

fn floats(path: &str) -> Vec<f32> {
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
}

/// Kernels: height, width, in, out (Keras) to out, in, height, width.
fn transposed(v: &[f32], [h, w, i, o]: [usize; 4]) -> Vec<f32> {
    let (hw, mut out) = (h * w, vec![0.0; v.len()]);
    for (n, &x) in v.iter().enumerate() {
        out[(n % o * i + n / o % i) * hw + n / (o * i)] = x;
    }
    out
}

impl Net {
    fn load(dir: &str, which: &str, device: &Device) -> Net {
        let flat = floats(&format!("{dir}/data/{which}/weights.bin"));
        let mut net = Net { kernels: HashMap::new(), vectors: HashMap::new() };
        for line in fs::read_to_string(format!("{dir}/data/weights.txt")).unwrap().lines() {
            let (head, offset) = line.split_once(" @ ").unwrap();
            let (name, dims) = head.split_once(' ').unwrap();
            let dims: Vec<usize> = dims.split(' ').map(|d| d.parse().unwrap()).collect();
            let v = &flat[offset.parse().unwrap()..][..dims.iter().product()];
            if let &[h, w, i, o] = &dims[..] {
                let data = TensorData::new(transposed(v, [h, w, i, o]), [o, i, h, w]);
                net.kernels.insert(name.into(), Tensor::from_data(data, device));
            } else {
                net.vectors.insert(name.into(), Tensor::from_data(TensorData::new(v.to_vec(), dims), device));
            }
        }
        net
    }

    /// The activation of the target layer: all its channels, nothing past it.
    fn forward(&self, mut x: Tensor<4>) -> Tensor<4> {
        let vector = |name: &str, part: &str| self.vectors[&format!("{name}.{part}")].clone();
        let mut skips = HashMap::new();
        for (name, pool, skip, norm) in NET {
            if pool {
                x = max_pool2d(x, MaxPoolOptions::new([2, 2]));
            }
            if !skip.is_empty() {
                let twice = InterpolateOptions::new(InterpolateMode::Nearest).with_scale_factor([2.0, 2.0]);
                x = Tensor::cat(vec![interpolate(x, twice), skips.remove(skip).unwrap()], 1);
            }
            let kernel = self.kernels[&format!("{name}.kernel")].clone();
            x = relu(conv2d(x, kernel, Some(vector(name, "bias")), ConvOptions::new([1, 1], [1, 1], [1, 1], 1)));
            if !norm.is_empty() {
                let [gamma, beta, mean, var] = ["gamma", "beta", "mean", "var"].map(|part| vector(norm, part));
                x = batch_norm(x, gamma, beta, mean, var, 1e-3);
            }
            if ["dconv128", "dconv256"].contains(&name) {
                skips.insert(name, x.clone());
            }
        }
        x
    }

    /// The gradient of the mean activation of filter 0 with respect to the image.
    fn gradient(&self, x: Tensor<4>) -> Tensor<4> {
        let x = x.autodiff().require_grad();
        let loss = self.forward(x.clone()).slice([0..1, 0..1]).mean();
        x.grad_remove(&mut loss.backward()).unwrap()
    }

    /// Ascends from `x`; the image comes back to the host, so all the work is done.
    fn ascend(&self, mut x: Tensor<4>, iters: usize) -> Vec<f32> {
        for _ in 0..iters {
            let g = self.gradient(x.clone());
            let rms = g.clone().square().mean().sqrt().add_scalar(1e-5);
            x = x + g / rms.reshape([1, 1, 1, 1]);
        }
        x.into_data().try_to_vec().unwrap()
    }
}

fn mean_abs(v: &[f32]) -> f64 {
    v.iter().map(|x| x.abs() as f64).sum::<f64>() / v.len() as f64
}

fn main() {
    let start = Instant::now();
    let args: Vec<String> = env::args().collect();
    let flag = |name: &str, default: &str| {
        let at = args.iter().position(|a| a == name);
        at.map_or(default.to_string(), |i| args.get(i + 1).unwrap_or_else(|| panic!("{name} needs a value")).clone())
    };
    let iters: usize = flag("--iters", "20").parse().unwrap();
    let reps: usize = flag("--reps", "3").parse().unwrap();
    let warm: usize = flag("--warm", "1").parse().unwrap();
    let which = flag("--weights", &env::var("PEER_WEIGHTS").unwrap_or("random".into()));
    let dir = env::var("PEERS_DIR").unwrap_or("target/peers".into());
    let (peer, device) = match flag("--device", "wgpu").as_str() {
        "wgpu" => ("burn-wgpu", Device::wgpu(DeviceKind::DefaultDevice)),
        #[cfg(feature = "flex")]
        "flex" => ("burn-flex", Device::flex()),
        other => panic!("--device {other}: not built in"),
    };

    let net = Net::load(&dir, &which, &device.clone().autodiff());
    let image = floats(&format!("{dir}/data/x16.bin"))[..128 * 128].to_vec();
    let x: Tensor<4> = Tensor::from_data(TensorData::new(image, [1, 1, 128, 128]), &device);

    if args.iter().any(|a| a == "--check") {
        let g: Vec<f32> = net.gradient(x).into_data().try_to_vec().unwrap();
        println!("{{\"peer\":\"{peer}\",\"layer\":\"{LAYER}\",\"mean_abs_gradient\":{:e}}}", mean_abs(&g));
        if let Ok(path) = env::var("GRADIENT_OUT") {
            fs::write(path, g.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
        }
        return;
    }
    net.ascend(x.clone(), iters.min(1));
    let first = start.elapsed().as_secs_f64();
    for _ in 1..warm {
        net.ascend(x.clone(), iters);
    }
    let (mut times, mut last) = (vec![], vec![]);
    for _ in 0..reps {
        let t = Instant::now();
        last = net.ascend(x.clone(), iters);
        times.push(t.elapsed().as_secs_f64());
    }
    println!(
        "{{\"peer\":\"{peer}\",\"job\":\"a\",\"layer\":\"{LAYER}\",\"iters\":{iters},\"first\":{first},\"times\":{times:?},\"sum\":{}}}",
        mean_abs(&last)
    );
}
