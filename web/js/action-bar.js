// The action of a page: its button, the live estimate, progress, and errors.

import { call } from "./api.js";
import { announce, debounce, fill, h, icon, plural, toast } from "./dom.js";
import { ApiError } from "./errors.js";
import { encodeImages, imageFromResult, loadingDone, recent } from "./images.js";
import { cancelJob, forgetTask, runTask, taskFor, unfinishedTasks } from "./jobs.js";
import { clearFieldErrors, codeButton, reveal, showFieldError } from "./layout.js";
import { rememberResult } from "./memory.js";

const DOUBLE_CLICK_MS = 1000;

let usage = null; // the caller's credits, as main.js read them last
window.addEventListener("usage", (event) => { usage = event.detail; });

/** An error's sentence, with a button where trying again can help. Its text says what that costs: `cost` may be a promise. */
export function errorNote(error, retry, cost) {
  const button = retry && error.canRetry && h("button", { type: "button", class: "small", onclick: retry }, error.action);
  if (button && !error.joins) Promise.resolve(cost).then((credits) => credits && button.append(` (${plural(credits, "credit")})`));
  return h("div", { class: error.calm ? "note" : "error", role: error.calm ? "status" : "alert" }, !error.calm && icon("alert"),
    h("div", {}, h("p", {}, error.message)), button);
}

/** An estimate that follows the form: `describe` returns the body of /estimate-cost, or null when there is nothing to estimate. */
export function liveEstimate(describe) {
  const node = h("p", { class: "price", "aria-live": "polite" });
  let latest = 0;
  let estimate = null; // for the form as it is
  const state = { node, refresh, cost, short, onchange: () => {} };
  const update = debounce(async () => {
    const body = describe();
    const current = ++latest;
    if (!body) { node.textContent = ""; node.removeAttribute("aria-busy"); return; }
    try {
      const found = await call("POST", "estimate-cost", { body });
      if (current !== latest) return;
      estimate = found;
      show();
    } catch (error) {
      if (current !== latest) return;
      fill(node, h("span", {}, error.message));
      node.classList.add("unknown");
    }
    node.removeAttribute("aria-busy");
  }, 250);

  function show() {
    if (!estimate) return;
    const each = estimate.num_images > 1 ? ` (${estimate.num_images} × ${estimate.cost_per_image})` : "";
    const need = short() && new ApiError(402, "not_enough_credits", `${estimate.total_cost} credits`, { usage }).message;
    fill(node, h("strong", {}, `${plural(estimate.total_cost, "credit")}${each}`), h("span", {}, estimate.model ? `${estimate.provider} · ${estimate.model}` : ""), need && h("span", {}, need));
    node.classList.toggle("unknown", short());
    state.onchange();
  }
  /** The old estimate is marked as busy until the new one arrives. */
  function refresh() {
    estimate = null;
    node.setAttribute("aria-busy", "true");
    update();
  }
  /** The credits for the form as it is now, or nothing where they can't be known. */
  async function cost() {
    const body = describe();
    return (estimate ?? (body ? await call("POST", "estimate-cost", { body }).catch(() => ({})) : {})).total_cost;
  }
  /** Whether fewer credits are left than the form needs. */
  function short() { return usage !== null && (usage.remaining <= 0 || estimate?.total_cost > usage.remaining); }
  window.addEventListener("usage", show);
  return state;
}

/** The size of an image as fields of /estimate-cost, or nothing when the API does not accept that size. */
export const estimateSize = ({ width, height }) =>
  (Math.min(width, height) >= 16 && Math.max(width, height) <= 8192 && width * height <= 25e6 ? { width, height } : {});

/**
 * The bar at the end of a form. `request()` returns {path, body, about}; the body's images are encoded before it is sent.
 * `start(request, controls)` shows a run and returns its view: {update(job), offline(), finish(result), fail(error, retry, cost)};
 * `finish` returns the images.
 * `about` is all that `start` gets of a run that began before a reload. With `several`, a run doesn't wait for the one before.
 */
