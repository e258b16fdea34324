// Social: one picture in all the sizes that platforms want, at once. Free, so it happens as soon as a picture is there.

import { catalog } from "../api.js";
import { bytesText, clamp, debounced, field, fill, h, icon, plural, segmented, select } from "../dom.js";
import { emptyStage, reveal, studioPage } from "../layout.js";
import { platformName, slug, stemOf } from "../names.js";
import { picker, sampleButton } from "../picker.js";
import { extensionOf, packed, pictureFromPart, save, takeCarried } from "../pictures.js";
import { problemNote, runner } from "../run.js";
import { zip } from "../zip.js";

const FILES = [["jpeg", "JPEG"], ["png", "PNG"], ["webp", "WebP"]];
const BACKGROUNDS = [["", "White"], ["blur", "Blurred picture"], ["black", "Black"]];
const SAMPLE = 3000; // pixels; enough for every format
const AGAIN_MS = 700; // after the last change; each run counts against the caller's limit

export function mount() {
  const wall = h("div", { class: "wall" });
  const head = h("div", { class: "result-head" });
  const trouble = h("div");
  const state = { focal: null, found: null, crop: "smart", formats: new Map(), cards: new Map(), done: [] };

  const image = picker("Picture", { compact: true, sample: { longest: SAMPLE }, onpick: () => { state.focal = state.found = null; showFocus(); lay(); again(); } });
  const blank = emptyStage("social", "Drop a picture: every chosen format is made at once.", sampleButton(image));
  const stage = h("div", { class: "result" }, blank, trouble, head, wall);
  const file = select(FILES);
  const background = select(BACKGROUNDS);
  const backgroundField = field("Around the picture", background);
  backgroundField.hidden = true;
  const zones = h("input", { type: "checkbox" });
  const focus = h("div", { class: "focus", hidden: true });
  const platforms = h("div", { class: "platforms" });
  const chosenTold = h("span", { class: "hint" });

  const request = () => {
    const names = {};
    for (const { platform, format } of state.formats.values()) (names[platform] ??= []).push(format.name);
    const body = {
      image_base64: image.picture, platforms: Object.keys(names), format_names: names, crop_mode: state.crop, output_format: file.value,
      ...(state.focal && state.crop === "smart" ? { focal_point: state.focal } : {}),
      ...(state.crop === "fit" && background.value ? { options: { background: background.value } } : {}),
    };
    return { path: "social/optimize", body };
  };

  let queued = false;
  let dragging = false;
  const action = runner({
    words: "Optimise", request, paid: false,
    prepare: packed,
    onstart: () => {
      fill(trouble);
      for (const card of state.cards.values()) card.wait();
    },
    onanswer: async ({ answer }) => {
      if (dragging) return; // the previews follow the hand; what it leaves is made when it lets go
      const made = await Promise.all(answer.results.map(async (part) => ({ part, picture: await pictureFromPart(part, { name: `${part.platform}-${slug(part.format)}` }) })));
      state.done = made;
      for (const { part, picture } of made) state.cards.get(key(part.platform, part.format))?.show(part, picture);
      for (const failed of answer.errors) state.cards.get(key(failed.platform, failed.format))?.fail(failed.detail);
      told();
      const { crop } = answer.results[0] ?? {};
      if (crop && !state.focal) {
        state.found = { x: rounded((crop.left + crop.width / 2) / image.picture.width), y: rounded((crop.top + crop.height / 2) / image.picture.height) };
        showFocus();
      }
      if (queued) { queued = false; again(); }
    },
    onproblem: (problem) => {
      for (const card of state.cards.values()) card.idle();
      fill(trouble, problemNote(problem, action.run));
    },
  });
  const again = debounced(() => {
    if (!image.picture || !state.formats.size) return;
    if (action.busy) { queued = true; return; }
    action.run();
  }, AGAIN_MS);

  // --- the focal point --------------------------------------------------------------------------------------------

  const point = h("button", { type: "button", class: "focus-point", "aria-label": "Focal point; arrow keys move it" });
  const source = h("img", { alt: "", draggable: false });
  const frame = h("div", { class: "focus-frame" }, source, point);
  const reset = h("button", { type: "button", class: "link", hidden: true, onclick: () => aim(null) }, "Let the studio find it");
  focus.append(h("p", { class: "picker-label" }, "What must stay in view"), frame, h("p", { class: "hint" }, "Drag the ring, or click where it matters. Until then it is found by itself."), reset);

  function aim(focal) {
    state.focal = focal;
    showFocus();
    for (const card of state.cards.values()) card.preview();
    if (!dragging) again();
  }
  function showFocus() {
    const picture = image.picture;
    focus.hidden = !picture || state.crop !== "smart";
    if (!picture) return;
    source.src = picture.url;
    const { x, y } = state.focal ?? state.found ?? { x: 0.5, y: 0.5 };
    point.style.left = `${x * 100}%`;
    point.style.top = `${y * 100}%`;
    point.classList.toggle("auto", !state.focal);
    point.title = state.focal ? `${Math.round(x * 100)} %, ${Math.round(y * 100)} %` : "found by itself";
    reset.hidden = !state.focal;
  }
  const rounded = (value) => Math.round(clamp(value, 0, 1) * 1000) / 1000;
  const aimAt = (event) => {
    const box = frame.getBoundingClientRect();
    aim({ x: rounded((event.clientX - box.left) / box.width), y: rounded((event.clientY - box.top) / box.height) });
  };
  frame.addEventListener("pointerdown", (event) => { event.preventDefault(); dragging = true; frame.setPointerCapture(event.pointerId); point.focus({ preventScroll: true }); aimAt(event); });
  frame.addEventListener("pointermove", (event) => { if (dragging) aimAt(event); });
  for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, () => { if (dragging) { dragging = false; again(); } });
  point.addEventListener("keydown", (event) => {
    const by = event.shiftKey ? 0.1 : 0.02;
    const step = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
    if (!step) return;
    event.preventDefault();
    const { x, y } = state.focal ?? state.found ?? { x: 0.5, y: 0.5 };
    aim({ x: rounded(x + step[0]), y: rounded(y + step[1]) });
  });

  // --- the formats --------------------------------------------------------------------------------------------------

  function lay() {
    const picture = image.picture;
    blank.hidden = Boolean(picture);
    state.done = [];
    state.cards = new Map(picture ? [...state.formats].map(([id, { platform, format }]) => [id, formatCard(platform, format, state, image)]) : []);
    fill(wall, [...state.cards.values()].map((card) => card.node));
    wall.classList.toggle("with-zones", zones.checked);
    for (const card of state.cards.values()) card.zones(zones.checked);
    chosenTold.textContent = `${state.formats.size} chosen`;
    told();
  }
  function told() {
    const total = state.done.reduce((sum, { picture }) => sum + picture.blob.size, 0);
    fill(head, state.done.length ? [h("h2", {}, `${plural(state.done.length, "picture")}, ${bytesText(total)}`),
      h("button", { type: "button", class: "primary small", onclick: saveAll }, icon("download"), "Download all (zip)")] : []);
  }
  async function saveAll() {
    const files = state.done.map(({ picture }) => ({ name: `${picture.name}.${extensionOf(picture.blob)}`, blob: picture.blob }));
    save(await zip(files), `${stemOf(image.picture)}-formats.zip`);
  }

  async function offer() {
    const found = await catalog("templates");
    const names = [...new Set(found.templates.map((template) => template.platform))];
    const listed = await Promise.all(names.map(async (name) => [name, await catalog(`social/platforms/${name}/formats`).then((all) => all.formats, () => [])]));
    fill(platforms, listed.filter(([, formats]) => formats.length).map(([platform, formats], at) => {
      const count = h("span", { class: "count" });
      const boxes = formats.map((format, index) => {
        const id = key(platform, format.name);
        const box = h("input", { type: "checkbox", value: format.name, checked: index === 0, onchange: () => {
          if (box.checked) state.formats.set(id, { platform, format });
          else state.formats.delete(id);
          counted();
          lay();
          again();
        } });
        if (index === 0) state.formats.set(id, { platform, format });
        return box;
      });
      const counted = () => { count.textContent = `${boxes.filter((box) => box.checked).length} of ${boxes.length}`; };
      counted();
      return h("details", { class: "platform", open: at === 0 }, h("summary", {}, platformName(platform), count, icon("chevron")),
        h("div", { class: "formats" }, formats.map((format, index) => h("label", { class: "check" }, boxes[index], h("span", {}, format.name), h("span", { class: "ratio" }, `${format.width} × ${format.height}`)))));
    }));
    lay();
    again();
  }

  zones.addEventListener("change", () => { for (const card of state.cards.values()) card.zones(zones.checked); });
  file.addEventListener("change", again);
  background.addEventListener("change", again);

  const form = h("form", {}, image.node, focus,
    segmented("Crop", [["smart", "Smart"], ["center", "Centre"], ["fit", "Show all"]], "smart", (crop) => {
      state.crop = crop;
      backgroundField.hidden = crop !== "fit";
      showFocus();
      for (const card of state.cards.values()) card.preview();
      again();
    }), backgroundField,
    h("fieldset", {}, h("legend", {}, "Formats ", chosenTold), platforms),
    h("div", { class: "pair" }, field("File", file), h("label", { class: "check" }, zones, h("span", {}, "Show safe zones"))),
    action.node);
  action.node.prepend(h("p", { class: "price" }, h("strong", {}, "Free"), h("span", {}, "made by the studio itself")));
  offer().catch((problem) => fill(platforms, problemNote(problem)));

  const node = studioPage({ title: "Social", lead: "One picture, every platform's exact size.", form, stage, onsubmit: () => { reveal(wall); action.run(); } });
  return { node, onshow: () => { const picture = takeCarried("social"); if (picture) image.set(picture); } };
}

