"""Edit, from an empty page to a saved picture: brush, handles, before and after."""

import io
import re

from PIL import Image, ImageChops
from playwright.sync_api import expect

from tests.web.visit import Visit, as_file


def changed_box(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int]:
    """Where two pictures differ by more than noise."""
    box = (
        ImageChops.difference(before.convert("RGB"), after.convert("RGB"))
        .convert("L")
        .point(lambda v: 255 * (v > 24))
        .getbbox()
    )
    assert box
    return box


def test_only_what_was_painted_changes(visit: Visit) -> None:
    """A stroke of the brush becomes a mask: the saved picture differs inside the stroke and nowhere else."""
    page = visit.open("edit")
    page.get_by_label("Picture", exact=True).set_input_files(as_file(900, 600))
    page.get_by_label("Prompt", exact=True).fill("a green door")
    visit.drag(page.locator(".sheet canvas"), (0.15, 0.3), (0.35, 0.3))
    page.get_by_role("button", name="Edit", exact=True).click()
    page.locator(".compare").wait_for()
    sent = visit.body("/edit/process")
    assert sent["operation"] == "inpaint"
    assert sent["mask_base64"].startswith("data:image/png;base64,")
    after = visit.saved(page.get_by_role("button", name=re.compile("^Download")))
    before = Image.open(io.BytesIO(as_file(900, 600)["buffer"]))
    assert after.size == before.size
    left, top, right, bottom = changed_box(before, after)
    assert 60 < left < right < 420
    assert 90 < top < bottom < 280


def test_the_brush_works_by_keyboard(visit: Visit) -> None:
    """Arrow keys and space paint too; what was painted can be undone."""
    page = visit.open("edit")
    page.get_by_label("Picture", exact=True).set_input_files(as_file(600, 400))
    canvas = page.locator(".sheet canvas")
    painted = "(c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0)"
    canvas.focus()
    for key in ("ArrowLeft", "Space", "Alt+ArrowLeft"):
        page.keyboard.press(key)
    undo = page.get_by_role("button", name="Undo")
    undo.click()  # the line
    assert canvas.evaluate(painted)
    undo.click()  # the dot
    assert not canvas.evaluate(painted)


def test_the_mask_is_what_is_painted(visit: Visit) -> None:
    """What was undone or only erased is no mask; what undo can't reach any more still is one."""
    page = visit.open("edit")
    page.get_by_label("Picture", exact=True).set_input_files(as_file(300, 200))
    canvas = page.locator(".sheet canvas")

    def sent() -> bool:
        page.get_by_role("button", name="Show as code").click()
        code = page.locator("pre code").inner_text()
        page.get_by_role("button", name="Close").click()
        return "mask_base64" in code

    page.locator(".tools .segments label", has_text="Erase").click()
    canvas.press("Space")
    assert not sent()
    page.locator(".tools .segments label", has_text="Paint").click()
    canvas.press("Space")
    assert sent()
    page.get_by_role("button", name="Undo").click()
    assert not sent()
    for _ in range(35):
        canvas.press("Space")
    for _ in range(35):
        canvas.press("Control+z")
    assert sent()


def test_a_dragged_handle_extends_the_picture(visit: Visit) -> None:
    """The right handle is dragged outward; the saved picture is as much wider as the field then says."""
    page = visit.open("edit")
    page.get_by_label("Picture", exact=True).set_input_files(as_file(800, 600))
    page.locator(".operation", has_text="Outpaint").click()
    page.get_by_label("Left (px)").fill("0")
    visit.drag(page.get_by_role("slider", name="Right edge"), (0.5, 0.5), (2.5, 0.5))
    added = int(page.get_by_label("Right (px)").input_value())
    assert added > 200
    page.get_by_role("slider", name="Up edge").press("ArrowUp")
    assert page.get_by_label("Up (px)").input_value() == "8"
    page.get_by_role("button", name="Edit", exact=True).click()
    page.locator(".compare").wait_for()
    assert visit.saved(page.get_by_role("button", name=re.compile("^Download"))).size == (800 + added, 608)


def test_fields_follow_the_operation(visit: Visit) -> None:
    """Each operation shows the inputs that the API lists for it, and no others."""
    page = visit.open("edit")
    page.locator(".operation").first.wait_for()
    shown = {
        "Search & Replace": {"Prompt", "Find"},
        "Search & Recolor": {"Prompt", "Recolour"},
        "Remove Background": set(),
        "Replace Background & Relight": {"New background", "Light reference", "Description"},
    }
    every = {"Prompt", "Find", "Recolour", "New background", "Light reference", "Description"}
    for operation, wanted in shown.items():
        page.locator(".operation", has_text=operation).click()
        visible = {name for name in every if page.get_by_label(name, exact=True).first.is_visible()}
        assert visible == wanted, operation


def test_a_created_picture_is_edited_by_its_reference(visit: Visit) -> None:
    """The button for it carries a result over: the request names the job's variation, no bytes travel."""
    page = visit.open("create")
    page.get_by_label("Prompt", exact=True).fill("A lighthouse at dusk")
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("button", name=re.compile("^Edit this")).click()
    page.locator(".operation", has_text="Remove Background").click()
    page.get_by_role("button", name="Edit", exact=True).click()
    page.locator(".compare").wait_for()
    assert re.fullmatch(r"job:[0-9a-f]{32}/1", visit.body("/edit/process")["image_base64"])


def test_a_large_picture_goes_up_by_itself(visit: Visit) -> None:
    """What doesn't fit into one request is uploaded, and the request names the upload."""
    page = visit.open("edit")
    noise = Image.effect_noise((2000, 1600), 90)
    out = io.BytesIO()
    noise.save(out, "PNG")
    assert len(out.getvalue()) > 3_000_000
    page.get_by_label("Picture", exact=True).set_input_files(
        {"name": "noise.png", "mimeType": "image/png", "buffer": out.getvalue()}
    )
    page.locator(".operation", has_text="Remove Background").click()
    page.get_by_role("button", name="Edit", exact=True).click()
    page.locator(".compare").wait_for()
    assert visit.body("/edit/process")["image_base64"].startswith("upload:")


def test_what_is_missing_is_told_where_it_is_missing(visit: Visit) -> None:
    """The sentence about the prompt stands at the prompt; a file that is no picture is refused at once."""
    page = visit.open("edit")
    page.get_by_label("Picture", exact=True).set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"}
    )
    expect(page.get_by_role("alert")).to_have_text("notes.txt is not a PNG, JPEG or WebP picture.")
    page.get_by_label("Picture", exact=True).set_input_files(as_file(600, 400))
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.locator(".field", has=page.get_by_label("Prompt", exact=True)).get_by_role("alert")).to_have_text(
        re.compile("Prompt is required for inpainting")
    )
    visit.forgive("400")
