// Choosing a picture: drop it, pick a file, paste it, take a result of this session, or the sample.

import { announce, bytesText, fill, freshId, h, icon } from "./dom.js";
import { onItsWay, pictureFromFile, recent, samplePicture } from "./pictures.js";

/**
 * A picker labelled `label`; `onpick` gets the picture, or null when it is taken away.
 * `compact` leaves out the preview, for studios that show the picture themselves; `sample` says which picture can be
 * tried where none is at hand.
 */
export function picker(label, { onpick = () => {}, compact = false, sample = {} } = {}) {
  const id = freshId("picture");
  const input = h("input", { type: "file", id, accept: "image/png,image/jpeg,image/webp", class: "file-input" });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const empty = h("div", { class: "drop-empty" },
    icon("image"),
    h("span", { class: "drop-words" }, h("strong", {}, "Choose a picture"), " or drop it here"),
    h("span", { class: "hint" }, "PNG, JPEG or WebP"));
  const shown = h("div", { class: "drop-shown", hidden: true });
  const zone = h("div", { class: "drop" }, input, empty, shown);
  const more = h("div", { class: "picker-more" });
  const node = h("div", { class: "picker" }, h("label", { class: "picker-label", for: id }, label), zone, problem, more);
  const trySample = () => load(() => samplePicture(sample));
  const state = { node, input, picture: null, set, trySample, sample: (other) => { sample = other; } };

  function set(picture) {
    state.picture = picture;
    problem.hidden = true;
    empty.hidden = picture !== null;
    shown.hidden = picture === null;
    zone.classList.toggle("has-picture", picture !== null);
    if (picture) {
      fill(shown, h("img", { src: picture.url, alt: "", class: compact ? "tiny" : "" }),
        h("div", { class: "drop-told" },
          h("span", { class: "drop-name" }, picture.name),
          h("span", { class: "hint" }, `${picture.width} × ${picture.height}, ${bytesText(picture.blob.size)}`)),
        h("button", { type: "button", class: "ghost icon-only", "aria-label": `Remove ${label.toLowerCase()}`, onclick: () => { input.value = ""; set(null); input.focus(); } }, icon("close")));
      announce(`${label}: ${picture.name}, ${picture.width} by ${picture.height} pixels`);
    }
    onpick(picture);
  }

  const load = (work) => onItsWay(loadNow(work));
  async function loadNow(work) {
    zone.setAttribute("aria-busy", "true");
    try {
      set(await work());
    } catch (trouble) {
      problem.textContent = trouble.message;
      problem.hidden = false;
    } finally {
      zone.removeAttribute("aria-busy");
    }
  }

  function offer() {
    fill(more,
      h("button", { type: "button", class: "link", onclick: trySample }, "Use a sample"),
      recent.list.slice(0, 5).map((picture) => h("button", {
        type: "button", class: "thumb", "aria-label": `Use ${picture.name}`, title: picture.name, onclick: () => set(picture),
      }, h("img", { src: picture.url, alt: "" }))));
  }

  input.addEventListener("change", () => { if (input.files[0]) load(() => pictureFromFile(input.files[0])); });
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const file = event.dataTransfer.files[0];
    if (file) load(() => pictureFromFile(file));
  });
  node.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files][0];
    if (file) load(() => pictureFromFile(file));
  });
  window.addEventListener("recent", offer);
  offer();
  return state;
}

/** A button for an empty stage, which takes a picker's sample; it goes with the stage, so the picker gets the focus. */
export const sampleButton = (image) => h("button", { type: "button", onclick: async () => {
  await image.trySample();
  image.input.focus({ preventScroll: true });
} }, icon("image"), "Try a sample picture");
