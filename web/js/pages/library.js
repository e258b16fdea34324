// The Library page: images that are kept, found by words, tags, dates and favorites.

import { errorNote } from "../action-bar.js";
import { ASSETS } from "../api.js";
import { add, announce, bytesText, debounce, dialog, field, fill, h, icon, plural, select, toast } from "../dom.js";
import { accountHead, compareImages, confirmAt, dateRange, doEach, saveZip, selectionBar, usageCard } from "../gallery.js";
import { imageOfAsset, reuseOn } from "../images.js";
import { operationLabel } from "../labels.js";
import { assetButton, assetTitle, changeAsset, deleteAsset, libraryTotals, listAssets, toggleFavorite } from "../library.js";
import { codeButton, facts, imageActions } from "../layout.js";
import { recall } from "../memory.js";

const PAGE_SIZE = 40;
const SORTS = [["created_at desc", "Newest"], ["created_at asc", "Oldest"], ["title asc", "Title"], ["file_size desc", "Largest"]];
const PAGES = ["edit", "upscale", "control"]; // whose settings can be filled in again, besides Create

export function mount() {
  const usage = h("section", { class: "usage single", "aria-label": "Usage" });
  const list = h("ul", { class: "assets" });
  const more = h("button", { type: "button", hidden: true, onclick: () => load(assets.length) }, "Show more");
  const errorBox = h("div");
  let assets = [];
  const cards = new Map(); // asset id -> card

  const reload = debounce(() => load(), 300);
  const search = h("input", { type: "search", placeholder: "Search titles, prompts, tags and models", "aria-label": "Search", oninput: reload });
  const tags = h("input", { type: "text", placeholder: "Tags: sea, autumn", "aria-label": "Tags", oninput: reload });
  const dates = dateRange(reload);
  const favorites = h("input", { type: "checkbox", onchange: reload });
  const sort = select(SORTS, { "aria-label": "Order", onchange: reload });

  const chosen = () => assets.filter((asset) => cards.get(asset.id)?.box.checked);
  const images = () => Promise.all(chosen().map(imageOfAsset));
  const selection = selectionBar("Selected images", (count) => [
    ["Favorite", "star", async () => { for (const asset of chosen()) if (!asset.is_favorite) await cards.get(asset.id).toggle(); }],
    ["Download (zip)", "download", async () => saveZip(await images())],
    ...(count > 1 ? [["Compare", "image", async () => compareImages(await images())]] : []),
    ["Delete", "trash", ({ currentTarget }) => confirmAt(currentTarget, `Really delete ${plural(count, "image")}?`, () => remove(chosen()))],
  ], () => { for (const { box } of cards.values()) box.checked = false; });
  const context = { changed: () => selection.show(chosen().length), remove, open: (asset) => openAsset(asset, context), refresh: () => load() };

  const filters = () => {
    const [sort_by, sort_order] = sort.value.split(" ");
    return {
      search: search.value.trim(), tags: tags.value.trim(), favorites_only: favorites.checked || null,
      date_from: dates.from?.toISOString(), date_to: dates.to?.toISOString(), sort_by, sort_order,
    };
  };
  const request = () => new URLSearchParams(Object.entries(filters()).filter(([, value]) => value));
  let latest = 0;
  async function load(offset = 0) {
    const current = ++latest;
    try {
      const page = await listAssets({ ...filters(), limit: PAGE_SIZE, offset });
      if (current !== latest) return;
      fill(errorBox);
      assets = offset ? [...assets, ...page.assets] : page.assets;
      const focused = document.activeElement?.closest(".asset")?.dataset.id;
      if (!offset) { cards.clear(); fill(list); }
      for (const asset of page.assets) {
        cards.set(asset.id, assetCard(asset, context));
        list.append(cards.get(asset.id).node);
      }
      if (!assets.length) fill(list, nothing());
      if (focused) (cards.get(focused)?.node.querySelector("button") ?? search).focus({ preventScroll: true });
      more.hidden = assets.length >= page.total;
      context.changed();
      if (request().size > 2) announce(`${plural(page.total, "image")} found`);
    } catch (error) {
      if (current === latest) fill(errorBox, errorNote(error, () => load()));
    }
    showTotals();
  }
  const nothing = () => h("li", { class: "empty-state" }, icon("image"), h("p", {}, request().size > 2
    ? "No image matches." : "Nothing is kept yet. \"Save\" at a result keeps it here until you delete it."));

  async function remove(those) {
    await doEach(those, (asset) => deleteAsset(asset.id), (done) => done && `${plural(done, "image")} deleted`);
    await load();
  }

  async function showTotals() {
    const totals = await libraryTotals().catch(() => null);
    if (!totals) { fill(usage); return; }
    fill(usage, usageCard("Kept", plural(totals.total, "image"), Math.max(totals.total_bytes / totals.max_bytes, totals.total / totals.max_assets),
      `${bytesText(totals.total_bytes)} of ${totals.max_bytes / 1e9} GB, and at most ${totals.max_assets.toLocaleString("en")} images.`));
  }

  const node = h("div", { class: "history" },
    accountHead("library", "Images that you saved. They stay until you delete them.", codeButton(() => ({ method: "GET", path: `${ASSETS}?${request()}`, savesImages: false }))),
    usage, h("div", { class: "filters" }, search, tags, dates.nodes, sort, h("label", { class: "check" }, favorites, h("span", {}, "Favorites"))), selection.node, errorBox, list, more);
  return { node, onshow: () => load() };
}

