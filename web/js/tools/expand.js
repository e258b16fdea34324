// Outpainting: handles at the picture's edges that are dragged outward, or moved by arrow keys.

import { clamp, field, h } from "../dom.js";

const MOST = 2000; // pixels a side that the API takes
const SIDES = { left: [-1, 0, "Left"], right: [1, 0, "Right"], up: [0, -1, "Up"], down: [0, 1, "Down"] };

/** The picture with handles; `values` are pixels to add, by side. */
export function expander(picture, { start = {}, onchange = () => {} } = {}) {
  const values = { left: 0, right: 0, up: 0, down: 0, ...start };
  const image = h("img", { src: picture.url, alt: "The picture to extend", draggable: false });
  const outer = h("div", { class: "outer see-through" });
  const size = h("span", { class: "size" });
  const view = h("div", { class: "expander" }, outer, image, size);
  const inputs = {};
  const handles = {};
  let frame = null; // where the picture lies, and its scale; still while a handle is dragged

  for (const [side, [, , word]] of Object.entries(SIDES)) {
    inputs[side] = h("input", { type: "number", min: 0, max: MOST, step: 1, value: String(values[side]), name: `expand_${side}`, oninput: () => change(side, Number(inputs[side].value) || 0, inputs[side]) });
    handles[side] = h("div", {
      class: "handle", dataset: { side }, tabindex: "0", role: "slider", "aria-label": `${word} edge`,
      "aria-valuemin": "0", "aria-valuemax": String(MOST), "aria-orientation": side === "left" || side === "right" ? "horizontal" : "vertical",
    });
    view.append(handles[side]);
    drag(side);
  }
  const node = h("div", { class: "result" }, view, h("div", { class: "sides" }, Object.entries(SIDES).map(([side, [, , word]]) => field(`${word} (px)`, inputs[side]))));

  function change(side, value, source) {
    values[side] = Math.round(clamp(value, 0, MOST));
    if (source !== inputs[side]) inputs[side].value = String(values[side]);
    draw();
    onchange(values);
  }

  function measure() {
    const { clientWidth: w, clientHeight: hgt } = view;
    const wide = picture.width + values.left + values.right;
    const high = picture.height + values.up + values.down;
    const scale = Math.min((w * 0.78) / wide, (hgt * 0.78) / high);
    frame = { scale, x: (w - wide * scale) / 2 + values.left * scale, y: (hgt - high * scale) / 2 + values.up * scale };
  }

  let held = null;
  function draw() {
    if (!view.clientWidth) return;
    if (!held) measure();
    const { scale, x, y } = frame;
    const box = {
      left: x - values.left * scale, top: y - values.up * scale,
      width: (picture.width + values.left + values.right) * scale, height: (picture.height + values.up + values.down) * scale,
    };
    const px = (given) => Object.fromEntries(Object.entries(given).map(([name, value]) => [name, `${value}px`]));
    Object.assign(image.style, px({ left: x, top: y, width: picture.width * scale, height: picture.height * scale }));
    Object.assign(outer.style, px(box));
    Object.assign(handles.left.style, px({ left: box.left, top: box.top + box.height / 2 }));
    Object.assign(handles.right.style, px({ left: box.left + box.width, top: box.top + box.height / 2 }));
    Object.assign(handles.up.style, px({ left: box.left + box.width / 2, top: box.top }));
    Object.assign(handles.down.style, px({ left: box.left + box.width / 2, top: box.top + box.height }));
    for (const side of Object.keys(SIDES)) {
      handles[side].setAttribute("aria-valuenow", String(values[side]));
      handles[side].setAttribute("aria-valuetext", `${values[side]} pixels added`);
    }
    size.textContent = `${picture.width + values.left + values.right} × ${picture.height + values.up + values.down}`;
  }

  function drag(side) {
    const handle = handles[side];
    const [dx, dy] = SIDES[side];
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.focus();
      handle.setPointerCapture(event.pointerId);
      held = { x: event.clientX, y: event.clientY, value: values[side] };
    });
    handle.addEventListener("pointermove", (event) => {
      if (held) change(side, held.value + ((event.clientX - held.x) * dx + (event.clientY - held.y) * dy) / frame.scale);
    });
    for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => { held = null; draw(); });
    handle.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!way) return;
      const out = way[0] * dx + way[1] * dy;
      if (!out) return;
      event.preventDefault();
      change(side, values[side] + out * (event.shiftKey ? 64 : 8));
    });
  }
  new ResizeObserver(draw).observe(view);
  return { node, values };
}
