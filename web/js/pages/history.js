// The History page: the caller's jobs with their images, and the credits used and left.

import { errorNote } from "../action-bar.js";
import { call, get, getCached } from "../api.js";
import { codeButton } from "../code-samples.js";
import { add, announce, fill, h, icon, plural } from "../dom.js";
import { dateText, errorText } from "../errors.js";
import { imageFromResult } from "../images.js";
import { operationLabel, STATUS_LABELS, titleCase } from "../labels.js";
import { facts, openImage } from "../layout.js";

const PAGE_SIZE = 20;
const REFRESH_MS = 2000;
const MAX_REFRESHES = 300; // ten minutes, so that a forgotten page stops

export function mount() {
  const usage = h("section", { class: "usage", "aria-label": "Usage" });
  const list = h("ol", { class: "jobs" });
  const older = h("div", { hidden: true }, h("button", { type: "button", onclick: () => load(next).catch(showError) }, "Show older jobs"));
  const errorBox = h("div");
  const rows = new Map(); // job id -> {state, row}, so that images are fetched once
  let jobs = []; // the jobs shown, newest first
  let next = null;
  let timer = null;

  function rowOf(job) {
    const state = JSON.stringify([job.status, job.progress, job.credits]);
    if (rows.get(job.job_id)?.state !== state) rows.set(job.job_id, { state, row: jobRow(job, watcher, removeJob) });
    return rows.get(job.job_id).row;
  }

  // a row's images are fetched when it comes into view
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { watcher.unobserve(entry.target); entry.target.show(); }
  }, { rootMargin: "200px" });

  /** Update the list. Unchanged rows stay in place, so that they keep the focus. */
  function render() {
    const wanted = jobs.length ? jobs.map(rowOf) : [nothing];
    for (const row of [...list.children]) if (!wanted.includes(row)) row.remove();
    wanted.forEach((row, index) => { if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null); });
  }

  function removeJob(id) {
    jobs = jobs.filter((job) => job.job_id !== id);
    render();
  }

  /** Load a page of jobs. The newest page replaces the jobs of its period; an older one is appended. */
  async function load(before) {
    const { jobs: loaded, next: cursor } = await get(`jobs?limit=${PAGE_SIZE}${before ? `&before=${encodeURIComponent(before)}` : ""}`);
    const since = cursor ? loaded.at(-1)?.created_at : 0;
    const kept = before ? [] : jobs.filter((job) => job.created_at < since);
    if (!kept.length) next = cursor;
    jobs = before ? [...jobs, ...loaded] : [...loaded, ...kept];
    render();
    older.hidden = !next;
    return loaded;
  }

  const showError = (error) => fill(errorBox, errorNote(error, () => refresh()));
  const nothing = h("li", { class: "empty-state" }, icon("history"), h("p", {}, "No jobs yet."));

  async function refresh(turn = 0) {
    clearTimeout(timer);
    try {
      const [newest] = await Promise.all([load(), showUsage()]);
      fill(errorBox);
      const running = newest.some((job) => job.status === "queued" || job.status === "running");
      if (running && turn < MAX_REFRESHES && node.isConnected) timer = setTimeout(() => refresh(turn + 1), REFRESH_MS);
    } catch (error) {
      showError(error);
    }
  }

  async function showUsage() {
    let current;
    let providers;
    try {
      [current, { providers }] = await Promise.all([get("usage"), getCached("providers").catch(() => ({ providers: {} }))]);
    } catch {
      fill(usage);
      return;
    }
    const meter = h("i");
    meter.style.width = `${Math.min(100, current.limit ? (current.used + current.reserved) / current.limit * 100 : 0)}%`;
    const number = (value) => value.toLocaleString("en");
    fill(usage,
      h("div", { class: "usage-card" }, h("h2", {}, "Credits left"), h("p", { class: "big" }, number(current.remaining)), h("div", { class: "meter" }, meter),
        h("p", { class: "hint" }, `${number(current.used)} used${current.reserved ? `, ${number(current.reserved)} reserved` : ""} of ${number(current.limit)}, tier ${current.tier}. Renews on ${dateText(current.resets_at)}.`)),
      creditsCard("By operation", current.by_studio, operationLabel), creditsCard("By provider", current.by_provider, (name) => providers[name]?.name ?? titleCase(name)),
      h("div", { class: "usage-card" }, h("h2", {}, "Limits"), facts([["Per minute", `${number(current.limits.requests_per_minute)} requests`], ["Per day", `${number(current.limits.requests_per_day)} requests`], ["In flight", plural(current.limits.variations_in_flight, "image")]])));
  }

  const node = h("div", { class: "history" },
    h("div", { class: "history-head" }, h("div", { class: "page-head" }, h("h1", {}, "History"), h("p", {}, "Your jobs and what they cost.")),
      h("div", { class: "actions" }, codeButton(() => ({ method: "GET", path: "jobs" })),
        h("button", { type: "button", class: "small", onclick: () => refresh() }, icon("refresh"), "Refresh"))),
    usage, errorBox, list, older);
  return { node, onshow: () => refresh() };
}

