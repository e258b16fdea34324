"""Smart crops judged: ours and the peers' on the marked images.

Subjects: eight ratios, the hard cases apart. Faces: every format of the platforms, the images whose faces are marked.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from fetch import CACHE, marked_images
from judge import Subject, largest
from PIL import Image

from image_studio.catalog.load import load_catalog
from image_studio.imaging.decode import decode
from image_studio.imaging.geometry import choose_crop
from image_studio.imaging.saliency import Attention

#: Square, 4:5, 9:16, 1.91:1, 16:9, 2:3, 3:1 and 5.9:1, as platforms have them.
SIZES = [(1080, 1080), (1080, 1350), (1080, 1920), (1200, 628), (1280, 720), (1000, 1500), (1500, 500), (1128, 191)]
#: A case is hard where a center crop keeps less than this of what the best window would.
HARD = 0.9
#: A face is whole where a window keeps this share of the marked box: marks are made by eye, in whole percents.
WHOLE = 0.95
LEAST_WHOLE = 0.98  # of the windows that could hold all faces

Window = tuple[float, float, float, float]


#: Every size that platforms have -> how many of their formats have it.
FORMATS = Counter(
    (one.width, one.height) for platform in load_catalog().social_platforms.values() for one in platform.formats
)


def center_windows(file: Path, sizes: Sequence[tuple[int, int]]) -> list[Window]:
    """The window in the middle."""
    windows = []
    for size in sizes:
        width, height = largest(upright_size(file), size)
        windows.append(((1 - width) / 2, (1 - height) / 2, (1 + width) / 2, (1 + height) / 2))
    return windows


def our_windows(file: Path, sizes: Sequence[tuple[int, int]]) -> list[Window]:
    """What `choose_crop` answers."""
    image = decode(file.read_bytes())
    attention = Attention(image)
    boxes = [choose_crop(image, width / height, attention=attention).box for width, height in sizes]
    width, height = image.size
    return [(box.left / width, box.top / height, box.right / width, box.bottom / height) for box in boxes]


def upright_size(file: Path) -> tuple[int, int]:
    """Width and height in pixels."""
    with Image.open(file) as image:
        return image.size


def peer_windows(files: list[Path], sizes: Sequence[tuple[int, int]], name: str) -> dict[str, list[list[Window]]]:
    """Every peer's windows; kept in the cache under a name for these images and sizes, since the peers don't change."""
    asked = {"files": [file.name for file in files], "sizes": [list(size) for size in sizes]}
    kept = CACHE / f"peer_{name}.json"
    if kept.exists() and (cached := json.loads(kept.read_text()))["asked"] == asked:
        return dict(cached["windows"])
    import peer_crops as peers  # noqa: PLC0415  # needs every peer; the cache does not

    found = {
        "libvips attention": [peers.vips_windows(file, sizes, "attention") for file in files],
        "libvips entropy": [peers.vips_windows(file, sizes, "entropy") for file in files],
        "sharp attention": peers.sharp_windows(files, sizes),
        "thumbor detectors": [peers.thumbor_windows(file, sizes) for file in files],
        "smartcrop.py": [peers.smartcrop_windows(file, sizes) for file in files],
    }
    kept.write_text(json.dumps({"asked": asked, "windows": found}))
    return found


def judge(images: list[dict[str, Any]], windows: dict[str, list[list[Window]]]) -> list[dict[str, Any]]:
    """One row an image and ratio: what the best window keeps, and each method's share of that."""
    rows = []
    for at, image in enumerate(images):
        subject, size = Subject(image["subjects"]), upright_size(image["file"])
        for number, wanted in enumerate(SIZES):
            best = subject.best(*largest(size, wanted))
            shares = {name: min(1.0, subject.kept(of[at][number]) / best) for name, of in windows.items()}
            facts = {name: image.get(name, False) for name in ("path", "held_out", "second")}
            rows.append({**facts, "size": wanted, **shares})
    return rows


def report(rows: list[dict[str, Any]], names: list[str]) -> None:
    """Print the table: all cases, the hard ones, and the hard ones of each part."""
    parts: dict[str, Callable[[dict[str, Any]], bool]] = {
        "all cases": lambda row: True,
        "hard": lambda row: row["center"] < HARD,
        "hard, tuned on": lambda row: row["center"] < HARD and not row["held_out"],
        "hard, held out": lambda row: row["center"] < HARD and row["held_out"],
        "hard, first images": lambda row: row["center"] < HARD and not row["second"],
        "hard, first images, held out": lambda row: row["center"] < HARD and row["held_out"] and not row["second"],
    }
    for title, belongs in parts.items():
        part = [row for row in rows if belongs(row)]
        print(f"\n{title}: {len(part)} cases, {len({row['path'] for row in part})} images")
        for name in names:
            kept = [row[name] for row in part]
            under = sum(share < 0.5 for share in kept)
            print(f"  {name:20} mean {mean(kept):.3f}  worst {min(kept):.3f}  under half {under:3}")


