"""`make guide-pictures`: make the images of the guides and the README, and the page's examples, on the local stack.

They are written to docs/images as WebP. The local emulators draw them, except where they start from the photograph.
With a provider's key in the environment the real provider makes them, which costs money.
"""

import base64
import io
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests
from PIL import Image, ImageDraw

from image_studio.catalog.load import load_catalog
from local.emulators import painter
from local.stack import Options, Stack
from local.template import ROOT

OUT = ROOT / "docs/images/guides"
#: 600 x 400, CC0 by Rachel Michetti, courtesy of Pikolo Espresso Bar; from scikit-image's data (coffee.png).
PHOTO = ROOT / "docs/images/coffee.webp"
IDEAS = ROOT / "web/img/ideas"
IDEA_SIZE = (720, 480)
TEMPLATES = ROOT / "web/img/templates"
TEMPLATE_SIDE = 144  # pixels of the longer side; the page draws it at 52
#: What the page shows of each template.
TEMPLATE_PROMPTS = {
    "blog_header": "A laptop on a desk, morning light",
    "blog_header_wide": "Mountains at dawn",
    "email_banner": "A red hot-air balloon over hills at sunset",
    "email_product": "A pink perfume bottle on a table",
    "facebook_feed": "A house by the lake",
    "facebook_feed_square": "A dog in the snow",
    "facebook_story": "A sailing boat at dusk",
    "facebook_cover": "A forest in winter, snow",
    "instagram_feed_square": "Flat lay of a coffee set",
    "instagram_feed_portrait": "A bouquet of pink flowers at dawn",
    "instagram_story": "A lighthouse at dusk, sea",
    "instagram_reel_cover": "A city street at night",
    "linkedin_post": "An office workspace",
    "linkedin_post_square": "A portrait of a founder in an office",
    "linkedin_article": "Mountains at sunset",
    "linkedin_cover": "A city skyline at dawn",
    "pinterest_pin": "A cottage on a spring morning",
    "pinterest_story": "A teal cup of coffee on a table",
    "tiktok_video_cover": "A fox in the evening, forest",
    "twitter_post": "A yellow balloon over the sea at dawn",
    "twitter_card": "A bookshop on a rainy evening",
    "twitter_header": "The ocean at sunset",
    "website_hero": "A house by the lake at dusk",
    "website_banner": "An orange bottle on a table",
    "youtube_thumbnail": "A red car at sunset",
    "youtube_channel_art": "Mountains in winter, snow",
}
SEED = 7
WIDTH = 1200  # pixels of a finished image
GAP = 16
QUALITY = 78
IDEA_QUALITY = 40  # they are in the page's first load
TIMEOUT = 170  # seconds for one request, redirects included


class Api:
    """The local API."""

    def __init__(self, stack: Stack) -> None:
        self._url, self._headers = stack.url, stack.headers(sub="gallery", tier="enterprise")

    def post(self, path: str, **fields: Any) -> list[Image.Image]:
        """Run an operation and return its images."""
        body = {name: data_url(value) if isinstance(value, Image.Image) else value for name, value in fields.items()}
        response = requests.post(f"{self._url}/{path}", json=body, headers=self._headers, timeout=TIMEOUT)
        result = response.json()
        if not response.ok:
            raise SystemExit(f"{path}: {result}")
        return [self._image(part) for part in result.get("results", [result])]

    def _image(self, part: dict[str, Any]) -> Image.Image:
        if "image_url" in part:
            data = requests.get(part["image_url"], timeout=TIMEOUT).content
        else:
            data = base64.b64decode(part["image_base64"].split(",")[-1])
        return Image.open(io.BytesIO(data))


def data_url(image: Image.Image) -> str:
    """Return the image as a data URL."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def checkerboard(width: int, height: int, size: int = 12) -> Image.Image:
    """Return the background for a transparent image."""
    board = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(board)
    for y in range(0, height, size):
        for x in range(0, width, size):
            if (x + y) // size % 2:
                draw.rectangle((x, y, x + size - 1, y + size - 1), fill="#dddad2")
    return board


def side_by_side(*images: Image.Image) -> Image.Image:
    """Return the images in a row of one height, WIDTH pixels wide, with transparency as a checkerboard."""
    shapes = [image.width / image.height for image in images]
    height = round((WIDTH - GAP * (len(images) - 1)) / sum(shapes))
    row = Image.new("RGB", (WIDTH, height), "white")
    left = 0
    for image, shape in zip(images, shapes, strict=True):
        scaled = image.convert("RGBA").resize((round(height * shape), height), Image.Resampling.LANCZOS)
        row.paste(Image.alpha_composite(checkerboard(*scaled.size).convert("RGBA"), scaled).convert("RGB"), (left, 0))
        left += scaled.width + GAP
    return row


def sample() -> Image.Image:
    """Return the playground's sample image (web/img/sample.svg, rendered once), 1200 x 800."""
    return Image.open(OUT / "sample.webp").convert("RGB")


def photo() -> Image.Image:
    """Return the photograph."""
    return Image.open(PHOTO).convert("RGB")