function creditsCard(title, used, labelOf) {
  const rows = Object.entries(used ?? {}).filter(([, credits]) => credits).sort((a, b) => b[1] - a[1]);
  return h("div", { class: "usage-card" }, h("h2", {}, title), rows.length
    ? facts(rows.map(([name, credits]) => [labelOf(name), plural(credits, "credit")]))
    : h("p", { class: "hint" }, "No credits used this month."));
}

const timeText = (ms) => new Date(ms).toLocaleString("en-US", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

function jobRow(job, watcher, removeJob) {
  const images = h("div", { class: "job-images" }, h("span", { class: "placeholder" }, icon(job.status === "failed" ? "alert" : "image")));
  const end = h("div", { class: "job-end" });
  const took = job.finished_at && job.started_at ? `${((job.finished_at - job.started_at) / 1000).toFixed(1)} s` : null;
  const credits = job.credits.charged ?? job.credits.reserved;
  const progress = job.status === "running" ? `${job.progress.done} of ${job.progress.total}` : null;
  const line = [timeText(job.created_at), job.model && `${job.provider} ${job.model}`, took, credits ? plural(credits, "credit") : null, progress].filter(Boolean).join(" · ");
  const row = h("li", { class: "job", dataset: { job: job.job_id } }, images,
    h("div", { class: "job-info" }, h("strong", {}, operationLabel(job.operation)), h("span", { class: "hint" }, line),
      job.error && h("span", { class: "error-line" }, errorText(job.error))), end);

  row.show = async () => {
    if (job.status !== "succeeded") return;
    try {
      const response = await get(`jobs/${job.job_id}/result?delivery=url`);
      const results = response.results ?? [response];
      const shown = await Promise.all(results.map((result) => {
        const number = result.variation ?? 1;
        return imageFromResult(result, { name: `${job.operation}-${number}`, ref: `job:${job.job_id}/${number}` });
      }));
      const prompt = response.request?.prompt;
      const title = prompt ?? operationLabel([job.operation.split(".")[0], response.operation ?? response.mode].filter(Boolean).join("."));
      row.querySelector("strong").textContent = title;
      fill(images, shown.map((image) => h("button", { type: "button", "aria-label": `Open ${title}`, onclick: () => openImage(image, title, codeButton(() => ({ method: "GET", path: `jobs/${job.job_id}/result` }))) }, h("img", { src: image.url, alt: "" }))));
    } catch (error) {
      row.querySelector(".hint").after(h("span", { class: "hint" }, error.message));
    }
  };
  watcher.observe(row);

  const remove = h("button", { type: "button", class: "ghost icon-only", "aria-label": `Delete ${operationLabel(job.operation)}, ${timeText(job.created_at)}`, onclick: () => {
    const confirm = h("button", { type: "button", class: "small danger", onclick: deleteJob }, job.status === "queued" ? "Cancel job" : "Really delete?");
    remove.replaceWith(confirm);
    confirm.focus();
    confirm.addEventListener("blur", () => { if (confirm.isConnected) confirm.replaceWith(remove); });
  } }, icon("trash"));
  async function deleteJob() {
    try {
      const { stopped } = await call("DELETE", `jobs/${job.job_id}`);
      if (stopped) window.dispatchEvent(new Event("hashchange"));
      else removeJob(job.job_id);
      announce(stopped ? "Canceled" : "Deleted");
      window.dispatchEvent(new Event("credits-changed"));
    } catch (error) {
      row.querySelector(".job-info").append(h("span", { class: "error-line", role: "alert" }, error.message));
    }
  }
  add(end, h("span", { class: "badge", dataset: { status: job.status } }, STATUS_LABELS[job.status]), job.status === "running" ? null : remove);
  return row;
}
