"""Six social files from one image: everybody in turn, round after round; medians, ratios, bytes, SSIM, memory."""

import io
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import contenders
import numpy as np
import pybase64
from contenders import SIZES, Sharp
from PIL import Image
from skimage.metrics import structural_similarity
from sources import sources

from image_studio.imaging.decode import decode
from image_studio.imaging.geometry import choose_crop
from image_studio.imaging.renditions import Placement, Rendition, RenditionSpec, render_all
from image_studio.imaging.saliency import Attention
from image_studio.imaging.types import DecodedImage, Size
from image_studio.schemas.common import FileType

ROUNDS = 7
#: Ours may take at most this share of sharp's bytes (PNG) and of its memory (12 MP to JPG).
MOST_BYTES, MOST_MEMORY = 0.65, 0.6


@dataclass
class Race:
    """One source and one file type; `must` is the most that ours may take, as a share of each peer's time."""

    source: str
    file_type: str
    must: dict[str, float]
    mode: str = "smart"
    times: dict[str, list[float]] = field(default_factory=dict)
    spent: dict[str, list[float]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def run(self, sharp: Sharp) -> None:
        """Everybody in turn, round after round; the first round warms up, the slow original runs three times."""
        file = sources()[self.source]
        text = pybase64.b64encode_as_string(file.read_bytes())
        names = ["ours", *(["ours_on_zlib"] if self.file_type == "png" else []), "sharp", "libvips"]
        for number in range(ROUNDS + 1):
            for name in (*names, *(["original"] if number < 4 else [])):
                if name == "sharp":
                    took, cpu, size = sharp.ask(file, self.file_type, self.mode)
                else:
                    took, cpu, size = getattr(contenders, name)(text, self.file_type, self.mode)
                if number:
                    self.times.setdefault(name, []).append(took)
                    self.spent.setdefault(name, []).append(cpu)
                self.sizes[name] = size

    def report(self) -> None:
        """Print median milliseconds (clock, processor) and megabytes, and ours as a share of theirs.

        Shares are medians of the rounds' ratios; what must hold is held against the clock.
        """
        print(f"\n{self.source} to six {self.file_type.upper()}, {'attention' if self.mode == 'smart' else 'center'}")
        for name, taken in self.times.items():
            spent = median(self.spent[name])
            print(f"  {name:12} {median(taken):7.0f} ms, processor {spent:6.0f} ms {self.sizes[name] / 1e6:6.2f} MB")
        for mine in [name for name in self.times if name.startswith("ours")]:
            for name in [name for name in self.times if not name.startswith("ours")]:
                ratio, spent = (_ratio(of[mine], of[name]) for of in (self.times, self.spent))
                weight = self.sizes[mine] / self.sizes[name]
                lightest = MOST_BYTES if (name, self.file_type) == ("sharp", "png") else None
                print(
                    f"  {mine}/{name}: time {ratio:.2f}{self._verdict(ratio, self.must.get(name))}, "
                    f"processor {spent:.2f}, bytes {weight:.2f}{self._verdict(weight, lightest)}"
                )

    def _verdict(self, ratio: float, most: float | None) -> str:
        if most is None or self.mode != "smart":
            return ""
        return f" (must be {most:.2f}: {'ok' if ratio <= most else 'MISSED'})"


def _ratio(mine: list[float], theirs: list[float]) -> float:
    return median(ours / other for ours, other in zip(mine, theirs, strict=False))


RACES = [
    Race("2048x2048 PNG", "png", {"sharp": 1.0, "original": 1 / 6}),
    Race("12 MP JPEG", "png", {"sharp": 1.0, "original": 1 / 6}),
    Race("12 MP JPEG", "jpeg", {"libvips": 0.9}),
    Race("2048x2048 PNG", "jpeg", {"sharp": 1.0}),
]


def likeness() -> None:
    """SSIM of our pixels against a full decode and one Lanczos step with the same box, before a lossy encoder.

    What JPEG itself loses is printed beside it: the same for the reference's own file.
    """
    print("\nSSIM against full-quality Lanczos with the same box (must be at least 0.98 before the JPEG encoder)")
    for one_race in RACES:
        source, file_type = one_race.source, one_race.file_type
        data = sources()[source].read_bytes()
        full = Image.open(io.BytesIO(data)).convert("RGB")
        pixels, files, references = [], [], []
        makes = zip(_made(data, "png"), _made(data, file_type), strict=True)
        for lossless, one in makes:
            exact = full.resize((one.width, one.height), Image.Resampling.LANCZOS, one.crop.box)
            reference = io.BytesIO()
            exact.save(reference, file_type, **({} if file_type == "png" else {"quality": contenders.QUALITY}))
            pixels.append(_ssim(exact, lossless.encoded.data))
            files.append(_ssim(exact, one.encoded.data))
            references.append(_ssim(exact, reference.getvalue()))
        verdict = "ok" if min(pixels) >= 0.98 else "MISSED"
        print(
            f"  {source} to {file_type}: worst of six {min(pixels):.4f} {verdict}"
            f" (our file {min(files):.4f}, the reference's own file {min(references):.4f})"
        )


def _made(data: bytes, file_type: str) -> list[Rendition]:
    wanted = [RenditionSpec(*size, (FileType(file_type),), 20_000_000) for size in SIZES]
    return [one for one in render_all(data, wanted, Placement()) if isinstance(one, Rendition)]


def _ssim(exact: Image.Image, data: bytes) -> float:
    made = Image.open(io.BytesIO(data)).convert("RGB")
    return float(structural_similarity(np.asarray(exact), np.asarray(made), channel_axis=2))


def looking() -> None:
    """What looking for the crops costs of a request, both in processor time."""
    print("\nSmart crop's share of the processor time of a request (must be at most 0.05)")
    for one in RACES:
        data = sources()[one.source].read_bytes()
        text = pybase64.b64encode_as_string(data)
        image = decode(data, at_least=Size(2000, 1500))
        request = _processor_time(lambda text=text, one=one: contenders.ours(text, one.file_type, "smart"))
        look = _processor_time(lambda image=image: place_all(image))
        verdict = "ok" if look / request <= 0.05 else "MISSED"
        print(f"  {one.source} to {one.file_type}: {look:.1f} of {request:.0f} ms, {look / request:.3f} {verdict}")


def place_all(image: DecodedImage) -> None:
    """Look at the image and choose all six windows."""
    attention = Attention(image)
    for width, height in SIZES:
        choose_crop(image, width / height, attention=attention)


def _processor_time(run: Callable[[], object]) -> float:
    """Milliseconds, the least of seven."""
    taken = []
    for _ in range(7):
        started = time.process_time()
        run()
        taken.append(time.process_time() - started)
    return min(taken) * 1000


def memory(sharp_peak: float) -> None:
    """Peak of three requests in a process of its own, against sharp's."""
    alone = Path(__file__).with_name("alone.py")
    mine = float(subprocess.run([sys.executable, alone], capture_output=True, text=True, check=True).stdout)
    ratio = mine / sharp_peak
    verdict = "ok" if ratio <= MOST_MEMORY else "MISSED"
    print(f"\nPeak memory, 12 MP JPEG to six JPG: ours {mine:.0f} MB, sharp {sharp_peak:.0f} MB, ratio {ratio:.2f}")
    print(f"  must be at most {MOST_MEMORY:.2f} {verdict}")


def main() -> None:
    """Everything."""
    fresh = Sharp()
    for _ in range(3):
        fresh.ask(sources()["12 MP JPEG"], "jpeg", "smart")
    peak = fresh.peak()
    fresh.close()
    sharp = Sharp()
    for one in RACES:
        one.run(sharp)
        one.report()
    sharp.close()
    likeness()
    looking()
    memory(peak)


if __name__ == "__main__":
    main()
