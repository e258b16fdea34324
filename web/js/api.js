// The one door to the API: tokens, errors as its own sentences, jobs, uploads.

import { session } from "./session.js";

const POLL_MS = [300, 500, 800, 1200, 1500];
const LONGEST_WAIT_MS = 15 * 60 * 1000;

/** What went wrong, in a sentence that a person can act on. */
export class ApiError extends Error {
  constructor(status, code, detail, retryAfter = null) {
    super(detail);
    Object.assign(this, { status, code, retryAfter });
  }
}

// What the gateway says by itself has no sentence: these stand in for it.
const GATEWAY = {
  401: "You are not signed in, or your session has ended. Sign in again.",
  403: "This account may not do that.",
  404: "The API has nothing at this address.",
  413: "The request is larger than 10 MB.",
  429: "Too many requests at once. Wait a moment and try again.",
  500: "The API failed. Try again in a moment.",
  503: "The API is not available right now. Try again in a moment.",
};

async function failure(response) {
  let body = {};
  try { body = await response.json(); } catch { /* not JSON: a proxy's page */ }
  const wait = Number(response.headers.get("retry-after")) || null;
  const words = typeof body.detail === "string" ? body.detail : GATEWAY[response.status];
  return new ApiError(response.status, body.code ?? "gateway", words ?? `The API answered ${response.status}.`, wait);
}

async function send(method, path, { body, headers = {}, signal } = {}) {
  const url = path.startsWith("/") ? path : `${session.api}/${path}`;
  const whole = { ...headers, authorization: `Bearer ${await session.token()}` };
  if (body !== undefined) whole["content-type"] = "application/json";
  try {
    return await fetch(url, { method, headers: whole, body: body === undefined ? undefined : JSON.stringify(body), signal });
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new ApiError(0, "unreachable", "The API can't be reached. Check the connection and try again.");
  }
}

/** Call the API; its JSON, or an ApiError. A token that has expired is renewed once. */
export async function call(method, path, options = {}) {
  let response = await send(method, path, options);
  if (response.status === 401 && await session.renew()) response = await send(method, path, options);
  if (!response.ok) throw await failure(response);
  return response.json();
}

export const get = (path, options) => call("GET", path, options);

const cache = new Map();
/** A read that changes with a deployment only, asked once. */
export function catalog(path) {
  if (!cache.has(path)) {
    const asked = get(path);
    cache.set(path, asked);
    asked.catch(() => cache.delete(path));
  }
  return cache.get(path);
}

const pause = (ms, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener("abort", () => { clearTimeout(timer); reject(new DOMException("stopped", "AbortError")); }, { once: true });
});

/**
 * Run a paid operation: submit it, follow its job, give the operation's own body and the job's id.
 * `onstatus` gets each status record. The Idempotency-Key makes a repeated submit join the same job.
 */
export async function runJob(path, body, { onstatus = () => {}, signal } = {}) {
  const headers = { prefer: "respond-async", "idempotency-key": crypto.randomUUID() };
  const accepted = await submit(path, body, headers, signal);
  if (!accepted.job_id) return { answer: accepted, id: null };
  const job = await follow(accepted.job_id, onstatus, signal);
  return { answer: await get(`jobs/${job.job_id}/result`, { signal }), id: job.job_id, job };
}

async function submit(path, body, headers, signal) {
  try {
    return await call("POST", path, { body, headers, signal });
  } catch (problem) {
    if (problem.code !== "unreachable") throw problem;
    await pause(1000, signal);
    return call("POST", path, { body, headers, signal }); // the same key: it can't be paid twice
  }
}

/** Ask for a job's status until it ends, at most 15 minutes. */
export async function follow(id, onstatus, signal) {
  const ends = Date.now() + LONGEST_WAIT_MS;
  for (let turn = 0; Date.now() < ends; turn++) {
    const job = await statusOf(id, signal);
    onstatus(job);
    if (job.status === "succeeded" || job.status === "failed") return job;
    await pause(POLL_MS[Math.min(turn, POLL_MS.length - 1)], signal);
  }
  throw new ApiError(0, "slow", "The job still runs. It will be in History when it is done.");
}

async function statusOf(id, signal) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await get(`jobs/${id}`, { signal });
    } catch (problem) {
      const passing = problem.code === "unreachable" || [429, 500, 503].includes(problem.status);
      if (!passing || attempt >= 4) throw problem;
      await pause((problem.retryAfter ?? 2) * 1000, signal);
    }
  }
}

/** Put a picture into the bucket; the reference that a request may carry in its place. */
export async function upload(blob) {
  const { upload_id: id, url, fields } = await call("POST", "uploads", { body: { content_type: blob.type } });
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", blob);
  const response = await fetch(url, { method: "POST", body: form });
  if (!response.ok) throw new ApiError(response.status, "upload_failed", "The picture could not be uploaded. Try again.");
  return `upload:${id}`;
}
