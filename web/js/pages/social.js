// The Social page: images in the sizes of all platforms. It is free, so it runs as soon as an image is chosen.

import { actionBar, errorNote } from "../action-bar.js";
import { bytesText, debounce, field, fill, h, icon, pick, plural, segmented, select } from "../dom.js";
import { errorText } from "../errors.js";
import { imagePicker, sampleButton } from "../image-picker.js";
import { fileNameOf, imageFromResult, save, takeIncoming, trackLoading } from "../images.js";
import { slug, stemOf } from "../labels.js";
import { emptyState, pageLayout, reveal } from "../layout.js";
import { attentionOf, cropAround, focalEditor, middleOf } from "../tools/focal-point.js";
import { formatKey, formatList } from "../tools/format-list.js";
import { renditionCard } from "../tools/rendition.js";
import { zip } from "../zip.js";

const FILE_TYPES = [["jpeg", "JPEG"], ["png", "PNG"], ["webp", "WebP"]];
const BACKGROUNDS = [["", "Edge color"], ["white", "White"], ["blur", "Blurred image"], ["black", "Black"]];
/** What the API says placed the crops -> what the ring says. */
const DETECTED = {
  face: (count) => `detected: ${plural(count, "face")}`, saliency: () => "detected: what stands out", center: () => "nothing stands out: the center",
};
const MAX_IMAGES = 20; // at once; each is a request of its own
const SAMPLE_SIDE = 3000; // pixels; enough for every format
const RUN_DELAY_MS = 700; // after the last change; each run counts against the caller's rate limit
const LONGEST_WAIT = 60; // seconds; a longer rate limit is a day's