def ideas() -> Iterator[tuple[str, str]]:
    """Yield name and prompt of the ideas that the page shows with an example."""
    yield from re.findall(r'^  \["([a-z]+)", "(.+)"\],$', (ROOT / "web/js/pages/create.js").read_text(), re.MULTILINE)


def draw_templates() -> None:
    """Draw a small image for each template, in its shape. It takes no provider, and no local stack."""
    TEMPLATES.mkdir(parents=True, exist_ok=True)
    for template in load_catalog().templates.values():
        scale = TEMPLATE_SIDE / max(template.aspect_ratio.width, template.aspect_ratio.height)
        size = round(template.aspect_ratio.width * scale), round(template.aspect_ratio.height * scale)
        drawn = painter.paint_scene(painter.Prompt(TEMPLATE_PROMPTS[template.id], SEED), (size[0] * 4, size[1] * 4))
        small = drawn.resize(size, Image.Resampling.LANCZOS)
        small.save(TEMPLATES / f"{template.id}.webp", "WEBP", quality=QUALITY, method=6)


def first_request(api: Api) -> Image.Image:
    """The image of the README's first request."""
    prompt = "A lighthouse at dawn, above the fog"
    return api.post("create", prompt=prompt, template_id="linkedin_post")[0]


def create(api: Api) -> Image.Image:
    """One prompt in three shapes."""
    prompt = next(prompt for _, prompt in ideas())
    fields = {"prompt": prompt, "provider": "stability", "seed": SEED, "enhance_prompt": False}
    shapes = ("instagram_feed_square", "linkedin_post", "instagram_story")
    return side_by_side(*(api.post("create", template_id=name, **fields)[0] for name in shapes))


def inpaint(api: Api) -> Image.Image:
    """The image, its mask, and the result."""
    source = sample()
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
    """The image extended on both sides."""
    source = sample().resize((768, 512))
    sides = {"expand_left": 256, "expand_right": 256}
    (after,) = api.post("edit/process", image_base64=source, operation="outpaint", seed=SEED, **sides)
    return side_by_side(source, after)


def background(api: Api) -> Image.Image:
    """A product without its background."""
    fields = {"prompt": "A teal coffee mug on a kitchen table", "provider": "stability", "seed": SEED}
    (source,) = api.post("create", width=1200, height=800, enhance_prompt=False, **fields)
    (after,) = api.post("edit/process", image_base64=source, operation="remove_background")
    return side_by_side(source, after)


def upscale(api: Api) -> Image.Image:
    """The same part of a small image, before and after."""
    source = photo().resize((300, 200), Image.Resampling.LANCZOS)
    (after,) = api.post("upscale", image_base64=source, mode="fast")
    part = (85, 5, 184, 71)
    factor = after.width / source.width
    small = source.crop(part).resize((960, 640), Image.Resampling.NEAREST)
    left, top, right, bottom = (round(edge * factor) for edge in part)
    return side_by_side(small, after.crop((left, top, right, bottom)).resize((960, 640)))


def control(api: Api) -> Image.Image:
    """A sketch, and the image that follows it."""
    sketch = Image.new("RGB", (960, 640), "white")
    pen = ImageDraw.Draw(sketch)
    outline = ((280, 540), (280, 300), (480, 160), (680, 300), (680, 540), (280, 540))
    pen.line(outline, fill="black", width=12, joint="curve")
    pen.line(((430, 540), (430, 400), (530, 400), (530, 540)), fill="black", width=12, joint="curve")
    fields = {"operation": "sketch", "prompt": "A cottage by the sea, watercolor", "seed": SEED}
    (after,) = api.post("control/process", control_image_base64=sketch, control_strength=0.8, **fields)
    return side_by_side(sketch, after)


def social(api: Api) -> Image.Image:
    """A photograph, and four formats of it."""
    names = {"instagram": ["Feed Post (Square)", "Story"], "twitter": "Post", "pinterest": "Pin"}
    made = api.post("social/optimize", image_base64=photo(), platforms=list(names), format_names=names)
    return side_by_side(photo(), *made)


SCENES: dict[str, Callable[[Api], Image.Image]] = {
    "../first-request": first_request,
    "create": create,
    "inpaint": inpaint,
    "outpaint": outpaint,
    "remove-background": background,
    "upscale": upscale,
    "control": control,
    "social": social,
}


def main() -> int:
    """Make all images, or with `--templates` only those of the templates, and return the exit code."""
    draw_templates()
    if "--templates" in sys.argv:
        return 0
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, Stack(Options(state=Path(state), environment=os.environ)) as stack:
        api = Api(stack)
        for name, make in SCENES.items():
            path = OUT / f"{name}.webp"
            make(api).save(path, "WEBP", quality=QUALITY, method=6)
            print(f"{path.resolve().relative_to(ROOT)}: {path.stat().st_size // 1000} KB", flush=True)
    IDEAS.mkdir(exist_ok=True)
    for name, prompt in ideas():
        example = painter.paint_scene(painter.Prompt(prompt, SEED), IDEA_SIZE)
        example.save(IDEAS / f"{name}.webp", "WEBP", quality=IDEA_QUALITY, method=6)
    return 0


if __name__ == "__main__":
    sys.exit(main())
