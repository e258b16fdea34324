// The dialog that creates, changes and deletes a brand kit: its name, colors, look and voice.

import { call } from "./api.js";
import { announce, dialog, field, h, icon } from "./dom.js";
import { slug } from "./labels.js";
import { codeButton } from "./layout.js";
import { cssColor } from "./personas.js";

const splitList = (text) => text.split(/[,\n]/).map((item) => item.trim()).filter(Boolean);

/** An id for a new persona: the slug of its name, with a number if it is taken. */
function idFor(name, taken) {
  const base = slug(name, "persona");
  let id = base;
  for (let number = 2; taken.includes(id); number++) id = `${base}-${number}`;
  return id;
}

/** A list of colors: each has a swatch to pick it from, and the words that are sent. `values` are those words. */
function colorList(colors) {
  const rows = h("div", { class: "color-rows" });
  const canvas = document.createElement("canvas").getContext("2d");
  /** A color as a color input needs it. */
  const hex = (text) => { canvas.fillStyle = "#808080"; canvas.fillStyle = cssColor(text); return canvas.fillStyle; };
  function addRow(value) {
    const words = h("input", { type: "text", value, placeholder: "teal", "aria-label": "Color in words" });
    const color = h("input", { type: "color", value: hex(value), "aria-label": "Pick a color" });
    words.addEventListener("input", () => { color.value = hex(words.value); });
    color.addEventListener("input", () => { // a name that someone typed stays in front
      const name = words.value.replace(/#[0-9a-f]*$/i, "").trim();
      words.value = name && !cssColor(name) ? `${name} ${color.value}` : color.value;
    });
    const row = h("div", { class: "color-row" }, color, words,
      h("button", { type: "button", class: "ghost icon-only", "aria-label": "Remove this color", onclick: () => { row.remove(); add.focus(); } }, icon("close")));
    rows.append(row);
    return words;
  }
  const add = h("button", { type: "button", class: "small", onclick: () => addRow("").focus() }, "Add a color");
  for (const value of colors) addRow(value);
  const node = h("fieldset", { class: "field" }, h("legend", {}, "Colors"), rows, h("div", {}, add));
  return { node, get values() { return [...rows.querySelectorAll("input[type=text]")].flatMap(({ value }) => splitList(value)); } };
}

/**
 * Create a brand kit, or edit the given persona. `existing` returns all personas. `load` reads the list again and selects an
 * id. `onclose` runs after a change was saved.
 */
export function brandDialog(persona, existing, load, onclose) {
  const text = (value, placeholder, more = {}) => h("input", { type: "text", value: value ?? "", placeholder, ...more });
  const name = text(persona?.name, "Acme", { maxlength: 80, required: true });
  const voice = h("textarea", { rows: 2, maxlength: 300, placeholder: "warm and plain" });
  voice.value = persona?.voice ?? "";
  const colors = colorList(persona?.palette ?? [""]);
  const look = text(persona?.style_words.join(", "), "soft daylight, lots of space");
  const avoid = text(persona?.avoid_words.join(", "), "clutter, text");
  const errorBox = h("p", { class: "error", role: "alert", hidden: true });
  const save = h("button", { type: "submit", class: "primary" }, "Save");
  const remove = persona && h("button", { type: "button", class: "ghost danger", onclick: () => {
    if (remove.dataset.confirmed) attempt(async () => { await call("DELETE", path(persona.persona_id)); return ""; }, "Brand kit deleted");
    else { remove.dataset.confirmed = "yes"; remove.textContent = "Really delete?"; }
  } }, "Delete");
  const path = (id) => `personas/${encodeURIComponent(id)}`;

  function request() {
    const id = persona?.persona_id ?? idFor(name.value, existing().map((other) => other.persona_id));
    const body = { name: name.value.trim(), voice: voice.value.trim(), palette: colors.values, style_words: splitList(look.value), avoid_words: splitList(avoid.value) };
    return { id, method: "PUT", path: path(id), body, savesImages: false };
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
  function showError(message) {
    errorBox.textContent = message;
    errorBox.hidden = false;
  }

  const form = h("form", { class: "dialog-form", onsubmit: (event) => {
    event.preventDefault();
    if (!name.value.trim()) { showError("Enter a name."); name.focus(); return; }
    attempt(async () => {
      if (!persona) await load(); // another window may have created one of this name
      const { id, method, path: to, body } = request();
      await call(method, to, { body });
      return id;
    }, "Brand kit saved");
  } },
  h("p", { class: "hint" }, "Colors, look and voice are added to every prompt that uses the brand kit. Separate words with commas."),
  field("Name", name), colors.node, field("Look", look), field("Avoid", avoid), field("Voice", voice, "How the brand sounds. It sets the mood of the image."), errorBox,
  h("div", { class: "form-end" }, h("span", { class: "first" }, codeButton(request), remove), h("button", { type: "button", class: "ghost", onclick: () => box.close() }, "Cancel"), save));
  form.noValidate = true;
  const box = dialog(persona ? `Brand kit ${persona.name}` : "New brand kit", form);
  name.focus();
}
