"""Learn the weights of `imaging/saliency.py` from the marked pictures that aren't held out; prints them.

A softmax over the windows of each case weighs what they keep; its mean is maximised. Cross-validated by picture.
"""

from typing import Any

import numpy as np
from crops import SIZES
from fetch import marked_pictures
from judge import Subject, largest

from image_studio.imaging import saliency
from image_studio.imaging.gate import open_picture
from image_studio.imaging.picture import Picture

WINDOWS = 33
STEPS, RATE, DECAY = 60, 0.25, 0.02
HARD = 0.9
Array = Any


def features(image: Picture, share: float, horizontal: bool) -> tuple[list[str], Array]:
    """Every window's features, by name: what it keeps of each map, what its edges cut, how far it is off."""
    axis = 0 if horizontal else 1
    starts = [(1 - share) * at / (WINDOWS - 1) for at in range(WINDOWS)]
    names, columns = [], []
    lines = {name: saliency._line(one, axis) for name, one in saliency.look(image).items()}
    for name in saliency.KEPT:
        sums = saliency._running({name: lines[name]}, {name: 1.0})
        names.append(name)
        columns.append([saliency._between(sums, start, start + share) for start in starts])
    for name in saliency.CUT:
        profile = saliency._Profile.__new__(saliency._Profile)
        profile._cut = saliency._running({name: lines[name]}, {name: 1.0})
        names.append(name)
        columns.append([profile._density(start) + profile._density(start + share) for start in starts])
    for label, places, here in (("across", saliency.ACROSS, horizontal), ("down", saliency.DOWN, not horizontal)):
        for place, _ in places:
            names.append(f"{label} {place}")
            columns.append([-abs(start + share / 2 - place) if here else 0.0 for start in starts])
    return names, np.array(columns).T


def cases() -> tuple[list[str], list[dict[str, Any]]]:
    """One case a picture and ratio: its features and what each window keeps of the best."""
    found, names = [], []
    for entry in marked_pictures():
        if entry["held_out"]:
            continue
        image, subject = open_picture(entry["file"].read_bytes()), Subject(entry["subjects"])
        for size in SIZES:
            width, height = largest(image.size, size)
            horizontal = width < 1
            share = width if horizontal else height
            if share > 0.999:
                continue
            names, x = features(image, share, horizontal)
            best = subject.best(width, height)
            starts = [(1 - share) * at / (WINDOWS - 1) for at in range(WINDOWS)]
            windows = [(at, 0, at + share, 1) if horizontal else (0, at, 1, at + share) for at in starts]
            kept = np.array([subject.kept(window) / best for window in windows])
            found.append({"path": entry["path"], "x": x - x.mean(0), "kept": kept, "hard": kept[WINDOWS // 2] < HARD})
    return names, found


def learn(part: list[dict[str, Any]]) -> Array:
    """Weights that keep the most, the hard cases counting twice (Adam)."""
    x, kept = np.stack([case["x"] for case in part]), np.stack([case["kept"] for case in part])
    weight = np.array([[2.0 if case["hard"] else 1.0] for case in part])
    scale = x.reshape(-1, x.shape[2]).std(0) + 1e-9
    x = x / scale
    weights, mean, square = np.full(x.shape[2], 0.1), 0.0, 0.0
    for step in range(1, STEPS + 1):
        score = x @ weights
        chance = np.exp(score - score.max(1, keepdims=True))
        chance /= chance.sum(1, keepdims=True)
        pull = weight * chance * (kept - (chance * kept).sum(1, keepdims=True))
        slope = DECAY * weights - np.tensordot(pull, x, 2) / weight.sum()
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope * slope
        weights = weights - RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    return weights / scale


def kept_by(part: list[dict[str, Any]], weights: Array) -> list[float]:
    """What the windows of the highest scores keep."""
    return [float(case["kept"][int((case["x"] @ weights).argmax())]) for case in part]


def main() -> None:
    """Cross-validate, then learn from all."""
    names, found = cases()
    paths = sorted({case["path"] for case in found})
    hard: list[float] = []
    for path in paths:
        test = [case for case in found if case["path"] == path]
        weights = learn([case for case in found if case["path"] != path])
        hard += [kept for kept, case in zip(kept_by(test, weights), test, strict=True) if case["hard"]]
    under = sum(kept < 0.5 for kept in hard)
    print(f"left out one by one: hard cases keep {np.mean(hard):.3f}, {under} of {len(hard)} under half")
    for name, weight in zip(names, learn(found), strict=True):
        print(f"  {name:15} {weight:8.3f}")


if __name__ == "__main__":
    main()
