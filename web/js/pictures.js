// Pictures in the page's memory: where they come from, how they are sent, and which are at hand for the next studio.

import { ApiError, upload } from "./api.js";

const INLINE_BYTES = 3_000_000; // what one request carries as base64; the rest goes up by itself
const KINDS = ["image/png", "image/jpeg", "image/webp"];

/** A picture: its bytes, a blob URL to show it, its size in pixels, and the reference that stands for it, if any. */
export async function pictureOf(blob, { name = "picture", ref = null } = {}) {
  const url = URL.createObjectURL(blob);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    URL.revokeObjectURL(url);
    throw new ApiError(0, "not_a_picture", `${name} can't be shown as a picture. Use a PNG, JPEG or WebP file.`);
  }
  return { blob, url, image, name, ref, width: image.naturalWidth, height: image.naturalHeight };
}

const loading = new Set();
/** Note that a picture, or a list that a form is made of, is on its way, so that who needs it waits for it. */
export function onItsWay(work) {
  loading.add(work);
  return work.finally(() => loading.delete(work));
}
/** Once all that is on its way is there, or has failed. */
export const allThere = () => Promise.allSettled(loading);

/** A picture from a file that a person chose. */
export async function pictureFromFile(file) {
  if (!KINDS.includes(file.type)) {
    throw new ApiError(0, "not_a_picture", `${file.name} is not a PNG, JPEG or WebP picture.`);
  }
  return pictureOf(file, { name: file.name });
}

/** The picture of one part of an answer: base64, a data URL, or a presigned URL. */
export async function pictureFromPart(part, { name, ref } = {}) {
  return pictureOf(await blobOf(part), { name, ref });
}

async function blobOf(part) {
  if (part.image_url) {
    const response = await fetch(part.image_url);
    if (!response.ok) throw new ApiError(response.status, "gone", "The picture is no longer there.");
    return response.blob();
  }
  const [, kind, text] = part.image_base64.match(/^data:([^;]+);base64,(.*)$/s) ?? [null, "image/png", part.image_base64];
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return new Blob([bytes], { type: kind });
}

/** A drawn picture to try things with: `name` of img/, its longer side `longest` pixels. */
export async function samplePicture({ name = "sample", longest = 1200 } = {}) {
  const drawing = new Image();
  drawing.src = `img/${name}.svg`;
  await drawing.decode();
  const scale = longest / Math.max(drawing.naturalWidth, drawing.naturalHeight);
  const width = Math.round(drawing.naturalWidth * scale);
  const height = Math.round(drawing.naturalHeight * scale);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").drawImage(drawing, 0, 0, width, height);
  const picture = await pictureOf(await canvasBlob(canvas, "image/jpeg"), { name: `${name}.jpg` });
  return { ...picture, sample: true };
}

/** A drawing, to be made a file of when it is sent. */
export const drawing = (canvas) => ({ canvas, blob: new Blob([], { type: "image/png" }) });

/** What a canvas shows, as a file. */
export const canvasBlob = (canvas, type = "image/png") =>
  new Promise((resolve) => canvas.toBlob(resolve, type, 0.92));

const dataUrl = (blob) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result);
  reader.onerror = () => reject(reader.error);
  reader.readAsDataURL(blob);
});

/**
 * A request body whose pictures are made sendable: a reference as it is, a drawing as PNG, small ones as data URLs,
 * and those that don't fit into one request as uploads.
 */
export async function packed(body) {
  const entries = await Promise.all(Object.entries(body).map(async ([name, value]) =>
    [name, value?.canvas ? { blob: await canvasBlob(value.canvas) } : value]));
  const carried = entries.filter(([, value]) => value?.blob && !value.ref).sort((a, b) => a[1].blob.size - b[1].blob.size);
  let room = INLINE_BYTES;
  const sent = Object.fromEntries(entries);
  for (const [name, value] of entries) if (value?.ref) sent[name] = value.ref;
  for (const [name, value] of carried) {
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

const KEPT = 24;
/** The session's results, newest first: what pickers offer. */
export const recent = {
  list: [],
  add(...pictures) {
    this.list = [...pictures, ...this.list].slice(0, KEPT);
    window.dispatchEvent(new Event("recent"));
  },
};

const EXTENSIONS = { "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp" };
export const extensionOf = (blob) => EXTENSIONS[blob.type] ?? "png";

/** Save bytes under a name. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const carried = new Map();
/** Hand a picture to another studio and go there. */
export function carry(studio, picture) {
  carried.set(studio, picture);
  if (location.hash === `#/${studio}`) window.dispatchEvent(new Event("hashchange"));
  else location.hash = `#/${studio}`;
}
/** What was handed to a studio, once. */
export function takeCarried(studio) {
  const picture = carried.get(studio) ?? null;
  carried.delete(studio);
  return picture;
}
