// What this browser remembers of its own results until they expire: small thumbnails, the request, and favorites.
// History shows them without loading the images, and "Reuse" fills a form from them.

/** Read or write a value of this browser's own settings; null and no effect where it keeps none, as in private mode. */
export const stored = (name) => { try { return JSON.parse(localStorage.getItem(name)); } catch { return null; } };
export const store = (name, value) => { try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* private mode */ } };

/** Read or keep what a reload of this tab brings back. Null removes it. */
export const keptInTab = (name) => { try { return JSON.parse(sessionStorage.getItem(name)); } catch { return null; } };
export function keepInTab(name, value) {
  try {
    if (value === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, JSON.stringify(value));
  } catch { /* private mode, or full */ }
}

const STORE = "image-studio-results";
const KEPT = 500; // results, the newest
const THUMBNAIL_SIDE = 192; // pixels
const TEXT_LENGTH = 12_000; // a longer value of a request is an image

const address = (id) => `${location.origin}/remembered/${id}`;
const open = () => globalThis.caches?.open(STORE).catch(() => null); // none in private mode

/** Return what is remembered of a job, or an empty object. */
export async function recall(id) {
  const found = await (await open())?.match(address(id));
  return found ? found.json() : {};
}

let writing = Promise.resolve();
/** Add facts to what is remembered of a job. One call waits for the one before, whose facts it keeps. */
export function remember(id, facts) {
  writing = writing.catch(() => { /* its caller has the error */ }).then(() => write(id, facts));
  return writing;
}

async function write(id, facts) {
  const cache = await open();
  if (!cache) return;
  await cache.put(address(id), Response.json({ ...await recall(id), ...facts }));
  const all = await cache.keys();
  await Promise.all(all.slice(0, Math.max(0, all.length - KEPT)).map((each) => cache.delete(each)));
}

export const forgetResult = async (id) => (await open())?.delete(address(id));

/** The fields of a request that can be filled in again: without images, but with references to earlier results. */
const reusable = (body) => Object.fromEntries(Object.entries(body).filter(([, value]) =>
  typeof value !== "string" || (value.length < TEXT_LENGTH && !value.startsWith("data:"))));

/** Remember a job: its page, title and request, and once there are images, a thumbnail of each. */
export async function rememberJob(id, { page, path, body, title, images }) {
  const thumbnails = images && await Promise.all(images.map(thumbnailOf));
  await remember(id, { page, path, title, body: body && reusable(body), ...(thumbnails && { thumbnails }) });
  window.dispatchEvent(new CustomEvent("remembered", { detail: id }));
}

async function thumbnailOf(image) {
  const drawing = Object.assign(new Image(), { src: image.url });
  await drawing.decode();
  const scale = Math.min(1, THUMBNAIL_SIDE / Math.max(image.width, image.height));
  const canvas = Object.assign(document.createElement("canvas"), { width: Math.max(1, Math.round(image.width * scale)), height: Math.max(1, Math.round(image.height * scale)) });
  canvas.getContext("2d").drawImage(drawing, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/webp", 0.8);
}
