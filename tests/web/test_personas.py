"""Personas: made, chosen, changed and removed in Create."""

from playwright.sync_api import Page, expect

from tests.web.visit import Visit


def made(page: Page, name: str = "Acme Garden") -> None:
    """A persona of that name, made in the dialog."""
    page.get_by_role("button", name="New persona").click()
    dialog = page.get_by_role("dialog", name="New persona")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Voice").fill("warm and plain")
    dialog.get_by_label("Colours").fill("orange, teal,")
    dialog.get_by_label("Never show").fill("clutter")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)


def test_a_persona_is_made_and_speaks_in_the_prompt(visit: Visit) -> None:
    """A new persona is chosen at once; what is sent names it, and its colours and mood are in the prompt."""
    page = visit.open("create")
    made(page)
    expect(page.get_by_label("Persona", exact=True)).to_have_value("acme-garden")
    page.get_by_label("Prompt", exact=True).fill("A bench in a park")
    page.get_by_role("button", name="Create", exact=True).click()
    sent = page.locator(".facts dt", has_text="Prompt sent").locator("+ dd")
    expect(sent).to_contain_text("colours: orange, teal, mood: warm and plain")
    assert visit.body("/create")["persona_id"] == "acme-garden"


def test_a_persona_is_changed_kept_and_removed(visit: Visit) -> None:
    """Edit shows what was written; the change is there after a reload; deleting asks once more."""
    page = visit.open("create")
    made(page)
    page.get_by_role("button", name="Edit persona Acme Garden").click()
    dialog = page.get_by_role("dialog", name="Persona Acme Garden")
    expect(dialog.get_by_label("Colours")).to_have_value("orange, teal")
    dialog.get_by_label("Name").fill("Acme Garden & Home")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    page.reload()
    choice = page.get_by_label("Persona", exact=True)
    expect(choice.locator("option")).to_have_text(["None", "Acme Garden & Home"])
    choice.select_option("acme-garden")
    page.get_by_role("button", name="Edit persona").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Really delete?").click()
    expect(choice.locator("option")).to_have_text(["None"])
    expect(page.get_by_role("button", name="Edit persona")).to_have_count(0)


def test_names_never_replace_each_other(visit: Visit) -> None:
    """Two personas of one name are two; a name in another script gets an id that the API takes."""
    page = visit.open("create")
    for name in ("Acme", "Acme", "株式会社"):
        made(page, name)
    options = page.get_by_label("Persona", exact=True).locator("option")
    expect(options).to_have_text(["None", "Acme", "Acme", "株式会社"])
    assert options.evaluate_all("(all) => all.map((each) => each.value)") == ["", "acme", "acme-2", "persona"]


def test_what_a_persona_may_not_be_is_told_in_the_dialog(visit: Visit) -> None:
    """A missing name and the API's own refusal stand in the dialog, which keeps what was written."""
    page = visit.open("create")
    page.get_by_role("button", name="New persona").click()
    dialog = page.get_by_role("dialog", name="New persona")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_have_text("Give the persona a name.")
    dialog.get_by_label("Name").fill("Acme")
    dialog.get_by_label("Colours").fill("x" * 61)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("palette")
    expect(dialog.get_by_label("Name")).to_have_value("Acme")
    visit.forgive("400")
