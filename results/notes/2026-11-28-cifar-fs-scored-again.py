"""Committed states on CIFAR-FS, scored a second time in numpy: their numbers without the harness.

    python 2026-11-28-cifar-fs-scored-again.py --data DIR/cifar-100 --split benchmarks/splits/cifar-fs.txt \
        --results results/reference --out scored.csv [METHOD …]

DIR/cifar-100 is a folder with a folder of images for each class. It needs numpy and Pillow, no GPU: a minute a state on one core.
It shares no code with the harness: file reader, convolutions, norms, solver, sampling and random numbers are here or numpy's.
"""
import argparse
import csv
import json
import pathlib

import numpy as np
from PIL import Image

EPISODES, QUERIES = 10_000, 15
WAYS, EPS = 5, 1e-5


def tensors(path):
    """Of a safetensors file."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header, body = json.loads(raw[8:8 + length]), raw[8 + length:]
    header.pop("__metadata__", None)
    kinds = {"F32": np.float32, "F64": np.float64}
    read = lambda at: np.frombuffer(body[slice(*at["data_offsets"])], kinds[at["dtype"]]).reshape(at["shape"])
    return {name: read(at) for name, at in header.items() if at["dtype"] in kinds}


def convolved(x, weight):
    """3 × 3, stride 1, zeros around: [n, h, w, in] and [3, 3, in, out]."""
    n, h, w, _ = x.shape
    around = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    out = np.zeros((n, h, w, weight.shape[3]), np.float32)
    for row in range(3):
        for column in range(3):
            out += around[:, row:row + h, column:column + w] @ weight[row, column]
    return out


def features(state, images):
    """Four blocks of convolution, norm under the statistics that training kept, ReLU and pooling: [n, h, w, 3] to [n, f]."""
    at = lambda kind, name: state[f"{kind}/{name}"]
    x = images.astype(np.float32) / 255
    for block in range(1, 5):
        x = convolved(x, at("params", f"conv{block}.weight")) + at("params", f"conv{block}.bias")
        x = (x - at("buffers", f"norm{block}.mean")) / np.sqrt(at("buffers", f"norm{block}.var") + EPS)
        x = x * at("params", f"norm{block}.gamma") + at("params", f"norm{block}.beta")
        n, h, w, c = x.shape
        x = np.maximum(x, 0).reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))
    return x.reshape(len(x), -1).astype(np.float64)


def unit(x):
    return x / (np.linalg.norm(x, axis=-1, keepdims=True) + 1e-12)


def nearest_mean(support, query):
    """support [ways, shots, f], query [n, f]: minus the squared distance to each class mean."""
    return -((query[:, None] - support.mean(1)) ** 2).sum(-1)


def attention(support, query):
    """The sum, over a class's support images, of the softmax of cosines over all support images."""
    ways, shots, size = support.shape
    weights = np.exp(unit(query) @ unit(support.reshape(-1, size)).T)
    return weights.reshape(len(query), ways, shots).sum(2)


def ridge(regularisation):
    """Ridge regression on one-hot labels with a bias, solved in the space of features; regularisation is for each support image."""

    def answers(support, query):
        ways, shots, size = support.shape
        x = np.concatenate([support.reshape(-1, size), np.ones((ways * shots, 1))], 1)
        labels = np.repeat(np.eye(ways), shots, 0)
        # The small system, of the support images: here by the singular values of x.
        u, s, v = np.linalg.svd(x, full_matrices=False)
        weights = v.T @ ((s / (s * s + regularisation * len(x)))[:, None] * (u.T @ labels))
        return np.concatenate([query, np.ones((len(query), 1))], 1) @ weights

    return answers


def scored(found, shots, answers, seed):
    """Percent of right answers with the half-width of its 95 % interval. found: [classes, images, f]."""
    rng, right = np.random.default_rng(seed), np.zeros(EPISODES)
    for episode in range(EPISODES):
        classes = rng.choice(len(found), WAYS, replace=False)
        chosen = [found[c][rng.choice(len(found[c]), shots + QUERIES, replace=False)] for c in classes]
        support, query = np.stack([x[:shots] for x in chosen]), np.concatenate([x[shots:] for x in chosen])
        right[episode] = (answers(support, query).argmax(1) == np.repeat(np.arange(WAYS), QUERIES)).mean()
    return 100 * right.mean(), 196 * right.std(ddof=1) / np.sqrt(EPISODES)


def rules(method, state):
    """How a method answers: name and function of features, function of an episode."""
    same = lambda x: x
    if method == "simpleshot":
        mean = state["buffers/features.mean"].astype(np.float64)
        return [("un", same, nearest_mean), ("l2n", unit, nearest_mean), ("cl2n", lambda x: unit(x - mean), nearest_mean)]
    if method == "r2d2":
        learned = state.get("params/head.log_lambda")
        return [("", same, ridge(50.0 if learned is None else float(np.exp(learned[0]))))]
    return [("", same, {"protonet": nearest_mean, "matching": attention}[method])]


def committed(folder, step):
    """The run's own number of this state on test classes: value and interval."""
    kind = {"split": "test", "mode": "inductive", "metric": "accuracy", "step": step}
    rows = [row for row in csv.DictReader((folder / "metrics.csv").open()) if kind.items() <= row.items()]
    final = max(rows, key=lambda row: int(row["n"]))
    return tuple(f"{float(final[key]):.2f}" for key in ("value", "ci95"))


def main():
    args = argparse.ArgumentParser()
    for name in ("--data", "--split", "--results", "--out"):
        args.add_argument(name, required=True, type=pathlib.Path)
    args.add_argument("methods", nargs="*", default=["protonet", "matching", "r2d2", "simpleshot"])
    args = args.parse_args()
    lines = [line.split() for line in args.split.read_text().splitlines() if line and not line.startswith("#")]
    classes = [name for kind, name in lines if kind == "test"]
    load = lambda name: np.stack([np.asarray(Image.open(path).convert("RGB")) for path in sorted((args.data / name).iterdir())])
    images = [load(name) for name in classes]
    print(f"{len(images)} classes, {sum(map(len, images))} images", flush=True)
    out = csv.writer(args.out.open("w"))
    out.writerow(["budget", "benchmark", "method", "rule", "mode", "step", "value", "ci95", "committed", "committed_ci95"])

    def tell(*row):
        out.writerow(row)
        print(*row, flush=True)

    for budget in ("paper", "short"):
        for shots in (1, 5):
            folder = args.results / budget / f"cifar-fs-5w{shots}s"
            for method in args.methods:
                place = folder / method / "seed-0"
                if not (place / "run.json").exists():
                    continue
                record = json.loads((place / "run.json").read_text())
                selected = record.get("selected_step")
                # A row of five shots whose training is that of one shot has its state there.
                first = args.results / budget / "cifar-fs-5w1s" / method / "seed-0"
                checkpoint = next(path for at in (place, first) for path in at.glob("checkpoint-*"))
                chosen = place / f"snapshot-{selected}.safetensors"
                if selected is not None and chosen.exists():
                    checkpoint = chosen
                state, step = tensors(checkpoint), checkpoint.stem.split("-")[1]
                found = [np.concatenate([features(state, some) for some in np.array_split(x, 6)]) for x in images]
                for rule, prepared, answers in rules(method, state):
                    value, interval = scored(np.stack([prepared(x) for x in found]), shots, answers, seed=1)
                    ours = committed(place, step) if rule in ("", "cl2n") else ("", "")
                    tell(budget, folder.name, method, rule, "inductive", step, f"{value:.2f}", f"{interval:.2f}", *ours)


main()
