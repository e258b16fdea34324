// A field for images: drop or paste a file, choose a file, or use a recent result or the sample.

import { announce, bytesText, fill, h, icon, plural, uniqueId } from "./dom.js";
import { canvasBlob, imageFromBlob, imageFromFile, imageOfRef, recent, trackLoading } from "./images.js";

const MAX_BYTES = 20_000_000; // the API's limits for an image
const MAX_PIXELS = 25_000_000;
const MAX_JPEG_PIXELS = 100_000_000; // the API decodes a JPEG at a fraction of its size
const MIN_SIDE = 16;

/** Why the API would refuse an image with a side below `least`, or a large one. `scalable`: a smaller copy would be accepted. */
function imageProblem({ blob, width, height }, least = MIN_SIDE) {
  const most = blob.type === "image/jpeg" ? MAX_JPEG_PIXELS : MAX_PIXELS;
  const size = `${width} × ${height} pixels`;
  if (Math.min(width, height) < least) return { text: `This image has ${size}. Each side needs at least ${least}.` };
  if (width * height > most) return { text: `This image has ${(width * height / 1e6).toFixed(0)} megapixels. At most ${most / 1e6} can be used.`, scalable: true };
  if (blob.size > MAX_BYTES) return { text: `This file has ${(blob.size / 1e6).toFixed(0)} MB. At most ${MAX_BYTES / 1e6} MB can be used.`, scalable: true };
  return null;
}

/** A copy of an image that is small enough for the API. */
async function scaledDown(image) {
  for (let pixels = Math.min(MAX_PIXELS, image.width * image.height) * 0.98; ; pixels /= 2) {
    const scale = Math.min(1, Math.sqrt(pixels / (image.width * image.height)));
    const [width, height] = [Math.floor(image.width * scale), Math.floor(image.height * scale)];
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const drawing = Object.assign(new Image(), { src: image.url });
    await drawing.decode();
    canvas.getContext("2d").drawImage(drawing, 0, 0, width, height);
    const blob = await canvasBlob(canvas, image.blob.type === "image/jpeg" ? "image/jpeg" : "image/webp");
    if (blob.size <= MAX_BYTES || pixels < 1e6) return imageFromBlob(blob, { name: image.name });
  }
}

/** A sample image: `name` is a file of img/, `longest` the longer side in pixels. */
async function sampleImage({ name = "sample", longest = 1200 } = {}) {
  const drawing = new Image();
  drawing.src = `img/${name}.svg`;
  await drawing.decode();
  const scale = longest / Math.max(drawing.naturalWidth, drawing.naturalHeight);
  const width = Math.round(drawing.naturalWidth * scale);
  const height = Math.round(drawing.naturalHeight * scale);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").drawImage(drawing, 0, 0, width, height);
  const image = await imageFromBlob(await canvasBlob(canvas, "image/jpeg"), { name: `${name}.jpg` });
  return { ...image, isSample: true };
}

/**
 * A field for an image, or for up to `most` of them. `images` has them all; `image` is the one that the page shows (`look`
 * changes it), and that `onpick` gets, or null. `sample` says which sample image is offered, `leastSide` how many pixels
 * the API needs where that isn't 16.
 */
