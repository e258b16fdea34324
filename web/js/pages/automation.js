// The Automation page: many prompts as one batch, and webhooks that are called when jobs end.

import { errorNote } from "../action-bar.js";
import { call, get, getCached } from "../api.js";
import { announce, copyText, debounce, dialog, field, fill, h, icon, plural, toast } from "../dom.js";
import { ApiError, dateText } from "../errors.js";
import { accountHead, confirmAt } from "../gallery.js";
import { forgetTask, mayHaveStarted, taskFor } from "../jobs.js";
import { operationLabel, platformLabel, QUOTED } from "../labels.js";
import { codeButton, facts, submitFrom, withoutEmpty } from "../layout.js";
import { keepInTab, keptInTab } from "../memory.js";
import { modelPicker } from "../model-picker.js";

const MAX_ITEMS = 100; // of one batch
const REFRESH_MS = 2000;
const ZIP_TRIES = 60;
const TASK_PAGE = "batches"; // of its remembered Idempotency-Key
const LINES = "image-studio-batch"; // the prompts that this tab has not submitted

export function mount() {
  const batches = batchSection();
  const webhooks = webhookSection();
  const node = h("div", { class: "history" }, accountHead("automation", "Many images at once, and a call when they are done."), batches.node, webhooks.node);
  return { node, onshow: () => { batches.load(); webhooks.load(); } };
}

// --- batches ----------------------------------------------------------------------------------------------------------

function batchSection() {
  const prompts = h("textarea", { rows: 5, placeholder: "A red chair in an empty room\nA blue chair in an empty room" });
  const size = h("select", {}, h("option", { value: "" }, "Square, 1024 × 1024"));
  const price = h("p", { class: "price", "aria-live": "polite" });
  const models = modelPicker({ onchange: () => showPrice() });
  const errorBox = h("div");
  const list = h("ul", { class: "jobs" });
  const button = h("button", { type: "submit", class: "primary run" }, "Create all");
  const rows = new Map(); // batch id -> its row, which is updated in place, so that it keeps the focus
  let timer = null;

  const lines = () => prompts.value.split("\n").map((line) => line.trim()).filter(Boolean);
  const shared = () => ({ ...(size.value ? { template_id: size.value } : { width: 1024, height: 1024 }), ...models.requestFields });
  const request = () => ({ path: "batches", savesImages: false, body: { operation: "create", shared: shared(), items: lines().map((prompt) => ({ prompt })) } });

  /** One price for all lines: those with text to set may take another model than the others. */
  const showPrice = debounce(async () => {
    const all = lines();
    if (!all.length) { fill(price); return; }
    if (all.length > MAX_ITEMS) { fill(price, h("span", {}, `${all.length} prompts; a batch has at most ${MAX_ITEMS}.`)); return; }
    price.setAttribute("aria-busy", "true");
    const groups = [all.filter((line) => QUOTED.test(line)), all.filter((line) => !QUOTED.test(line))].filter((group) => group.length);
    try {
      const costs = await Promise.all(groups.map(async (group) => {
        const one = await call("POST", "estimate-cost", { body: { provider: "auto", ...shared(), operation: "generate", num_images: 1, prompt: group[0] } });
        return one.total_cost * group.length;
      }));
      fill(price, h("strong", {}, plural(costs.reduce((sum, cost) => sum + cost, 0), "credit")), h("span", {}, `for ${plural(all.length, "image")}`));
    } catch (error) {
      fill(price, h("span", {}, error.message));
    }
    price.removeAttribute("aria-busy");
  }, 300);
  const keepLines = () => keepInTab(LINES, prompts.value || null);
  prompts.value = keptInTab(LINES) ?? "";
  for (const work of [showPrice, keepLines]) prompts.addEventListener("input", work);
  showPrice();
  size.addEventListener("change", showPrice);

  async function submit(event) {
    event.preventDefault();
    if (button.classList.contains("busy")) return;
    fill(errorBox);
    if (!lines().length) { fill(errorBox, errorNote(new ApiError(400, "invalid_request", "Prompt is required"))); prompts.focus(); return; }
    button.classList.add("busy");
    const written = prompts.value;
    try {
      const { body, path } = request();
      const task = await taskFor(TASK_PAGE, path, body, {}); // the same key until the outcome is known
      try {
        await call("POST", path, { body, headers: { "idempotency-key": task.key } });
        forgetTask(task);
      } catch (error) {
        if (!mayHaveStarted(task, error)) forgetTask(task);
        throw error;
      }
      if (prompts.value === written) prompts.value = ""; // else the next batch is being written
      keepLines();
      showPrice();
      announce("The batch was submitted.");
      window.dispatchEvent(new Event("credits-changed"));
      await load();
    } catch (error) {
      fill(errorBox, errorNote(error, () => form.requestSubmit()));
    }
    button.classList.remove("busy");
  }

  async function load() {
    clearTimeout(timer);
    try {
      const { batches } = await get("batches?limit=10");
      for (const batch of batches) {
        if (!rows.has(batch.batch_id)) rows.set(batch.batch_id, batchRow(load));
        rows.get(batch.batch_id).update(batch);
      }
      const wanted = batches.map(({ batch_id: id }) => rows.get(id).node);
      if (wanted.length !== list.children.length || wanted.some((row, at) => list.children[at] !== row)) fill(list, wanted);
      if (batches.some((batch) => batch.status === "running") && node.isConnected) timer = setTimeout(load, REFRESH_MS);
      else window.dispatchEvent(new Event("credits-changed"));
    } catch (error) {
      fill(list, errorNote(error, load));
    }
  }

  getCached("templates").then(({ templates }) => {
    const platforms = [...new Set(templates.map((template) => template.platform))];
    for (const platform of platforms) {
      size.append(h("optgroup", { label: platformLabel(platform) }, templates.filter((each) => each.platform === platform).map((each) =>
        h("option", { value: each.id }, `${each.name}, ${each.aspect_ratio.width} × ${each.aspect_ratio.height}`))));
    }
  }).catch(() => { /* the square is always available */ });

  const form = h("form", { class: "usage-card", onsubmit: submit }, h("h2", {}, "Create a batch"),
    field("Prompts", prompts, "One in each line, up to 100. Each becomes an image."),
    h("div", { class: "triple" }, field("Size", size), field("Provider", models.provider), field("Model", models.model)), errorBox,
    h("div", { class: "form-end" }, h("span", { class: "first" }, codeButton(request)), price, button));
  const node = h("section", { class: "section", "aria-label": "Batches" }, submitFrom(form, form), list);
  return { node, load };
}

