"""Embedding methods on CIFAR-FS a second time, in PyTorch: numbers to hold ours against.

    python 2026-11-27-cifar-fs-second-implementation.py --data DIR/cifar-100 --split benchmarks/splits/cifar-fs.txt \
        --out numbers.csv NAME …

DIR/cifar-100 is a folder with a folder of images for each class. Without NAME every row of ROWS is trained. It needs a GPU,
PyTorch, numpy and Pillow. It shares no code with the harness: network, initialisation, norms, optimiser, solver, sampling and
random numbers are PyTorch's. The settings are those of benchmarks/base/images.toml and cifar.toml at paper length. A training step
is recorded once as a CUDA graph, since it is too short to be launched piece by piece.
"""
import argparse
import csv
import os
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

VALIDATIONS, VALIDATION_EPISODES, TEST_EPISODES, TEST_QUERIES = 60, 600, 10_000, 15
# name: training (ways, fewest and most shots, images a class) and the shots of its tests. Fixed before any number on test classes was seen.
ROWS = {
    "protonet-1": dict(method="protonet", steps=100_000, ways=5, shots=(1, 1), images=16, lr=1e-3, halvings=9, test=(1,)),
    "protonet-5": dict(method="protonet", steps=100_000, ways=5, shots=(5, 5), images=20, lr=1e-3, halvings=9, test=(5,)),
    "matching-1": dict(method="matching", steps=60_000, ways=5, shots=(1, 1), images=17, lr=1e-3, halvings=0, test=(1,)),
    "matching-5": dict(method="matching", steps=40_000, ways=5, shots=(5, 5), images=21, lr=1e-3, halvings=0, test=(5,)),
    "r2d2": dict(method="r2d2", steps=40_000, ways=20, shots=(1, 9), images=12, lr=5e-3, halvings=19, test=(1, 5)),
    "r2d2-learned": dict(method="r2d2", steps=40_000, ways=20, shots=(1, 9), images=12, lr=5e-3, halvings=19, test=(1, 5), learn=True),
    "r2d2-theirs": dict(method="r2d2", steps=40_000, ways=20, shots=(1, 9), images=12, lr=5e-3, halvings=19, test=(1, 5), net="theirs"),
    "simpleshot": dict(method="simpleshot", steps=54_000, ways=64, shots=(0, 0), images=1, lr=1e-3, halvings=0, test=(1, 5)),
}


