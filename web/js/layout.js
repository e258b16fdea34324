// What all pages share: a form beside a workspace, and a result with its actions.

import { bytesText, copyText, dialog, fill, h, icon, plural, toast } from "./dom.js";
import { fieldLabel } from "./errors.js";
import { fileNameOf, openOn, save, useStyleOf } from "./images.js";
import { session } from "./session.js";

const HEADER_HEIGHT = 56; // pixels
const REDUCED_MOTION = matchMedia("(prefers-reduced-motion: reduce)");

/** A page: a heading, the form and the workspace. With `workspaceFirst`, a phone shows the workspace above the form. */
export function pageLayout({ title, lead, form, workspace, onsubmit, workspaceFirst = false }) {
  form.addEventListener("submit", (event) => { event.preventDefault(); onsubmit?.(); });
  form.noValidate = true;
  return submitFrom(h("div", { class: workspaceFirst ? "page workspace-first" : "page" },
    h("div", { class: "panel" }, h("div", { class: "page-head" }, h("h1", {}, title), h("p", {}, lead)), form),
    h("section", { class: "workspace", "aria-label": "Result" }, workspace)), form);
}

/** Let Ctrl+Enter anywhere in a node submit a form. Return the node. */
export function submitFrom(node, form) {
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey)) return;
    event.preventDefault();
    form.requestSubmit();
  });
  return node;
}

/** Scroll to a node that is outside the window, as the workspace is below the form on a phone. */
export function reveal(node) {
  const { top } = node.getBoundingClientRect();
  if (top > innerHeight * 0.6 || top < HEADER_HEIGHT) node.scrollIntoView({ behavior: REDUCED_MOTION.matches ? "auto" : "smooth", block: "start" });
}

/** What a workspace shows when there is nothing to work on yet. */
export const emptyState = (iconName, text, ...more) =>
  h("div", { class: "empty-state" }, icon(iconName), h("p", {}, text), more);

/** An image with other elements, such as a canvas, on top. */
export const imageWithOverlay = (image, alt, ...overlays) => h("div", { class: "image-frame" },
  h("div", { class: "image-overlay" }, h("img", { src: image.url, alt, draggable: false }), overlays));

/** Open an image in full size with its actions; `more` is placed beside them. The arrow keys go through `all`. */
export function openImage(image, title, { all = [image], more } = {}) {
  const full = h("img", { class: "full", alt: title });
  const end = h("div", { class: "dialog-end" });
  let at = all.indexOf(image);
  const show = (index) => {
    at = (index + all.length) % all.length;
    full.src = all[at].url;
    fill(end, imageActions(all[at]), all.length > 1 && h("span", { class: "hint", role: "status" }, `${at + 1} of ${all.length}; the arrow keys go on`), more);
  };
  show(at);
  const box = dialog(title, full, end);
  box.classList.add("wide");
  box.addEventListener("click", (event) => { if (event.target.closest(".actions")) box.close(); });
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) show(at + step);
  });
}

/** A button that copies the address of something on this page. */
export const copyLinkButton = (hash) => h("button", { type: "button", class: "ghost small", onclick: () => {
  const address = new URL(hash, location.href).href;
  return copyText(address, "The link is copied. It works for your account only.", address);
} }, icon("copy"), "Copy link");

/** Settings that few people need, collapsed. */
export const moreSettings = (...fields) =>
  h("details", { class: "more" }, h("summary", {}, "More settings", icon("chevron")), h("div", { class: "more-fields" }, fields));

const NEXT_PAGES = { edit: "Edit this", upscale: "Upscale this", social: "Optimize this" };

/** A button that keeps an image in the library; an image of the library has none. */
function saveButton(image) {
  if (image.ref?.startsWith("asset:")) return null;
  const button = h("button", { type: "button", class: "ghost small", "aria-label": `Save to library: ${image.name}`, onclick: async () => {
    if (image.kept) return;
    image.kept = true; // one click, one copy
    try {
      await (await import("./library.js")).saveToLibrary(image);
      fill(button, icon("save"), "Saved");
      toast("Saved to the library.");
    } catch (error) {
      image.kept = false;
      toast(error.message);
    }
  } }, icon("save"), image.kept ? "Saved" : "Save");
  return button;
}

/** A button that makes another image with the same settings and another seed, and says what that costs. */
function moreButton({ run, cost }, name) {
  const button = h("button", { type: "button", class: "ghost small", "aria-label": `More like this: ${name}`, onclick: run }, icon("refresh"), "More like this");
  Promise.resolve(cost).then((credits) => credits && button.append(` (${plural(credits, "credit")})`));
  return button;
}

