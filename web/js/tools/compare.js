// Before and after: a slider between two images, fitted or at 1:1.

import { clamp, h, segmented, uniqueId } from "../dom.js";

/**
 * Compare two images. `place` is the position of `before` within `after` as fractions ({left, top, width, height}).
 * `actual` adds a 1:1 view, which starts at the center.
 */
export function compare(before, after, { place = { left: 0, top: 0, width: 1, height: 1 }, actual = false } = {}) {
  const beforeImage = h("img", { src: before.url, alt: "Before", draggable: false });
  const afterImage = h("img", { src: after.url, alt: "After", draggable: false });
  const beforeLayer = h("div", { class: "layer" }, beforeImage);
  const line = h("div", { class: "compare-line" }, h("div", { class: "compare-grip" }));
  const view = h("div", { class: "compare-view" }, h("div", { class: "layer" }, afterImage), beforeLayer, line,
    h("span", { class: "compare-tag before" }, "Before"), h("span", { class: "compare-tag after" }, "After"));
  const range = h("input", { type: "range", id: uniqueId("compare"), min: 0, max: 100, step: 1, value: "50", "aria-label": "Before and after" });
  const state = { share: 0.5, actual: false, x: 0, y: 0 };
  const node = h("div", { class: "compare" }, view, h("div", { class: "compare-controls" },
    h("label", { for: range.id }, "Before", range, "After"),
    actual && segmented("Zoom", [["fit", "Fit"], ["actual", "1:1"]], "fit", (value) => zoom(value === "actual"))));
  node.querySelector("legend")?.classList.add("sr-only");

  function draw() {
    const { width: w, height: hgt } = view.getBoundingClientRect();
    if (!w) return;
    const scale = state.actual ? 1 / devicePixelRatio : w / after.width;
    const wide = after.width * scale;
    const high = after.height * scale;
    if (state.actual) {
      state.x = wide > w ? clamp(state.x, w - wide, 0) : (w - wide) / 2;
      state.y = high > hgt ? clamp(state.y, hgt - high, 0) : (hgt - high) / 2;
    } else {
      state.x = state.y = 0;
    }
    setBox(afterImage, state.x, state.y, wide, high);
    setBox(beforeImage, state.x + place.left * wide, state.y + place.top * high, place.width * wide, place.height * high);
    beforeLayer.style.clipPath = `inset(0 ${w - state.share * w}px 0 0)`;
    afterImage.parentElement.style.clipPath = `inset(0 0 0 ${state.share * w}px)`;
    line.style.left = `${state.share * w}px`;
  }

  function setBox(image, left, top, width, height) {
    Object.assign(image.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  }

  function zoom(on) {
    state.actual = on;
    view.classList.toggle("actual", on);
    if (on) {
      view.tabIndex = 0;
      view.setAttribute("role", "group");
      view.setAttribute("aria-label", "Image at 1:1; the arrow keys move it");
      view.style.aspectRatio = "";
      view.style.maxHeight = `${after.height / devicePixelRatio}px`; // no empty space around a small image
      const { width, height } = view.getBoundingClientRect();
      state.x = (width - after.width / devicePixelRatio) / 2;
      state.y = (height - after.height / devicePixelRatio) / 2;
    } else {
      view.removeAttribute("tabindex");
      view.removeAttribute("role");
      view.removeAttribute("aria-label");
      fit();
    }
    draw();
  }

  function fit() {
    view.style.maxHeight = "";
    view.style.aspectRatio = `${after.width} / ${after.height}`;
    view.style.width = `min(100%, ${after.width}px, calc(${after.width / after.height} * min(72vh, 50rem)))`;
  }

  const setShare = (value) => {
    state.share = clamp(value, 0, 1);
    range.value = String(Math.round(state.share * 100));
    draw();
  };
  range.addEventListener("input", () => setShare(Number(range.value) / 100));

  let drag = null;
  view.addEventListener("pointerdown", (event) => {
    const split = !state.actual || event.target.classList.contains("compare-grip");
    drag = { split, x: event.clientX - state.x, y: event.clientY - state.y };
    view.setPointerCapture(event.pointerId);
    if (split) setShare((event.clientX - view.getBoundingClientRect().left) / view.clientWidth);
  });
  view.addEventListener("pointermove", (event) => {
    if (!drag) return;
    if (drag.split) { setShare((event.clientX - view.getBoundingClientRect().left) / view.clientWidth); return; }
    state.x = event.clientX - drag.x;
    state.y = event.clientY - drag.y;
    draw();
  });
  for (const end of ["pointerup", "pointercancel"]) view.addEventListener(end, () => { drag = null; });
  view.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key];
    if (!step || !state.actual) return;
    event.preventDefault();
    state.x += step[0];
    state.y += step[1];
    draw();
  });
  new ResizeObserver(draw).observe(view);
  fit();
  return node;
}