export function mount() {
  const groups = h("div", { class: "social-groups" });
  const head = h("div", { class: "result-head" });
  const errorBox = h("div");
  const items = new Map(); // image -> {image, focal, detected, focusedBy, faces, cards by format, node, ...}
  const state = { crop: "smart", running: false, pause: 0, waits: 0 };

  const source = imagePicker("Images", { sample: { longest: SAMPLE_SIDE }, most: MAX_IMAGES, leastSide: 1, onpick: () => { updateItems(); scheduleRun(); } });
  const empty = emptyState("social", "Choose images. Every selected format is made at once.", sampleButton(source));
  const workspace = h("div", { class: "result" }, empty, errorBox, head, groups);
  const formats = formatList({ onchange: () => { updateItems(); scheduleRun(); } });
  const fileType = select(FILE_TYPES);
  const background = select(BACKGROUNDS);
  const backgroundField = field("Background", background);
  backgroundField.hidden = true;
  const zones = h("input", { type: "checkbox" });
  const outcome = h("span", { role: "status" }, "no AI provider is used");

  const allCards = () => [...items.values()].flatMap((item) => [...item.cards.values()]);
  const madeCards = () => allCards().filter((card) => card.image);
  const focalOf = (item, card) => (state.crop === "smart" ? card?.focal ?? item.focal : null);

  // --- requests: one for each image, and one more for each focal point of its own ---------------------------------

  function requestFor(image, focal, chosen) {
    const names = {};
    for (const { platform, format } of chosen) (names[platform] ??= []).push(format.name);
    return { path: "social/optimize", body: {
      image_base64: image, platforms: Object.keys(names), format_names: names, crop_mode: state.crop, output_format: fileType.value,
      ...(focal ? { focal_point: focal } : {}), ...(state.crop === "fit" && background.value ? { options: { background: background.value } } : {}),
    } };
  }
  function nextBatch() {
    for (const item of items.values()) {
      const [first, ...others] = [...item.cards.values()].filter((card) => card.stale);
      if (!first) continue;
      const focal = focalOf(item, first);
      return { item, focal, cards: [first, ...others.filter((card) => focalOf(item, card) === focal)] };
    }
    return null;
  }
  const action = actionBar({
    page: "social", verb: () => `Make ${plural(formats.selected.size * Math.max(1, items.size), "file")}`, paid: false, start,
    request: () => requestFor(source.image, items.get(source.image)?.focal, formats.selected.values()),
  });
  /** Make what is not made yet, or what a change made stale. A rate limit pauses it. */
  async function run() {
    if (state.running || focus.dragging) return;
    Object.assign(state, { running: true, pause: 0, waits: 0 });
    fill(errorBox);
    for (let batch = nextBatch(); batch && !focus.dragging; batch = nextBatch()) {
      await action.run({ ...requestFor(batch.item.image, batch.focal, batch.cards), ...batch });
      if (state.pause) await new Promise((done) => setTimeout(done, state.pause * 1000));
      if (state.pause < 0) break;
      state.pause = 0;
    }
    state.running = false;
  }
  const scheduleRun = debounce(run, RUN_DELAY_MS);
  const markAll = () => { for (const card of allCards()) card.stale = true; };
  const again = () => { markAll(); scheduleRun(); };

  function start({ item, cards }) {
    fill(item.errorBox);
    say(items.size > 1 ? `Making image ${[...items.keys()].indexOf(item.image) + 1} of ${items.size}` : `Making ${plural(cards.length, "image")}`);
    for (const card of cards) card.wait();
    return {
      finish: async ({ response }) => {
        for (const result of response.results) {
          const card = cards.find(({ platform, format }) => platform === result.platform && format.name === result.format);
          const image = await imageFromResult(result, { name: `${result.platform}-${slug(result.format)}` });
          if (card && !card.stale) card.show(result, image); // a stale one is made again
        }
        for (const failed of response.errors) cards.find(({ platform, format }) => platform === failed.platform && format.name === failed.format)?.fail(errorText(failed));
        detect(item, response.results);
        showTotal();
        return [];
      },
      fail: (error) => failed(item, cards, error),
    };
  }
  function failed(item, cards, error) {
    for (const card of cards) card.idle();
    if (error.status === 429 && error.retryAfter <= LONGEST_WAIT && ++state.waits <= MAX_IMAGES) {
      for (const card of cards) card.stale = true;
      state.pause = error.retryAfter ?? 1;
      say(`Your tier's request limit is reached. Going on in ${plural(state.pause, "second")}.`);
      return;
    }
    say("not made");
    const ownFault = [400, 413].includes(error.status);
    if (!ownFault) state.pause = -1; // the other images would fail as well
    fill(ownFault ? item.errorBox : errorBox, errorNote(error, () => { for (const card of cards) card.stale = true; run(); }));
  }
  function detect(item, results) {
    const [first] = results;
    if (!first || state.crop !== "smart" || !(first.crop.focus in DETECTED)) return;
    item.faces = first.crop.faces;
    item.focusedBy = first.crop.focus;
    item.detected = item.focusedBy === "face" ? middleOf(item.faces) : attentionOf([...item.cards.values()].filter((card) => card.image && !focalOf(item, card)).map((card) => card.area));
    showFocus();
  }

  // --- the focal point: of an image, or of one of its formats ------------------------------------------------------

  const focus = focalEditor({ onmove: setFocalPoint, onend: scheduleRun });
  const target = select([["", "All formats"]], { onchange: () => showFocus() });
  const reset = h("button", { type: "button", class: "link", hidden: true, onclick: () => { setFocalPoint(null); scheduleRun(); } });
  const focusNode = h("div", { class: "focus", hidden: true }, h("p", { class: "picker-label" }, "Mark what must stay visible"), focus.node,
    h("p", { class: "hint" }, "Drag the ring, or click a point. Otherwise the focal point is detected automatically."), field("Focal point of", target), reset);
  const current = () => items.get(source.image);

  function setFocalPoint(focal) {
    const item = current();
    const own = item.cards.get(target.value);
    (own ?? item).focal = focal;
    for (const card of own ? [own] : item.cards.values()) {
      if (card !== own && card.focal) continue;
      card.stale = true;
      card.preview(previewPoint(item, card));
    }
    showFocus();
  }
  /** Where a crop will be, as far as that is known. */
  function previewPoint(item, card) {
    if (state.crop === "center") return { x: 0.5, y: 0.5 };
    return state.crop === "smart" ? focalOf(item, card) ?? item.detected : null;
  }
  function showFocus() {
    const item = current();
    focusNode.hidden = !item || state.crop !== "smart";
    if (!item) return;
    const card = item.cards.get(target.value);
    const set = focalOf(item, card);
    const focal = set ?? (card?.area && item.focusedBy !== "face" ? middleOf([card.area]) : item.detected);
    focus.show({
      url: item.image.url, focal, auto: !set, areas: set ? [] : item.faces, cropArea: card && (set ? cropAround(set, card.format, item.image) : card.area),
      title: set ? `${Math.round(set.x * 100)} %, ${Math.round(set.y * 100)} %` : DETECTED[item.focusedBy]?.(item.faces.length) ?? "not detected yet",
    });
    reset.hidden = !(card ?? item).focal;
    reset.textContent = card ? "Use the focal point of all formats" : "Detect automatically";
  }
  function showTargets() {
    const chosen = target.value;
    fill(target, h("option", { value: "" }, "All formats"), [...current()?.cards ?? []].map(([id, card]) => h("option", { value: id }, card.label)));
    target.value = current()?.cards.has(chosen) ? chosen : "";
  }
  /** Set the focal point of one format, from its card. */
  function focusOn(item, id) {
    if (source.image !== item.image) source.look(item.image);
    target.value = id;
    showFocus();
    focusNode.scrollIntoView({ block: "center" });
    focusNode.querySelector(".focus-point").focus({ preventScroll: true });
  }

  // --- images and their formats --------------------------------------------------------------------------------------

  function newItem(image) {
    const cards = h("div", { class: "format-cards" });
    const errors = h("div");
    const title = h("h2", { class: "social-name" }, image.name);
    return { image, focal: null, detected: null, focusedBy: null, faces: [], cards: new Map(), list: cards, errorBox: errors, title, node: h("section", { class: "social-group" }, title, errors, cards) };
  }
  /** Follow the chosen images and formats: what is new is made, what was removed goes, the rest stays. */
  function updateItems() {
    for (const [image, item] of items) {
      if (source.images.includes(image)) continue;
      for (const card of item.cards.values()) card.discard();
      items.delete(image);
    }
    for (const image of source.images) if (!items.has(image)) items.set(image, newItem(image));
    for (const item of items.values()) updateCards(item);
    for (const { title } of items.values()) title.hidden = items.size < 2;
    fill(groups, [...items.values()].map(({ node }) => node));
    empty.hidden = items.size > 0;
    showTargets();
    showFocus();
    showTotal();
    action.update();
  }
  function updateCards(item) {
    const kept = item.cards;
    item.cards = new Map([...formats.selected].map(([id, { platform, format }]) => [id, kept.get(id) ?? renditionCard({ platform, format, source: item.image, onfocal: () => focusOn(item, id) })]));
    for (const [id, card] of kept) if (!item.cards.has(id)) card.discard();
    for (const [id, card] of item.cards) if (!kept.has(id)) { card.preview(previewPoint(item, card)); card.zones(zones.checked); }
    fill(item.list, [...item.cards.values()].map((card) => card.node));
  }

  // --- what came of it --------------------------------------------------------------------------------------------------

  const say = (text) => fill(outcome, text);
  /** Say how it went, above the results and beside the button, with a way there where the results are below the form. */
  function showTotal() {
    const made = madeCards();
    const bytes = made.reduce((sum, { image }) => sum + image.blob.size, 0);
    fill(head, made.length > 0 && [h("h2", {}, `${items.size > 1 ? `${made.length} files of ${items.size} images` : plural(made.length, "image")}, ${bytesText(bytes)}`),
      h("button", { type: "button", class: "primary small", onclick: saveAll }, icon("download"), "Download all (zip)")]);
    const failures = allCards().filter((card) => card.failed).length;
    if (made.length + failures === allCards().length && items.size) say([`${plural(made.length, "image")} ready${failures ? `, ${failures} failed` : ""} `,
      h("button", { type: "button", class: "link jump", onclick: () => groups.scrollIntoView({ block: "start" }) }, "Show")]);
  }
  /** Save all files; those of several images in a folder for each. */
  async function saveAll() {
    const taken = new Set();
    const files = [];
    for (const { image, cards } of items.values()) {
      let folder = stemOf(image);
      for (let number = 2; taken.has(folder); number++) folder = `${stemOf(image)}-${number}`;
      taken.add(folder);
      for (const { image: file } of cards.values()) if (file) files.push({ name: `${items.size > 1 ? `${folder}/` : ""}${fileNameOf(file)}`, blob: file.blob });
    }
    save(await zip(files), items.size > 1 ? "social-formats.zip" : `${stemOf(source.image)}-formats.zip`);
  }

  zones.addEventListener("change", () => { for (const card of allCards()) card.zones(zones.checked); });
  fileType.addEventListener("change", again);
  background.addEventListener("change", again);
  /** Make everything again, or say what is missing. */
  function submit() {
    const missing = !items.size ? "Choose an image first." : !formats.selected.size ? "Choose at least one format." : null;
    fill(errorBox, missing && h("p", { class: "error", role: "alert" }, icon("alert"), missing));
    if (missing) { errorBox.scrollIntoView({ block: "nearest" }); return; }
    reveal(groups);
    markAll();
    run();
  }
  const crops = segmented("Crop", [["smart", "Smart"], ["center", "Center"], ["fit", "Fit"]], "smart", (crop) => {
    state.crop = crop;
    backgroundField.hidden = crop !== "fit";
    showFocus();
    for (const item of items.values()) for (const card of item.cards.values()) card.preview(previewPoint(item, card));
    again();
  });
  const form = h("form", {}, source.node, focusNode,
    crops, backgroundField, formats.node,
    h("div", { class: "pair" }, field("File type", fileType), h("label", { class: "check" }, zones, h("span", {}, "Show safe zones"))),
    action.node);
  action.node.prepend(h("p", { class: "price" }, h("strong", {}, "Free"), outcome));
  trackLoading(formats.load());

  const node = pageLayout({ title: "Social", lead: "Your images in every platform's exact size.", form, workspace, onsubmit: submit });
  /** What an address holds: without the image, its focal point and what follows from the formats. */
  function linked() {
    const { platforms, ...body } = requestFor(null, null, formats.selected.values()).body;
    return { body };
  }
  /** Fill in the form from an address. */
  function reuse(body) {
    pick(crops, body.crop_mode ?? "smart");
    fileType.value = body.output_format ?? "jpeg";
    background.value = body.options?.background ?? "";
    if (body.format_names) formats.choose(Object.entries(body.format_names).flatMap(([platform, names]) => [names].flat().map((name) => formatKey(platform, name))));
  }
  return { node, reuse, initial: { crop_mode: "smart", output_format: "jpeg" }, request: linked, onshow: () => { const image = takeIncoming("social"); if (image) source.set(image); } };
}
