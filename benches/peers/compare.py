"""Time unet-lens against the frameworks that its users would otherwise run: same network, same jobs, same machine, in turn.

    python3 -m venv target/peers/venv && . target/peers/venv/bin/activate
    pip install tensorflow-cpu torch onnxruntime onnx h5py        # 4 GB
    cargo build --release && python benches/peers/compare.py

Jobs: a: a step of the climb of one filter of uconv128; b: of 16 filters, an image each; c: of 16 filters of each layer of the
article; d1: the forward pass of the whole network. First each peer's gradient is compared with ours: a step of the climb from the
same four images. Then rounds: every program once, in turn, with two threads; the table holds the median over the rounds.
"""
import argparse, json, os, statistics, subprocess, sys
import numpy as np

os.environ.setdefault("PEERS_DIR", "target/peers")
os.environ["PEER_WEIGHTS"] = "trained"
os.environ.pop("OPENBLAS_CORETYPE", None)
HERE, DIR = os.path.dirname(os.path.abspath(__file__)), os.environ["PEERS_DIR"]
OURS = "target/release/unet-lens"
CLIMBS = ["tf_peer.py tf-function", "torch_peer.py torch-eager-cl", "torch_peer.py torch-eager-cl-slice"]
PEERS = {"a": CLIMBS, "b": CLIMBS, "c": CLIMBS, "d1": ["ort_peer.py ort", "torch_peer.py torch-compile-cl", "tf_peer.py tf-function"]}
NAMES = {"tf_peer.py tf-function": "TensorFlow", "torch_peer.py torch-eager-cl": "PyTorch channels_last",
         "torch_peer.py torch-eager-cl-slice": "PyTorch, target's kernel cut by hand", "ort_peer.py ort": "ONNX Runtime",
         "torch_peer.py torch-compile-cl": "PyTorch compiled"}
LAYERS = ["dconv64", "dconv128", "dconv256", "conv512", "uconv256", "uconv128", "uconv64"]


def call(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode()


def peer(which, job, reps, iters):
    """Seconds of a step by layer."""
    out = call([sys.executable, *f"{HERE}/{which} {job} --reps {reps} --iters {iters}".split()])
    found = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return {r["layer"]: statistics.median(r["times"]) / r["iters"] for r in found}


def ours(job):
    """Seconds of a step by layer."""
    layers, images = (LAYERS if job == "c" else ["uconv128"]), (16 if job in "bc" else 1)
    what = ["--forward"] if job == "d1" else [part for layer in layers for part in ("--layer", layer)]
    call([OURS, "bench", "--backend", "cpu", "--threads", "2", "--count", str(images), "--json", f"{DIR}/ours.json", *what])
    with open(f"{DIR}/ours.json") as f:
        return {r["layer"] or "final_conv1": r["backends"][0]["step"] for r in json.load(f)}


def validate(which):
    """The largest difference of the images after one step, relative to the step's largest change."""
    call([sys.executable, *f"{HERE}/{which} check".split()])
    x = np.fromfile(f"{DIR}/data/x16.bin", "<f4").reshape(16, 128, 128)[:4]
    np.save(f"{DIR}/x4.npy", x)
    call([OURS, "--quiet", "--backend", "cpu", "--layer", "uconv128", "--filters", "0-3", "--init", f"{DIR}/x4.npy", "--steps", "1",
          "--npy", "--out", DIR])
    g = np.fromfile(f"{DIR}/results/check/{which.split()[1]}_uconv128.bin", "<f4").reshape(4, 128, 128).astype("f8")
    step = g / (np.sqrt((g * g).mean((1, 2), keepdims=True)) + 1e-5)
    return float(np.abs(np.load(f"{DIR}/uconv128.npy").reshape(4, 128, 128) - x - step).max() / np.abs(step).max())


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--jobs", default="a,b,c,d1")
    a = p.parse_args()
    call([sys.executable, f"{HERE}/mkdata.py"])
    for which in CLIMBS:
        error = validate(which)
        print(f"{which}: a step from the same images differs by {error:.1e}", flush=True)
        if error > 1e-3:
            sys.exit("this peer does not compute what we do: no timing")
    for job in a.jobs.split(","):
        reps, iters = {"a": (3, 20), "b": (3, 3), "c": (3, 2), "d1": (30, 1)}[job]
        times = {}
        for _ in range(a.rounds):
            for name, measured in [("unet-lens", ours(job))] + [(NAMES[w], peer(w, job, reps, iters)) for w in PEERS[job]]:
                for layer, seconds in measured.items():
                    times.setdefault(layer, {}).setdefault(name, []).append(seconds)
        table = {layer: {name: statistics.median(t) for name, t in row.items()} for layer, row in times.items()}
        if len(table) > 1:
            table["sum"] = {name: sum(row[name] for row in table.values()) for name in next(iter(table.values()))}
        names = list(next(iter(table.values())))
        print(f"\n| job {job} | " + " | ".join(names) + " | ratio to the best |\n" + "| --- " * (len(names) + 2) + "|")
        for layer, row in table.items():
            best = min(t for name, t in row.items() if name != "unet-lens" and "by hand" not in name)
            print(f"| {layer} | " + " | ".join(f"{row[n]:.4f}" for n in names) + f" | {best / row['unet-lens']:.1f} |", flush=True)


main()
