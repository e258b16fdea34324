// A field for one image: drop or paste a file, choose a file, or use a recent result or the sample.

import { announce, bytesText, fill, h, icon, uniqueId } from "./dom.js";
import { imageFromFile, imageProblem, recent, sampleImage, scaledDown, trackLoading } from "./images.js";

/** An image field. `onpick` gets the image, or null when it is removed. `sample` says which sample image is offered. */
export function imagePicker(label, { onpick = () => {}, sample = {} } = {}) {
  const id = uniqueId("image");
  const input = h("input", { type: "file", id, accept: "image/png,image/jpeg,image/webp,image/avif", class: "file-input" });
  const errorBox = h("p", { class: "error", role: "alert", hidden: true });
  const empty = h("div", { class: "drop-empty" },
    icon("image"),
    h("span", {}, h("strong", {}, "Choose an image"), " or drop it here"),
    h("span", { class: "hint" }, "PNG, JPEG, WebP or AVIF, up to 20 MB and 25 megapixels"));
  const preview = h("div", { class: "drop-preview", hidden: true });
  const zone = h("div", { class: "drop" }, input, empty, preview);
  const problem = h("p", { class: "hint warning", role: "status", hidden: true });
  const more = h("div", { class: "picker-more" });
  const node = h("div", { class: "picker" }, h("label", { class: "picker-label", for: id }, label), zone, errorBox, problem, more);
  const loadSample = () => load(() => sampleImage(sample));
  const state = { node, input, image: null, set, loadSample, setSample: (other) => { sample = other; } };

  function set(image) {
    state.image = image;
    errorBox.hidden = true;
    empty.hidden = image !== null;
    preview.hidden = image === null;
    zone.classList.toggle("has-image", image !== null);
    showProblem();
    if (image) {
      fill(preview, h("img", { src: image.url, alt: "" }),
        h("div", { class: "drop-info" },
          h("span", { class: "drop-name" }, image.name),
          h("span", { class: "hint" }, `${image.width} × ${image.height}, ${bytesText(image.blob.size)}`)),
        h("button", { type: "button", class: "ghost icon-only", "aria-label": `Remove ${label.toLowerCase()}`, onclick: () => { input.value = ""; set(null); input.focus(); } }, icon("close")));
      announce(`${label}: ${image.name}, ${image.width} by ${image.height} pixels`);
    }
    onpick(image);
  }

  /** Say at once what the API would refuse after the click. */
  function showProblem() {
    const found = state.image && imageProblem(state.image);
    problem.hidden = !found;
    fill(problem, found && [h("span", {}, found.text), found.scalable && h("button", { type: "button", class: "small", onclick: () => load(() => scaledDown(state.image)) }, "Scale it down")]);
  }

  const load = (work) => trackLoading(loadNow(work));
  async function loadNow(work) {
    zone.setAttribute("aria-busy", "true");
    try {
      set(await work());
    } catch (error) {
      errorBox.textContent = error.message;
      errorBox.hidden = false;
    } finally {
      zone.removeAttribute("aria-busy");
    }
  }

  function updateRecent() {
    fill(more,
      h("button", { type: "button", class: "link", onclick: loadSample }, "Use a sample"),
      recent.list.slice(0, 5).map((image) => h("button", {
        type: "button", class: "thumb", "aria-label": `Use ${image.name}`, title: image.name, onclick: () => set(image),
      }, h("img", { src: image.url, alt: "" }))));
  }

  const loadFile = (file) => { if (file) load(() => imageFromFile(file)); };
  input.addEventListener("change", () => loadFile(input.files[0]));
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    loadFile(event.dataTransfer.files[0]);
  });
  node.addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    loadFile(event.clipboardData.files[0]);
  });
  node.addEventListener("files", (event) => loadFile(event.detail[0])); // dropped or pasted elsewhere
  window.addEventListener("recent", updateRecent);
  updateRecent();
  return state;
}

/** A button for an empty workspace that loads a picker's sample. The button disappears then, so the picker gets the focus. */
export const sampleButton = (picker) => h("button", { type: "button", onclick: async () => {
  await picker.loadSample();
  picker.input.focus({ preventScroll: true });
} }, icon("image"), "Try a sample image");