def verdicts(rows: list[dict[str, Any]], peers: list[str]) -> None:
    """Print what must hold of the hard cases: of all images, and of the first ones."""
    hard = [row for row in rows if row["center"] < HARD]
    first = [row for row in hard if not row["second"]]
    held_out = [row for row in first if row["held_out"]]
    for title, part, least in (("hard", hard, 0.90), ("hard, first images, held out", held_out, 0.92)):
        ours, best = mean(row["ours"] for row in part), max(mean(row[name] for row in part) for name in peers)
        print(f"\n{title}: ours {ours:.4f}, the best peer {best:.3f}")
        say(f"at least 0.05 above the best peer ({ours - best:+.3f})", ours - best >= 0.05)
        say(f"at least {least:.2f} ({ours:.4f})", ours >= least)
    under = sum(row["ours"] < 0.5 for row in first)
    say(f"of the first images at most 15 under half ({under} of {len(first)})", under <= 15)


def say(said: str, holds: bool) -> None:
    """Print a line and whether it is as it must be."""
    print(f"  {'ok    ' if holds else 'MISSED'} {said}")


def faces_kept(images: list[dict[str, Any]], windows: dict[str, list[list[Window]]]) -> None:
    """Print for each format how many of the faces are whole, of the images where a window could hold them all."""
    print(f"\nfaces kept whole where a window can hold all of them; {len(images)} images, (average share of the faces)")
    print(f"  {'':14}" + "".join(f"{name:>20}" for name in windows))
    totals, below = {name: [0, 0] for name in windows}, []
    for number, (size, formats) in enumerate(FORMATS.items()):
        shares: dict[str, list[float]] = {name: [] for name in windows}
        whole = dict.fromkeys(windows, 0)
        cases = 0
        for at, image in enumerate(images):
            faces = [Subject([face]) for face in image["faces"]]
            possible = _fits(image["faces"], largest(upright_size(image["file"]), size))
            cases += possible
            for name, of in windows.items():
                kept = [face.kept(of[at][number]) for face in faces]
                shares[name].append(mean(kept))
                whole[name] += possible and min(kept) >= WHOLE
        row = [f"{whole[name]:3}/{cases} ({mean(shares[name]):.3f})" for name in windows]
        title = f"{size[0]}x{size[1]}" + (f" ({formats})" if formats > 1 else "")
        print(f"  {title:14}" + "".join(f"{cell:>20}" for cell in row))
        for name in windows:
            totals[name] = [totals[name][0] + formats * whole[name], totals[name][1] + formats * cases]
        if mean(shares["ours"]) < mean(shares["center"]):
            below.append(title)
    print(f"  {'all formats':14}" + "".join(f"{kept / cases:20.3f}" for kept, cases in totals.values()))
    kept, cases = totals["ours"]
    say(f"at least {LEAST_WHOLE} whole ({kept} of {cases}, {kept / cases:.3f})", kept >= LEAST_WHOLE * cases)
    say(f"never below the center on average ({', '.join(below) or 'nowhere'})", not below)


def _fits(faces: list[list[float]], window: tuple[float, float]) -> bool:
    """Whether a window of these shares can hold all the faces (percent)."""
    lefts, tops, rights, bottoms = zip(*faces, strict=True)
    return max(rights) - min(lefts) <= 100 * window[0] and max(bottoms) - min(tops) <= 100 * window[1]


def main() -> None:
    """Judge everybody."""
    images = marked_images()
    with_faces = [image for image in images if "faces" in image]
    windows, face_windows = (
        _windows([one["file"] for one in part], sizes, name)
        for part, sizes, name in ((images, SIZES, "subjects"), (with_faces, list(FORMATS), "faces"))
    )
    rows = judge(images, windows)
    report(rows, list(windows))
    verdicts(rows, [name for name in windows if name not in {"center", "ours"}])
    faces_kept(with_faces, face_windows)


def _windows(files: list[Path], sizes: Sequence[tuple[int, int]], name: str) -> dict[str, list[list[Window]]]:
    center, ours = ([of(file, sizes) for file in files] for of in (center_windows, our_windows))
    return {"center": center, **peer_windows(files, sizes, name), "ours": ours}


if __name__ == "__main__":
    main()
