"""Time a step of the climb of one filter of networks of your own against Keras on TensorFlow (tf.function) and on PyTorch (eager).

    cargo build --release && python benches/peers/networks.py FILE.keras:LAYER [FILE.keras:LAYER ...]

For what to install see compare.py. From one image, of the network's own input shape, each program takes one step first: they must
agree (the difference's length, as a part of the step's: a ReLU that is on in one and off in the other, by rounding, is felt around one
pixel). Then rounds: every program once, in turn, with two threads; the table holds medians of seconds per step, and each program's
peak memory. The frameworks compute the whole layer, as the recipe does that everyone copies.
"""
import argparse, json, os, resource, statistics, subprocess, sys, time
import numpy as np

OURS, DIR = "target/release/unet-lens", "target/peers/networks"
THREADS, STEPS = 2, 5


def peer(backend, file, layer):
    """Run by a process of its own: the first step's image, then seconds of each step and the peak memory in bytes."""
    os.environ.update(KERAS_BACKEND=backend, TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    if backend == "tensorflow":
        import tensorflow as tf
        tf.config.threading.set_intra_op_parallelism_threads(THREADS)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    import keras
    whole = keras.models.load_model(file, compile=False)
    model = keras.Model(whole.inputs, whole.get_layer(layer).output)
    start = np.load(f"{DIR}/x.npy")
    if backend == "tensorflow":
        @tf.function
        def step(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_mean(model(x, training=False)[..., 0])
            g = tape.gradient(loss, x)
            return x + g / (tf.sqrt(tf.reduce_mean(g * g)) + 1e-5)
        x = tf.constant(start)
    else:
        import torch
        torch.set_num_threads(THREADS)

        def step(x):
            x = x.detach().requires_grad_(True)
            g = torch.autograd.grad(model(x, training=False)[..., 0].mean(), x)[0]
            return (x + g / (g.square().mean().sqrt() + 1e-5)).detach()
        x = torch.from_numpy(start)
    x = step(x)
    np.save(f"{DIR}/{backend}.npy", x.numpy())
    x, times = step(x), []
    for _ in range(STEPS):
        begin = time.perf_counter()
        x = step(x)
        x.numpy()
        times.append(time.perf_counter() - begin)
    print(json.dumps({"times": times, "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


def call(command):
    """What it prints, and its peak memory in bytes."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    out = child.stdout.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} failed")
    return out, usage.ru_maxrss * 1024


def ours(file, layer, args):
    return [OURS, *args, "--backend", "cpu", "--threads", str(THREADS), "--model", file, "--layer", layer]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("networks", nargs="+", metavar="FILE.keras:LAYER")
    p.add_argument("--rounds", type=int, default=3)
    a = p.parse_args()
    os.makedirs(DIR, exist_ok=True)
    peers = ["tensorflow", "torch"]
    print("| network, layer | image | unet-lens | TensorFlow | PyTorch | ratio to the best | memory (MB) | ratio to the least | differ by |\n" + "| --- " * 9 + "|")
    for network in a.networks:
        file, layer = network.rsplit(":", 1)
        shape = [int(n) for n in call([sys.executable, __file__, "--shape", file])[0].split()]
        start = np.random.default_rng(0).uniform(0, 1, (1, *shape)).astype("f4")
        np.save(f"{DIR}/x.npy", start)
        _, memory = call(ours(file, layer, ["-q", "--filters", "0", "--init", f"{DIR}/x.npy", "--steps", "1", "--npy", "--out", DIR]))
        stepped = np.load(f"{DIR}/{layer}.npy").reshape(start.shape)
        times, bytes_, errors = {"ours": []}, {"ours": memory}, []
        for _ in range(a.rounds):
            call([*ours(file, layer, ["bench"]), "--json", f"{DIR}/ours.json"])
            with open(f"{DIR}/ours.json") as f:
                times["ours"].append(json.load(f)[0]["backends"][0]["step"])
            for backend in peers:
                found = json.loads(call([sys.executable, __file__, "--peer", backend, file, layer])[0].splitlines()[-1])
                times.setdefault(backend, []).append(statistics.median(found["times"]))
                bytes_[backend] = found["bytes"]
                theirs = np.load(f"{DIR}/{backend}.npy")
                errors.append(np.linalg.norm(theirs - stepped) / np.linalg.norm(theirs - start))
        t = {name: statistics.median(of) for name, of in times.items()}
        best, least = min(t[b] for b in peers), min(bytes_[b] for b in peers)
        print(f"| {os.path.basename(file)}, {layer} | {'x'.join(map(str, shape))} | {t['ours']:.4f} | {t['tensorflow']:.4f} | {t['torch']:.4f} | "
              f"{best / t['ours']:.1f} | {', '.join(f'{bytes_[n] / 1e6:.0f}' for n in ['ours', *peers])} | {least / memory:.1f} | {max(errors):.0e} |",
              flush=True)


if sys.argv[1:2] == ["--peer"]:
    peer(*sys.argv[2:])
elif sys.argv[1:2] == ["--shape"]:
    os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    import keras
    print(*keras.models.load_model(sys.argv[2], compile=False).input_shape[1:])
else:
    main()
