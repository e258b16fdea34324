// The focal point of a crop: a ring on the image, with the faces and the crop that the API names.

import { clamp, h, fill } from "../dom.js";

const rounded = (value) => Math.round(clamp(value, 0, 1) * 1000) / 1000;

/** The middle of the box around areas, which are shares of the image. */
export const middleOf = (areas) => ({
  x: rounded((Math.min(...areas.map((area) => area.left)) + Math.max(...areas.map((area) => area.left + area.width))) / 2),
  y: rounded((Math.min(...areas.map((area) => area.top)) + Math.max(...areas.map((area) => area.top + area.height))) / 2),
});

/** Where crops look: across by the narrowest one, down by the lowest one, since a wide crop says little about its middle. */
export function attentionOf(crops) {
  const narrowest = crops.reduce((least, crop) => (crop.width < least.width ? crop : least));
  const lowest = crops.reduce((least, crop) => (crop.height < least.height ? crop : least));
  return { x: middleOf([narrowest]).x, y: middleOf([lowest]).y };
}

/** The part of an image, in shares of its sides, that a format shows around a point. */
export function cropAround({ x, y }, format, image) {
  const scale = Math.max(format.width / image.width, format.height / image.height);
  const width = format.width / scale / image.width;
  const height = format.height / scale / image.height;
  return { left: clamp(x - width / 2, 0, 1 - width), top: clamp(y - height / 2, 0, 1 - height), width, height };
}

const place = (node, area) => { for (const side of ["left", "top", "width", "height"]) node.style[side] = `${area[side] * 100}%`; };

/** An image with a ring. `onmove` gets the point while it moves, `onend` runs when a drag has ended. */
export function focalEditor({ onmove, onend }) {
  const point = h("button", { type: "button", class: "focus-point", "aria-label": "Focal point; the arrow keys move it" });
  const image = h("img", { alt: "", draggable: false });
  const faces = h("div", { class: "faces" });
  const crop = h("i", { class: "focus-crop", hidden: true });
  const node = h("div", { class: "focus-frame" }, image, faces, crop, point);
  const state = { node, dragging: false, show };
  let at = null;

  /** Show where the focal point is (`auto`: it was detected, not set), and why. */
  function show({ url, focal, auto, title, areas = [], cropArea = null }) {
    at = focal;
    if (image.getAttribute("src") !== url) image.src = url;
    point.style.left = `${(focal?.x ?? 0.5) * 100}%`;
    point.style.top = `${(focal?.y ?? 0.5) * 100}%`;
    point.classList.toggle("auto", auto);
    point.hidden = !focal;
    point.title = title;
    fill(faces, areas.map((face) => { const mark = h("i"); place(mark, face); return mark; }));
    crop.hidden = !cropArea;
    if (cropArea) place(crop, cropArea);
  }
  const moveTo = (event) => {
    const box = node.getBoundingClientRect();
    onmove({ x: rounded((event.clientX - box.left) / box.width), y: rounded((event.clientY - box.top) / box.height) });
  };
  node.addEventListener("pointerdown", (event) => { event.preventDefault(); state.dragging = true; node.setPointerCapture(event.pointerId); point.focus({ preventScroll: true }); moveTo(event); });
  node.addEventListener("pointermove", (event) => { if (state.dragging) moveTo(event); });
  for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => { if (state.dragging) { state.dragging = false; onend(); } });
  point.addEventListener("keydown", (event) => {
    const by = event.shiftKey ? 0.1 : 0.02;
    const step = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
    if (!step) return;
    event.preventDefault();
    const { x, y } = at ?? { x: 0.5, y: 0.5 };
    onmove({ x: rounded(x + step[0]), y: rounded(y + step[1]) });
    onend();
  });
  return state;
}
