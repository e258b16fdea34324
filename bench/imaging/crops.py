"""Smart crops judged: ours and the peers' on the marked images, eight ratios, the hard cases apart."""

import json
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

from fetch import CACHE, marked_images
from judge import Subject, largest
from PIL import Image

from image_studio.imaging.decode import decode
from image_studio.imaging.geometry import crop_box

#: Square, 4:5, 9:16, 1.91:1, 16:9, 2:3, 3:1 and 5.9:1, as platforms have them.
SIZES = [(1080, 1080), (1080, 1350), (1080, 1920), (1200, 628), (1280, 720), (1000, 1500), (1500, 500), (1128, 191)]
#: A case is hard where a center crop keeps less than this of what the best window would.
HARD = 0.9

Window = tuple[float, float, float, float]


def center_windows(file: Path) -> list[Window]:
    """The window in the middle."""
    windows = []
    for size in SIZES:
        width, height = largest(upright_size(file), size)
        windows.append(((1 - width) / 2, (1 - height) / 2, (1 + width) / 2, (1 + height) / 2))
    return windows


def our_windows(file: Path) -> list[Window]:
    """What `crop_box` answers."""
    image = decode(file.read_bytes())
    boxes = [crop_box(image, width / height) for width, height in SIZES]
    width, height = image.size
    return [(box.left / width, box.top / height, box.right / width, box.bottom / height) for box in boxes]


def upright_size(file: Path) -> tuple[int, int]:
    """Width and height in pixels."""
    with Image.open(file) as image:
        return image.size


def peer_windows(files: list[Path]) -> dict[str, list[list[Window]]]:
    """Every peer's windows; kept in the cache for these images, since the peers don't change."""
    kept, names = CACHE / "peer_windows.json", [file.name for file in files]
    if kept.exists() and (cached := json.loads(kept.read_text())).get("files") == names:
        return dict(cached["windows"])
    import peer_crops as peers  # noqa: PLC0415  # needs every peer; the cache does not

    found = {
        "libvips attention": [peers.vips_windows(file, SIZES, "attention") for file in files],
        "libvips entropy": [peers.vips_windows(file, SIZES, "entropy") for file in files],
        "sharp attention": peers.sharp_windows(files, SIZES),
        "thumbor detectors": [peers.thumbor_windows(file, SIZES) for file in files],
        "smartcrop.py": [peers.smartcrop_windows(file, SIZES) for file in files],
    }
    kept.write_text(json.dumps({"files": names, "windows": found}))
    return found


def judge(images: list[dict[str, Any]], windows: dict[str, list[list[Window]]]) -> list[dict[str, Any]]:
    """One row an image and ratio: what the best window keeps, and each method's share of that."""
    rows = []
    for at, image in enumerate(images):
        subject, size = Subject(image["subjects"]), upright_size(image["file"])
        for number, wanted in enumerate(SIZES):
            best = subject.best(*largest(size, wanted))
            shares = {name: min(1.0, subject.kept(of[at][number]) / best) for name, of in windows.items()}
            rows.append({"path": image["path"], "held_out": image["held_out"], "size": wanted, **shares})
    return rows


def report(rows: list[dict[str, Any]], names: list[str]) -> None:
    """Print the table: all cases, the hard ones, and the hard ones of each part."""
    parts: dict[str, Callable[[dict[str, Any]], bool]] = {
        "all cases": lambda row: True,
        "hard": lambda row: row["center"] < HARD,
        "hard, tuned on": lambda row: row["center"] < HARD and not row["held_out"],
        "hard, held out": lambda row: row["center"] < HARD and row["held_out"],
    }
    for title, belongs in parts.items():
        part = [row for row in rows if belongs(row)]
        print(f"\n{title}: {len(part)} cases, {len({row['path'] for row in part})} images")
        for name in names:
            kept = [row[name] for row in part]
            under = sum(share < 0.5 for share in kept)
            print(f"  {name:20} mean {mean(kept):.3f}  worst {min(kept):.3f}  under half {under:3}")


def verdicts(rows: list[dict[str, Any]], peers: list[str]) -> None:
    """Print what must hold of the hard cases, all of them and the held-out ones."""
    for title, held_out in (("hard", (True, False)), ("hard, held out", (True,))):
        part = [row for row in rows if row["center"] < HARD and row["held_out"] in held_out]
        ours, best = mean(row["ours"] for row in part), max(mean(row[name] for row in part) for name in peers)
        under = sum(row["ours"] < 0.5 for row in part)
        print(f"\n{title}: ours {ours:.3f}, the best peer {best:.3f}")
        for said, holds in (
            (f"at least 0.05 above the best peer ({ours - best:+.3f})", ours - best >= 0.05),
            (f"at least 0.93 ({ours:.3f})", ours >= 0.93),
            (f"none under half ({under} of {len(part)})", under == 0),
        ):
            print(f"  {'ok    ' if holds else 'MISSED'} {said}")


def main() -> None:
    """Judge everybody."""
    images = marked_images()
    files = [image["file"] for image in images]
    windows = {"center": [center_windows(file) for file in files], **peer_windows(files)}
    windows["ours"] = [our_windows(file) for file in files]
    rows = judge(images, windows)
    report(rows, list(windows))
    verdicts(rows, [name for name in windows if name not in {"center", "ours"}])


if __name__ == "__main__":
    main()
