// A run that makes one image in place of a page's editor: its progress, then its result, or the editor with the error.

import { elapsedTime, errorNote, OFFLINE } from "./action-bar.js";
import { fill, h, toast } from "./dom.js";
import { imageFromResult, recent } from "./images.js";
import { clearFieldErrors, reveal, showFieldError } from "./layout.js";

const STATUS_TEXT = { queued: "Queued", running: "Running", succeeded: "Loading the result", failed: "Failed" };
const statusText = (job) => STATUS_TEXT[job.status] + (job.status === "running" && job.model ? ` on ${job.provider} ${job.model}` : "");

/** A placeholder for one image: a moving gradient over `before`, the job's status, the elapsed time and the run's controls. */
export function placeholder({ width, height, expected }, { before, controls } = {}) {
  const text = h("span", { role: "status" }, "Sending");
  const time = elapsedTime(expected);
  const node = h("div", { class: "waiting" }, before && h("img", { src: before.url, alt: "" }), h("div", { class: "waiting-text" }, text, time.node, controls));
  node.style.aspectRatio = `${width} / ${height}`;
  const show = (words) => { if (text.textContent !== words) text.textContent = words; };
  return { node, stop: time.stop, update: (job) => show(statusText(job)), offline: () => show(OFFLINE) };
}

/** Remove what earlier runs showed. Runs that are not done stay, in one line each. */
function clearOutput(output) {
  for (const view of [...output.children]) {
    if (view.classList.contains("running")) view.classList.add("compact");
    else view.remove();
  }
}

/** Show the editor alone. Runs that are not done stay below it, where their results don't move it. */
export function showOnlyEditor(editor, output) {
  clearOutput(output);
  editor.hidden = false;
  editor.after(output);
}

/**
 * Show a run that makes one image in place of the page's editor: its progress, then `show(image, response, job, back)`, or
 * the editor with the error. `back`, and a button while it runs, return to the editor.
 */
export function showRun({ about, before }, controls, { form, workspace, output, editor, errorFields, show }) {
  clearFieldErrors(form);
  const meanwhile = h("button", { type: "button", class: "ghost small meanwhile", onclick: () => { view.classList.add("compact"); returnToEditor(); } }, "Start another meanwhile");
  const progress = placeholder(about, { before, controls: [controls, meanwhile] });
  const view = h("div", { class: "run-view running" }, progress.node);
  const returnToEditor = () => {
    editor.hidden = false;
    editor.after(output); // what is still made doesn't move the editor
    editor.tabIndex = -1;
    editor.focus({ preventScroll: true });
  };
  const back = () => { view.remove(); returnToEditor(); };
  clearOutput(output);
  editor.before(output);
  output.prepend(view);
  editor.hidden = true;
  reveal(workspace);
  const end = (...content) => {
    progress.stop();
    const { top } = editor.getBoundingClientRect();
    view.className = "run-view";
    fill(view, ...content);
    if (!editor.hidden) window.scrollBy(0, editor.getBoundingClientRect().top - top); // a taller workspace doesn't stick
  };
  return {
    ...progress,
    finish: async ({ response, id, job }) => {
      const image = await imageFromResult(response, { name: about.name, ref: id && `job:${id}/1` });
      recent.add(image);
      end(show(image, response, job, back));
      if (editor.hidden) reveal(workspace);
      else toast("The result is below the editor.");
      return [image];
    },
    fail: (error, retry, cost) => {
      const atField = showFieldError(errorFields, error);
      end(!atField && errorNote(error, retry, cost));
      if (!atField && !editor.hidden && !error.calm) toast(error.message); // the note is below the editor
      editor.hidden = false;
    },
  };
}
