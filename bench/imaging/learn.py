"""Learn the powers of `imaging/saliency.py` from the marked images that aren't held out; prints them.

The map is a softmax over the pixels of an image, the choice a softmax over the windows of a case; what is kept on
average is maximized, hard cases counting twice. First all weights are learned as if no face had been found: what keeps
people keeps other things, too. Then the weights of the place are learned again, with the faces, since the first ones
stand for the height of heads. Last, how much lower crops of images without faces should lie. Cross-validated by image,
in eighths.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from crops import HARD, SIZES
from fetch import marked_images
from judge import Subject, largest
from scipy.optimize import minimize

from image_studio.imaging import saliency
from image_studio.imaging.decode import decode
from image_studio.imaging.faces import Face, FaceWindows, find_faces
from image_studio.imaging.types import DecodedImage

WINDOWS = 65
#: How much powers are drawn to zero; steps at most.
DECAY, STEPS = 0.01, 60
LOWERS = (0.0, 0.01, 0.02, 0.03, 0.04)
EIGHTHS = 8
Array = Any
NAMES = [f"{name} {where}" for name in saliency.POWERS for where in ("itself", "around")] + list(saliency.PLACES)


@dataclass
class Case:
    """One ratio of an image: which windows there are, as weights of the columns or rows, and what each keeps.

    `lowered` is whether they lie lower than what stands out.
    """

    horizontal: bool
    lowered: bool
    starts: list[float]
    windows: Array
    kept: Array
    hard: bool


@dataclass
class Marked:
    """A marked image: its map's logarithm for weights of 1, pixel by pixel, faces, cases without and with them."""

    path: str
    features: Array  # rows, columns, NAMES
    faces: dict[bool, Array]  # the attention for faces by column (True) or row
    plain: list[Case]
    faced: list[Case]


def features(image: DecodedImage) -> Array:
    """What the logarithm of the map is made of."""
    planes = []
    for cue in saliency.measure_cues(image).values():
        planes += [np.log(np.asarray(one) / 255 + saliency._LEAST) for one in (cue, saliency.surroundings(cue))]
    height, width = planes[0].shape
    for name in saliency.PLACES:
        one = {**dict.fromkeys(saliency.PLACES, 0.0), name: 1.0}
        across, down = saliency.places((width, height), one)
        planes.append(np.add.outer(down, across))
    return np.stack(planes, -1)


def marked() -> list[Marked]:
    """The images to learn from."""
    found = []
    for entry in marked_images():
        if entry["held_out"]:
            continue
        image, subject = decode(entry["file"].read_bytes()), Subject(entry["subjects"])
        planes, faces = features(image), find_faces(saliency.detailed(image))
        rows, columns, _ = planes.shape
        lines = {
            True: np.array(saliency.face_line(faces, columns, 0)),
            False: np.array(saliency.face_line(faces, rows, 1)),
        }
        sure = [face for face in faces if face.sure]
        plain, faced = (
            [case for case in (_case(subject, image.size, size, planes.shape, kept) for size in SIZES) if case]
            for kept in ([], sure)
        )
        found.append(Marked(entry["path"], planes, lines, plain, faced))
    return found


def _case(
    subject: Subject, image: tuple[int, int], size: tuple[int, int], cells: tuple[int, ...], faces: list[Face]
) -> Case | None:
    width, height = largest(image, size)
    horizontal = width < 1
    share = width if horizontal else height
    if share > 0.999:
        return None
    best = subject.best(width, height)

    def kept(start: float) -> float:
        return subject.kept((start, 0, start + share, 1) if horizontal else (0, start, 1, start + share)) / best

    windows = FaceWindows(faces, share, horizontal)
    tried = list(windows.uncut(np.linspace(*windows.starts(), WINDOWS).tolist()))
    starts, edges = np.array(tried), np.linspace(0, 1, cells[1 if horizontal else 0] + 1)
    inside = np.minimum((starts + share)[:, None], edges[1:]) - np.maximum(starts[:, None], edges[:-1])
    shares = np.array([kept(start) for start in tried])
    lowered = not horizontal and not faces
    return Case(horizontal, lowered, tried, inside.clip(0) * (len(edges) - 1), shares, kept((1 - share) / 2) < HARD)


