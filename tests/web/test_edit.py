"""The Edit page: masks, outpainting, references and uploads."""

import io
import re

from PIL import Image, ImageChops
from playwright.sync_api import expect

from tests.web.browser_session import BrowserSession, png, png_file

CANVAS = ".image-overlay canvas"


def test_only_the_painted_area_changes(session: BrowserSession) -> None:
    """A brush stroke is sent as a mask, and the saved image differs only inside it."""
    page = session.open("edit")
    session.choose_image(900, 600)
    session.field("Prompt").fill("a green door")
    session.drag(page.locator(CANVAS), (0.15, 0.3), (0.35, 0.3))
    session.run()
    page.locator(".compare").wait_for()
    sent = session.body("/edit/process")
    assert sent["operation"] == "inpaint"
    assert sent["mask_base64"].startswith("data:image/png;base64,")
    after, before = session.saved_image(), Image.open(io.BytesIO(png(900, 600)))
    assert after.size == before.size
    difference = ImageChops.difference(before.convert("RGB"), after.convert("RGB")).convert("L")
    box = difference.point(lambda value: 255 * (value > 24)).getbbox()  # by more than noise
    assert box
    left, top, right, bottom = box
    assert 60 < left < right < 420
    assert 90 < top < bottom < 280


def test_the_mask_is_what_was_painted(session: BrowserSession) -> None:
    """The keyboard paints dots and lines; after undo or with the eraser alone there is no mask."""
    page = session.open("edit")
    session.choose_image(300, 200)
    canvas = page.locator(CANVAS)
    painted = "(c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0)"

    def has_mask() -> bool:
        return "mask_base64" in session.code("curl")

    session.choose_segment("Erase")
    canvas.press("Space")
    assert not has_mask()
    session.choose_segment("Paint")
    canvas.focus()
    for key in ("ArrowLeft", "Space", "Alt+ArrowLeft"):
        page.keyboard.press(key)
    assert has_mask()
    session.press("Undo")  # the line
    assert canvas.evaluate(painted)
    session.press("Undo")  # the dot
    assert not canvas.evaluate(painted)
    assert not has_mask()
    for _ in range(35):
        canvas.press("Space")
    for _ in range(35):
        canvas.press("Control+z")  # fewer steps are kept than were painted
    assert has_mask()


def test_a_result_leaves_the_canvas_in_its_place(session: BrowserSession) -> None:
    """While another image is prepared, the editor has the focus, and what was made before appears below it."""
    page = session.open("edit", size=(1440, 700))
    session.choose_image(900, 600)
    session.field("Prompt").fill("a door [[delay=4]]")
    session.run()
    session.press("Start another meanwhile")
    canvas = page.locator(CANVAS)
    assert page.evaluate("document.activeElement.contains(document.querySelector('.image-overlay canvas'))")
    assert page.evaluate("document.activeElement.closest('.workspace') !== null")
    before = canvas.bounding_box()
    assert before
    page.locator(".compare").wait_for()
    expect(page.locator(".toast")).to_have_text("The result is below the editor.")
    page.wait_for_timeout(300)
    after = canvas.bounding_box()
    assert after
    assert abs(after["y"] - before["y"]) < 2


def test_a_dragged_handle_extends_the_image(session: BrowserSession) -> None:
    """The saved image is wider and higher by the pixels that dragging and arrow keys added."""
    page = session.open("edit")
    session.choose_image(800, 600)
    session.choose_operation("Outpaint")
    page.get_by_label("Left (px)").fill("0")
    session.drag(page.get_by_role("slider", name="Right edge"), (0.5, 0.5), (2.5, 0.5))
    added = int(page.get_by_label("Right (px)").input_value())
    assert added > 200
    page.get_by_role("slider", name="Up edge").press("ArrowUp")
    assert page.get_by_label("Up (px)").input_value() == "8"
    session.run()
    page.locator(".compare").wait_for()
    assert session.saved_image().size == (800 + added, 608)


def test_fields_follow_the_operation(session: BrowserSession) -> None:
    """Each operation shows the inputs that the API lists for it, and no others."""
    session.open("edit")
    expected: dict[str, set[str]] = {
        "Search & Replace": {"Prompt", "Find"},
        "Search & Recolor": {"Prompt", "Recolor"},
        "Remove Background": set(),
        "Replace Background & Relight": {"New background", "Light reference", "Description"},
    }
    for operation, labels in expected.items():
        session.choose_operation(operation)
        visible = {label for label in set[str]().union(*expected.values()) if session.field(label).first.is_visible()}
        assert visible == labels, operation


def test_an_image_too_large_for_a_request_is_uploaded(session: BrowserSession) -> None:
    """The request then carries the upload's reference."""
    page = session.open("edit")
    out = io.BytesIO()
    Image.effect_noise((2000, 1600), 90).save(out, "PNG")
    assert len(out.getvalue()) > 3_000_000
    session.field("Image").set_input_files({"name": "noise.png", "mimeType": "image/png", "buffer": out.getvalue()})
    session.choose_operation("Remove Background")
    session.run()
    page.locator(".compare").wait_for()
    assert session.body("/edit/process")["image_base64"].startswith("upload:")


def test_invalid_input_is_explained_at_its_field(session: BrowserSession) -> None:
    """A text file is refused at the image picker, a missing prompt at the prompt."""
    page = session.open("edit")
    session.field("Image").set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"})
    expect(page.get_by_role("alert")).to_have_text("notes.txt is not a PNG, JPEG, WebP or AVIF image.")
    session.field("Image").set_input_files(png_file(600, 400))
    session.run()
    field = page.locator(".field", has=session.field("Prompt"))
    expect(field.get_by_role("alert")).to_have_text(re.compile("Enter a prompt"))
    session.expect_problem("400")


def test_relight_has_direction_and_strength(session: BrowserSession) -> None:
    """Both are sent as options of the operation that has light."""
    page = session.open("edit")
    session.press("Try a sample image")
    session.choose_operation("Relight")
    page.locator(".picker", has_text="New background").get_by_role("button", name="Use a sample").click()
    expect(page.locator(".drop-name", has_text="backdrop.jpg")).to_be_visible()
    session.field("Light from").select_option("left")
    page.get_by_label("Light strength").fill("0.8")
    session.run()
    page.locator(".compare").wait_for()
    expected = {"light_source_direction": "left", "light_source_strength": 0.8}
    assert session.body("/edit/process")["options"] == expected
