// The History page: the caller's jobs as a gallery, and the credits used and left.

import { errorNote } from "../action-bar.js";
import { call, get, getCached } from "../api.js";
import { add, announce, fill, h, icon, plural, toast } from "../dom.js";
import { dateText, errorText } from "../errors.js";
import { accountHead, compareImages, confirmAt, dateRange, doEach, saveZip, selectionBar, usageCard } from "../gallery.js";
import { imageFromResult, resultsOf, reuseOn } from "../images.js";
import { operationLabel, slug, STATUS_LABELS, titleCase } from "../labels.js";
import { codeButton, copyLinkButton, facts, openImage } from "../layout.js";
import { saveToLibrary } from "../library.js";
import { forgetResult, recall, remember, rememberJob } from "../memory.js";

const PAGE_SIZE = 20;
const REFRESH_MS = 2000;
const MAX_REFRESHES = 300; // ten minutes, so that a forgotten page stops

export function mount() {
  const usage = h("section", { class: "usage", "aria-label": "Usage" });
  const list = h("ol", { class: "jobs" });
  const older = h("div", { hidden: true }, h("button", { type: "button", onclick: () => load(next).catch(showError) }, "Show older jobs"));
  const errorBox = h("div");
  const rows = new Map(); // job id -> {state, row}, so that images are fetched once
  const days = new Map(); // day -> its heading
  let jobs = []; // the jobs shown, newest first
  let next = null; // the address of the next page
  let timer = null;

  const search = h("input", { type: "search", placeholder: "Search prompts, operations and models", "aria-label": "Search", oninput: () => render() });
  const favorites = h("input", { type: "checkbox", onchange: () => render() });
  const dates = dateRange(() => render());
  const selection = selectionBar("Selected jobs", (count) => [
    ["Save to library", "save", saveSelected],
    ["Download (zip)", "download", async () => saveZip(await selectedImages())],
    ["Compare", "image", async () => compareImages(await selectedImages())],
    ["Delete", "trash", ({ currentTarget }) => confirmAt(currentTarget, `Really delete ${plural(count, "job")}?`, () => doEach(selected(), (row) => row.deleteJob(), (done) => done && `${plural(done, "job")} deleted`))],
  ], () => { for (const row of selected()) row.box.checked = false; });

  const context = { watcher: null, removeJob, changed: () => { showSelection(); render(); } };

  function rowOf(job) {
    const state = JSON.stringify([job.status, job.progress, job.credits]);
    if (rows.get(job.job_id)?.state !== state) rows.set(job.job_id, { state, row: jobRow(job, context) });
    return rows.get(job.job_id).row;
  }
  function dayOf(job) {
    const day = new Date(job.created_at).toLocaleDateString("en-US", { weekday: "long", day: "numeric", month: "long" });
    if (!days.has(day)) days.set(day, h("li", { class: "day" }, h("h2", {}, day)));
    return days.get(day);
  }

  // a row's facts are fetched when it comes into view
  context.watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { context.watcher.unobserve(entry.target); entry.target.show(); }
  }, { rootMargin: "200px" });

  window.addEventListener("remembered", (event) => rows.get(event.detail)?.row.recall());

  /** Update the list. Unchanged rows stay in place, so that they keep the focus. */
  function render() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = jobs.map((job) => [job, rowOf(job)]).filter(([job, row]) =>
      words.every((word) => row.text().includes(word)) && (!favorites.checked || row.known.favorite)
      && job.created_at >= (dates.from ?? 0) && job.created_at <= (dates.to ?? Infinity));
    const wanted = [...new Set(shown.flatMap(([job, row]) => [dayOf(job), row]))];
    if (!wanted.length) wanted.push(jobs.length ? nothingFound : nothing);
    for (const row of [...list.children]) if (!wanted.includes(row)) row.remove();
    wanted.forEach((row, index) => { if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null); });
  }

  function removeJob(id) {
    const { row } = rows.get(id);
    const hadFocus = row.contains(document.activeElement);
    const at = [...list.querySelectorAll(".job")].indexOf(row);
    jobs = jobs.filter((job) => job.job_id !== id);
    rows.delete(id);
    forgetResult(id);
    showSelection();
    render();
    if (!hadFocus) return;
    const left = [...list.querySelectorAll(".job")]; // the next one has the focus, so that it can be deleted as well
    ((left[at] ?? left.at(-1))?.querySelector(".delete") ?? search).focus();
  }

  // --- several at once ---------------------------------------------------------------------------------------

  const selected = () => jobs.map(rowOf).filter((row) => row.box?.checked);
  const showSelection = () => selection.show(selected().length);
  const selectedImages = async () => (await Promise.all(selected().map((row) => row.images()))).flat();
  async function saveSelected() {
    let saved = 0;
    const saveImages = async (row) => { for (const ref of await row.refs()) { await saveToLibrary({ ref }); saved++; } };
    await doEach(selected(), saveImages, () => saved && `${plural(saved, "image")} saved to the library`);
  }

  /** Load a page of jobs. The newest page replaces the jobs of its period; an older one is appended. */
  async function load(address) {
    const { jobs: loaded, next: following } = await get(address ?? `jobs?limit=${PAGE_SIZE}`);
    const since = following ? loaded.at(-1)?.created_at : 0;
    const kept = address ? [] : jobs.filter((job) => job.created_at < since);
    if (!kept.length) next = following;
    jobs = address ? [...jobs, ...loaded] : [...loaded, ...kept];
    render();
    older.hidden = !next;
    return loaded;
  }

  const showError = (error) => fill(errorBox, errorNote(error, () => refresh()));
  const nothing = h("li", { class: "empty-state" }, icon("history"), h("p", {}, "No jobs yet."));
  const nothingFound = h("li", { class: "empty-state" }, icon("history"), h("p", {}, "No job matches. Older jobs are not searched until they are shown."));

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
    const number = (value) => value.toLocaleString("en");
    fill(usage,
      usageCard("Credits left", number(current.remaining), current.limit && (current.used + current.reserved) / current.limit,
        `${number(current.used)} used${current.reserved ? `, ${number(current.reserved)} reserved` : ""} of ${number(current.limit)}, tier ${current.tier}. Renews on ${dateText(current.resets_at)}.`,
        current.reserved > 0 && "Reserved credits belong to running jobs, or to calls whose charge is not known yet. Those are given back after an hour at most."),
      creditsCard("By operation", current.by_studio, operationLabel), creditsCard("By provider", current.by_provider, (name) => providers[name]?.name ?? titleCase(name)),
      h("div", { class: "usage-card" }, h("h2", {}, "Limits"), facts([["Per minute", `${number(current.limits.requests_per_minute)} requests`], ["Per day", `${number(current.limits.requests_per_day)} requests`], ["In flight", plural(current.limits.variations_in_flight, "image")]])));
  }

  const node = h("div", { class: "history" },
    accountHead("history", "Your jobs and what they cost. Each is deleted on the day that it names; what you save to the library stays.",
      codeButton(() => ({ method: "GET", path: "jobs" })), h("button", { type: "button", class: "small", onclick: () => refresh() }, icon("refresh"), "Refresh")),
    usage, h("div", { class: "filters" }, search, dates.nodes, h("label", { class: "check" }, favorites, h("span", {}, "Favorites"))), selection.node, errorBox, list, older);
  /** Show the job of a link, and open its result. */
  async function openJob(id) {
    try {
      if (!jobs.some((job) => job.job_id === id)) jobs = [...jobs, await get(`jobs/${id}`)].sort((a, b) => b.created_at - a.created_at);
      render();
      const row = rowOf(jobs.find((job) => job.job_id === id));
      row.scrollIntoView({ block: "center" });
      if (row.box) await row.open();
    } catch (error) {
      showError(error);
    }
  }
  return { node, onshow: (id) => refresh().then(() => { if (id) openJob(encodeURIComponent(id)); }) };
}

