// What all studios have in common: a form beside a stage, and a result with what can be done with it.

import { bytesText, dialog, h, icon, plural } from "./dom.js";
import { carry, extensionOf, save } from "./pictures.js";

const BAR = 56; // pixels that the bar at the top covers
const MOTION = matchMedia("(prefers-reduced-motion: reduce)");

/** A studio's page: a heading, the form and the stage, which a phone shows first where it is worked on. */
export function studioPage({ title, lead, form, stage, onsubmit, stageFirst = false }) {
  form.addEventListener("submit", (event) => { event.preventDefault(); onsubmit?.(); });
  form.noValidate = true;
  return h("div", { class: stageFirst ? "studio stage-first" : "studio" },
    h("div", { class: "panel" }, h("div", { class: "studio-head" }, h("h1", {}, title), h("p", {}, lead)), form),
    h("section", { class: "stage", "aria-label": "Result" }, stage));
}

/** Bring the stage into view where it lies below the form, as on a phone. */
export function reveal(node) {
  const { top } = node.getBoundingClientRect();
  if (top > innerHeight * 0.6 || top < BAR) node.scrollIntoView({ behavior: MOTION.matches ? "auto" : "smooth", block: "start" });
}

/** What an empty stage says. */
export const emptyStage = (name, words, ...more) =>
  h("div", { class: "empty-stage" }, icon(name), h("p", {}, words), more);

/** A picture on the stage, and what lies over it. */
export const sheet = (picture, alt, ...over) => h("div", { class: "canvas-frame" },
  h("div", { class: "sheet" }, h("img", { src: picture.url, alt, draggable: false }), over));

/** A picture in full size, with what can be done with it; `more` goes beside that. */
export function look(picture, words, ...more) {
  const box = dialog(words, h("img", { class: "full", src: picture.url, alt: words }),
    h("div", { class: "dialog-end" }, pictureActions(picture, { base: picture.name }), more));
  box.classList.add("wide");
  box.addEventListener("click", (event) => { if (event.target.closest(".actions")) box.close(); });
}

/** Settings that few people need, folded away. */
export const moreSettings = (...fields) =>
  h("details", { class: "more" }, h("summary", {}, "More settings", icon("chevron")), h("div", { class: "more-fields" }, fields));

const NEXT = { edit: "Edit this", upscale: "Upscale this", social: "Optimise this" };

/** Download a picture, or take it to another studio. */
export function pictureActions(picture, { without = [], base = "picture" } = {}) {
  const name = `${base}.${extensionOf(picture.blob)}`;
  return h("div", { class: "actions" },
    h("button", { type: "button", class: "small", onclick: () => save(picture.blob, name), "aria-label": `Download ${picture.name}` }, icon("download"), "Download"),
    Object.entries(NEXT).filter(([studio]) => !without.includes(studio)).map(([studio, words]) =>
      h("button", { type: "button", class: "ghost small", onclick: () => carry(studio, picture), "aria-label": `${words}: ${picture.name}` }, icon(studio), words.split(" ")[0])));
}

/** Facts of a result, as words beside their names. */
export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, String(value)))));
}

/** The usual facts of an edited picture. */
export function answerFacts(answer, picture, job) {
  const ignored = answer.metadata?.ignored;
  return facts([
    ["Size", `${answer.width} × ${answer.height}`],
    ["File", bytesText(picture.blob.size)],
    ["Made by", [answer.provider, answer.model].filter(Boolean).join(" · ")],
    ["Charged", job?.credits ? plural(job.credits.charged, "credit") : null],
    ["Not used", Array.isArray(ignored) && ignored.length ? ignored.join(", ") : null],
  ]);
}

/** Put a message under the field that a sentence of the API speaks of; whether there is one. */
export function blame(form, names, problem) {
  for (const [pattern, control] of names) {
    if (pattern.test(problem.message) && control?.isConnected) {
      control.setAttribute("aria-invalid", "true");
      const note = h("p", { class: "problem-line", role: "alert", id: `${control.id}-problem` }, icon("alert"), problem.message);
      control.setAttribute("aria-errormessage", note.id);
      control.closest(".field, .picker, fieldset")?.append(note);
      control.focus();
      control.scrollIntoView({ block: "center" });
      return true;
    }
  }
  return false;
}

/** Take away what `blame` put up. */
export function forgive(form) {
  for (const note of form.querySelectorAll(".problem-line")) note.remove();
  for (const control of form.querySelectorAll("[aria-invalid]")) {
    control.removeAttribute("aria-invalid");
    control.removeAttribute("aria-errormessage");
  }
}

/** A body without what wasn't given. */
export const given = (body) => Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== undefined && value !== ""));

/** The `options` of a request: null where there are none. */
export function options(named) {
  const kept = given(named);
  return Object.keys(kept).length ? kept : null;
}