def conv4():
    """Four blocks of 64 filters: convolution, norm, ReLU, pooling. 256 features of 32 × 32 pixels."""
    block = lambda channels: [nn.Conv2d(channels, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*block(3), *block(64), *block(64), *block(64), nn.Flatten())


class Theirs(nn.Module):
    """What bertinetto/r2d2 calls small: features of the third and fourth block, leaky ReLUs, dropout of 0.4. 1,152 features."""

    def __init__(self):
        super().__init__()
        block = lambda channels, stride: nn.Sequential(
            nn.Conv2d(channels, 64, 3, padding=1), nn.BatchNorm2d(64), nn.MaxPool2d(2, stride), nn.LeakyReLU(0.1))
        self.first = nn.Sequential(block(3, 2), block(64, 2), block(64, 2))
        self.fourth, self.drop, self.pool = block(64, 1), nn.Dropout(0.4), nn.MaxPool2d(2, 1)

    def forward(self, x):
        third = self.drop(self.first(x))
        return torch.cat([self.pool(third).flatten(1), self.drop(self.fourth(third)).flatten(1)], 1)


class Learner(nn.Module):
    """Features, and answers [queries, ways] from features [.., ways·shots, f] and [.., queries, f], classes in order."""

    def __init__(self, row):
        super().__init__()
        self.method = row["method"]
        self.features = Theirs() if row.get("net") == "theirs" else conv4()
        if self.method == "r2d2":
            self.alpha, self.beta = nn.Parameter(torch.tensor(10.0)), nn.Parameter(torch.tensor(0.0))
            log_lambda = torch.tensor(50.0).log()
            self.log_lambda = nn.Parameter(log_lambda) if row.get("learn") else log_lambda.cuda()
        if self.method == "simpleshot":
            self.head = nn.Linear(256, 64)

    def answers(self, support, query, ways):
        shots = support.shape[-2] // ways
        if self.method in ("protonet", "simpleshot"):
            means = support.unflatten(-2, (ways, shots)).mean(-2)
            return -(query.unsqueeze(-2) - means.unsqueeze(-3)).square().sum(-1)
        if self.method == "matching":
            direction = lambda x: x / (x.norm(dim=-1, keepdim=True) + 1e-5)
            weights = (100 * direction(query) @ direction(support).mT).softmax(-1)
            return (weights.unflatten(-1, (ways, shots)).sum(-1) + 1e-6).log()
        ones = lambda x: torch.cat([x, torch.ones_like(x[..., :1])], -1)
        support, query, n = ones(support), ones(query), ways * shots
        one = torch.eye(n, device=support.device)
        gram = support @ support.mT + n * self.log_lambda.exp() * one
        labels = torch.eye(ways, device=support.device).repeat_interleave(shots, 0).expand(*gram.shape[:-2], n, ways)
        solved = torch.cholesky_solve(labels, torch.linalg.cholesky_ex(gram)[0])
        return self.alpha * (query @ (support.mT @ solved)) + self.beta


def draw(classes, episodes, ways, each):
    """Rows of images [episodes, ways, each]: some of the classes, and some of the 600 images of each, without repetition."""
    chosen = torch.rand((episodes, classes), device="cuda").argsort(1)[:, :ways]
    return chosen.unsqueeze(2) * 600 + torch.rand((episodes, ways, 600), device="cuda").argsort(2)[:, :, :each]


def accuracy(learner, images, shots, episodes, change=lambda x: x):
    """Mean and half of the 95 % interval, in percent, over episodes of 5 classes, under running statistics."""
    learner.eval()
    with torch.no_grad():
        features = torch.cat([learner.features(pixels(chunk)) for chunk in images.split(4096)])
        features, right = change(features), []
        for start in range(0, episodes, 500):
            count = min(500, episodes - start)
            rows = draw(len(images) // 600, count, 5, shots + TEST_QUERIES)
            support, query = features[rows[:, :, :shots]].flatten(1, 2), features[rows[:, :, shots:]].flatten(1, 2)
            answers = learner.answers(support, query, 5)
            truth = torch.arange(5, device="cuda").repeat_interleave(TEST_QUERIES)
            right.append((answers.argmax(-1) == truth).float().mean(1))
        right = torch.cat(right) * 100
    learner.train()
    return right.mean().item(), 1.96 * right.std().item() / episodes**0.5


def pixels(images):
    return images.float().div(255)


def training_step(learner, optimizer, row, train, shots):
    """One episode, or one batch of images for simpleshot, up to the optimiser's step."""
    if row["method"] == "simpleshot":
        rows = torch.randint(len(train), (64,), device="cuda")
        loss = F.cross_entropy(learner.head(learner.features(pixels(train[rows]))), rows // 600)
    else:
        ways, queries = row["ways"], row["images"] - shots
        rows = draw(64, 1, ways, row["images"])[0]
        rows = torch.cat([rows[:, :shots].flatten(), rows[:, shots:].flatten()])
        features = learner.features(pixels(train[rows]))
        answers = learner.answers(features[: ways * shots], features[ways * shots :], ways)
        loss = F.cross_entropy(answers, torch.arange(ways, device="cuda").repeat_interleave(queries))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss


def recorded(step, shots, warm):
    """The step as a graph for each number of shots."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    graphs = {}
    with torch.cuda.stream(side):
        for count in range(shots[0], shots[1] + 1):
            for _ in range(warm):
                step(count)
    torch.cuda.current_stream().wait_stream(side)
    for count in range(shots[0], shots[1] + 1):
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = step(count)
        graphs[count] = (graph, loss)
    return graphs


def train(name, seed, data, report):
    row, began = ROWS[name], time.time()
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    learner = Learner(row).cuda().train()
    optimizer = torch.optim.Adam(learner.parameters(), lr=torch.tensor(row["lr"], device="cuda"), capturable=True)
    initial = {key: value.clone() for key, value in learner.state_dict().items()}
    graphs = recorded(lambda shots: training_step(learner, optimizer, row, data["train"], shots), row["shots"], 3)
    # The warm-up's steps do not count.
    learner.load_state_dict(initial)
    for state in optimizer.state.values():
        for value in state.values():
            value.zero_()
    best = {}
    for step in range(row["steps"]):
        if step * (row["halvings"] + 1) % row["steps"] < row["halvings"] + 1:
            optimizer.param_groups[0]["lr"].fill_(row["lr"] * 0.5 ** (step * (row["halvings"] + 1) // row["steps"]))
        graph, loss = graphs[int(rng.integers(row["shots"][0], row["shots"][1] + 1))]
        graph.replay()
        if (step + 1) % (row["steps"] // VALIDATIONS) == 0:
            for shots in row["test"]:
                value = accuracy(learner, data["val"], shots, VALIDATION_EPISODES)[0]
                if value > best.get(shots, (0,))[0]:
                    best[shots] = (value, step + 1, {key: x.clone() for key, x in learner.state_dict().items()})
    last = {key: value.clone() for key, value in learner.state_dict().items()}
    for shots in row["test"]:
        for state, at, words in ((last, row["steps"], "last"), (best[shots][2], best[shots][1], "best on validation")):
            learner.load_state_dict(state)
            for kind, change in changes(learner, data["train"]):
                mean, half = accuracy(learner, data["test"], shots, TEST_EPISODES, change)
                report([name + kind, seed, shots, words, at, f"{mean:.3f}", f"{half:.3f}", f"{loss.item():.4f}", f"{time.time() - began:.0f}"])


def changes(learner, train):
    """Of the features: none, and for simpleshot its three normalisations."""
    if learner.method != "simpleshot":
        return [("", lambda x: x)]
    length = lambda x: x / x.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    with torch.no_grad():
        learner.eval()
        mean = torch.cat([learner.features(pixels(chunk)) for chunk in train.split(4096)]).mean(0)
        learner.train()
    return [("-un", lambda x: x), ("-l2n", length), ("-cl2n", lambda x: length(x - mean))]


def read(folder, split):
    """uint8 [classes · 600, 3, 32, 32] of each part, on the GPU. A class is a folder of images, or one picture that tiles them."""
    from PIL import Image

    data = {"train": [], "val": [], "test": []}
    for line in open(split):
        if line.strip() and not line.startswith("#"):
            part, name = line.split()
            place = os.path.join(folder, name)
            if os.path.isdir(place):
                files = sorted(os.path.join(place, file) for file in os.listdir(place))
                images = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
            else:
                tiles = np.asarray(Image.open(place + ".webp").convert("RGB"))
                images = tiles.reshape(20, 32, 30, 32, 3).swapaxes(1, 2).reshape(600, 32, 32, 3)
            assert images.shape == (600, 32, 32, 3), (name, images.shape)
            data[part].append(images.transpose(0, 3, 1, 2))
    return {part: torch.from_numpy(np.concatenate(classes)).cuda() for part, classes in data.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, help="so many training steps instead of a row's, to try it out")
    parser.add_argument("names", nargs="*", default=list(ROWS))
    args = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.preferred_linalg_library("cusolver")
    data = read(args.data, args.split)
    with open(args.out, "a", newline="") as out:

        def report(line):
            csv.writer(out).writerow(line)
            out.flush()
            print(*line, flush=True)

        for seed in args.seeds:
            for name in args.names:
                if args.steps:
                    ROWS[name]["steps"] = args.steps
                train(name, seed, data, report)


main()