function batchRow(changed) {
  let batch = null;
  const title = h("strong");
  const line = h("span", { class: "hint" });
  const meter = h("progress", { "aria-label": "Items that have ended" });
  const badge = h("span", { class: "badge" });
  const act = (work) => async ({ currentTarget }) => {
    currentTarget.setAttribute("aria-disabled", "true");
    try { await work(); } catch (error) { toast(error.message); }
    currentTarget.removeAttribute("aria-disabled");
  };
  const cancel = h("button", { type: "button", class: "small", onclick: act(async () => {
    const { stopped } = await call("DELETE", `batches/${batch.batch_id}`);
    toast(stopped ? `${plural(stopped, "image")} canceled.` : "All images have started already.");
    window.dispatchEvent(new Event("credits-changed"));
    changed();
  }) }, "Cancel");
  const download = h("button", { type: "button", class: "small", onclick: act(() => saveZip(batch.batch_id)) }, icon("download"), "Download (zip)");

  function update(current) {
    batch = current;
    const { counts: { total, succeeded, failed }, credits } = batch;
    const running = batch.status === "running";
    title.textContent = `${operationLabel(batch.operation)}, ${plural(total, "image")}`;
    line.textContent = [`${succeeded} done`, failed && `${failed} failed or canceled`, `${credits.charged} of ${plural(credits.reserved, "credit")} charged`, `kept until ${dateText(batch.expires_at)}`].filter(Boolean).join(" · ");
    Object.assign(meter, { max: total, value: succeeded + failed, hidden: !running });
    badge.textContent = running ? "Running" : "Done";
    badge.dataset.status = running ? "running" : "succeeded";
    cancel.hidden = !running;
    download.hidden = running || !succeeded;
  }
  const node = h("li", { class: "job batch" }, h("div", { class: "job-info" }, title, line, meter),
    h("div", { class: "job-end" }, badge, cancel, download, h("a", { href: "#/history" }, "Images")));
  return { node, update };
}

/** Save a batch's results as one file, once the worker has made it. */
async function saveZip(id) {
  for (let turn = 0; turn < ZIP_TRIES; turn++) {
    const { url } = await get(`batches/${id}/zip`);
    if (url) { h("a", { href: url, download: "" }).click(); return; }
    await new Promise((resolve) => { setTimeout(resolve, REFRESH_MS); });
  }
  throw new ApiError(0, "still_running");
}

// --- webhooks ---------------------------------------------------------------------------------------------------------

const STATES = { enabled: "Enabled", paused: "Paused", disabled: "Disabled" };
const STATE_HINTS = { paused: "It failed for days. A test that arrives enables it again.", disabled: "It answered 410. A test that arrives enables it again." };

