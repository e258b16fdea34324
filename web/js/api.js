// Requests to the API: tokens, errors, jobs, uploads.

import { ApiError } from "./errors.js";
import { session } from "./session.js";

const POLL_INTERVALS_MS = [300, 500, 800, 1200, 1500];
const POLL_LIMIT_MS = 15 * 60 * 1000;

async function errorFrom(response) {
  let body = {};
  try { body = await response.json(); } catch { /* not JSON: a proxy's page */ }
  return new ApiError(response.status, body.code, typeof body.detail === "string" ? body.detail : "", {
    retryAfter: Number(response.headers.get("retry-after")) || null,
    usage: body.code === "not_enough_credits" ? await get("usage").catch(() => null) : null,
  });
}

async function send(method, path, { body, headers = {}, signal } = {}) {
  const url = path.startsWith("/") ? path : `${session.api}/${path}`;
  const allHeaders = { ...headers, authorization: `Bearer ${await session.token()}` };
  if (body !== undefined) allHeaders["content-type"] = "application/json";
  try {
    return await fetch(url, { method, headers: allHeaders, body: body === undefined ? undefined : JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable");
  }
}

/** Call the API. Return its JSON, or throw an ApiError. An expired token is renewed once. */
export async function call(method, path, options = {}) {
  let response = await send(method, path, options);
  if (response.status === 401 && await session.renew()) response = await send(method, path, options);
  if (!response.ok) throw await errorFrom(response);
  return response.json();
}

export const get = (path, options) => call("GET", path, options);

const cache = new Map();
/** Read what changes only with a deployment. Each path is requested once. */
export function getCached(path) {
  if (!cache.has(path)) {
    const response = get(path);
    cache.set(path, response);
    response.catch(() => cache.delete(path));
  }
  return cache.get(path);
}

const pause = (ms, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener("abort", () => { clearTimeout(timer); reject(new DOMException("stopped", "AbortError")); }, { once: true });
});

/**
 * Run a paid operation: submit it, poll its job, and return the operation's response, the job's id and its record.
 * `onstatus` gets each job record. The Idempotency-Key makes a repeated submit join the same job.
 */
export async function runJob(path, body, { onstatus = () => {}, signal } = {}) {
  const headers = { prefer: "respond-async", "idempotency-key": crypto.randomUUID() };
  try {
    const accepted = await submit(path, body, headers, signal);
    if (!accepted.job_id) return { response: accepted, id: null };
    const job = await pollJob(accepted.job_id, onstatus, signal);
    return { response: await get(`jobs/${job.job_id}/result`, { signal }), id: job.job_id, job };
  } catch (error) {
    throw error.code === "unreachable" ? new ApiError(0, "connection_lost") : error;
  }
}

async function submit(path, body, headers, signal) {
  try {
    return await call("POST", path, { body, headers, signal });
  } catch (error) {
    if (error.code !== "unreachable") throw error;
    await pause(1000, signal);
    return call("POST", path, { body, headers, signal }); // the same key, so it can't be charged twice
  }
}

/** Poll a job until it ends, for at most 15 minutes. */
async function pollJob(id, onstatus, signal) {
  const deadline = Date.now() + POLL_LIMIT_MS;
  for (let turn = 0; Date.now() < deadline; turn++) {
    const job = await getJob(id, signal);
    onstatus(job);
    if (job.status === "succeeded" || job.status === "failed") return job;
    await pause(POLL_INTERVALS_MS[Math.min(turn, POLL_INTERVALS_MS.length - 1)], signal);
  }
  throw new ApiError(0, "still_running");
}

async function getJob(id, signal) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await get(`jobs/${id}`, { signal });
    } catch (error) {
      const temporary = error.code === "unreachable" || [429, 500, 503].includes(error.status);
      if (!temporary || attempt >= 4) throw error;
      await pause((error.retryAfter ?? 2) * 1000, signal);
    }
  }
}

/** Upload an image to the bucket. Return the reference that a request can carry instead of the image. */
export async function upload(blob) {
  const { upload_id: id, url, fields } = await call("POST", "uploads", { body: { content_type: blob.type } });
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", blob);
  const response = await fetch(url, { method: "POST", body: form });
  if (!response.ok) throw new ApiError(response.status, "upload_failed");
  return `upload:${id}`;
}
