// The action of a page: its button, the live estimate, progress, and errors.

import { call, runJob } from "./api.js";
import { codeButton } from "./code-samples.js";
import { announce, debounce, fill, h, icon, plural } from "./dom.js";
import { ApiError } from "./errors.js";
import { encodeImages, loadingDone } from "./images.js";

/** An error's sentence, with a "Try again" button where that can help. */
export function errorNote(error, retry) {
  return h("div", { class: "error", role: "alert" }, icon("alert"), h("div", {}, h("p", {}, error.message)),
    retry && error.canRetry && h("button", { type: "button", class: "small", onclick: retry }, "Try again"));
}

/** An estimate that follows the form: `describe` returns the body of /estimate-cost, or null when there is nothing to estimate. */
export function liveEstimate(describe) {
  const node = h("p", { class: "price", "aria-live": "polite" });
  let latest = 0;
  const update = debounce(async () => {
    const body = describe();
    const current = ++latest;
    if (!body) { node.textContent = ""; node.removeAttribute("aria-busy"); return; }
    try {
      const estimate = await call("POST", "estimate-cost", { body });
      if (current !== latest) return;
      const each = estimate.num_images > 1 ? ` (${estimate.num_images} × ${estimate.cost_per_image})` : "";
      fill(node, h("strong", {}, `${plural(estimate.total_cost, "credit")}${each}`), h("span", {}, estimate.model ? `${estimate.provider} · ${estimate.model}` : ""));
      node.classList.remove("unknown");
    } catch (error) {
      if (current !== latest) return;
      fill(node, h("span", {}, error.message));
      node.classList.add("unknown");
    }
    node.removeAttribute("aria-busy");
  }, 250);
  // the old estimate is marked as busy until the new one arrives
  return { node, refresh: () => { node.setAttribute("aria-busy", "true"); update(); } };
}

/** The size of an image as fields of /estimate-cost, or nothing when the API does not accept that size. */
export const estimateSize = ({ width, height }) =>
  (Math.min(width, height) >= 16 && Math.max(width, height) <= 8192 && width * height <= 25e6 ? { width, height } : {});

/**
 * The bar at the end of a form. `request()` returns {path, body}, and the body's images are encoded before it is sent.
 * `onstart`, `onstatus`, `onresult` and `onerror` report progress.
 */
export function actionBar({ label, price, request, onstart, onstatus, onresult, onerror, paid = true }) {
  const button = h("button", { type: "submit", class: "primary run" }, label);
  const stop = h("button", { type: "button", class: "ghost small", hidden: true }, "Stop waiting");
  const state = { busy: false, run };
  let controller = null;
  state.node = h("div", { class: "action-bar" }, price?.node, h("div", { class: "action-buttons" }, codeButton(request), stop, button));
  stop.addEventListener("click", () => controller?.abort());

  async function run() {
    if (state.busy) return;
    state.busy = true;
    controller = new AbortController();
    button.setAttribute("aria-disabled", "true");
    button.classList.add("busy");
    stop.hidden = !paid;
    const started = performance.now();
    try {
      await loadingDone();
      const current = request();
      onstart?.(current);
      const body = await encodeImages(current.body);
      const result = paid
        ? await runJob(current.path, body, { onstatus, signal: controller.signal })
        : { response: await call("POST", current.path, { body, signal: controller.signal }), id: null };
      await onresult(result, current);
      announce(`Done in ${Math.round((performance.now() - started) / 1000)} seconds.`);
    } catch (thrown) {
      onerror(asApiError(thrown));
    } finally {
      state.busy = false;
      button.removeAttribute("aria-disabled");
      button.classList.remove("busy");
      stop.hidden = true;
      window.dispatchEvent(new Event("credits-changed"));
    }
  }
  return state;
}

function asApiError(thrown) {
  if (thrown instanceof ApiError) return thrown;
  if (thrown.name === "AbortError") return new ApiError(0, "stopped");
  console.error(thrown);
  return new ApiError(0, "internal_error");
}

/** A timer that shows the seconds since it was created. */
export function elapsedTime() {
  const node = h("span", { class: "elapsed" }, "0 s");
  const started = Date.now();
  const timer = setInterval(() => {
    if (!node.isConnected && Date.now() - started > 2000) clearInterval(timer);
    node.textContent = `${Math.round((Date.now() - started) / 1000)} s`;
  }, 1000);
  return { node, stop: () => clearInterval(timer) };
}

const STATUS_TEXT = { queued: "Queued", running: "Running", succeeded: "Loading the result", failed: "Failed" };
const statusText = (job) => STATUS_TEXT[job.status] + (job.status === "running" && job.model ? ` on ${job.provider} ${job.model}` : "");

/** A placeholder for one image: a moving gradient, the job's status, and the elapsed time. */
export function placeholder(width, height) {
  const text = h("span", {}, "Sending");
  const time = elapsedTime();
  const node = h("div", { class: "waiting", role: "status" }, h("div", { class: "waiting-text" }, text, time.node));
  node.style.aspectRatio = `${width} / ${height}`;
  return {
    node, stop: time.stop,
    update(job) {
      const current = statusText(job);
      if (text.textContent !== current) text.textContent = current;
    },
  };
}