def _seen(one: Marked, weights: Array) -> Array:
    score = one.features @ weights
    seen = np.exp(score - score.max())
    return seen / seen.sum()


def loss(free: Array, part: list[Marked], fixed: Array) -> tuple[float, Array]:
    """What is lost on average, and its slope; `fixed` weights are those of all cues, once the places are learned."""
    places_only = len(fixed) > 0
    weights = np.concatenate([fixed, free])
    lost, slope, total = 0.0, np.zeros_like(weights), 0.0
    for one in part:
        seen = _seen(one, weights)
        moved = seen[..., None] * (one.features - np.tensordot(seen, one.features, 2))
        for case in one.faced if places_only else one.plain:
            axis = 0 if case.horizontal else 1
            line = seen.sum(axis) + (one.faces[case.horizontal] if places_only else 0)
            mass = case.windows @ line
            chance = np.exp(saliency.SHARPNESS * (mass - mass.max()))
            chance /= chance.sum()
            kept, weight = chance @ case.kept, 2.0 if case.hard else 1.0
            pull = saliency.SHARPNESS * chance * (case.kept - kept)
            lost, total = lost + weight * (1 - kept), total + weight
            slope -= weight * (pull @ case.windows) @ moved.sum(axis)
    slope = slope[len(fixed) :]
    return lost / total + DECAY * free @ free / 2, slope / total + DECAY * free


def learn(part: list[Marked]) -> Array:
    """The weights that keep the most."""
    cues = len(NAMES) - len(saliency.PLACES)
    every = _minimum(np.zeros(len(NAMES)), part, np.zeros(0))
    return np.concatenate([every[:cues], _minimum(every[cues:], part, every[:cues])])


def _minimum(start: Array, part: list[Marked], fixed: Array) -> Array:
    return minimize(loss, start, args=(part, fixed), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x


def learn_lower(part: list[Marked], weights: Array) -> float:
    """How much lower crops keep the most."""

    def lost(lower: float) -> float:
        return sum((1 + hard) * (1 - kept) for one in part for hard, kept in kept_by(one, weights, lower))

    return min(LOWERS, key=lost)


def kept_by(one: Marked, weights: Array, lower: float) -> list[tuple[bool, float]]:
    """For each case, whether it is hard and what the chosen window keeps."""
    seen = _seen(one, weights)
    lines = {True: seen.sum(0) + one.faces[True], False: seen.sum(1) + one.faces[False]}
    found = []
    for case in one.faced:
        mass = (case.windows @ lines[case.horizontal]).tolist()
        found.append((case.hard, float(case.kept[saliency.choose(case.starts, mass, lower * case.lowered)])))
    return found


def main() -> None:
    """Cross-validate, then learn from all."""
    images = marked()
    order = np.random.default_rng(0).permutation(len(images))
    results: list[tuple[bool, float]] = []
    for part in range(EIGHTHS):
        left_out = set(order[part::EIGHTHS].tolist())
        others = [one for at, one in enumerate(images) if at not in left_out]
        weights = learn(others)
        lower = learn_lower(others, weights)
        results += [result for at in left_out for result in kept_by(images[at], weights, lower)]
    hard = [kept for is_hard, kept in results if is_hard]
    under = sum(kept < 0.5 for kept in hard)
    print(f"cross-validated: all cases keep {np.mean([kept for _, kept in results]):.3f},")
    print(f"  hard ones {np.mean(hard):.3f}, {under} of {len(hard)} under half")
    weights = learn(images)
    for name, weight in zip(NAMES, weights, strict=True):
        print(f"  {name:16} {weight:7.2f}")
    print(f"  {'lower':16} {learn_lower(images, weights):7.2f}")


if __name__ == "__main__":
    main()
