// Images in the page's memory: loading, sending, saving, and passing them between pages.

import { ASSETS, get, upload } from "./api.js";
import { ApiError } from "./errors.js";

const INLINE_BYTES = 3_000_000; // all images of one request together; larger ones are uploaded
const FILE_TYPES = ["image/png", "image/jpeg", "image/webp", "image/avif"];

/** An image: its bytes, a blob URL, its size in pixels, and the reference (`job:...`, `upload:...`) that can replace the bytes. */
export async function imageFromBlob(blob, { name = "image", ref = null } = {}) {
  const url = URL.createObjectURL(blob);
  const element = new Image();
  element.src = url;
  try {
    await element.decode();
  } catch {
    URL.revokeObjectURL(url);
    throw new ApiError(0, "not_an_image", name);
  }
  return { blob, url, name, ref, width: element.naturalWidth, height: element.naturalHeight };
}

/** Whether the API takes an image's file type. */
export const isUsable = ({ blob }) => FILE_TYPES.includes(blob.type);

const loading = new Set();
/** Register an image or a list that is being loaded, so that `loadingDone` waits for it. */
export function trackLoading(work) {
  loading.add(work);
  return work.finally(() => loading.delete(work));
}
/** Wait until everything registered has loaded or failed. */
export const loadingDone = () => Promise.allSettled(loading);

/** The image of a file that a person chose. */
export async function imageFromFile(file) {
  if (!FILE_TYPES.includes(file.type)) throw new ApiError(0, "not_an_image", file.name);
  return imageFromBlob(file, { name: file.name });
}

/** The image of one result in a response: base64, a data URL, or a presigned URL. */
export async function imageFromResult(result, { name, ref } = {}) {
  return imageFromBlob(await blobOf(result), { name, ref });
}

async function blobOf(result) {
  if (result.image_url) {
    const response = await fetch(result.image_url).catch(() => { throw new ApiError(0, "unreachable"); });
    if (!response.ok) throw new ApiError(response.status, "image_expired");
    return response.blob();
  }
  const [, type, text] = result.image_base64.match(/^data:([^;]+);base64,(.*)$/s) ?? [null, "image/png", result.image_base64];
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return new Blob([bytes], { type });
}

/** The image that a reference to an earlier result (`job:`) or to the library (`asset:`) names. */
export async function imageOfRef(ref) {
  const [kind, id, number] = ref.split(/[:/]/);
  if (kind === "asset") return imageOfAsset(await get(`${ASSETS}/${id}`));
  const response = await get(`jobs/${id}/result?delivery=url`);
  const result = resultsOf(response).find((one) => one.variation === Number(number)) ?? response;
  return imageFromResult(result, { name: `image-${number}`, ref });
}

/** The image of a record of the library. */
export async function imageOfAsset({ id, filename, file_url, prompt }) {
  const image = await imageFromResult({ image_url: file_url }, { name: filename.replace(/\.\w+$/, ""), ref: `asset:${id}` });
  return { ...image, prompt };
}

/** A canvas as an image of a request; it is encoded when the request is sent. */
export const canvasImage = (canvas) => ({ canvas, blob: new Blob([], { type: "image/png" }) });

/** Encode a canvas. */
export const canvasBlob = (canvas, type = "image/png") =>
  new Promise((resolve) => canvas.toBlob(resolve, type, 0.92));

const dataUrl = (blob) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result);
  reader.onerror = () => reject(reader.error);
  reader.readAsDataURL(blob);
});

/**
 * Replace the images of a request body by what is sent: the reference if there is one, else a data URL, or an upload
 * when the images together are too large for one request.
 */
export async function encodeImages(body) {
  const entries = await Promise.all(Object.entries(body).map(async ([name, value]) =>
    [name, value?.canvas ? { blob: await canvasBlob(value.canvas) } : value]));
  const unsent = entries.filter(([, value]) => value?.blob && !value.ref).sort((a, b) => a[1].blob.size - b[1].blob.size);
  let room = INLINE_BYTES;
  const sent = Object.fromEntries(entries);
  for (const [name, value] of entries) if (value?.ref) sent[name] = value.ref;
  for (const [name, value] of unsent) {
    if (value.blob.size <= room) {
      room -= value.blob.size;
      sent[name] = await dataUrl(value.blob);
    } else {
      value.ref = await upload(value.blob);
      sent[name] = value.ref;
    }
  }
  return sent;
}

const RECENT_COUNT = 24;
/** The results of this session, newest first; image pickers offer them. */
export const recent = {
  list: [],
  add(...images) {
    this.list = [...images, ...this.list].slice(0, RECENT_COUNT);
    window.dispatchEvent(new Event("recent"));
  },
};

const EXTENSIONS = { "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/avif": "avif", "image/gif": "gif", "image/bmp": "bmp" };
export const extensionOf = (blob) => EXTENSIONS[blob.type] ?? "png";

/** The name of an image's file. */
export const fileNameOf = (image) => `${image.name}.${extensionOf(image.blob)}`;

/** The results of a response: those of its variations or formats, else the response itself. */
export const resultsOf = (response) => response.results ?? [response];

/** Save bytes as a file. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const incoming = new Map(); // page -> image
function goTo(page) {
  if (location.hash === `#/${page}`) window.dispatchEvent(new Event("hashchange"));
  else location.hash = `#/${page}`;
}
/** Open an image on another page. */
export function openOn(page, image) {
  incoming.set(page, image);
  goTo(page);
}
const toReuse = new Map(); // page -> body of an earlier request
/** Open a page with the settings of an earlier request. */
export function reuseOn(page, body) {
  toReuse.set(page, body);
  goTo(page);
}
/** Open Control with an image as the style reference of a new one. */
export function useStyleOf(image) {
  incoming.set("control", image);
  reuseOn("control", { operation: "style", prompt: image.prompt });
}
/** Return the request whose settings a page should take over, once. */
export function takeReuse(page) {
  const body = toReuse.get(page);
  toReuse.delete(page);
  return body;
}

/** Return the image that was opened on a page, once. */
export function takeIncoming(page) {
  const image = incoming.get(page) ?? null;
  incoming.delete(page);
  return image;
}