function webhookSection() {
  const url = h("input", { type: "url", placeholder: "https://example.com/image-studio" });
  const withPrompt = h("input", { type: "checkbox" });
  const errorBox = h("div");
  const list = h("ul", { class: "jobs" });
  const button = h("button", { type: "submit" }, "Add webhook");
  const request = () => ({ path: "webhooks", body: { url: url.value.trim(), include_prompt: withPrompt.checked }, savesImages: false });

  async function add(event) {
    event.preventDefault();
    if (button.classList.contains("busy")) return;
    button.classList.add("busy");
    fill(errorBox);
    try {
      const made = await call("POST", "webhooks", { body: request().body });
      url.value = "";
      showSecret("The webhook's secret", made.secret);
      await load();
    } catch (error) {
      fill(errorBox, errorNote(error));
      url.focus();
    }
    button.classList.remove("busy");
  }
  async function load() {
    try {
      const { webhooks } = await get("webhooks");
      fill(list, webhooks.map((webhook) => webhookRow(webhook, load)));
    } catch (error) {
      fill(list, errorNote(error, load));
    }
  }
  const form = h("form", { class: "usage-card", onsubmit: add }, h("h2", {}, "Webhooks"),
    h("p", { class: "hint" }, "Your server is called when a job or a batch ends. Calls are signed after ", h("a", { href: "https://www.standardwebhooks.com", rel: "noreferrer" }, "Standard Webhooks"), "."),
    field("Address", url, "An https address of a public server."), h("label", { class: "check" }, withPrompt, h("span", {}, "Send each job's prompt, too")), errorBox,
    h("div", { class: "form-end" }, h("span", { class: "first" }, codeButton(request)), button));
  form.noValidate = true;
  return { node: h("section", { class: "section", "aria-label": "Webhooks" }, form, list), load };
}

function webhookRow(webhook, changed) {
  const path = `webhooks/${webhook.id}`;
  const result = h("span", { class: "hint", role: "status" });
  const attempt = (work) => async (event) => {
    try { await work(event); } catch (error) { toast(error.message); }
  };
  const test = attempt(async () => {
    result.textContent = "Calling";
    const { delivered, status, problem } = await call("POST", `${path}/test`);
    result.textContent = delivered ? `The test arrived: ${status}.` : `The test did not arrive: ${problem ?? `the server answered ${status}`}.`;
  });
  const rotate = attempt(async () => showSecret("The new secret", (await call("POST", `${path}/rotate`)).secret, "The old one signs, too, for another day."));
  const remove = ({ currentTarget }) => confirmAt(currentTarget, "Really delete?", attempt(async () => { await call("DELETE", path); announce("Deleted"); await changed(); }));
  const button = (label, onclick) => h("button", { type: "button", class: "small", onclick }, label);
  return h("li", { class: "job webhook" },
    h("div", { class: "job-info" }, h("strong", {}, webhook.url), webhook.include_prompt && h("span", { class: "hint" }, "With prompts."),
      STATE_HINTS[webhook.status] && h("span", { class: "hint" }, STATE_HINTS[webhook.status]),
      webhook.failing_since && h("span", { class: "hint" }, `Failing since ${dateText(webhook.failing_since)}.`), result),
    h("div", { class: "job-end" }, h("span", { class: "badge", dataset: { status: webhook.status === "enabled" ? "succeeded" : "failed" } }, STATES[webhook.status]),
      button("Test", test), button("Deliveries", attempt(() => showDeliveries(path))), button("New secret", ({ currentTarget }) => confirmAt(currentTarget, "Really replace it?", rotate)), button("Delete", remove)));
}

function showSecret(title, secret, more = "") {
  const box = dialog(title, h("div", { class: "dialog-form" }, h("p", {}, `Keep it now: it is not shown again. ${more}`), h("pre", { class: "code", tabindex: "0" }, h("code", {}, secret)),
    h("div", { class: "form-end" }, h("button", { type: "button", class: "primary small", onclick: () => copyText(secret) }, icon("copy"), "Copy"))));
  box.dataset.stays = "";
}

async function showDeliveries(path) {
  const { deliveries } = await get(path);
  const time = (ms) => new Date(ms).toLocaleString("en-US", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  dialog("Last deliveries", h("div", { class: "dialog-form" }, deliveries.length ? deliveries.map((each) => facts(Object.entries(withoutEmpty({
    At: time(each.at), Event: each.type, Attempt: each.attempt, Answer: each.status ?? each.problem, Next: each.next_attempt_at && time(each.next_attempt_at),
  })))) : h("p", { class: "hint" }, "Nothing was delivered yet.")));
}
