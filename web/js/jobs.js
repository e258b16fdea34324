// Paid jobs: submit them, follow them, and remember them, so that neither a lost network nor a reload pays twice.

import { call, get } from "./api.js";
import { ApiError } from "./errors.js";

const STORE = "image-studio-jobs"; // in this tab only: another tab's request is another job
const KEPT_MS = 23 * 3600_000; // the API keeps an Idempotency-Key for a day
const KEPT_TASKS = 20;
const KEPT_BODY = 50_000; // characters; a smaller body can be sent again after a reload
const SUBMIT_PAUSES_MS = [1000, 2000, 4000];
const POLL_INTERVALS_MS = [300, 500, 800, 1200, 1500];
const FOLLOW_LIMIT_MS = 15 * 60 * 1000;
const OFFLINE_PAUSE_MS = 3000;
const ATTEMPTS = 5; // when the API answers, but not as it should

const followed = new Set(); // the tasks that this page follows now
let tasks = load();

function load() {
  try {
    return JSON.parse(sessionStorage.getItem(STORE) ?? "[]").filter((task) => Date.now() - task.started < KEPT_MS);
  } catch {
    return []; // private mode
  }
}

function store() {
  tasks = tasks.slice(-KEPT_TASKS);
  try {
    if (tasks.length) sessionStorage.setItem(STORE, JSON.stringify(tasks));
    else sessionStorage.removeItem(STORE);
  } catch { /* private mode, or full: then a reload forgets them */ }
}

async function digestOf(text) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return btoa(String.fromCharCode(...bytes));
}

/**
 * The task of a request: one that this tab sent and whose outcome it never learned, else a new one with a key of its own.
 * `about` is what the page needs to show the task again after a reload.
 */
export async function taskFor(page, path, body, about) {
  const text = JSON.stringify(body);
  const digest = await digestOf(`${path} ${text}`);
  let task = tasks.find((other) => other.digest === digest && !followed.has(other.key));
  if (!task) {
    task = { key: crypto.randomUUID(), digest, page, path, about, id: null, started: Date.now(), body: text.length < KEPT_BODY ? body : null };
    tasks.push(task);
    store();
  }
  return task;
}

/** The tasks of a page that began before a reload and can be followed again. */
export const unfinishedTasks = (page) =>
  tasks.filter((task) => task.page === page && !followed.has(task.key) && (task.id || task.body));

/** Forget a task: its result is shown, or its job failed. The same request is a new job from now on. */
export function forgetTask(task) {
  tasks = tasks.filter((other) => other.key !== task.key);
  store();
}

/**
 * Submit a task unless it has a job already, follow its job, and return the operation's response, the job's id and its
 * record. `onstatus` gets each job record, `onoffline` runs when the API can't be reached and the task is still followed.
 */
export async function runTask(task, body, { onstatus = () => {}, onoffline = () => {}, signal } = {}) {
  followed.add(task.key);
  const end = Date.now() + FOLLOW_LIMIT_MS;
  const keepTrying = (work) => untilReached(work, end, onoffline, signal);
  try {
    if (!task.id) {
      task.id = await submit(task, body, signal);
      store();
    }
    const job = await ended(task.id, end, keepTrying, onstatus, signal);
    if (job.status === "succeeded") {
      return { response: await keepTrying(() => get(`jobs/${task.id}/result`, { signal })), id: task.id, job };
    }
    forgetTask(task);
    throw new ApiError(job.error.status, job.error.code, job.error.detail);
  } catch (error) {
    if (task.id ? error.status === 404 : !mayHaveStarted(task, error)) forgetTask(task);
    throw error;
  } finally {
    followed.delete(task.key);
  }
}

/** Whether a submit that failed may have made a job. What a job's own failure says is no such case. */
export function mayHaveStarted(task, error) {
  task.failures = (task.failures ?? 0) + (error.code === "internal_error" ? 1 : 0);
  return !error.status || !error.code || error.code === "temporarily_unavailable" || (error.code === "internal_error" && task.failures < 2);
}

/** Send a request and return its job's id. Where the key is known already, that is the job it made. */
async function submit(task, body, signal) {
  const headers = { prefer: "respond-async", "idempotency-key": task.key };
  for (let attempt = 0; ; attempt++) {
    try {
      return await call("POST", task.path, { body, headers, signal, read: jobIdOf });
    } catch (error) {
      if (error.code !== "unreachable") throw error;
      if (attempt >= SUBMIT_PAUSES_MS.length) throw new ApiError(0, "connection_lost");
      await pause(SUBMIT_PAUSES_MS[attempt], signal);
    }
  }
}

const jobIdOf = async (response) => (await response.json()).job_id ?? response.headers.get("x-job-id");

/** Poll a job until it ends. */
async function ended(id, end, keepTrying, onstatus, signal) {
  for (let turn = 0; Date.now() < end; turn++) {
    const job = await keepTrying(() => get(`jobs/${id}`, { signal }));
    onstatus(job);
    if (job.status === "succeeded" || job.status === "failed") return job;
    await pause(POLL_INTERVALS_MS[Math.min(turn, POLL_INTERVALS_MS.length - 1)], signal);
  }
  throw new ApiError(0, "still_running");
}

/** Repeat a read until the API answers: without a network until `end`, a few times when the API has a problem. */
async function untilReached(work, end, onoffline, signal) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const offline = error.code === "unreachable";
      const temporary = [429, 500, 502, 503, 504].includes(error.status) && attempt < ATTEMPTS;
      if (offline && Date.now() >= end) throw new ApiError(0, "still_running");
      if (!offline && !temporary) throw error;
      if (offline) onoffline();
      await pause(offline ? OFFLINE_PAUSE_MS : (error.retryAfter ?? 2) * 1000, signal, offline);
    }
  }
}

/** Wait; with `untilOnline`, only until the browser has a network again. */
function pause(ms, signal, untilOnline = false) {
  return new Promise((resolve, reject) => {
    const done = (settle) => (value) => {
      clearTimeout(timer);
      window.removeEventListener("online", go);
      signal?.removeEventListener("abort", stop);
      settle(value);
    };
    const go = done(resolve);
    const stop = () => done(reject)(new DOMException("stopped", "AbortError"));
    const timer = setTimeout(go, ms);
    if (untilOnline) window.addEventListener("online", go);
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) stop();
  });
}

/** Cancel a job that has not started. Return whether that was possible. */
export async function cancelJob(id) {
  try {
    await call("DELETE", `jobs/${id}`);
    return true;
  } catch (error) {
    if (error.code === "job_conflict") return false;
    throw error;
  }
}
