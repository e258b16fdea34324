"""Brand kits: created, selected, edited and deleted on the Create page."""

from playwright.sync_api import Locator, expect

from tests.web.browser_session import BrowserSession


def create_persona(session: BrowserSession, name: str = "Acme Garden") -> None:
    session.press("New brand kit")
    dialog = session.page.get_by_role("dialog", name="New brand kit")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Voice").fill("warm and plain")
    dialog.get_by_label("Color in words").fill("orange, teal,")
    dialog.get_by_label("Avoid").fill("clutter")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)


def persona_options(session: BrowserSession) -> Locator:
    return session.field("Brand kit").locator("option")


def test_a_persona_is_used_edited_and_deleted(session: BrowserSession) -> None:
    """The prompt that is sent has its colors and mood; a change survives a reload; deletion needs a confirmation."""
    page = session.open("create")
    create_persona(session)
    expect(session.field("Brand kit")).to_have_value("acme-garden")
    session.create("A bench in a park")
    expect(session.fact("Prompt sent")).to_contain_text("orange, teal, mood: warm and plain")
    sent = session.body("/create")
    assert (sent["use_persona"], sent["persona_id"]) == (True, "acme-garden")
    session.press("Edit brand kit Acme Garden")
    dialog = page.get_by_role("dialog", name="Brand kit Acme Garden")
    expect(dialog.get_by_label("Color in words").nth(1)).to_have_value("teal")
    dialog.get_by_label("Name").fill("Acme Garden & Home")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    page.reload()
    expect(persona_options(session)).to_have_text(["None", "Acme Garden & Home"])
    session.field("Brand kit").select_option("acme-garden")
    page.get_by_role("button", name="Edit brand kit").click()
    session.press("Delete")
    session.press("Really delete?")
    expect(persona_options(session)).to_have_text(["None"])
    expect(page.get_by_role("button", name="Edit brand kit")).to_have_count(0)


def test_each_persona_gets_its_own_valid_id(session: BrowserSession) -> None:
    """Two personas of one name have different ids; a name in another script gets a valid id."""
    session.open("create")
    for name in ("Acme", "Acme", "株式会社"):
        create_persona(session, name)
    options = persona_options(session)
    expect(options).to_have_text(["None", "Acme", "Acme", "株式会社"])
    assert options.evaluate_all("(all) => all.map((each) => each.value)") == ["", "acme", "acme-2", "persona"]


def test_an_invalid_persona_is_explained_in_the_dialog(session: BrowserSession) -> None:
    """A missing name and the API's refusal are shown in the dialog, which keeps the input."""
    page = session.open("create")
    session.press("New brand kit")
    dialog = page.get_by_role("dialog", name="New brand kit")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_have_text("Enter a name.")
    dialog.get_by_label("Name").fill("Acme")
    dialog.get_by_label("Color in words").fill("x" * 61)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_have_text("Colors: use at most 60 characters.")
    expect(dialog.get_by_label("Name")).to_have_value("Acme")
    session.expect_problem("400")


def test_a_dialog_is_closed_beside_it_only(session: BrowserSession) -> None:
    """Words that are selected with the mouse beyond the dialog's edge leave it open; a click beside it closes it."""
    page = session.open("create")
    session.press("New brand kit")
    name = page.get_by_role("dialog").get_by_label("Name")
    name.fill("Acme")
    box = name.bounding_box()
    assert box
    page.mouse.move(box["x"] + 60, box["y"] + 15)
    page.mouse.down()
    page.mouse.move(20, box["y"] + 15, steps=5)
    page.mouse.up()
    expect(name).to_have_value("Acme")
    page.mouse.click(20, 20)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_colors_are_picked_and_shown(session: BrowserSession) -> None:
    """A color input follows the words and the other way round; the selected brand kit shows its colors and look."""
    page = session.open("create")
    session.press("New brand kit")
    dialog = page.get_by_role("dialog", name="New brand kit")
    dialog.get_by_label("Name").fill("Acme")
    dialog.get_by_label("Color in words").fill("teal")
    expect(dialog.get_by_label("Pick a color")).to_have_value("#008080")
    for words, sent in (("", "#aa3311"), ("moss green", "moss green #aa3311")):
        session.press("Add a color")
        dialog.get_by_label("Color in words").last.fill(words)
        dialog.get_by_label("Pick a color").last.fill("#aa3311")
        expect(dialog.get_by_label("Color in words").last).to_have_value(sent)
    dialog.get_by_label("Look").fill("soft daylight")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    swatches = page.locator(".swatches .swatch")
    colors = swatches.evaluate_all("(all) => all.map((each) => getComputedStyle(each).backgroundColor)")
    assert colors == ["rgb(0, 128, 128)", "rgb(170, 51, 17)", "rgb(170, 51, 17)"]
    expect(page.locator(".swatches")).to_contain_text("soft daylight")
