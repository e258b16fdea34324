"""What marks cost per image of a megapixel: XMP, a signature, a fingerprint, and inspecting; medians in milliseconds.

Ends with 1 where XMP takes more than 1 ms or a signature more than 60.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable

from PIL import Image

from image_studio.imaging.content_credentials import History, SigningIdentity, read_manifest, sign
from image_studio.imaging.encode import encode
from image_studio.imaging.fingerprint import fingerprints
from image_studio.imaging.png import insert_xmp
from image_studio.imaging.xmp import Mark, read_mark
from image_studio.schemas.common import FileType
from image_studio.schemas.limits import SourceType
from local.certificate import make_identity

ROUNDS = 30
TYPES = (FileType.PNG, FileType.JPEG, FileType.WEBP, FileType.AVIF)
MOST_XMP, MOST_SIGNING = 1.0, 60.0  # ms


def median(action: Callable[[], object]) -> float:
    """Milliseconds of one call, the first one left out."""
    action()
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        action()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def main() -> int:
    """Print a row per file type; the exit code."""
    made = json.loads(make_identity())
    identity = SigningIdentity(made["certificates"], made["key"])
    mark = Mark(SourceType.TRAINED, "Stability AI ultra")
    image = Image.effect_noise((1024, 1024), 60).convert("RGB")
    files = {one: encode(image, one, xmp=mark.to_xmp()) for one in TYPES}
    # Other types write the same packet within Pillow's own header, which is less than this.
    written = median(lambda: insert_xmp(files[FileType.PNG], mark.to_xmp()))
    print(f"{'XMP written':<28}{written:8.2f}")
    print(f"{'fingerprints (6)':<28}{median(lambda: fingerprints(image)):8.2f}")
    slowest = 0.0
    for one, data in files.items():
        signing = median(lambda one=one, data=data: sign(data, one.mime, History(mark), identity))
        edited = median(lambda one=one, data=data: sign(data, one.mime, History(mark, data), identity))
        signed = sign(data, one.mime, History(mark), identity)
        read = median(lambda signed=signed: (read_mark(signed), read_manifest(signed)))
        print(
            f"{one.value + ' signed':<28}{signing:8.2f}   with its source {edited:.2f}, both marks read {read:.2f},",
            end="",
        )
        print(f" {len(signed) - len(data):,} bytes more")
        slowest = max(slowest, signing, edited)
    return int(written > MOST_XMP or slowest > MOST_SIGNING)


if __name__ == "__main__":
    sys.exit(main())
