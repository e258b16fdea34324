"""`make guide-pictures`: the guides' before/after images, made by the API itself on the local stack.

Written to docs/images/guides as WebP. The local emulators paint them; with a provider's key in the environment the
real one does, which costs money.
"""

import base64
import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from PIL import Image, ImageDraw

from local.stack import Options, Stack
from local.template import ROOT

OUT = ROOT / "docs/images/guides"
SEED = 7
WIDTH = 1200  # pixels of a finished image
GAP = 16
QUALITY = 78
SECONDS = 170  # for one call; it follows the redirects of long ones


class Api:
    """The local API; images in, images out."""

    def __init__(self, stack: Stack) -> None:
        self._url, self._headers = stack.url, stack.headers(sub="gallery", tier="enterprise")

    def post(self, path: str, **body: Any) -> list[Image.Image]:
        """The images that an operation answers with."""
        sent = {name: data_url(value) if isinstance(value, Image.Image) else value for name, value in body.items()}
        response = requests.post(f"{self._url}/{path}", json=sent, headers=self._headers, timeout=SECONDS)
        answer = response.json()
        if not response.ok:
            raise SystemExit(f"{path}: {answer}")
        return [self._image(part) for part in answer.get("results", [answer])]

    def _image(self, part: dict[str, Any]) -> Image.Image:
        if "image_url" in part:
            data = requests.get(part["image_url"], timeout=SECONDS).content
        else:
            data = base64.b64decode(part["image_base64"].split(",")[-1])
        return Image.open(io.BytesIO(data))


def data_url(image: Image.Image) -> str:
    """The image as the API takes it."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def checks(width: int, height: int, size: int = 12) -> Image.Image:
    """What shows through a transparent image."""
    board = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(board)
    for y in range(0, height, size):
        for x in range(0, width, size):
            if (x + y) // size % 2:
                draw.rectangle((x, y, x + size - 1, y + size - 1), fill="#dddad2")
    return board


def side_by_side(*images: Image.Image) -> Image.Image:
    """Images in a row of one height, WIDTH pixels wide; transparency as a chequered board."""
    shapes = [image.width / image.height for image in images]
    height = round((WIDTH - GAP * (len(images) - 1)) / sum(shapes))
    row = Image.new("RGB", (WIDTH, height), "white")
    left = 0
    for image, shape in zip(images, shapes, strict=True):
        scaled = image.convert("RGBA").resize((round(height * shape), height), Image.Resampling.LANCZOS)
        row.paste(Image.alpha_composite(checks(*scaled.size).convert("RGBA"), scaled).convert("RGB"), (left, 0))
        left += scaled.width + GAP
    return row


def coast() -> Image.Image:
    """The playground's sample image (web/img/sample.svg, drawn once), 1200 x 800."""
    return Image.open(OUT / "sample.webp").convert("RGB")


def create(api: Api) -> Image.Image:
    """One prompt in three shapes."""
    prompt = "Mountains above a lake at sunrise"
    asked = {"prompt": prompt, "provider": "stability", "seed": SEED, "enhance_prompt": False}
    shapes = ("instagram_feed_square", "linkedin_post", "instagram_story")
    return side_by_side(*(api.post("create", template_id=name, **asked)[0] for name in shapes))


def inpaint(api: Api) -> Image.Image:
    """The image, its mask, and what came of it."""
    source = coast()
    mask = Image.new("L", source.size)
    ImageDraw.Draw(mask).ellipse((180, 400, 390, 620), fill=255)
    (after,) = api.post(
        "edit/process",
        image_base64=source,
        operation="inpaint",
        prompt="a red hot-air balloon",
        mask_base64=mask,
        seed=SEED,
    )
    return side_by_side(source, mask, after)


def outpaint(api: Api) -> Image.Image:
    """Wider on both sides."""
    source = coast().resize((768, 512))
    sides = {"expand_left": 256, "expand_right": 256}
    (after,) = api.post("edit/process", image_base64=source, operation="outpaint", seed=SEED, **sides)
    return side_by_side(source, after)


def background(api: Api) -> Image.Image:
    """The subject alone."""
    source = coast()
    (after,) = api.post("edit/process", image_base64=source, operation="remove_background")
    return side_by_side(source, after)


def upscale(api: Api) -> Image.Image:
    """The same piece of a small image, before and after."""
    source = coast().resize((300, 200))
    (after,) = api.post("upscale", image_base64=source, mode="fast")
    piece = (152, 40, 251, 106)
    factor = after.width / source.width
    small = source.crop(piece).resize((960, 640), Image.Resampling.NEAREST)
    left, top, right, bottom = (round(edge * factor) for edge in piece)
    return side_by_side(small, after.crop((left, top, right, bottom)).resize((960, 640)))


def control(api: Api) -> Image.Image:
    """A few lines and what they steer."""
    sketch = Image.new("RGB", (960, 640), "white")
    pen = ImageDraw.Draw(sketch)
    house = ((280, 540), (280, 300), (480, 160), (680, 300), (680, 540), (280, 540))
    pen.line(house, fill="black", width=12, joint="curve")
    pen.line(((430, 540), (430, 400), (530, 400), (530, 540)), fill="black", width=12, joint="curve")
    asked = {"operation": "sketch", "prompt": "A cottage by the sea, watercolor", "seed": SEED}
    (after,) = api.post("control/process", control_image_base64=sketch, control_strength=0.8, **asked)
    return side_by_side(sketch, after)


def social(api: Api) -> Image.Image:
    """One image in four shapes."""
    names = {"instagram": ["Feed Post (Square)", "Story"], "twitter": "Post", "pinterest": "Pin"}
    made = api.post("social/optimize", image_base64=coast(), platforms=list(names), format_names=names)
    return side_by_side(*made)


SCENES: dict[str, Callable[[Api], Image.Image]] = {
    "create": create,
    "inpaint": inpaint,
    "outpaint": outpaint,
    "remove-background": background,
    "upscale": upscale,
    "control": control,
    "social": social,
}


def main() -> int:
    """Make all images; the exit code."""
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, Stack(Options(state=Path(state), environment=os.environ)) as stack:
        api = Api(stack)
        for name, make in SCENES.items():
            path = OUT / f"{name}.webp"
            make(api).save(path, "WEBP", quality=QUALITY, method=6)
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} KB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