function assetCard(asset, { changed, open }) {
  const title = assetTitle(asset);
  const box = h("input", { type: "checkbox", "aria-label": `Select ${title}`, onchange: changed });
  const star = h("button", { type: "button", class: "ghost icon-only star", "aria-label": `Favorite: ${title}`, "aria-pressed": String(asset.is_favorite), onclick: () => toggle() }, icon("star"));
  async function toggle() {
    try {
      asset.is_favorite = (await toggleFavorite(asset.id)).is_favorite;
      star.setAttribute("aria-pressed", String(asset.is_favorite));
    } catch (error) {
      toast(error.message);
    }
  }
  const node = h("li", { class: "asset", dataset: { id: asset.id } }, assetButton(asset, "Open", () => open(asset)),
    h("div", { class: "asset-foot" }, box, h("span", { title }, title), star), asset.tags.length > 0 && h("p", { class: "hint" }, asset.tags.join(", ")));
  return { node, box, toggle };
}

/** An asset in full size, with what is known of it. */
function openAsset(asset, { remove, refresh }) {
  const shown = h("img", { class: "full", src: asset.thumbnail_url, alt: assetTitle(asset) });
  const actions = h("div", { class: "dialog-end" });
  const title = h("input", { type: "text", maxlength: 200, value: asset.title ?? "" });
  const tags = h("input", { type: "text", value: asset.tags.join(", ") });
  const description = h("textarea", { rows: 2, maxlength: 2000 });
  description.value = asset.description ?? "";
  const errorBox = h("p", { class: "error", role: "alert", hidden: true });
  const form = h("form", { class: "dialog-form", onsubmit: async (event) => {
    event.preventDefault();
    try {
      await changeAsset(asset.id, { title: title.value.trim(), description: description.value.trim(), tags: tags.value.split(",").map((tag) => tag.trim()).filter(Boolean) });
      box.close();
      refresh();
      announce("Saved");
    } catch (error) {
      errorBox.textContent = error.message;
      errorBox.hidden = false;
    }
  } }, h("div", { class: "pair" }, field("Title", title), field("Tags", tags)), field("Description", description), errorBox,
  h("div", { class: "form-end" }, h("span", { class: "first" },
    h("button", { type: "button", class: "ghost danger", onclick: ({ currentTarget }) => confirmAt(currentTarget, "Really delete?", () => { box.close(); remove([asset]); }) }, "Delete")),
  h("button", { type: "submit", class: "primary" }, "Save changes")));
  const { operation = "", width, height, seed } = asset.asset_metadata;
  const box = dialog(assetTitle(asset), shown, actions, h("div", { class: "dialog-form" }, facts([
    ["Prompt", asset.prompt], ["Made by", operation && operationLabel(operation)], ["Model", [asset.provider, asset.model].filter(Boolean).join(" · ")], ["Size", width && `${width} × ${height}`],
    ["File size", bytesText(asset.file_size)], ["Seed", seed], ["Charged", asset.cost ? plural(asset.cost, "credit") : null],
    ["Saved", new Date(asset.created_at).toLocaleDateString("en-US", { day: "numeric", month: "long", year: "numeric" })],
  ])), form);
  box.classList.add("wide");
  imageOfAsset(asset).then((image) => {
    shown.src = image.url;
    const bar = imageActions(image);
    bar.addEventListener("click", () => box.close());
    fill(actions, bar);
    if (asset.prompt || operation) add(actions, h("button", { type: "button", class: "small", onclick: () => { box.close(); reuseAsset(asset); } }, "Reuse"));
  }, (error) => fill(actions, h("p", { class: "error", role: "alert" }, error.message)));
}

/** Open the page that made an asset, with its settings: all that this browser remembers of the job, else what the record says. */
async function reuseAsset({ prompt, provider, model, asset_metadata: { operation = "", job_id: job, seed, width, height } }) {
  const known = job ? await recall(job).catch(() => ({})) : {};
  if (known.body) { reuseOn(known.page, known.body); return; }
  const [group, name] = operation.split(".");
  const page = PAGES.includes(group) ? group : "create";
  reuseOn(page, { prompt, provider, model, seed, ...(page === "create" ? { width, height } : {}), ...(name ? { operation: name } : {}) });
}