export function imagePicker(label, { onpick = () => {}, sample = {}, most = 1, leastSide } = {}) {
  const id = uniqueId("image");
  const input = h("input", { type: "file", id, accept: "image/png,image/jpeg,image/webp,image/avif", class: "file-input", multiple: most > 1 });
  const errorBox = h("p", { class: "error", role: "alert", hidden: true });
  const empty = h("div", { class: "drop-empty" },
    icon("image"),
    h("span", {}, h("strong", {}, most > 1 ? "Choose images" : "Choose an image"), most > 1 ? " or drop them here" : " or drop it here"),
    h("span", { class: "hint" }, "PNG, JPEG, WebP or AVIF, up to 20 MB and 25 megapixels", most > 1 && ` each; up to ${most} images`));
  const preview = h("div", { class: "drop-preview", hidden: true });
  const zone = h("div", { class: "drop" }, input, empty, preview);
  const strip = h("div", { class: "strip", role: "group", "aria-label": "Chosen images", hidden: true });
  const problem = h("div", { class: "hint warning", role: "status", hidden: true });
  const more = h("div", { class: "picker-more" });
  const node = h("div", { class: "picker" }, h("label", { class: "picker-label", for: id }, label), zone, strip, errorBox, problem, more);
  const loadSample = () => load(async () => set(await sampleImage(sample)));
  const state = { node, input, image: null, images: [], set: (image) => set(image), look: (image) => show(state.images, image), restore, loadSample, setSample: (other) => { sample = other; } };
  const set = (image) => show(image ? [image] : [], image);

  function show(images, current) {
    state.images = images;
    state.image = current;
    errorBox.hidden = true;
    empty.hidden = current !== null;
    preview.hidden = current === null;
    zone.classList.toggle("has-image", current !== null);
    showProblem();
    if (current) {
      const bytes = images.reduce((sum, { blob }) => sum + blob.size, 0);
      const name = images.length > 1 ? plural(images.length, "image") : current.name;
      const size = images.length > 1 ? bytesText(bytes) : `${current.width} × ${current.height}, ${bytesText(bytes)}`;
      fill(preview, h("img", { src: current.url, alt: "" }),
        h("div", { class: "drop-info" }, h("span", { class: "drop-name" }, name), h("span", { class: "hint" }, size), most > 1 && h("span", { class: "hint" }, "Click or drop here to add images")),
        h("button", { type: "button", class: "ghost icon-only", "aria-label": `Remove ${label.toLowerCase()}`, onclick: () => { input.value = ""; set(null); input.focus(); } }, icon("close")));
      announce(`${label}: ${current.name}, ${current.width} by ${current.height} pixels`);
    }
    showStrip();
    onpick(current);
  }

  /** With several images: all of them, to look at or to remove. */
  function showStrip() {
    const { images, image } = state;
    strip.hidden = images.length < 2;
    fill(strip, images.length > 1 && images.map((each) => h("div", { class: "strip-item" },
      h("button", { type: "button", class: "thumb", title: each.name, "aria-label": `Show ${each.name}`, "aria-pressed": String(each === image), onclick: () => show(images, each) }, h("img", { src: each.url, alt: "" })),
      h("button", { type: "button", class: "ghost remove", "aria-label": `Remove ${each.name}`, onclick: () => replace(each) }, icon("close")))));
  }

  /** Put other images, or none, in the place of one. */
  function replace(image, ...others) {
    const images = state.images.flatMap((each) => (each === image ? others : each));
    show(images, images.includes(state.image) ? state.image : images[0] ?? null);
  }

  /** Say at once what the API would refuse after the click. */
  function showProblem() {
    const lines = state.images.map((image) => [image, imageProblem(image, leastSide)]).filter(([, found]) => found);
    problem.hidden = !lines.length;
    fill(problem, lines.map(([image, found]) => h("p", {}, h("span", {}, state.images.length > 1 && `${image.name}: `, found.text),
      found.scalable && h("button", { type: "button", class: "small", onclick: () => load(async () => replace(image, await scaledDown(image))) }, "Scale it down"))));
  }

  const load = (work) => trackLoading(loadNow(work));
  /** Set the image that an earlier request named, where that is a result or an image of the library. */
  function restore(ref) {
    if (/^(job|asset):/.test(ref)) load(async () => set(await imageOfRef(ref)));
  }
  async function loadNow(work) {
    zone.setAttribute("aria-busy", "true");
    try {
      await work();
    } catch (error) {
      errorBox.textContent = error.message;
      errorBox.hidden = false;
    } finally {
      zone.removeAttribute("aria-busy");
    }
  }

  /** Take files; one that can't be read, or is too many, is named and leaves the others alone. */
  async function takeFiles(files) {
    const kept = most > 1 ? state.images.filter((image) => !image.isSample) : [];
    const taken = files.slice(0, most - kept.length);
    const read = await Promise.allSettled(taken.map(imageFromFile));
    const images = read.filter(({ value }) => value).map(({ value }) => value);
    if (images.length) show([...kept, ...images], images[0]);
    const problems = read.filter(({ reason }) => reason).map(({ reason }) => reason.message);
    if (files.length > taken.length) problems.push(`${most > 1 ? `At most ${most} images at once.` : "One image at a time."} ${files.length - taken.length} of ${plural(files.length, "file")} not used.`);
    if (problems.length) throw new Error(problems.join(" "));
  }

  function updateRecent() {
    fill(more,
      h("button", { type: "button", class: "link", onclick: loadSample }, "Use a sample"),
      h("button", { type: "button", class: "link", onclick: async () => (await import("./library.js")).chooseFromLibrary((read) => load(async () => set(await read()))) }, "From the library"),
      recent.list.slice(0, 5).map((image) => h("button", {
        type: "button", class: "thumb", "aria-label": `Use ${image.name}`, title: image.name, onclick: () => set(image),
      }, h("img", { src: image.url, alt: "" }))));
  }

  const loadFiles = (files) => { if (files.length) load(() => takeFiles([...files])); };
  input.addEventListener("change", () => { loadFiles(input.files); if (most > 1) input.value = ""; });
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    loadFiles(event.dataTransfer.files);
  });
  node.addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    loadFiles(event.clipboardData.files);
  });
  node.addEventListener("files", (event) => loadFiles(event.detail)); // dropped or pasted elsewhere
  window.addEventListener("recent", updateRecent);
  updateRecent();
  return state;
}

/** A button for an empty workspace that loads a picker's sample. The button disappears then, so the picker gets the focus. */
export const sampleButton = (picker) => h("button", { type: "button", onclick: async () => {
  await picker.loadSample();
  picker.input.focus({ preventScroll: true });
} }, icon("image"), "Try a sample image");
