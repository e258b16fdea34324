// Personas: what a brand sounds and looks like. One is chosen for a prompt; they are made, changed and removed here.

import { call, get } from "./api.js";
import { announce, dialog, field, fill, freshId, h, select } from "./dom.js";
import { slug } from "./names.js";
import { codeButton } from "./samples.js";

const words = (text) => text.split(/[,\n]/).map((word) => word.trim()).filter(Boolean);

/** A new persona's id: its name in letters that an id may have, and not one that is taken. */
function idFor(name, taken) {
  const wanted = slug(name, "persona");
  let id = wanted;
  for (let number = 2; taken.includes(id); number++) id = `${wanted}-${number}`;
  return id;
}

/** The field that chooses a persona; `value` is its id, empty for none. */
export function personaChoice() {
  let known = [];
  const list = select([["", "None"]], { name: "persona_id", id: freshId("persona") });
  const change = h("button", { type: "button", hidden: true, onclick: () => edit(chosen()) }, "Edit");
  const make = h("button", { type: "button", onclick: () => edit(null), "aria-label": "New persona" }, "New");
  const node = h("div", { class: "field" }, h("label", { for: list.id }, "Persona"),
    h("div", { class: "with-buttons" }, list, change, make));
  const chosen = () => known.find((each) => each.persona_id === list.value) ?? null;

  function offer(value) {
    fill(list, h("option", { value: "" }, "None"), known.map((each) => h("option", { value: each.persona_id }, each.name)));
    list.value = known.some((each) => each.persona_id === value) ? value : "";
    shown();
  }
  function shown() {
    change.hidden = chosen() === null;
    change.setAttribute("aria-label", `Edit persona ${chosen()?.name ?? ""}`);
  }
  async function load(value) {
    known = (await get("personas")).personas;
    offer(value ?? list.value);
  }
  list.addEventListener("change", shown);
  load().catch(() => { /* none can be chosen until the list can be read; one can be made */ });

  function edit(persona) {
    personaDialog(persona, () => known, load, () => list.focus());
  }
  return { node, select: list, get value() { return list.value; } };
}

/**
 * Make or change one. `known` gives those that there are; `load` reads them anew and chooses the given id, none where it
 * is empty; `done` is told in the end.
 */
function personaDialog(persona, known, load, done) {
  const text = (value, placeholder, more = {}) => h("input", { type: "text", value: value ?? "", placeholder, ...more });
  const name = text(persona?.name, "Acme", { maxlength: 80, required: true });
  const voice = h("textarea", { rows: 2, maxlength: 300, placeholder: "warm and plain" });
  voice.value = persona?.voice ?? "";
  const lists = {
    palette: text(persona?.palette.join(", "), "orange, teal"),
    style_words: text(persona?.style_words.join(", "), "soft daylight, lots of space"),
    avoid_words: text(persona?.avoid_words.join(", "), "clutter, text"),
  };
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const save = h("button", { type: "submit", class: "primary" }, "Save");
  const remove = persona && h("button", { type: "button", class: "ghost danger", onclick: () => {
    if (remove.dataset.sure) attempt(async () => { await call("DELETE", path(persona.persona_id)); return ""; }, "Persona deleted");
    else { remove.dataset.sure = "yes"; remove.textContent = "Really delete?"; }
  } }, "Delete");
  const path = (id) => `personas/${encodeURIComponent(id)}`;

  function request() {
    const id = persona?.persona_id ?? idFor(name.value, known().map((each) => each.persona_id));
    const listed = Object.fromEntries(Object.entries(lists).map(([key, input]) => [key, words(input.value)]));
    return { id, method: "PUT", path: path(id), body: { name: name.value.trim(), voice: voice.value.trim(), ...listed }, pictures: false };
  }

  async function attempt(work, said) {
    save.disabled = true;
    problem.hidden = true;
    try {
      await load(await work());
      box.close();
      announce(said);
      done();
    } catch (trouble) {
      problem.textContent = trouble.message;
      problem.hidden = false;
    } finally {
      save.disabled = false;
    }
  }
  const form = h("form", { class: "dialog-form", onsubmit: (event) => {
    event.preventDefault();
    if (!name.value.trim()) { problem.textContent = "Give the persona a name."; problem.hidden = false; name.focus(); return; }
    attempt(async () => {
      if (!persona) await load(); // another window may have made one of this name
      const asked = request();
      await call(asked.method, asked.path, { body: asked.body });
      return asked.id;
    }, "Persona saved");
  } },
  h("p", { class: "hint" }, "What you write here is added to each prompt that you choose the persona for. Lists are split at commas."),
  field("Name", name), field("Voice", voice, "How the brand sounds; it becomes the picture's mood."),
  field("Colours", lists.palette), field("Words for the look", lists.style_words), field("Never show", lists.avoid_words), problem,
  h("div", { class: "form-end" }, h("span", { class: "first" }, codeButton(request), remove), h("button", { type: "button", class: "ghost", onclick: () => box.close() }, "Cancel"), save));
  form.noValidate = true;
  const box = dialog(persona ? `Persona ${persona.name}` : "New persona", form);
  name.focus();
}
