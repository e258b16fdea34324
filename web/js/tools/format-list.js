// The formats of all platforms to choose from: one by one, all or none, and as sets that a person saved.

import { errorNote } from "../action-bar.js";
import { getCached } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { platformLabel } from "../labels.js";
import { store, stored } from "../memory.js";

const SELECTION = "image-studio-formats"; // what was chosen at the last visit
const SETS = "image-studio-format-sets"; // [name, keys]
const NAME_LENGTH = 40;

/** The key of a format, under which a selection keeps it. */
export const formatKey = (platform, format) => `${platform}/${format}`;

/** A list of formats. `selected` maps the key of each chosen one to {platform, format}; `onchange` runs after a change. */
export function formatList({ onchange }) {
  const platforms = h("div", { class: "platforms" });
  const count = h("span", { class: "hint" });
  const sets = h("div", { class: "actions" });
  const all = new Map(); // key -> {platform, format, box}
  const counts = []; // what updates the count of each platform
  const state = { selected: new Map(), load, choose };
  let saved = stored(SETS) ?? [];
  state.node = h("fieldset", {}, h("legend", {}, "Formats ", count), sets, platforms);

  function update() {
    state.selected = new Map([...all].filter(([, { box }]) => box.checked));
    count.textContent = `${state.selected.size} selected`;
    for (const show of counts) show();
    store(SELECTION, [...state.selected.keys()]);
    onchange();
  }
  /** Select these formats and no others. */
  function choose(keys) {
    for (const [each, { box }] of all) box.checked = keys.includes(each);
    update();
  }

  // --- sets ------------------------------------------------------------------------------------------------------

  const name = h("input", { type: "text", maxlength: NAME_LENGTH, placeholder: "Name of the set", "aria-label": "Name of the set" });
  const naming = h("div", { class: "with-buttons", hidden: true }, name, h("button", { type: "button", class: "small", onclick: () => saveSet() }, "Save"));
  name.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); saveSet(); } });

  function keepSets(next) {
    saved = next;
    store(SETS, saved);
    showSets();
  }
  function saveSet() {
    const title = name.value.trim();
    if (!title) { name.focus(); return; }
    keepSets([...saved.filter(([other]) => other !== title), [title, [...state.selected.keys()]]]);
    name.value = "";
    naming.hidden = true;
  }
  function showSets() {
    const button = (label, onclick) => h("button", { type: "button", class: "ghost small", onclick }, label);
    fill(sets, button("All", () => choose([...all.keys()])), button("None", () => choose([])),
      saved.map(([title, keys]) => h("span", { class: "set" }, h("button", { type: "button", class: "small", onclick: () => choose(keys) }, title),
        h("button", { type: "button", class: "ghost remove", "aria-label": `Delete the set ${title}`, onclick: () => keepSets(saved.filter(([other]) => other !== title)) }, icon("close")))),
      button("Save as a set", () => { naming.hidden = false; name.focus(); }), naming);
  }

  // --- the list --------------------------------------------------------------------------------------------------

  async function load() {
    const kept = stored(SELECTION);
    let templates;
    try {
      ({ templates } = await getCached("templates"));
    } catch (error) {
      fill(platforms, errorNote(error, load));
      return;
    }
    const names = [...new Set(templates.map((template) => template.platform))];
    const listed = await Promise.all(names.map(async (platform) => [platform, await getCached(`social/platforms/${platform}/formats`).then((response) => response.formats, () => [])]));
    fill(platforms, listed.filter(([, formats]) => formats.length).map(([platform, formats], position) => platformNode(platform, formats, position === 0, kept)));
    showSets();
    update();
  }
  function platformNode(platform, formats, open, kept) {
    const chosen = h("span", { class: "count" });
    const rows = formats.map((format, index) => {
      const id = formatKey(platform, format.name);
      const box = h("input", { type: "checkbox", value: format.name, checked: kept ? kept.includes(id) : index === 0, onchange: update });
      all.set(id, { platform, format, box });
      return { box, node: h("label", { class: "check" }, box, h("span", {}, format.name), h("span", { class: "ratio" }, `${format.width} × ${format.height}`)) };
    });
    counts.push(() => { chosen.textContent = `${rows.filter(({ box }) => box.checked).length} of ${rows.length}`; });
    return h("details", { class: "platform", open }, h("summary", {}, platformLabel(platform), chosen, icon("chevron")), h("div", { class: "formats" }, rows.map(({ node }) => node)));
  }
  return state;
}
