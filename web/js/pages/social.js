// The Social page: one image in the sizes of all platforms. It is free, so it runs as soon as an image is chosen.

import { actionBar, errorNote } from "../action-bar.js";
import { getCached } from "../api.js";
import { bytesText, clamp, debounce, field, fill, h, icon, plural, segmented, select } from "../dom.js";
import { errorText } from "../errors.js";
import { imagePicker, sampleButton } from "../image-picker.js";
import { extensionOf, imageFromResult, save, takeIncoming } from "../images.js";
import { platformLabel, slug, stemOf } from "../labels.js";
import { emptyState, pageLayout, reveal } from "../layout.js";
import { zip } from "../zip.js";

const FILE_TYPES = [["jpeg", "JPEG"], ["png", "PNG"], ["webp", "WebP"]];
const BACKGROUNDS = [["", "Edge color"], ["white", "White"], ["blur", "Blurred image"], ["black", "Black"]];
/** What the API says placed the crops -> what the ring says. */
const DETECTED = {
  face: (count) => `detected: ${plural(count, "face")}`, saliency: () => "detected: what stands out", center: () => "nothing stands out: the center",
};
const SELECTION = "image-studio-formats";
const SAMPLE_SIDE = 3000; // pixels; enough for every format
const RUN_DELAY_MS = 700; // after the last change; each run counts against the caller's rate limit

