// Personas: how a brand looks and sounds. Select, create, edit and delete them.

import { call, get } from "./api.js";
import { codeButton } from "./code-samples.js";
import { announce, dialog, field, fill, h, select, uniqueId } from "./dom.js";
import { slug } from "./labels.js";

const splitList = (text) => text.split(/[,\n]/).map((item) => item.trim()).filter(Boolean);

/** An id for a new persona: the slug of its name, with a number if it is taken. */
function idFor(name, taken) {
  const base = slug(name, "persona");
  let id = base;
  for (let number = 2; taken.includes(id); number++) id = `${base}-${number}`;
  return id;
}

/** The persona field. `value` is the selected id, or empty for none. */
export function personaPicker() {
  let personas = [];
  const list = select([["", "None"]], { name: "persona_id", id: uniqueId("persona") });
  const editButton = h("button", { type: "button", hidden: true, onclick: () => edit(selected()) }, "Edit");
  const newButton = h("button", { type: "button", onclick: () => edit(null), "aria-label": "New persona" }, "New");
  const node = h("div", { class: "field" }, h("label", { for: list.id }, "Persona"),
    h("div", { class: "with-buttons" }, list, editButton, newButton));
  const selected = () => personas.find((persona) => persona.persona_id === list.value) ?? null;

  function updateEditButton() {
    editButton.hidden = selected() === null;
    editButton.setAttribute("aria-label", `Edit persona ${selected()?.name ?? ""}`);
  }
  /** Read the list and select `id`, or keep the selection. */
  async function load(id = list.value) {
    personas = (await get("personas")).personas;
    fill(list, h("option", { value: "" }, "None"), personas.map((persona) => h("option", { value: persona.persona_id }, persona.name)));
    list.value = personas.some((persona) => persona.persona_id === id) ? id : "";
    updateEditButton();
  }
  list.addEventListener("change", updateEditButton);
  load().catch(() => { /* a persona can still be created */ });

  function edit(persona) {
    personaDialog(persona, () => personas, load, () => list.focus());
  }
  return { node, select: list, get value() { return list.value; }, choose: (id) => load(id).catch(() => { /* deleted since */ }) };
}

/**
 * Create a persona, or edit the given one. `existing` returns all personas. `load` reads the list again and selects an
 * id. `onclose` runs after a change was saved.
 */
function personaDialog(persona, existing, load, onclose) {
  const text = (value, placeholder, more = {}) => h("input", { type: "text", value: value ?? "", placeholder, ...more });
  const name = text(persona?.name, "Acme", { maxlength: 80, required: true });
  const voice = h("textarea", { rows: 2, maxlength: 300, placeholder: "warm and plain" });
  voice.value = persona?.voice ?? "";
  const lists = {
    palette: text(persona?.palette.join(", "), "orange, teal"),
    style_words: text(persona?.style_words.join(", "), "soft daylight, lots of space"),
    avoid_words: text(persona?.avoid_words.join(", "), "clutter, text"),
  };
  const errorBox = h("p", { class: "error", role: "alert", hidden: true });
  const save = h("button", { type: "submit", class: "primary" }, "Save");
  const remove = persona && h("button", { type: "button", class: "ghost danger", onclick: () => {
    if (remove.dataset.confirmed) attempt(async () => { await call("DELETE", path(persona.persona_id)); return ""; }, "Persona deleted");
    else { remove.dataset.confirmed = "yes"; remove.textContent = "Really delete?"; }
  } }, "Delete");
  const path = (id) => `personas/${encodeURIComponent(id)}`;

  function request() {
    const id = persona?.persona_id ?? idFor(name.value, existing().map((other) => other.persona_id));
    const listFields = Object.fromEntries(Object.entries(lists).map(([key, input]) => [key, splitList(input.value)]));
    return { id, method: "PUT", path: path(id), body: { name: name.value.trim(), voice: voice.value.trim(), ...listFields }, savesImages: false };
  }

  async function attempt(work, announcement) {
    save.disabled = true;
    errorBox.hidden = true;
    try {
      await load(await work());
      box.close();
      announce(announcement);
      onclose();
    } catch (error) {
      showError(error.message);
    } finally {
      save.disabled = false;
    }
  }
  function showError(text) {
    errorBox.textContent = text;
    errorBox.hidden = false;
  }

  const form = h("form", { class: "dialog-form", onsubmit: (event) => {
    event.preventDefault();
    if (!name.value.trim()) { showError("Enter a name."); name.focus(); return; }
    attempt(async () => {
      if (!persona) await load(); // another window may have created a persona of this name
      const { id, method, path: to, body } = request();
      await call(method, to, { body });
      return id;
    }, "Persona saved");
  } },
  h("p", { class: "hint" }, "This text is added to every prompt that uses the persona. Separate items with commas."),
  field("Name", name), field("Voice", voice, "How the brand sounds. It sets the mood of the image."),
  field("Colors", lists.palette), field("Style words", lists.style_words), field("Avoid", lists.avoid_words), errorBox,
  h("div", { class: "form-end" }, h("span", { class: "first" }, codeButton(request), remove), h("button", { type: "button", class: "ghost", onclick: () => box.close() }, "Cancel"), save));
  form.noValidate = true;
  const box = dialog(persona ? `Persona ${persona.name}` : "New persona", form);
  name.focus();
}
