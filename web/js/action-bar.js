// The action of a page: its button, the live estimate, progress, and errors.

import { call } from "./api.js";
import { announce, debounce, fill, h, icon, plural, toast } from "./dom.js";
import { ApiError } from "./errors.js";
import { choicePrices, estimateOf, expectedSeconds, optionChoices, rememberTime } from "./estimates.js";
import { encodeImages, loadingDone } from "./images.js";
import { cancelJob, forgetTask, runTask, taskFor, unfinishedTasks } from "./jobs.js";
import { codeButton } from "./layout.js";
import { rememberJob } from "./memory.js";

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

/**
 * An estimate that follows the form: `describe` returns the body of /estimate-cost, or null when there is nothing to estimate.
 * Each model of `models` gets its own price.
 */
export function liveEstimate(describe, models) {
  const node = h("p", { class: "price", "aria-live": "polite" });
  let latest = 0;
  let estimate = null; // for the form as it is
  let described = ""; // the form that it is for
  const state = { node, refresh, cost, short, onchange: () => {} };
  const update = debounce(async () => {
    const body = describe();
    const current = ++latest;
    if (!body) { node.textContent = ""; node.removeAttribute("aria-busy"); state.onchange(); return; }
    try {
      const found = await estimateOf(body);
      if (current !== latest) return;
      estimate = found;
      show();
    } catch (error) {
      if (current !== latest) return;
      fill(node, h("span", {}, error.message));
      node.classList.add("unknown");
    }
    node.removeAttribute("aria-busy");
    state.onchange();
  }, 250);

  function show() {
    if (!estimate) return;
    const each = estimate.num_images > 1 ? ` (${estimate.num_images} × ${estimate.cost_per_image})` : "";
    const need = short() && new ApiError(402, "not_enough_credits", `${estimate.total_cost} credits`, { usage }).message;
    const seconds = state.expected();
    fill(node, h("strong", {}, `${plural(estimate.total_cost, "credit")}${each}`), h("span", {}, [estimate.model && `${estimate.provider} · ${estimate.model}`, seconds && `about ${seconds} s`].filter(Boolean).join(" · ")), need && h("span", {}, need));
    node.classList.toggle("unknown", short());
  }
  const showModels = choicePrices(optionChoices(models.model), (model) => { const body = describe(); return body && { ...body, model, num_images: 1 }; });
  /** The old estimate is marked as busy until the new one arrives. One for the same form stays. */
  function refresh() {
    showModels();
    const form = JSON.stringify(describe());
    if (estimate && form === described) return;
    described = form;
    estimate = null;
    node.setAttribute("aria-busy", "true");
    state.onchange();
    update();
  }
  /** The credits for the form as it is now, or nothing where they can't be known. */
  async function cost() {
    const body = describe();
    return (estimate ?? (body ? await estimateOf(body).catch(() => ({})) : {})).total_cost;
  }
  /** Whether fewer credits are left than the form needs. */
  function short() { return usage !== null && (usage.remaining <= 0 || estimate?.total_cost > usage.remaining); }
  /** The credits for the form as far as they are known now. */
  state.shown = () => estimate?.total_cost;
  /** The seconds that the job probably takes, or null. */
  state.expected = () => estimate && expectedSeconds(estimate);
  window.addEventListener("usage", () => { show(); state.onchange(); });
  return state;
}

/** The size of an image as fields of /estimate-cost, or nothing when the API does not accept that size. */
export const estimateSize = ({ width, height }) =>
  (Math.min(width, height) >= 16 && Math.max(width, height) <= 8192 && width * height <= 25e6 ? { width, height } : {});

/**
 * The bar at the end of a form. `verb()` is what the button does now; the price follows it. `request()` returns {path, body, about}; the body's images are encoded before it is sent.
 * `start(request, controls)` shows a run and returns its view: {update(job), offline(), finish(result), fail(error, retry, cost)};
 * `finish` returns the images.
 * `about` is all that `start` gets of a run that began before a reload. A paid run doesn't wait for the one before.
 */
export function actionBar({ page, verb, price, request, start, paid = true }) {
  const button = h("button", { type: "submit", class: "primary run" });
  const state = { busy: false, run, update };
  state.node = h("div", { class: "action-bar" }, price?.node, h("div", { class: "action-buttons" }, codeButton(request), button));
  queueMicrotask(() => { for (const task of paid ? unfinishedTasks(page) : []) resume(task); });

  /** Say on the button what it does, and what that costs. */
  function update() {
    const cost = price?.shown();
    const text = cost === undefined ? verb() : `${verb()} · ${plural(cost, "credit")}`;
    if (button.textContent !== text) button.textContent = text;
    setBusy(state.busy);
  }
  function setBusy(busy) {
    state.busy = busy;
    button.classList.toggle("busy", busy);
    if (busy || price?.short()) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }
  if (price) price.onchange = update;
  queueMicrotask(update);

  /** Send the form's request, or repeat an earlier one as it was sent. */
  async function run(earlier) {
    if (state.busy && !(paid && earlier)) return;
    if (!earlier && price?.short()) return; // the estimate says why
    setBusy(true);
    await loadingDone();
    const current = earlier ?? request();
    if (!earlier) {
      current.cost = price?.cost();
      current.cost?.then((cost) => { current.about.cost = cost; });
      if (price) current.about.expected = price.expected();
    }
    if (paid) setTimeout(() => setBusy(false), DOUBLE_CLICK_MS);
    await follow(current, async () => {
      current.sent ??= await encodeImages(current.body);
      return paid ? taskFor(page, current.path, current.sent, current.about) : null;
    });
    if (!paid) setBusy(false);
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
      let known = false;
      const keep = (id, images) => rememberJob(id, {
        page, path: current.path, body: current.sent, title: current.about.prompt || [current.about.title, current.sent?.prompt].filter(Boolean).join(": "), images,
      }).catch(console.error);
      const onstatus = (job) => {
        controls.update(job);
        view.update(job);
        if (!known) keep(job.job_id);
        known = true;
      };
      const result = paid
        ? await runTask(task, current.sent, { onstatus, onoffline: view.offline, signal: controller.signal })
        : { response: await call("POST", current.path, { body: current.sent }), id: null };
      await loadingDone();
      try {
        const images = await view.finish(result);
        if (paid) keep(result.id, images);
      } catch (error) {
        console.error(error);
        throw new ApiError(0, "result_unloaded");
      }
      if (paid) {
        forgetTask(task);
        rememberTime(result.job);
      }
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

/** A timer that shows the seconds since it was created, of those that are expected. A screen reader does not announce it. */
export function elapsedTime(expected = null) {
  const seconds = h("span", {}, "0 s");
  const bar = expected && h("progress", { max: expected, value: 0 });
  const node = h("span", { class: "elapsed", "aria-hidden": "true" }, seconds, expected && ` of about ${expected} s `, bar);
  const started = Date.now();
  const timer = setInterval(() => {
    if (!node.isConnected && Date.now() - started > 2000) clearInterval(timer);
    const passed = Math.round((Date.now() - started) / 1000);
    seconds.textContent = `${passed} s`;
    if (bar) bar.value = Math.min(passed, expected * 0.95);
  }, 1000);
  return { node, stop: () => clearInterval(timer) };
}

export const OFFLINE = "No connection. The job continues and is still followed.";
