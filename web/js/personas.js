// The field that selects a brand kit: how a brand looks and sounds. The API calls it a persona.

import { get } from "./api.js";
import { fill, h, select, uniqueId } from "./dom.js";

/** The color that a word or code names, as CSS has it: "teal", "#0f6b53", "moss green #4a5d23". Empty where it names none. */
export function cssColor(text) {
  const color = /#([0-9a-f]{6}|[0-9a-f]{3})\b/i.exec(text)?.[0] ?? text.trim().replace(/\s+/g, "");
  return CSS.supports("color", color) ? color : "";
}

/** A small field of a color; striped where the words name none that a browser knows. */
function swatch(text) {
  const node = h("span", { class: "swatch", title: text, role: "img", "aria-label": text });
  node.style.backgroundColor = cssColor(text);
  node.classList.toggle("unknown", !cssColor(text));
  return node;
}

/** The field that selects a brand kit. `value` is the selected persona's id, or empty for none. */
export function personaPicker() {
  let personas = [];
  const list = select([["", "None"]], { name: "persona_id", id: uniqueId("persona") });
  const editButton = h("button", { type: "button", hidden: true, onclick: () => edit(selected()) }, "Edit");
  const newButton = h("button", { type: "button", onclick: () => edit(null), "aria-label": "New brand kit" }, "New");
  const look = h("p", { class: "hint swatches", hidden: true });
  const node = h("div", { class: "field" }, h("label", { for: list.id }, "Brand kit"),
    h("div", { class: "with-buttons" }, list, editButton, newButton), look);
  const selected = () => personas.find((persona) => persona.persona_id === list.value) ?? null;

  function showSelected() {
    const persona = selected();
    editButton.hidden = look.hidden = persona === null;
    editButton.setAttribute("aria-label", `Edit brand kit ${persona?.name ?? ""}`);
    if (persona) fill(look, persona.palette.map(swatch), [persona.style_words.join(", "), persona.voice].filter(Boolean).join(" · "));
  }
  /** Read the list and select `id`, or keep the selection. */
  async function load(id = list.value) {
    personas = (await get("personas")).personas;
    fill(list, h("option", { value: "" }, "None"), personas.map((persona) => h("option", { value: persona.persona_id }, persona.name)));
    list.value = personas.some((persona) => persona.persona_id === id) ? id : "";
    showSelected();
  }
  list.addEventListener("change", showSelected);
  load().catch(() => { /* a brand kit can still be created */ });

  async function edit(persona) {
    (await import("./brand-kit.js")).brandDialog(persona, () => personas, load, () => list.focus());
  }
  return { node, select: list, get value() { return list.value; }, choose: (id) => load(id).catch(() => { /* deleted since */ }) };
}
