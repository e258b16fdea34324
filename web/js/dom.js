// Build elements, icons and announcements. Text is always set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/** Create an element with properties, listeners (`onclick`), attributes and children. Null and false are left out. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "dataset") Object.assign(node.dataset, value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  add(node, children);
  return node;
}

/** Append children. Lists are flattened; null, undefined and false are left out. */
export function add(node, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

/** Replace everything inside a node. */
export function fill(node, ...children) {
  node.replaceChildren();
  return add(node, children);
}

const PATHS = {
  create: "M12 3l1.9 5.1L19 10l-5.1 1.9L12 17l-1.9-5.1L5 10l5.1-1.9zM19 15l.8 2.2L22 18l-2.2.8L19 21l-.8-2.2L16 18l2.2-.8z",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3M13 20h7",
  upscale: "M4 10V4h6M20 14v6h-6M4 4l7 7M20 20l-7-7",
  compress: "M4 9h5V4M20 9h-5V4M4 15h5v5M20 15h-5v5",
  control: "M5 4v6M5 14v6M12 4v2M12 10v10M19 4v9M19 17v3M3 12h4M10 8h4M17 15h4",
  social: "M4 5h9v9H4zM16 5h4v14h-4zM4 17h9v3H4z",
  inspect: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5M8 11l2 2 4-4",
  history: "M4 12a8 8 0 1 0 2.5-5.8M4 4v4h4M12 8v4l3 2",
  save: "M7 4h10v16l-5-4-5 4z",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M19 5l-1.4 1.4M6.4 17.6L5 19",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  code: "M8 7l-5 5 5 5M16 7l5 5-5 5M14 4l-4 16",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  close: "M6 6l12 12M18 6L6 18",
  undo: "M9 7L4 12l5 5M4 12h10a6 6 0 0 1 6 6",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5h.01",
  star: "M12 3l2.7 5.8 6.3.8-4.6 4.3 1.2 6.3L12 17l-5.6 3.2 1.2-6.3L3 9.6l6.3-.8z",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13",
  alert: "M12 4l9 16H3zM12 10v4M12 17h.01",
  chevron: "M6 9l6 6 6-6",
  target: "M12 3v5M12 16v5M3 12h5M16 12h5M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  refresh: "M20 12a8 8 0 1 1-2.5-5.8M20 4v4h-4",
};

/** A line icon, hidden from screen readers. */
export function icon(name) {
  const node = document.createElementNS(SVG, "svg");
  node.setAttribute("viewBox", "0 0 24 24");
  node.setAttribute("class", "icon");
  node.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] ?? "");
  node.append(path);
  return node;
}

let counter = 0;
/** A new element id. */
export const uniqueId = (prefix) => `${prefix}-${++counter}`;

/** A field: label, control and an optional hint, linked for screen readers. */
export function field(label, control, hint) {
  control.id ||= uniqueId("field");
  const note = hint && h("p", { class: "hint", id: `${control.id}-hint` }, hint);
  if (note) control.setAttribute("aria-describedby", note.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, note);
}

/** A select with [value, label] options. */
export function select(options, props = {}) {
  return h("select", props, options.map(([value, label]) => h("option", { value }, label)));
}

/** The number in an input, or null when it is empty. */
export const numberValue = (input) => (input.value === "" ? null : Number(input.value));

/** An input for a seed. */
export const seedInput = () => h("input", { type: "number", min: 0, max: 4294967293, name: "seed", placeholder: "random" });

/** A segmented control: radio buttons in one row. `onpick` gets the selected value. */
export function segmented(legend, options, selected, onpick) {
  const name = uniqueId("segment");
  return h("fieldset", { class: "segmented" },
    h("legend", {}, legend),
    h("div", { class: "segments" }, options.map(([value, label]) => h("label", {},
      h("input", { type: "radio", name, value, checked: value === selected, onchange: () => onpick(value) }),
      h("span", {}, label)))));
}

/** Select the radio button with a value, if there is one. */
export const pick = (node, value) => [...node.querySelectorAll("input[type=radio]")].find((input) => input.value === String(value))?.click();

/** A slider that shows its value. With `start` null its value is null until it is moved. */
export function slider(label, { min = 0, max = 1, step = 0.05, start = null, hint } = {}) {
  const output = h("output", {}, start === null ? "auto" : String(start));
  const input = h("input", { type: "range", min, max, step, value: String(start ?? (min + max) / 2) });
  let moved = start !== null;
  input.addEventListener("input", () => { moved = true; output.textContent = input.value; });
  const text = h("span", {}, label);
  const node = field([text, " ", output], input, hint);
  function set(value) {
    moved = typeof value === "number" || start !== null;
    input.value = value ?? start ?? (min + max) / 2;
    output.textContent = moved ? input.value : "auto";
  }
  return { node, input, label: text, set, get value() { return moved ? Number(input.value) : null; } };
}

/** Open a modal dialog. It is removed when it closes. A click beside it closes it, unless it has `data-stays`. */
export function dialog(title, ...content) {
  const box = h("dialog", { class: "dialog", "aria-label": title },
    h("header", {}, h("h2", {}, title),
      h("button", { type: "button", class: "ghost icon-only", "aria-label": "Close", onclick: () => box.close() }, icon("close"))));
  add(box, content, h("div", { class: "toasts", role: "status" }));
  box.addEventListener("close", () => box.remove());
  let pressed = false; // beside the box; a selection with the mouse may end there, too
  const isBeside = ({ target, clientX, clientY }) => {
    const { left, right, top, bottom } = box.getBoundingClientRect();
    return target === box && (clientX < left || clientX > right || clientY < top || clientY > bottom);
  };
  box.addEventListener("pointerdown", (event) => { pressed = isBeside(event); });
  box.addEventListener("click", (event) => { if (pressed && isBeside(event) && !("stays" in box.dataset)) box.close(); });
  document.body.append(box);
  box.showModal();
  return box;
}

/** Announce text to screen readers. */
export function announce(text) {
  const live = document.getElementById("live");
  live.textContent = "";
  requestAnimationFrame(() => { live.textContent = text; });
}

/** Show and announce a short note at the edge of the screen. A modal dialog covers all that is outside it. */
export function toast(text) {
  const note = h("div", { class: "toast" }, text);
  ([...document.querySelectorAll("dialog[open] > .toasts")].at(-1) ?? document.getElementById("toasts")).append(note);
  setTimeout(() => note.remove(), 4000);
}

/** Copy text and say so, or say what to do where the browser refuses. */
export async function copyText(text, copied = "Copied", refused = "The browser does not allow copying here. Select the text instead.") {
  try {
    await navigator.clipboard.writeText(text);
    toast(copied);
  } catch {
    toast(refused);
  }
}

export const bytesText = (bytes) =>
  bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${Math.round(bytes / 1000)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;

export const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

/** Return a function that runs `work` when it has not been called for `ms`. */
export function debounce(work, ms) {
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(work, ms); };
}

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
