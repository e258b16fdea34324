// The library: images that are kept until they are deleted. Save, list, change and choose them.

import { ASSETS, call, get } from "./api.js";
import { debounce, dialog, fill, h } from "./dom.js";
import { encodeImages, imageOfAsset } from "./images.js";
import { withoutEmpty } from "./layout.js";

const PICKED_FROM = 24; // images that the picker's dialog shows
const TITLE_LENGTH = 200;

/** Keep an image in the library. A result is named by its reference, so its prompt, model and cost come along. */
export async function saveToLibrary(image) {
  const title = image.ref?.startsWith("job:") ? null : image.name.slice(0, TITLE_LENGTH);
  return call("POST", "save-to-library", { body: withoutEmpty(await encodeImages({ image_base64: image, title })) });
}

/** A page of the library: {assets, total}. */
export const listAssets = (filters) => get(`${ASSETS}?${new URLSearchParams(withoutEmpty(filters))}`);
export const libraryTotals = () => get(`${ASSETS}/statistics`);
export const changeAsset = (id, body) => call("PUT", `${ASSETS}/${id}`, { body });
export const deleteAsset = (id) => call("DELETE", `${ASSETS}/${id}`);
export const toggleFavorite = (id) => call("POST", `${ASSETS}/${id}/favorite`);

/** What people call an asset. */
export const assetTitle = (asset) => asset.title || asset.prompt || asset.filename;

/** An asset's thumbnail, which opens it. */
export const assetButton = (asset, label, onclick) => h("button", { type: "button", class: "asset-image", "aria-label": `${label} ${assetTitle(asset)}`, onclick },
  h("img", { src: asset.thumbnail_url, alt: "", loading: "lazy" }));

/** Choose an image of the library; `onpick` gets a function that loads it. */
export function chooseFromLibrary(onpick) {
  const list = h("div", { class: "assets", "aria-busy": "true" });
  const search = h("input", { type: "search", placeholder: "Search titles, prompts and tags", "aria-label": "Search the library", oninput: debounce(() => load(), 300) });
  const box = dialog("Your library", h("div", { class: "dialog-form" }, search, list));
  const pick = (asset) => { box.close(); onpick(() => imageOfAsset(asset)); };
  async function load() {
    try {
      const { assets } = await listAssets({ search: search.value, limit: PICKED_FROM });
      fill(list, assets.map((asset) => assetButton(asset, "Use", () => pick(asset))), !assets.length && h("p", { class: "hint" }, search.value ? "No image matches." : "The library is empty. \"Save\" at a result keeps it here."));
    } catch (error) {
      fill(list, h("p", { class: "error", role: "alert" }, error.message));
    }
    list.removeAttribute("aria-busy");
  }
  load();
}
