"""EXPORTED in PyTorch: Network("EXPORTED")(x) with x [n, height, width, channels], or [n, features], as the card EXPORTED_CARD says.
Normalises with the batch at hand, or with the statistics that training kept: Network("EXPORTED", running=True)."""
import json, pathlib, torch, torch.nn.functional as F
from safetensors.torch import load_file

def same(x, stride):  # TensorFlow's padding of a 3x3 window: what is odd goes to the right and below
    over = [max((-(-n // stride) - 1) * stride + 3 - n, 0) for n in (x.shape[3], x.shape[2])]
    return F.pad(x, [part for n in over for part in (n // 2, n - n // 2)])

OPS = {
    "conv": lambda x, at, p: F.conv2d(same(x, at["stride"]), p["weight"].permute(3, 2, 0, 1), p["bias"], at["stride"]),
    "norm": lambda x, at, p: F.batch_norm(x, *p["kept"], p.get("gamma"), p["beta"], p["kept"][0] is None, 0.0, at["eps"]),
    "relu": lambda x, at, p: F.relu(x),
    "tanh": lambda x, at, p: torch.tanh(x),
    "max-pool": lambda x, at, p: F.max_pool2d(x, 2, ceil_mode=at["padding"] == "same"),
    "spatial-mean": lambda x, at, p: x.mean((2, 3)),
    "flatten": lambda x, at, p: x.movedim(1, -1).flatten(1),
    "dense": lambda x, at, p: x @ p["weight"] + p["bias"],
}

class Network(torch.nn.Module):
    def __init__(self, file, running=False):
        super().__init__()
        card, kept = json.loads(pathlib.Path(file).with_suffix(".json").read_text()), (".mean", ".var")
        self.layers, self.running = card["layers"], running
        for name, tensor in load_file(file).items():  # a name of PyTorch's has no dot
            put = self.register_buffer if name.endswith(kept) else self.register_parameter
            put(name.replace(".", "_"), tensor if name.endswith(kept) else torch.nn.Parameter(tensor))

    def forward(self, x):
        x = x.movedim(-1, 1)
        for at in self.layers:
            own = {name: getattr(self, f"{at['name']}_{name}", None) for name in ("weight", "bias", "gamma", "beta", "mean", "var")}
            x = OPS[at["op"]](x, at, own | {"kept": (own["mean"], own["var"]) if self.running else (None, None)})
        return x