function creditsCard(title, used, labelOf) {
  const rows = Object.entries(used ?? {}).filter(([, credits]) => credits).sort((a, b) => b[1] - a[1]);
  return h("div", { class: "usage-card" }, h("h2", {}, title), rows.length
    ? facts(rows.map(([name, credits]) => [labelOf(name), plural(credits, "credit")]))
    : h("p", { class: "hint" }, "No credits used this month."));
}

const timeText = (ms) => new Date(ms).toLocaleString("en-US", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

function jobRow(job, { watcher, removeJob, changed }) {
  const images = h("div", { class: "job-images" }, h("span", { class: "placeholder" }, icon(job.status === "failed" ? "alert" : "image")));
  const end = h("div", { class: "job-end" });
  const took = job.finished_at && job.started_at ? `${((job.finished_at - job.started_at) / 1000).toFixed(1)} s` : null;
  const credits = job.credits.charged || (job.status === "failed" ? 0 : job.credits.reserved);
  const progress = job.status === "running" ? `${job.progress.done} of ${job.progress.total}` : null;
  const line = [
    timeText(job.created_at), operationLabel(job.operation), job.model && `${job.provider} ${job.model}`, took, credits ? plural(credits, "credit") : null, progress,
    job.credits.held ? `${plural(job.credits.held, "credit")} held for up to an hour` : null, job.expires_at && `kept until ${dateText(job.expires_at)}`,
  ].filter(Boolean).join(" · ");
  const done = job.status === "succeeded";
  const title = h("strong", {}, operationLabel(job.operation));
  const box = done && h("input", { type: "checkbox", "aria-label": `Select ${operationLabel(job.operation)}, ${timeText(job.created_at)}`, onchange: changed });
  const row = h("li", { class: "job", dataset: { job: job.job_id } }, images,
    h("div", { class: "job-info" }, title, h("span", { class: "hint" }, line), job.error && h("span", { class: "error-line" }, errorText(job.error))), end);
  Object.assign(row, { box, known: {}, deleteJob, text: () => `${title.textContent} ${line} ${job.status}`.toLowerCase() });

  // what this browser remembers needs no request, and no full-size image for a small one
  async function recallNow() {
    const known = await recall(job.job_id).catch(() => ({}));
    row.known = { ...row.known, ...known };
    if (known.title) title.textContent = known.title;
    star.setAttribute("aria-pressed", String(Boolean(known.favorite)));
    reuse.hidden = !row.known.body;
    if (known.thumbnails) showImages(known.thumbnails);
  }
  row.recall = recallNow;
  const recalled = Promise.resolve().then(recallNow);

  function showImages(thumbnails) {
    fill(images, thumbnails.map((url, at) => h("button", { type: "button", "aria-label": `Open ${title.textContent}`, onclick: () => openAt(at).catch((error) => toast(error.message)) },
      url ? h("img", { src: url, alt: "" }) : icon("image"))));
  }

  let result = null; // the job's result with URLs, once it is needed
  const loadResult = () => (result ??= get(`jobs/${job.job_id}/result?delivery=url`).catch((error) => { result = null; throw error; }));
  row.refs = async () => resultsOf(await loadResult()).map((one) => `job:${job.job_id}/${one.variation ?? 1}`);
  let loaded = null; // its images in full size
  row.images = () => (loaded ??= loadImages().catch((error) => { loaded = null; throw error; }));
  async function loadImages() {
    const results = resultsOf(await loadResult());
    const stem = slug(title.textContent, job.operation);
    const full = await Promise.all(results.map((one) => {
      const number = one.variation ?? 1;
      return imageFromResult(one, { name: `${stem}-${number}`, ref: `job:${job.job_id}/${number}` });
    }));
    if (!row.known.thumbnails) {
      const { page, path, body } = row.known;
      rememberJob(job.job_id, { page, path, body, title: title.textContent, images: full }).catch(console.error);
    }
    return full;
  }
  row.open = () => recalled.then(() => openAt(0));
  async function openAt(at) {
    const full = await row.images();
    const { page, path, body } = row.known;
    const complete = page === "create" || body?.image_base64 || body?.control_image_base64; // else its image is gone
    openImage(full[at], title.textContent, { all: full, more: [copyLinkButton(`#/history/${job.job_id}`), codeButton(() => (complete ? { path, body } : { method: "GET", path: `jobs/${job.job_id}/result` }))] });
  }

  row.show = async () => {
    await recalled;
    if (!done || row.known.thumbnails) return;
    try {
      const response = await loadResult();
      if (response.request) {
        const { prompt, template_id, provider, model, quality, style_preset, persona_id, num_variations } = response.request;
        row.known = { page: "create", path: "create", body: { prompt, template_id, provider, model, quality, style_preset, persona_id, num_variations }, ...row.known };
      } else { // the browser that sent it knows more
        const [page, operation] = job.operation.split(".");
        row.known = { page, body: { operation, provider: response.provider, model: response.model }, ...row.known };
      }
      reuse.hidden = false;
      if (!row.known.title) title.textContent = response.request?.prompt ?? operationLabel([job.operation.split(".")[0], response.operation ?? response.mode].filter(Boolean).join("."));
      showImages(resultsOf(response).map(() => null));
    } catch (error) {
      row.querySelector(".hint").after(h("span", { class: "hint" }, error.message));
    }
  };
  watcher.observe(row);

  const star = h("button", { type: "button", class: "ghost icon-only star", "aria-label": "Favorite", "aria-pressed": "false", onclick: () => {
    row.known.favorite = !row.known.favorite;
    star.setAttribute("aria-pressed", String(row.known.favorite));
    remember(job.job_id, { favorite: row.known.favorite });
    changed();
  } }, icon("star"));
  const reuse = h("button", { type: "button", class: "small", hidden: true, onclick: () => reuseOn(row.known.page, row.known.body) }, "Reuse");
  const remove = h("button", { type: "button", class: "ghost icon-only delete", "aria-label": `Delete ${operationLabel(job.operation)}, ${timeText(job.created_at)}`,
    onclick: () => confirmAt(remove, job.status === "queued" ? "Cancel job" : "Really delete?", () => deleteJob().catch(showDeleteError)) }, icon("trash"));
  async function deleteJob() {
    try {
      const { stopped } = await call("DELETE", `jobs/${job.job_id}`);
      if (stopped) window.dispatchEvent(new Event("hashchange"));
      else removeJob(job.job_id);
      announce(stopped ? "Canceled" : "Deleted");
      window.dispatchEvent(new Event("credits-changed"));
    } catch (error) {
      if (error.status === 404) removeJob(job.job_id);
      throw error;
    }
  }
  function showDeleteError(error) {
    if (error.status === 404) announce("It was gone already");
    else row.querySelector(".job-info").append(h("span", { class: "error-line", role: "alert" }, error.message));
  }
  add(end, h("span", { class: "badge", dataset: { status: job.status } }, STATUS_LABELS[job.status]), reuse, done && star, job.status === "running" ? null : remove, box);
  return row;
}
