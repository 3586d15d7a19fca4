"""Write weights and inputs that every peer reads.

data/random/weights.bin, data/trained/weights.bin : float32 little-endian, concatenated
data/weights.txt : name dims... offset(in floats), kernels HWIO as Keras has them
data/x16.bin     : 16 x 128 x 128 uniform [0,1)
usage: mkdata.py [model.h5]      default: fixtures/unet.h5 of the project; into $PEERS_DIR, or target/peers
"""
import os, sys, numpy as np
here = os.environ.get("PEERS_DIR", "target/peers")
model = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../fixtures/unet.h5")
os.makedirs(f"{here}/data/random", exist_ok=True)
CONV = [("dconv64", 1, 64, "conv64_1"), ("dconv128", 64, 128, "conv128_1"), ("dconv256", 128, 256, "conv256_1"),
        ("conv512", 256, 512, None), ("uconv256", 768, 128, "conv512_2"), ("uconv128", 256, 128, "conv128_2"),
        ("uconv64", 192, 64, "conv64_2"), ("econv64", 64, 64, "conv64_3"), ("final_conv1", 64, 1, None)]
specs = []
for name, ci, co, bn in CONV:
    specs += [(name + ".kernel", (3, 3, ci, co)), (name + ".bias", (co,))]
    if bn:
        specs += [(bn + "." + k, (co,)) for k in ("gamma", "beta", "mean", "var")]
off, lines = 0, []
for n, s in specs:
    lines.append(f"{n} {' '.join(map(str, s))} @ {off}")
    off += int(np.prod(s))
assert off == 2881217, off
open(f"{here}/data/weights.txt", "w").write("\n".join(lines) + "\n")
rng = np.random.default_rng(7)
out = []
for n, s in specs:
    leaf = n.split(".")[1]
    if leaf == "kernel": v = rng.normal(0, np.sqrt(2 / (s[0] * s[1] * s[2])), s)
    elif leaf == "gamma": v = rng.uniform(0.7, 1.3, s)
    elif leaf == "var": v = rng.uniform(0.5, 1.5, s)
    elif leaf == "mean": v = rng.uniform(0.2, 0.6, s)
    else: v = rng.uniform(-0.1, 0.1, s)
    out.append(v.astype("<f4").ravel())
os.makedirs(f"{here}/data/random", exist_ok=True)
np.concatenate(out).tofile(f"{here}/data/random/weights.bin")
np.random.default_rng(11).random((16, 128, 128), dtype=np.float32).tofile(f"{here}/data/x16.bin")
if model:
    import h5py
    h = h5py.File(model, "r")["model_weights"]
    leafmap = {"kernel": "kernel:0", "bias": "bias:0", "gamma": "gamma:0", "beta": "beta:0", "mean": "moving_mean:0", "var": "moving_variance:0"}
    out = []
    for n, s in specs:
        layer, leaf = n.split(".")
        v = np.asarray(h[layer][layer][leafmap[leaf]]); assert v.shape == s, (n, v.shape)
        out.append(v.astype("<f4").ravel())
    os.makedirs(f"{here}/data/trained", exist_ok=True)
    np.concatenate(out).tofile(f"{here}/data/trained/weights.bin")
print("ok")
