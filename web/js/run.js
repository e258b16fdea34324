// One action of a studio: its button with the live price, what is going on, the error where it belongs.

import { ApiError, call, runJob } from "./api.js";
import { announce, debounced, fill, h, icon, plural } from "./dom.js";
import { allThere } from "./pictures.js";
import { codeButton } from "./samples.js";
import { session } from "./session.js";

/** A sentence of an error, with what can be done about it. */
export function problemNote(problem, again) {
  const wait = problem.retryAfter ? ` Try again in ${plural(problem.retryAfter, "second")}.` : "";
  return h("div", { class: "problem", role: "alert" }, icon("alert"),
    h("div", {}, h("p", {}, problem.message + wait), problem.code === "unknown_charge" && h("p", { class: "hint" }, "It is not repeated by itself, since it may have been paid for. History keeps the record.")),
    again && h("button", { type: "button", class: "small", onclick: again }, "Try again"));
}

/** An estimate that follows the form: `describe` gives the body of /estimate-cost, or null for "nothing yet". */
export function livePrice(describe) {
  const node = h("p", { class: "price", "aria-live": "polite" });
  let turn = 0;
  const refresh = debounced(async () => {
    const asked = describe();
    const mine = ++turn;
    if (!asked) { node.textContent = ""; node.removeAttribute("aria-busy"); return; }
    try {
      const told = await call("POST", "estimate-cost", { body: asked });
      if (mine !== turn) return;
      const each = told.num_images > 1 ? ` (${told.num_images} × ${told.cost_per_image})` : "";
      fill(node, h("strong", {}, `${plural(told.total_cost, "credit")}${each}`), h("span", {}, told.model ? `${told.provider} · ${told.model}` : ""));
      node.classList.remove("unknown");
    } catch (problem) {
      if (mine !== turn) return;
      fill(node, h("span", {}, problem.message));
      node.classList.add("unknown");
    }
    node.removeAttribute("aria-busy");
  }, 250);
  // what is shown isn't true any more until the answer is there
  return { node, refresh: () => { node.setAttribute("aria-busy", "true"); refresh(); } };
}

/** A size that /estimate-cost accepts; of a picture that is too large for it, none. */
export const usableSize = ({ width, height }) =>
  (Math.min(width, height) >= 16 && Math.max(width, height) <= 8192 && width * height <= 25e6 ? { width, height } : {});

/**
 * The bar at the end of a form.
 * `request()` gives {path, body} or throws; `onstart`, `onstatus`, `onanswer` and `onproblem` tell how it goes.
 */
export function runner({ words, price, request, prepare, onstart, onstatus, onanswer, onproblem, paid = true }) {
  const button = h("button", { type: "submit", class: "primary run" }, words);
  const stop = h("button", { type: "button", class: "ghost small", hidden: true }, "Stop waiting");
  const state = { busy: false, run };
  let controller = null;
  state.node = h("div", { class: "run-bar" }, price?.node, h("div", { class: "run-buttons" }, codeButton(request), stop, button));
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
      await allThere();
      const asked = request();
      onstart?.(asked);
      const body = await prepare(asked.body);
      const done = paid
        ? await runJob(asked.path, body, { onstatus, signal: controller.signal })
        : { answer: await call("POST", asked.path, { body, signal: controller.signal }), id: null };
      await onanswer(done, asked);
      announce(`Done in ${Math.round((performance.now() - started) / 1000)} seconds.`);
    } catch (problem) {
      const told = problem.name === "AbortError"
        ? new ApiError(0, "stopped", "You stopped waiting. The job goes on; History has it when it is done.")
        : problem;
      if (!(told instanceof ApiError)) console.error(told);
      onproblem(told);
    } finally {
      state.busy = false;
      button.removeAttribute("aria-disabled");
      button.classList.remove("busy");
      stop.hidden = true;
      window.dispatchEvent(new Event("spent"));
    }
  }
  return state;
}

/** A clock that counts the seconds of a wait. */
export function clock() {
  const node = h("span", { class: "clock" }, "0 s");
  const started = Date.now();
  const timer = setInterval(() => {
    if (!node.isConnected && Date.now() - started > 2000) clearInterval(timer);
    node.textContent = `${Math.round((Date.now() - started) / 1000)} s`;
  }, 1000);
  return { node, stop: () => clearInterval(timer) };
}

const SAID = { queued: "Waiting for its turn", running: "Being made", succeeded: "Arriving", failed: "Failed" };

/** A status record in words. */
const told = (job) => SAID[job.status] + (job.status === "running" && job.model ? ` by ${job.provider} ${job.model}` : "");

/** A waiting place for one picture: a shimmering frame, what is going on, the seconds. */
export function waitingPlace(width, height) {
  const words = h("span", {}, "Sending");
  const time = clock();
  const node = h("div", { class: "waiting", role: "status" }, h("div", { class: "waiting-told" }, words, time.node));
  node.style.aspectRatio = `${width} / ${height}`;
  return {
    node, stop: time.stop,
    tell(job) {
      const now = told(job);
      if (words.textContent !== now) words.textContent = now;
    },
  };
}
