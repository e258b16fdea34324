// Requests to the API: tokens, errors, uploads.

import { ApiError } from "./errors.js";
import { session } from "./session.js";

async function errorFrom(response) {
  let body = {};
  try { body = await response.json(); } catch { /* not JSON: a proxy's page */ }
  return new ApiError(response.status, body.code, typeof body.detail === "string" ? body.detail : "", {
    retryAfter: Number(response.headers.get("retry-after")) || null,
    usage: body.code === "not_enough_credits" ? await get("usage").catch(() => null) : null,
  });
}

export const ASSETS = "/api/content-assets"; // the library, beside the API's other paths

/** The URL of a path: below the API's, or where it starts with a slash, the origin's. */
export const urlOf = (path) => (path.startsWith("/") ? path : `${session.api}/${path}`);

async function send(method, path, { body, headers = {}, signal } = {}) {
  const allHeaders = { ...headers, authorization: `Bearer ${await session.token()}` };
  if (body !== undefined) allHeaders["content-type"] = "application/json";
  try {
    return await fetch(urlOf(path), { method, headers: allHeaders, body: body === undefined ? undefined : JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable");
  }
}

/** Call the API. Return its JSON (or what `read` makes of the response), or throw an ApiError. An expired token is renewed once. */
export async function call(method, path, { read = (response) => response.json(), ...options } = {}) {
  let response = await send(method, path, options);
  if (response.status === 401 && await session.renew()) response = await send(method, path, options);
  if (!response.ok) throw await errorFrom(response);
  return read(response);
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
