// Before the click: what a request costs, the prices of choices side by side, and how long a job probably takes.

import { call } from "./api.js";
import { debounce, h, plural } from "./dom.js";
import { store, stored } from "./memory.js";

const KEPT_MS = 60_000; // a provider may fail meanwhile, and `auto` then takes another
const DELAY_MS = 300;

const known = new Map(); // the request as JSON -> {estimate, time}

/** The estimate for a body of /estimate-cost. The same request is sent once a minute. */
export function estimateOf(body) {
  const text = JSON.stringify(body);
  const found = known.get(text);
  if (found && Date.now() - found.time < KEPT_MS) return found.estimate;
  const estimate = call("POST", "estimate-cost", { body });
  known.set(text, { estimate, time: Date.now() });
  estimate.catch(() => known.delete(text));
  return estimate;
}

/**
 * Show with each choice what one image would cost. `choices()` returns [value, show] pairs: `show` gets the price as text.
 * `describe(value)` returns the body of /estimate-cost, or null. Return the function to call after a change.
 */
export function choicePrices(choices, describe) {
  let latest = 0;
  return debounce(() => {
    const current = ++latest;
    for (const [value, show] of choices()) {
      const body = describe(value);
      if (!body) { show(""); continue; }
      estimateOf(body).then((found) => plural(found.cost_per_image, "credit"), () => "")
        .then((text) => { if (current === latest) show(text); });
    }
  }, DELAY_MS);
}

/** The choices of a segmented control for `choicePrices`: the price stands below each label. */
export const segmentChoices = (control) => () => [...control.querySelectorAll("label")].map((label) => [label.querySelector("input").value, (text) => {
  label.querySelector("small")?.remove();
  label.querySelector("span").append(h("small", {}, text || "–"));
}]);

/** The options of a select for `choicePrices`; the first one, "Auto", has no price of its own. */
export const optionChoices = (select) => () => [...select.options].slice(1).map((option) => [option.value, (text) => {
  option.textContent = text ? `${option.value} · ${text}` : option.value;
}]);

// --- how long a job takes: the median of what this browser saw of the same model ------------------------------------

const TIMES = "image-studio-times"; // model -> milliseconds of its newest jobs
const KEPT_TIMES = 9;
const KEPT_MODELS = 60;

const keyOf = ({ operation, provider, model }) => [operation.split(".")[0].replace("generate", "create"), provider, model].join(" ");

const load = () => stored(TIMES) ?? {};

/** Remember how long a finished job took, its time in the queue included. */
export function rememberTime(job) {
  const { [keyOf(job)]: earlier = [], ...others } = load();
  const times = [...earlier, job.finished_at - job.created_at].slice(-KEPT_TIMES);
  const kept = [...Object.entries(others), [keyOf(job), times]].slice(-KEPT_MODELS);
  store(TIMES, Object.fromEntries(kept));
}

/** The seconds that a job or estimate probably takes, or null where no such job was seen. */
export function expectedSeconds(estimate) {
  const times = [...load()[keyOf(estimate)] ?? []].sort((a, b) => a - b);
  return times.length ? Math.max(1, Math.round(times[Math.floor(times.length / 2)] / 1000)) : null;
}