export function mount() {
  const cards = h("div", { class: "format-cards" });
  const head = h("div", { class: "result-head" });
  const errorBox = h("div");
  const state = { focal: null, detected: null, focusedBy: null, faces: [], crop: "smart", formats: new Map(), cards: new Map(), results: [] };

  const source = imagePicker("Image", { sample: { longest: SAMPLE_SIDE }, onpick: () => { state.focal = state.detected = state.focusedBy = null; state.faces = []; showFocus(); renderCards(); scheduleRun(); } });
  const empty = emptyState("social", "Choose an image. Every selected format is made at once.", sampleButton(source));
  const workspace = h("div", { class: "result" }, empty, errorBox, head, cards);
  const fileType = select(FILE_TYPES);
  const background = select(BACKGROUNDS);
  const backgroundField = field("Background", background);
  backgroundField.hidden = true;
  const zones = h("input", { type: "checkbox" });
  const focus = h("div", { class: "focus", hidden: true });
  const platforms = h("div", { class: "platforms" });
  const selectedCount = h("span", { class: "hint" });

  const request = () => {
    const names = {};
    for (const { platform, format } of state.formats.values()) (names[platform] ??= []).push(format.name);
    const body = {
      image_base64: source.image, platforms: Object.keys(names), format_names: names, crop_mode: state.crop, output_format: fileType.value,
      ...(state.focal && state.crop === "smart" ? { focal_point: state.focal } : {}),
      ...(state.crop === "fit" && background.value ? { options: { background: background.value } } : {}),
    };
    return { path: "social/optimize", body };
  };

  let queued = false;
  let dragging = false;
  const action = actionBar({
    page: "social", label: "Optimize", request, paid: false, start,
  });
  function start() {
    fill(errorBox);
    fill(outcome, `Making ${plural(state.cards.size, "image")}`);
    for (const card of state.cards.values()) card.wait();
    return { finish, fail: (error) => {
      fill(outcome, "not made");
      for (const card of state.cards.values()) card.idle();
      fill(errorBox, errorNote(error, () => action.run()));
    } };
  }
  async function finish({ response }) {
    if (dragging) return; // the previews follow the drag; its end starts another run
    state.results = await Promise.all(response.results.map(async (result) => ({ result, image: await imageFromResult(result, { name: `${result.platform}-${slug(result.format)}` }) })));
    for (const { result, image } of state.results) state.cards.get(key(result.platform, result.format))?.show(result, image);
    for (const failed of response.errors) state.cards.get(key(failed.platform, failed.format))?.fail(errorText(failed));
    showTotal();
    showOutcome();
    const crops = response.results.map((result) => result.crop);
    if (crops.length && state.crop === "smart" && !state.focal) {
      state.faces = crops[0].faces;
      state.focusedBy = crops[0].focus;
      state.detected = crops[0].focus === "face" ? middle(state.faces) : attentionOf(crops);
      showFocus();
    }
    if (queued) { queued = false; scheduleRun(); }
  }
  const scheduleRun = debounce(() => {
    if (!source.image || !state.formats.size) return;
    if (action.busy) { queued = true; return; }
    action.run();
  }, RUN_DELAY_MS);

  // --- the focal point --------------------------------------------------------------------------------------------

  const point = h("button", { type: "button", class: "focus-point", "aria-label": "Focal point; the arrow keys move it" });
  const focusImage = h("img", { alt: "", draggable: false });
  const faces = h("div", { class: "faces" });
  const frame = h("div", { class: "focus-frame" }, focusImage, faces, point);
  const reset = h("button", { type: "button", class: "link", hidden: true, onclick: () => setFocalPoint(null) }, "Detect automatically");
  focus.append(h("p", { class: "picker-label" }, "Mark what must stay visible"), frame, h("p", { class: "hint" }, "Drag the ring, or click a point. Otherwise the focal point is detected automatically."), reset);

  function setFocalPoint(focal) {
    state.focal = focal;
    showFocus();
    for (const card of state.cards.values()) card.preview();
    if (!dragging) scheduleRun();
  }
  function showFocus() {
    const { image } = source;
    focus.hidden = !image || state.crop !== "smart";
    if (!image) return;
    focusImage.src = image.url;
    const { x, y } = state.focal ?? state.detected ?? { x: 0.5, y: 0.5 };
    point.style.left = `${x * 100}%`;
    point.style.top = `${y * 100}%`;
    point.classList.toggle("auto", !state.focal);
    point.hidden = !state.focal && !state.detected;
    point.title = state.focal ? `${Math.round(x * 100)} %, ${Math.round(y * 100)} %` : DETECTED[state.focusedBy]?.(state.faces.length) ?? "not detected yet";
    fill(faces, state.focal ? [] : state.faces.map((face) => {
      const mark = h("i");
      for (const side of ["left", "top", "width", "height"]) mark.style[side] = `${face[side] * 100}%`;
      return mark;
    }));
    reset.hidden = !state.focal;
  }
  /** Where crops look: across by the narrowest one, down by the lowest one, since a wide crop says little about its middle. */
  function attentionOf(crops) {
    const { width, height } = source.image;
    const narrowest = crops.reduce((least, crop) => (crop.width < least.width ? crop : least));
    const lowest = crops.reduce((least, crop) => (crop.height < least.height ? crop : least));
    return { x: rounded((narrowest.left + narrowest.width / 2) / width), y: rounded((lowest.top + lowest.height / 2) / height) };
  }
  /** The middle of the box around areas, which are shares of the image. */
  const middle = (areas) => ({
    x: rounded((Math.min(...areas.map((area) => area.left)) + Math.max(...areas.map((area) => area.left + area.width))) / 2),
    y: rounded((Math.min(...areas.map((area) => area.top)) + Math.max(...areas.map((area) => area.top + area.height))) / 2),
  });
  const rounded = (value) => Math.round(clamp(value, 0, 1) * 1000) / 1000;
  const setFocalPointAt = (event) => {
    const box = frame.getBoundingClientRect();
    setFocalPoint({ x: rounded((event.clientX - box.left) / box.width), y: rounded((event.clientY - box.top) / box.height) });
  };
  frame.addEventListener("pointerdown", (event) => { event.preventDefault(); dragging = true; frame.setPointerCapture(event.pointerId); point.focus({ preventScroll: true }); setFocalPointAt(event); });
  frame.addEventListener("pointermove", (event) => { if (dragging) setFocalPointAt(event); });
  for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, () => { if (dragging) { dragging = false; scheduleRun(); } });
  point.addEventListener("keydown", (event) => {
    const by = event.shiftKey ? 0.1 : 0.02;
    const step = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
    if (!step) return;
    event.preventDefault();
    const { x, y } = state.focal ?? state.detected ?? { x: 0.5, y: 0.5 };
    setFocalPoint({ x: rounded(x + step[0]), y: rounded(y + step[1]) });
  });

  // --- the formats --------------------------------------------------------------------------------------------------

  function renderCards() {
    empty.hidden = Boolean(source.image);
    state.results = [];
    state.cards = new Map(source.image ? [...state.formats].map(([id, { platform, format }]) => [id, formatCard(platform, format, state, source)]) : []);
    fill(cards, [...state.cards.values()].map((card) => card.node));
    for (const card of state.cards.values()) card.zones(zones.checked);
    selectedCount.textContent = `${state.formats.size} selected`;
    showTotal();
  }
  /** Say beside the button how it went, with a way there where the results are below the form. */
  function showOutcome() {
    const failed = state.cards.size - state.results.length;
    fill(outcome, `${plural(state.results.length, "image")} ready${failed ? `, ${failed} failed` : ""} `,
      h("button", { type: "button", class: "link jump", onclick: () => cards.scrollIntoView({ block: "start" }) }, "Show"));
  }
  function showTotal() {
    const total = state.results.reduce((sum, { image }) => sum + image.blob.size, 0);
    fill(head, state.results.length ? [h("h2", {}, `${plural(state.results.length, "image")}, ${bytesText(total)}`),
      h("button", { type: "button", class: "primary small", onclick: saveAll }, icon("download"), "Download all (zip)")] : []);
  }
  async function saveAll() {
    const files = state.results.map(({ image }) => ({ name: `${image.name}.${extensionOf(image.blob)}`, blob: image.blob }));
    save(await zip(files), `${stemOf(source.image)}-formats.zip`);
  }

  async function loadPlatforms() {
    const kept = keptSelection();
    const { templates } = await getCached("templates");
    const names = [...new Set(templates.map((template) => template.platform))];
    const listed = await Promise.all(names.map(async (name) => [name, await getCached(`social/platforms/${name}/formats`).then((response) => response.formats, () => [])]));
    fill(platforms, listed.filter(([, formats]) => formats.length).map(([platform, formats], position) => {
      const count = h("span", { class: "count" });
      const boxes = formats.map((format, index) => {
        const id = key(platform, format.name);
        const checked = kept ? kept.includes(id) : index === 0;
        const box = h("input", { type: "checkbox", value: format.name, dataset: { key: id }, checked, onchange: () => {
          if (box.checked) state.formats.set(id, { platform, format });
          else state.formats.delete(id);
          updateCount();
          keepSelection();
          renderCards();
          scheduleRun();
        } });
        if (checked) state.formats.set(id, { platform, format });
        return box;
      });
      const updateCount = () => { count.textContent = `${boxes.filter((box) => box.checked).length} of ${boxes.length}`; };
      updateCount();
      return h("details", { class: "platform", open: position === 0 }, h("summary", {}, platformLabel(platform), count, icon("chevron")),
        h("div", { class: "formats" }, formats.map((format, index) => h("label", { class: "check" }, boxes[index], h("span", {}, format.name), h("span", { class: "ratio" }, `${format.width} × ${format.height}`)))));
    }));
    renderCards();
    scheduleRun();
  }
  /** Select all formats, none, or a saved set, and keep that for the next visit. */
  function choose(isWanted) {
    for (const box of platforms.querySelectorAll("input")) {
      if (box.checked !== isWanted(box.dataset.key)) {
        box.checked = !box.checked;
        box.dispatchEvent(new Event("change"));
      }
    }
  }
  const keepSelection = () => { try { localStorage.setItem(SELECTION, JSON.stringify([...state.formats.keys()])); } catch { /* private mode */ } };

  zones.addEventListener("change", () => { for (const card of state.cards.values()) card.zones(zones.checked); });
  fileType.addEventListener("change", scheduleRun);
  background.addEventListener("change", scheduleRun);

  const form = h("form", {}, source.node, focus,
    segmented("Crop", [["smart", "Smart"], ["center", "Center"], ["fit", "Fit"]], "smart", (crop) => {
      state.crop = crop;
      backgroundField.hidden = crop !== "fit";
      showFocus();
      for (const card of state.cards.values()) card.preview();
      scheduleRun();
    }), backgroundField,
    h("fieldset", {}, h("legend", {}, "Formats ", selectedCount), h("div", { class: "actions" }, [["All", () => true], ["None", () => false]].map(([label, wanted]) =>
      h("button", { type: "button", class: "ghost small", onclick: () => choose(wanted) }, label))), platforms),
    h("div", { class: "pair" }, field("File type", fileType), h("label", { class: "check" }, zones, h("span", {}, "Show safe zones"))),
    action.node);
  const outcome = h("span", { role: "status" }, "no AI provider is used");
  action.node.prepend(h("p", { class: "price" }, h("strong", {}, "Free"), outcome));
  loadPlatforms().catch((error) => fill(platforms, errorNote(error)));

  const node = pageLayout({ title: "Social", lead: "One image in every platform's exact size.", form, workspace, onsubmit: () => { reveal(cards); action.run(); } });
  return { node, onshow: () => { const image = takeIncoming("social"); if (image) source.set(image); } };
}