/** Buttons that download an image, keep it, open it on another page, or make more of its kind; `again` is what `anotherSeed` returns. */
export function imageActions(image, { without = [], again } = {}) {
  const more = h("button", { type: "button", class: "ghost small more-actions", "aria-expanded": "false", "aria-label": `More actions for ${image.name}`, onclick: () => {
    more.setAttribute("aria-expanded", String(more.getAttribute("aria-expanded") === "false")); // what a narrow tile shows
  } }, "More", icon("chevron"));
  return h("div", { class: "actions" },
    h("button", { type: "button", class: "small", onclick: () => save(image.blob, fileNameOf(image)), "aria-label": `Download ${image.name}` }, icon("download"), "Download"),
    saveButton(image), more,
    h("div", { class: "other-actions" },
      Object.entries(NEXT_PAGES).filter(([page]) => !without.includes(page)).map(([page, label]) =>
        h("button", { type: "button", class: "ghost small", onclick: () => openOn(page, image), "aria-label": `${label}: ${image.name}` }, icon(page), label.split(" ")[0])),
      !without.includes("control") && h("button", { type: "button", class: "ghost small", onclick: () => useStyleOf(image), "aria-label": `Style of ${image.name} for a new image` }, icon("control"), "Style"),
      again && moreButton(again, image.name)));
}

/** A button that shows the request as code; `describe` returns {method, path, body} for the current form. */
export const codeButton = (describe) => h("button", { type: "button", class: "ghost small", "aria-label": "Show as code", title: "Show as code", onclick: async () => {
  const request = describe();
  (await import("./code-samples.js")).showCode(request);
} }, icon("code"), "Code");

/** Facts about a result: [name, value] pairs; empty values are left out. */
export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, value instanceof Node ? value : String(value)))));
}

/** IPTC's digital source types, in words for people. */
const SOURCE_TYPES = {
  trainedAlgorithmicMedia: "made by AI", compositeWithTrainedAlgorithmicMedia: "partly made by AI", algorithmicallyEnhanced: "enhanced by AI",
  algorithmicMedia: "made by an algorithm", compositeSynthetic: "composed of synthetic parts",
};

/** A badge that says what an image's file says of AI; null where it says nothing. */
export const aiBadge = (type) => type && h("span", { class: "badge", title: `The file says so: ${type}` }, SOURCE_TYPES[type] ?? type);

/** A badge that says that a local emulator drew an image, not the provider; null where the provider did. */
export const emulatorBadge = (provider) => session.emulated.includes(provider) ? h("span", { class: "badge", title: "A key in the environment of `make run` uses the real provider." }, "Local emulator") : null;

/** The settings of a request that had no effect on a result, by their labels on the page. */
export const ignoredText = ({ metadata }) =>
  (metadata?.ignored ?? []).map((name) => fieldLabel(name.replace(/^options\./, ""))).join(", ");

/** The usual facts about one resulting image. */
export function resultFacts(response, image, job) {
  return facts([
    ["Size", `${response.width} × ${response.height}`],
    ["File size", bytesText(image.blob.size)],
    ["Model", [response.provider, response.model].filter(Boolean).join(" · ")],
    ["Charged", job?.credits ? plural(job.credits.charged, "credit") : null],
    ["Drawn by", emulatorBadge(response.provider)],
    ["Marked", aiBadge(response.metadata?.digital_source_type)],
    ["Not used by this model", ignoredText(response)],
  ]);
}

/** Show a 400 at the field that the API's sentence names. Return whether there is one that can be seen. */
export function showFieldError(patterns, error) {
  if (error.status !== 400) return false;
  for (const [pattern, control] of patterns) {
    if (!control || !pattern.test(error.detail)) continue;
    const settings = control.closest("details");
    if (settings) settings.open = true;
    if (control.checkVisibility()) {
      control.setAttribute("aria-invalid", "true");
      const line = h("p", { class: "error-line", role: "alert", id: `${control.id}-error` }, icon("alert"), error.message);
      control.setAttribute("aria-errormessage", line.id);
      control.closest(".field, .picker, fieldset")?.append(line);
      control.focus();
      control.scrollIntoView({ block: "center" });
      return true;
    }
  }
  return false;
}

/** Remove what `showFieldError` added. */
export function clearFieldErrors(form) {
  for (const line of form.querySelectorAll(".error-line")) line.remove();
  for (const control of form.querySelectorAll("[aria-invalid]")) {
    control.removeAttribute("aria-invalid");
    control.removeAttribute("aria-errormessage");
  }
}

/** An object without its empty values. */
export const withoutEmpty = (body) => Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== undefined && value !== ""));

/** The `options` of a request, or null when all are empty. */
export function options(values) {
  const kept = withoutEmpty(values);
  return Object.keys(kept).length ? kept : null;
}