const key = (platform, format) => `${platform}/${format}`;

// --- one format: a live preview of the crop, then the file itself ------------------------------------------------------

function formatCard(platform, format, state, image) {
  const picture = h("img", { alt: "", draggable: false });
  const zone = h("div", { class: "zone", hidden: true }, ["top", "bottom", "left", "right"].map((side) => {
    const bar = h("i");
    const share = format.safe_zone?.[side] ?? 0;
    const across = side === "top" || side === "bottom";
    Object.assign(bar.style, { [side]: "0", [across ? "height" : "width"]: `${share * 100}%`, ...(across ? { left: "0", right: "0" } : { top: `${(format.safe_zone?.top ?? 0) * 100}%`, bottom: `${(format.safe_zone?.bottom ?? 0) * 100}%` }) });
    return bar;
  }));
  const frame = h("div", { class: "rendition-frame" }, picture, zone);
  frame.style.aspectRatio = `${format.width} / ${format.height}`;
  if (format.height > format.width * 1.3) frame.style.width = `${Math.max(45, 130 * format.width / format.height)}%`;
  const line = h("p", {}, `${format.width} × ${format.height}`);
  const foot = h("div", { class: "rendition-foot" }, h("div", {}, h("h3", {}, `${platformName(platform)} ${format.name}`), line));
  const node = h("article", { class: "rendition" }, frame, foot);

  /** The crop that the API would make around the focal point, drawn from the source. */
  function preview() {
    const source = image.picture;
    if (!source) return;
    frame.classList.remove("done");
    picture.src = source.url;
    const fit = state.crop === "fit";
    const scale = (fit ? Math.min : Math.max)(format.width / source.width, format.height / source.height);
    const wide = source.width * scale / format.width;
    const high = source.height * scale / format.height;
    const { x, y } = state.crop === "smart" && state.focal ? state.focal : { x: 0.5, y: 0.5 };
    const left = fit ? (1 - wide) / 2 : clamp(0.5 - x * wide, 1 - wide, 0);
    const top = fit ? (1 - high) / 2 : clamp(0.5 - y * high, 1 - high, 0);
    Object.assign(picture.style, { left: `${left * 100}%`, top: `${top * 100}%`, width: `${wide * 100}%`, height: `${high * 100}%` });
  }
  preview();

  let held = null;
  return {
    node, preview,
    zones: (on) => { zone.hidden = !on; },
    wait: () => { frame.setAttribute("aria-busy", "true"); line.textContent = `${format.width} × ${format.height}`; foot.querySelector("button")?.remove(); },
    idle: () => frame.removeAttribute("aria-busy"),
    fail: (detail) => { frame.removeAttribute("aria-busy"); fill(line, h("span", { class: "problem-line", role: "alert" }, detail)); },
    show(part, made) {
      frame.removeAttribute("aria-busy");
      if (held) URL.revokeObjectURL(held);
      held = made.url;
      frame.classList.add("done");
      picture.removeAttribute("style");
      picture.src = made.url;
      picture.alt = `${platformName(platform)} ${format.name}`;
      fill(line, `${part.width} × ${part.height} · ${bytesText(part.bytes)}`, part.upscaled && h("span", { title: `Enlarged ${part.scale_factor} times: the source is smaller` }, " · enlarged"));
      line.title = part.encoding;
      foot.querySelector("button")?.remove();
      foot.append(h("button", { type: "button", class: "ghost icon-only", "aria-label": `Download ${platformName(platform)} ${format.name}`, onclick: () => save(made.blob, `${made.name}.${extensionOf(made.blob)}`) }, icon("download")));
    },
  };
}