/** The formats that were selected at the last visit, or nothing. */
function keptSelection() {
  try { return JSON.parse(localStorage.getItem(SELECTION)); } catch { return null; }
}

const key = (platform, format) => `${platform}/${format}`;

// --- one format: a live preview of the crop, then the result -----------------------------------------------------------

function formatCard(platform, format, state, picker) {
  const img = h("img", { alt: "", draggable: false });
  const zone = h("div", { class: "zone", hidden: true }, ["top", "bottom", "left", "right"].map((side) => {
    const bar = h("i");
    const share = format.safe_zone?.[side] ?? 0;
    const across = side === "top" || side === "bottom";
    Object.assign(bar.style, { [side]: "0", [across ? "height" : "width"]: `${share * 100}%`, ...(across ? { left: "0", right: "0" } : { top: `${(format.safe_zone?.top ?? 0) * 100}%`, bottom: `${(format.safe_zone?.bottom ?? 0) * 100}%` }) });
    return bar;
  }));
  const frame = h("div", { class: "rendition-frame" }, img, zone);
  frame.style.aspectRatio = `${format.width} / ${format.height}`;
  if (format.height > format.width * 1.3) frame.style.width = `${Math.max(45, 130 * format.width / format.height)}%`;
  const line = h("p", {}, `${format.width} × ${format.height}`);
  const foot = h("div", { class: "rendition-foot" }, h("div", {}, h("h3", {}, `${platformLabel(platform)} ${format.name}`), line));
  const node = h("article", { class: "rendition" }, frame, foot);

  /** Preview the crop that the API would make around the focal point; until that is known, the whole image. */
  function preview() {
    const source = picker.image;
    if (!source) return;
    frame.classList.remove("done");
    img.src = source.url;
    const focal = state.crop === "smart" ? state.focal ?? state.detected : { x: 0.5, y: 0.5 };
    const fit = state.crop === "fit" || !focal;
    const scale = (fit ? Math.min : Math.max)(format.width / source.width, format.height / source.height);
    const width = source.width * scale / format.width;
    const height = source.height * scale / format.height;
    const { x, y } = focal ?? {};
    const left = fit ? (1 - width) / 2 : clamp(0.5 - x * width, 1 - width, 0);
    const top = fit ? (1 - height) / 2 : clamp(0.5 - y * height, 1 - height, 0);
    Object.assign(img.style, { left: `${left * 100}%`, top: `${top * 100}%`, width: `${width * 100}%`, height: `${height * 100}%` });
  }
  preview();

  let shownUrl = null;
  return {
    node, preview,
    zones: (on) => { zone.hidden = !on; },
    wait: () => { frame.setAttribute("aria-busy", "true"); line.textContent = `${format.width} × ${format.height}`; foot.querySelector("button")?.remove(); },
    idle: () => frame.removeAttribute("aria-busy"),
    fail: (message) => { frame.removeAttribute("aria-busy"); fill(line, h("span", { class: "error-line", role: "alert" }, message)); },
    show(result, image) {
      frame.removeAttribute("aria-busy");
      if (shownUrl) URL.revokeObjectURL(shownUrl);
      shownUrl = image.url;
      frame.classList.add("done");
      img.removeAttribute("style");
      img.src = image.url;
      img.alt = `${platformLabel(platform)} ${format.name}`;
      fill(line, `${result.width} × ${result.height} · ${bytesText(result.bytes)}`, result.upscaled && h("span", { title: `The source is smaller than this format and was enlarged ${result.scale_factor} times` }, " · enlarged"));
      line.title = result.encoding;
      foot.querySelector("button")?.remove();
      foot.append(h("button", { type: "button", class: "ghost icon-only", "aria-label": `Download ${platformLabel(platform)} ${format.name}`, onclick: () => save(image.blob, `${image.name}.${extensionOf(image.blob)}`) }, icon("download")));
    },
  };
}
