"""`make gallery`: smart beside center crops of the marked images, with overlays, as a page in build/gallery/crops."""

import html
from pathlib import Path
from typing import Any

from crops import SIZES
from fetch import marked_images
from PIL import ImageDraw

from image_studio.catalog.load import load_catalog
from image_studio.imaging.decode import decode
from image_studio.imaging.encode import encode
from image_studio.imaging.geometry import Crop, choose_crop, cover, fit_inside
from image_studio.imaging.renditions import Zone, draw_safe_zones
from image_studio.imaging.saliency import Attention
from image_studio.imaging.types import Box, DecodedImage
from image_studio.schemas.common import FileType

OUT = Path("build/gallery/crops")
_SIDE = 320  # pixels of the long side of what the page shows
_STYLE = (
    "body{font:15px system-ui;margin:2rem;background:#fafafa;color:#222}h2{font-size:1rem;margin:2rem 0 .5rem}"
    "div{display:inline-flex;gap:.3rem;margin:.3rem;padding:.4rem;background:#fff;border:1px solid #ddd}"
    "figure{margin:0}figcaption{font-size:12px;color:#555}img{height:150px;max-width:320px;object-fit:contain}"
)


def main() -> None:
    """Write the page and its images."""
    OUT.mkdir(parents=True, exist_ok=True)
    parts = [f"<!doctype html><meta charset=utf-8><title>Crops</title><style>{_STYLE}</style><h1>Smart and center</h1>"]
    parts.append(
        "<p>Green: the marked subject. Red: a detected face. White: the smart crop. Orange: the center crop.</p>"
    )
    for number, entry in enumerate(marked_images()):
        parts.append(_section(number, entry))
    parts.append("<h1>Safe zones</h1>" + "".join(_zones()))
    (OUT / "index.html").write_text("\n".join(parts))
    print(f"open {OUT / 'index.html'}")


def _section(number: int, entry: dict[str, Any]) -> str:
    image = decode(entry["file"].read_bytes())
    attention = Attention(image)
    title = html.escape(f"{entry['package']}: {entry['path']}") + (" (held out)" if entry["held_out"] else "")
    figures = [f"<h2>{title}</h2>"]
    for width, height in SIZES:
        ratio = width / height
        smart, center = choose_crop(image, ratio, attention=attention), choose_crop(image, ratio, mode="center")
        shown = _overlay(image, entry["subjects"], smart, center.box)
        caption = f"{width}x{height}: {smart.focus}"
        figures.append("<div>" + _figure(f"{number}-{width}x{height}", shown, caption))
        for mode in ("smart", "center"):
            small = _SIDE / max(width, height)
            made, _ = cover(image, round(width * small), round(height * small), mode=mode, attention=attention)
            figures.append(_figure(f"{number}-{width}x{height}-{mode}", made, mode))
        figures.append("</div>")
    return "".join(figures)


def _overlay(image: DecodedImage, subjects: list[list[float]], smart: Crop, center: Box) -> DecodedImage:
    """The whole image, small, with the subject, the faces and both windows drawn."""
    scale = _SIDE / max(image.size)
    shown = fit_inside(image.convert("RGB"), round(image.width * scale), round(image.height * scale))
    pen = ImageDraw.Draw(shown)
    boxes = [("lime", [edge / 100 for edge in subject]) for subject in subjects]
    boxes += [("red", [face.left, face.top, face.left + face.width, face.top + face.height]) for face in smart.faces]
    for color, (left, top, right, bottom) in boxes:
        box = (left * shown.width, top * shown.height, right * shown.width, bottom * shown.height)
        pen.rectangle(box, outline=color, width=2)
    for window, color in ((center, "orange"), (smart.box, "white")):
        pen.rectangle([edge * scale for edge in window], outline=color, width=2)
    return shown


def _zones() -> list[str]:
    """One image in every format of every platform, its safe zone drawn."""
    entry = next(one for one in marked_images() if one["path"].endswith("photo3.jpg"))
    image = decode(entry["file"].read_bytes())
    figures = []
    for name in load_catalog().social_platforms:
        for one in load_catalog().platform(name).formats:
            made, _ = cover(image, one.width, one.height)
            zoned = draw_safe_zones(made, Zone(*one.safe_zone))
            figures.append(_figure(f"zone-{name}-{one.width}x{one.height}-{one.name}", zoned, f"{name}: {one.name}"))
    return figures


def _figure(name: str, image: DecodedImage, caption: str) -> str:
    file = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in name) + ".jpg"
    (OUT / file).write_bytes(encode(image, FileType.JPEG, 85))
    return f'<figure><img src="{file}" loading="lazy"><figcaption>{html.escape(caption)}</figcaption></figure>'


if __name__ == "__main__":
    main()
