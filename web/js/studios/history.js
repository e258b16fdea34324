// History: the caller's jobs with their pictures, what was spent, and what is left.

import { call, catalog, get } from "../api.js";
import { add, announce, fill, h, icon, plural } from "../dom.js";
import { facts, look } from "../layout.js";
import { operationName, titled } from "../names.js";
import { pictureFromPart } from "../pictures.js";
import { problemNote } from "../run.js";
import { codeButton } from "../samples.js";

const PAGE = 20;
const LIVE_MS = 2000;
const LIVE_TURNS = 300; // ten minutes; a page that is left open doesn't ask for ever
const SAID = { queued: "Queued", running: "Running", succeeded: "Done", failed: "Failed" };

export function mount() {
  const usage = h("section", { class: "usage", "aria-label": "Usage" });
  const list = h("ol", { class: "jobs" });
  const tail = h("div", { hidden: true }, h("button", { type: "button", onclick: () => load(next).catch(tellTrouble) }, "Show older ones"));
  const trouble = h("div");
  const rows = new Map(); // job id -> what was shown of it, so that its pictures are fetched once
  let known = []; // the jobs that are shown, newest first
  let next = null;
  let timer = null;

  function rowOf(job) {
    const state = JSON.stringify([job.status, job.progress, job.credits]);
    if (rows.get(job.job_id)?.state !== state) rows.set(job.job_id, { state, row: jobRow(job, watcher, forget) });
    return rows.get(job.job_id).row;
  }

  // pictures are fetched when their row comes into view
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { watcher.unobserve(entry.target); entry.target.show(); }
  }, { rootMargin: "200px" });

  /** Show what is known and leave rows alone that are there: who is on one of them stays there. */
  function arrange() {
    const wanted = known.length ? known.map(rowOf) : [nothing];
    for (const row of [...list.children]) if (!wanted.includes(row)) row.remove();
    wanted.forEach((row, at) => { if (list.children[at] !== row) list.insertBefore(row, list.children[at] ?? null); });
  }

  function forget(gone) {
    known = known.filter((job) => job.job_id !== gone);
    arrange();
  }

  /** The newest page takes the place of what was known of its time; an older one comes to the end. */
  async function load(before) {
    const { jobs, next: mark } = await get(`jobs?limit=${PAGE}${before ? `&before=${encodeURIComponent(before)}` : ""}`);
    const since = mark ? jobs.at(-1)?.created_at : 0;
    const older = before ? [] : known.filter((job) => job.created_at < since);
    if (!older.length) next = mark;
    known = before ? [...known, ...jobs] : [...jobs, ...older];
    arrange();
    tail.hidden = !next;
    return jobs;
  }

  const tellTrouble = (problem) => fill(trouble, problemNote(problem, () => refresh()));
  const nothing = h("li", { class: "empty-stage" }, icon("history"), h("p", {}, "Nothing has been made yet."));

  async function refresh(turn = 0) {
    clearTimeout(timer);
    try {
      const [jobs] = await Promise.all([load(), showUsage()]);
      fill(trouble);
      const live = jobs.some((job) => job.status === "queued" || job.status === "running");
      if (live && turn < LIVE_TURNS && node.isConnected) timer = setTimeout(() => refresh(turn + 1), LIVE_MS);
    } catch (problem) {
      tellTrouble(problem);
    }
  }

  async function showUsage() {
    let told;
    let providers;
    try {
      [told, { providers }] = await Promise.all([get("usage"), catalog("providers").catch(() => ({ providers: {} }))]);
    } catch {
      fill(usage);
      return;
    }
    const meter = h("i");
    meter.style.width = `${Math.min(100, told.limit ? (told.used + told.reserved) / told.limit * 100 : 0)}%`;
    const number = (value) => value.toLocaleString("en");
    fill(usage,
      h("div", { class: "usage-card" }, h("h2", {}, "Credits left"), h("p", { class: "big" }, number(told.remaining)), h("div", { class: "meter" }, meter),
        h("p", { class: "hint" }, `${number(told.used)} used${told.reserved ? `, ${number(told.reserved)} reserved` : ""} of ${number(told.limit)}, tier ${told.tier}. New ones on ${new Date(told.resets_at).toLocaleDateString("en", { day: "numeric", month: "long" })}.`)),
      spentCard("By studio", told.by_studio, operationName), spentCard("By provider", told.by_provider, (name) => providers[name]?.name ?? titled(name)),
      h("div", { class: "usage-card" }, h("h2", {}, "Limits"), facts([["A minute", `${number(told.limits.requests_per_minute)} requests`], ["A day", `${number(told.limits.requests_per_day)} requests`], ["At once", plural(told.limits.variations_in_flight, "picture")]])));
  }

  const node = h("div", { class: "history" },
    h("div", { class: "history-head" }, h("div", { class: "studio-head" }, h("h1", {}, "History"), h("p", {}, "What you made, and what it cost.")),
      h("div", { class: "actions" }, codeButton(() => ({ method: "GET", path: "jobs" })),
        h("button", { type: "button", class: "small", onclick: () => refresh() }, icon("refresh"), "Refresh"))),
    usage, trouble, list, tail);
  return { node, onshow: () => refresh() };
}

