// Outpainting: handles at the image's edges. Drag them outward, or move them with the arrow keys.

import { clamp, field, h } from "../dom.js";

const MAX_PIXELS = 2000; // per side; the API's limit
const SIDES = { left: [-1, 0, "Left"], right: [1, 0, "Right"], up: [0, -1, "Up"], down: [0, 1, "Down"] };

/** The image with handles. `values` has the pixels to add to each side. */
export function outpaintEditor(image, { start = {}, onchange = () => {} } = {}) {
  const values = { left: 0, right: 0, up: 0, down: 0, ...start };
  const preview = h("img", { src: image.url, alt: "The image to extend", draggable: false });
  const outer = h("div", { class: "outer checkered" });
  const size = h("span", { class: "size" });
  const view = h("div", { class: "outpaint-editor" }, outer, preview, size);
  const inputs = {};
  const handles = {};
  let frame = null; // the image's position and scale; fixed while a handle is dragged

  for (const [side, [, , label]] of Object.entries(SIDES)) {
    inputs[side] = h("input", { type: "number", min: 0, max: MAX_PIXELS, step: 1, value: String(values[side]), name: `expand_${side}`, oninput: () => change(side, Number(inputs[side].value) || 0, inputs[side]) });
    handles[side] = h("div", {
      class: "handle", dataset: { side }, tabindex: "0", role: "slider", "aria-label": `${label} edge`,
      "aria-valuemin": "0", "aria-valuemax": String(MAX_PIXELS), "aria-orientation": side === "left" || side === "right" ? "horizontal" : "vertical",
    });
    view.append(handles[side]);
    addDragging(side);
  }
  const node = h("div", { class: "result" }, view, h("div", { class: "sides" }, Object.entries(SIDES).map(([side, [, , label]]) => field(`${label} (px)`, inputs[side]))));

  function change(side, value, source) {
    values[side] = Math.round(clamp(value, 0, MAX_PIXELS));
    if (source !== inputs[side]) inputs[side].value = String(values[side]);
    draw();
    onchange(values);
  }

  function measure() {
    const { clientWidth: w, clientHeight: hgt } = view;
    const wide = image.width + values.left + values.right;
    const high = image.height + values.up + values.down;
    const scale = Math.min((w * 0.78) / wide, (hgt * 0.78) / high);
    frame = { scale, x: (w - wide * scale) / 2 + values.left * scale, y: (hgt - high * scale) / 2 + values.up * scale };
  }

  let drag = null;
  function draw() {
    if (!view.clientWidth) return;
    if (!drag) measure();
    const { scale, x, y } = frame;
    const box = {
      left: x - values.left * scale, top: y - values.up * scale,
      width: (image.width + values.left + values.right) * scale, height: (image.height + values.up + values.down) * scale,
    };
    const px = (lengths) => Object.fromEntries(Object.entries(lengths).map(([name, value]) => [name, `${value}px`]));
    Object.assign(preview.style, px({ left: x, top: y, width: image.width * scale, height: image.height * scale }));
    Object.assign(outer.style, px(box));
    Object.assign(handles.left.style, px({ left: box.left, top: box.top + box.height / 2 }));
    Object.assign(handles.right.style, px({ left: box.left + box.width, top: box.top + box.height / 2 }));
    Object.assign(handles.up.style, px({ left: box.left + box.width / 2, top: box.top }));
    Object.assign(handles.down.style, px({ left: box.left + box.width / 2, top: box.top + box.height }));
    for (const side of Object.keys(SIDES)) {
      handles[side].setAttribute("aria-valuenow", String(values[side]));
      handles[side].setAttribute("aria-valuetext", `${values[side]} pixels added`);
    }
    size.textContent = `${image.width + values.left + values.right} × ${image.height + values.up + values.down}`;
  }

  function addDragging(side) {
    const handle = handles[side];
    const [dx, dy] = SIDES[side];
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.focus();
      handle.setPointerCapture(event.pointerId);
      drag = { x: event.clientX, y: event.clientY, value: values[side] };
    });
    handle.addEventListener("pointermove", (event) => {
      if (drag) change(side, drag.value + ((event.clientX - drag.x) * dx + (event.clientY - drag.y) * dy) / frame.scale);
    });
    for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => { drag = null; draw(); });
    handle.addEventListener("keydown", (event) => {
      const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!direction) return;
      const out = direction[0] * dx + direction[1] * dy;
      if (!out) return;
      event.preventDefault();
      change(side, values[side] + out * (event.shiftKey ? 64 : 8));
    });
  }
  new ResizeObserver(draw).observe(view);
  return { node, values };
}
