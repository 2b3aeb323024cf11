"""A small classifier of each image set, behind two numbers of `metrics.compare`; trained here, its weights committed.

Its features replace the Inception network of the FID, and its verdict tells whether a sample shows the class that was
asked for. Both mean something only beside the same numbers of real images, and only within this project.

Train it again with `python -m reference_impl.classifier digits`; the hash that it prints belongs into `WEIGHTS`.
"""

import argparse
import hashlib
import io
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from reference_impl.data import Data, Spec
from reference_impl.engine import Batches, check, generator, progress_bar, write_atomically

FOLDER = Path(__file__).resolve().parent / "results" / "classifier"
WEIGHTS = {
    "digits": "472b209cad17a97d90d56520f53b5c6bb86b0e75c798c88a8814156ea2744a47",
    "fashion": "9b0e8c561007562439069bd043b8a66dfe031bf8aa9c4bf896b9adb8de6ab3e6",
}
"""The sha256 of each weights file. It stands in the source so that a run's record changes when the weights do."""
SPECS = {"digits": Spec((1, 8, 8), 10, 17), "fashion": Spec((1, 28, 28), 10, 256)}
EPOCHS = {"digits": 60, "fashion": 24}
BATCH_SIZE, LR = 128, 2e-3


class Classifier(nn.Module):
    """Two convolutions, each followed by a halving of the picture, then 64 features, then a logit for each class."""

    def __init__(self, spec: Spec, width: int = 16) -> None:
        super().__init__()
        channels, height, columns = spec.shape
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(2 * width * (height // 4) * (columns // 4), 64), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(64, spec.classes)

    def features(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 64"]:
        """What the last layer decides on; a thousand images at a time, so that ten thousand fit into memory."""
        return torch.cat([self.layers(part) for part in x.split(1000)])

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes"]:
        """The logits of the classes."""
        return self.head(self.features(x))


def load(name: str, device: torch.device | str = "cpu") -> Classifier:
    """The trained classifier of a data set.

    Raises:
        ValueError: There is none for these data.
        OSError: The weights are missing, or are not those that were committed.
    """
    check(name in WEIGHTS, "name", name, f"one of the data sets with a classifier: {', '.join(WEIGHTS)}")
    path = FOLDER / f"{name}.npz"
    packed = path.read_bytes()
    if (got := hashlib.sha256(packed).hexdigest()) != WEIGHTS[name]:
        raise OSError(f"{path} has the sha256 {got}; expected {WEIGHTS[name]}, the weights that were committed")
    model = Classifier(SPECS[name])
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        model.load_state_dict({key: torch.from_numpy(arrays[key]).float() for key in arrays.files})
    return model.to(device).eval().requires_grad_(False)


@torch.no_grad()
def class_error(model: Classifier, images: Float[Tensor, "n c h w"], labels: Int64[Tensor, " n"]) -> float:
    """The share of images that the classifier puts into another class than the labels do."""
    return (model(images).argmax(dim=1) != labels).double().mean().item()


def train(data: Data, seed: int) -> Classifier:
    """A classifier trained on `data.train`: cross-entropy, Adam, a learning rate that falls along half a cosine.

    Garments are mirrored and moved by a pixel at random; a mirrored digit is no digit, and one of 8 pixels has no room
    to move. The weights end as float16 numbers, for half the size.
    """
    torch.manual_seed(seed)  # the first weights
    model = Classifier(data.spec)
    steps = EPOCHS[data.name] * len(data.train) // BATCH_SIZE
    batches, chance = Batches(len(data.train), BATCH_SIZE, generator(seed, "batches")), generator(seed, "vary")
    optimiser = torch.optim.Adam(model.parameters(), lr=LR)
    with progress_bar(f"train the classifier of {data.name}", steps) as advance:
        for step in range(steps):
            chosen = batches.next()
            x, labels = data.train[chosen], data.train_labels[chosen]
            if data.name == "fashion":
                x = vary(x, chance)
            optimiser.param_groups[0]["lr"] = LR * (1 + math.cos(math.pi * step / steps)) / 2
            loss = F.cross_entropy(model(x), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            advance(step + 1, f"loss {loss.item():.4f}")
    return model.half().float().eval()


def vary(x: Float[Tensor, "n c h w"], chance: torch.Generator) -> Float[Tensor, "n c h w"]:
    """The images, each mirrored or not, and all of them moved by at most one pixel each way."""
    mirrored = torch.rand(len(x), generator=chance) < 0.5
    x = torch.where(mirrored[:, None, None, None], x.flip(3), x)
    down, right = torch.randint(0, 3, (2,), generator=chance).tolist()
    return F.pad(x, (1, 1, 1, 1), value=-1)[:, :, down : down + x.shape[2], right : right + x.shape[3]]


def main(argv: Sequence[str] | None = None) -> None:
    """Train one classifier and write its weights and their record."""
    from reference_impl.datasets import DATA  # here: the data sets import the metrics, which import this module
    from reference_impl.record import git_state, machine

    parser = argparse.ArgumentParser(prog="python -m reference_impl.classifier", description=train.__doc__)
    parser.add_argument("name", choices=WEIGHTS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=FOLDER, metavar="DIR")
    args = parser.parse_args(argv)

    began, git, data = time.perf_counter(), git_state(), DATA[args.name]()
    model = train(data, args.seed)
    packed = io.BytesIO()
    np.savez_compressed(packed, **{name: weight.half().numpy() for name, weight in model.state_dict().items()})
    args.out.mkdir(parents=True, exist_ok=True)
    write_atomically(packed.getvalue(), args.out / f"{args.name}.npz")
    record = {
        "data": {"name": data.name, "train": len(data.train), "held_out": len(data.held_out), "sha256": data.sha256},
        "command": f"python -m reference_impl.classifier {args.name} --seed {args.seed}",
        "seed": args.seed,
        "git": git,
        "machine": machine(torch.device("cpu")),
        "parameters": sum(p.numel() for p in model.parameters()),
        "seconds": round(time.perf_counter() - began, 1),
        "train_error": class_error(model, data.train, data.train_labels),
        "held_out_error": class_error(model, data.held_out, data.held_out_labels),
        "weights": {"bytes": len(packed.getvalue()), "sha256": hashlib.sha256(packed.getvalue()).hexdigest()},
    }
    write_atomically((json.dumps(record, indent=1) + "\n").encode(), args.out / f"{args.name}.json")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