function spentCard(title, spent, nameOf) {
  const rows = Object.entries(spent ?? {}).filter(([, credits]) => credits).sort((a, b) => b[1] - a[1]);
  return h("div", { class: "usage-card" }, h("h2", {}, title), rows.length
    ? facts(rows.map(([name, credits]) => [nameOf(name), plural(credits, "credit")]))
    : h("p", { class: "hint" }, "Nothing spent this month."));
}

const when = (ms) => new Date(ms).toLocaleString("en", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

function jobRow(job, watcher, forget) {
  const pictures = h("div", { class: "job-pictures" }, h("span", { class: "placeholder" }, icon(job.status === "failed" ? "alert" : "image")));
  const end = h("div", { class: "job-end" });
  const took = job.finished_at && job.started_at ? `${((job.finished_at - job.started_at) / 1000).toFixed(1)} s` : null;
  const credits = job.credits.charged ?? job.credits.reserved;
  const progress = job.status === "running" ? `${job.progress.done} of ${job.progress.total}` : null;
  const line = [when(job.created_at), job.model && `${job.provider} ${job.model}`, took, credits ? plural(credits, "credit") : null, progress].filter(Boolean).join(" · ");
  const row = h("li", { class: "job", dataset: { job: job.job_id } }, pictures,
    h("div", { class: "job-told" }, h("strong", {}, operationName(job.operation)), h("span", { class: "hint" }, line),
      job.error && h("span", { class: "problem-line" }, job.error.detail)), end);

  row.show = async () => {
    if (job.status !== "succeeded") return;
    try {
      const answer = await get(`jobs/${job.job_id}/result?delivery=url`);
      const parts = answer.results ?? [answer];
      const shown = await Promise.all(parts.map((part) => {
        const number = part.variation ?? 1;
        return pictureFromPart(part, { name: `${job.operation}-${number}`, ref: `job:${job.job_id}/${number}` });
      }));
      const prompt = answer.request?.prompt;
      const what = prompt ?? [operationName(job.operation), titled(answer.operation ?? answer.mode ?? "")].filter(Boolean).join(": ");
      row.querySelector("strong").textContent = what;
      fill(pictures, shown.map((picture) => h("button", { type: "button", "aria-label": `Open ${what}`, onclick: () => look(picture, what, codeButton(() => ({ method: "GET", path: `jobs/${job.job_id}/result` }))) }, h("img", { src: picture.url, alt: "" }))));
    } catch (problem) {
      row.querySelector(".hint").after(h("span", { class: "hint" }, problem.message));
    }
  };
  watcher.observe(row);

  const remove = h("button", { type: "button", class: "ghost icon-only", "aria-label": `Delete ${operationName(job.operation)} of ${when(job.created_at)}`, onclick: () => {
    const sure = h("button", { type: "button", class: "small danger", onclick: gone }, job.status === "queued" ? "Stop it" : "Delete it");
    remove.replaceWith(sure);
    sure.focus();
    sure.addEventListener("blur", () => { if (sure.isConnected) sure.replaceWith(remove); });
  } }, icon("trash"));
  async function gone() {
    try {
      const { stopped } = await call("DELETE", `jobs/${job.job_id}`);
      if (stopped) window.dispatchEvent(new Event("hashchange"));
      else forget(job.job_id);
      announce("Deleted");
      window.dispatchEvent(new Event("spent"));
    } catch (problem) {
      row.querySelector(".job-told").append(h("span", { class: "problem-line", role: "alert" }, problem.message));
    }
  }
  add(end, h("span", { class: "badge", dataset: { status: job.status } }, SAID[job.status]), job.status === "running" ? null : remove);
  return row;
}
