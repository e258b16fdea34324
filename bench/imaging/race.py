"""Six social files from one picture: everybody in turn, round after round; medians, ratios, bytes, SSIM, memory."""

import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

sys.path[:0] = [str(Path(__file__).parents[2] / "layers/common/python"), str(Path(__file__).parent)]

import contenders
import pybase64
from contenders import SIZES, Sharp
from sources import sources

ROUNDS = 9
RACES = [
    ("2048x2048 PNG", "png", {"sharp": 1.0, "original": 1 / 6}),
    ("12 MP JPEG", "png", {"sharp": 1.0, "original": 1 / 6}),
    ("12 MP JPEG", "jpeg", {"libvips": 0.9}),
    ("2048x2048 PNG", "jpeg", {"sharp": 1.0}),
]
#: Ours may take at most this share of sharp's bytes (PNG) and of its memory (12 MP to JPG).
MOST_BYTES, MOST_MEMORY = 0.65, 0.6


def race(source: str, file: Path, file_type: str, must: dict[str, float], sharp: Sharp, mode: str) -> None:
    """One table: median milliseconds and megabytes of each, and ours as a share of theirs."""
    text = pybase64.b64encode_as_string(file.read_bytes())
    times: dict[str, list[float]] = {}
    sizes: dict[str, int] = {}
    for number in range(ROUNDS + 1):
        for name in ("ours", "sharp", "libvips", "original"):
            if name == "original" and number > 3:
                continue
            if name == "sharp":
                answer = sharp.ask(file, file_type, mode)
                took, size = answer["ms"], answer["bytes"]
            else:
                took, size = getattr(contenders, name)(text, file_type, mode)
            if number:  # the first round warms up
                times.setdefault(name, []).append(took)
            sizes[name] = size
    mine = median(times["ours"])
    print(f"\n{source} to six {file_type.upper()}, {'attention' if mode == 'smart' else 'centre'} crops")
    for name, taken in times.items():
        ratio = mine / median(taken)
        target = f"must be at most {must[name]:.2f}" if name in must and mode == "smart" else ""
        verdict = ("ok" if ratio <= must[name] else "MISSED") if target else ""
        print(
            f"  {name:9} {median(taken):7.0f} ms  {sizes[name] / 1e6:6.2f} MB   ours/theirs: time {ratio:.2f}, "
            f"bytes {sizes['ours'] / sizes[name]:.2f}  {target} {verdict}"
        )


def likeness() -> None:
    """SSIM of our files against a full decode and one Lanczos step with the same box."""
    import io  # noqa: PLC0415  # with the measure below, for this table only

    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415
    from skimage.metrics import structural_similarity  # noqa: PLC0415

    from image_studio.imaging.renditions import Placing, Rendition, Wanted, render_all  # noqa: PLC0415
    from image_studio.schemas.image import FileType  # noqa: PLC0415

    print("\nSSIM against full-quality Lanczos with the same box (must be at least 0.98)")
    for source, file_type, _ in RACES:
        data = sources()[source].read_bytes()
        full = Image.open(io.BytesIO(data)).convert("RGB")
        worst = 1.0
        for one in render_all(data, [Wanted(*size, (FileType(file_type),), 20_000_000) for size in SIZES], Placing()):
            assert isinstance(one, Rendition)
            exact = full.resize((one.width, one.height), Image.Resampling.LANCZOS, one.box.corners)
            made = Image.open(io.BytesIO(one.encoded.data)).convert("RGB")
            worst = min(worst, structural_similarity(np.asarray(exact), np.asarray(made), channel_axis=2))
        print(f"  {source} to {file_type}: worst of six {worst:.4f} {'ok' if worst >= 0.98 else 'MISSED'}")


def memory(sharp_peak: float) -> None:
    """Peak of one request in a process of its own, against sharp's."""
    run = [sys.executable, __file__, "alone"]
    mine = int(subprocess.run(run, capture_output=True, text=True, check=True).stdout) / 1024
    ratio = mine / sharp_peak
    verdict = "ok" if ratio <= MOST_MEMORY else "MISSED"
    print(f"\nPeak memory, 12 MP JPEG to six JPG: ours {mine:.0f} MB, sharp {sharp_peak:.0f} MB, ratio {ratio:.2f}")
    print(f"  must be at most {MOST_MEMORY:.2f} {verdict}")


def alone() -> None:
    """Three requests and nothing else; prints the process's peak (KB)."""
    text = pybase64.b64encode_as_string(sources()["12 MP JPEG"].read_bytes())
    for _ in range(3):
        contenders.ours(text, "jpeg", "smart")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    """Everything."""
    fresh = Sharp()
    for _ in range(3):
        peak = fresh.ask(sources()["12 MP JPEG"], "jpeg", "smart")["peak"] / 1024
    fresh.close()
    sharp = Sharp()
    for source, file_type, must in RACES:
        for mode in ("smart", "center"):
            race(source, sources()[source], file_type, must, sharp, mode)
    sharp.close()
    likeness()
    memory(peak)


if __name__ == "__main__":
    alone() if sys.argv[1:] == ["alone"] else main()