export function actionBar({ page, label, price, request, start, several = false, paid = true }) {
  const button = h("button", { type: "submit", class: "primary run" }, label);
  const state = { busy: false, run };
  state.node = h("div", { class: "action-bar" }, price?.node, h("div", { class: "action-buttons" }, codeButton(request), button));
  queueMicrotask(() => { for (const task of paid ? unfinishedTasks(page) : []) resume(task); });

  function setBusy(busy) {
    state.busy = busy;
    button.classList.toggle("busy", busy);
    if (busy || price?.short()) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }
  if (price) price.onchange = () => setBusy(state.busy);

  /** Send the form's request, or repeat an earlier one as it was sent. */
  async function run(earlier) {
    if (state.busy && !(several && earlier)) return;
    if (!earlier && price?.short()) return; // the estimate says why
    setBusy(true);
    await loadingDone();
    const current = earlier ?? request();
    if (!earlier) {
      current.cost = price?.cost();
      current.cost?.then((cost) => { current.about.cost = cost; });
    }
    if (several) setTimeout(() => setBusy(false), DOUBLE_CLICK_MS);
    await follow(current, async () => {
      current.sent ??= await encodeImages(current.body);
      return paid ? taskFor(page, current.path, current.sent, current.about) : null;
    });
    if (!several) setBusy(false);
  }

  function resume(task) {
    const current = { path: task.path, body: task.body ?? {}, sent: task.body, about: task.about, cost: task.about.cost, task };
    return follow(current, () => task);
  }

  async function follow(current, prepare) {
    const controller = new AbortController();
    const controls = runControls(() => controller.abort());
    const started = performance.now();
    const view = start(current, paid ? controls.node : null);
    try {
      const task = await prepare();
      const onstatus = (job) => { controls.update(job); view.update(job); };
      const result = paid
        ? await runTask(task, current.sent, { onstatus, onoffline: view.offline, signal: controller.signal })
        : { response: await call("POST", current.path, { body: current.sent }), id: null };
      await loadingDone();
      try {
        const images = await view.finish(result);
        if (paid) rememberResult(result.id, { page, path: current.path, body: current.sent, title: current.about.prompt || [current.about.title, current.sent?.prompt].filter(Boolean).join(": "), images }).catch(console.error);
      } catch (error) {
        console.error(error);
        throw new ApiError(0, "result_unloaded");
      }
      if (paid) forgetTask(task);
      announce(`Done in ${Math.round((performance.now() - started) / 1000)} seconds.`);
    } catch (thrown) {
      const error = asApiError(thrown);
      view.fail(error, retryOf(current, error), current.cost);
    } finally {
      controls.node.remove();
      if (paid) window.dispatchEvent(new Event("credits-changed"));
    }
  }

  /** What "Try again" does: send the same request again, which joins its job where that may still run. */
  function retryOf(current, error) {
    if (current.sent || !current.task) return () => run(current);
    return error.joins ? () => resume(current.task) : null; // the images are gone since a reload
  }
  return state;
}

/** What "More like this" at a run's result does: the same request with another seed. Null where a seed changes nothing. */
export function anotherSeed(action, { path, body, sent = body, before, about, cost }) {
  if (!sent?.prompt) return null;
  const { seed, ...same } = sent;
  return { run: () => action.run({ path, body: same, before, about, cost }), cost };
}

/** "Stop waiting", and "Cancel job" as long as the job has not started. */
function runControls(stop) {
  let id = null;
  const cancel = h("button", { type: "button", class: "ghost small", hidden: true, onclick: async () => {
    try {
      if (!await cancelJob(id)) toast("The job has started already, so it can't be canceled.");
    } catch (error) {
      toast(error.message);
    }
  } }, "Cancel job");
  const node = h("div", { class: "run-controls" }, cancel, h("button", { type: "button", class: "ghost small", onclick: stop }, "Stop waiting"));
  return { node, update: (job) => { id = job.job_id; cancel.hidden = job.status !== "queued"; } };
}

function asApiError(thrown) {
  if (thrown instanceof ApiError) return thrown;
  if (thrown.name === "AbortError") return new ApiError(0, "stopped");
  console.error(thrown);
  return new ApiError(0, "internal_error");
}

/** A timer that shows the seconds since it was created. It is not part of what a screen reader announces. */
export function elapsedTime() {
  const node = h("span", { class: "elapsed", "aria-hidden": "true" }, "0 s");
  const started = Date.now();
  const timer = setInterval(() => {
    if (!node.isConnected && Date.now() - started > 2000) clearInterval(timer);
    node.textContent = `${Math.round((Date.now() - started) / 1000)} s`;
  }, 1000);
  return { node, stop: () => clearInterval(timer) };
}

export const OFFLINE = "No connection. The job continues and is still followed.";
const STATUS_TEXT = { queued: "Queued", running: "Running", succeeded: "Loading the result", failed: "Failed" };
const statusText = (job) => STATUS_TEXT[job.status] + (job.status === "running" && job.model ? ` on ${job.provider} ${job.model}` : "");

/** A placeholder for one image: a moving gradient, the job's status, the elapsed time and the run's controls. */
export function placeholder(width, height, controls) {
  const text = h("span", { role: "status" }, "Sending");
  const time = elapsedTime();
  const node = h("div", { class: "waiting" }, h("div", { class: "waiting-text" }, text, time.node, controls));
  node.style.aspectRatio = `${width} / ${height}`;
  const show = (words) => { if (text.textContent !== words) text.textContent = words; };
  return { node, stop: time.stop, update: (job) => show(statusText(job)), offline: () => show(OFFLINE) };
}

/** Show a run that makes one image in place of the page's editor: its progress, then `show(image, response, job)`, or the editor with the error. */
export function showRun({ about }, controls, { form, workspace, output, editor, errorFields, show }) {
  clearFieldErrors(form);
  const progress = placeholder(about.width, about.height, controls);
  editor.hidden = true;
  fill(output, progress.node);
  reveal(workspace);
  return {
    ...progress,
    finish: async ({ response, id, job }) => {
      const image = await imageFromResult(response, { name: about.name, ref: id && `job:${id}/1` });
      recent.add(image);
      fill(output, show(image, response, job));
      reveal(workspace);
      return [image];
    },
    fail: (error, retry, cost) => {
      progress.stop();
      editor.hidden = false;
      fill(output, !showFieldError(errorFields, error) && errorNote(error, retry, cost));
    },
  };
}
