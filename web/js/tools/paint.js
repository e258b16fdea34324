// A brush on a canvas, for masks and sketches. It works with touch, mouse, pen and arrow keys.

import { announce, clamp, h, icon, segmented, slider } from "../dom.js";
import { imageWithOverlay } from "../layout.js";

const MAX_SIDE = 2048; // pixels; the API scales a mask to the image
const UNDO_STEPS = 12; // each stores the whole canvas, up to 16 MB

/** A canvas to draw on. `color` is the brush's CSS color, `background` the eraser's (null: transparent). */
function brushCanvas({ width, height, color, background = null, label }) {
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
  const canvas = h("canvas", { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)), tabindex: "0", role: "application", "aria-label": label });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const state = { canvas, context, size: 0.06, erase: false, empty: true, undo, clear, fillAll, drawLines };
  const history = [];
  const cursor = { x: canvas.width / 2, y: canvas.height / 2 };
  let last = null;
  let drawingLine = false; // with Alt and the arrow keys

  const radius = () => Math.max(1, state.size * Math.min(canvas.width, canvas.height) / 2);
  const positionOf = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) * canvas.width / box.width, y: (event.clientY - box.top) * canvas.height / box.height };
  };

  function saveUndo() {
    history.push({ pixels: context.getImageData(0, 0, canvas.width, canvas.height), empty: state.empty });
    if (history.length > UNDO_STEPS) history.shift();
  }
  function stroke(from, to) {
    context.save();
    if (state.erase && background === null) context.globalCompositeOperation = "destination-out";
    context.strokeStyle = state.erase ? background ?? "#000" : color;
    context.lineWidth = radius() * 2;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x + 0.01, to.y);
    context.stroke();
    context.restore();
    if (!state.erase) state.empty = false;
  }
  function undo() {
    const previous = history.pop();
    if (!previous) return;
    context.putImageData(previous.pixels, 0, 0);
    state.empty = previous.empty;
  }
  function fillWith(fillColor) {
    context.fillStyle = fillColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  function clear() {
    saveUndo();
    if (background) fillWith(background);
    else context.clearRect(0, 0, canvas.width, canvas.height);
    state.empty = true;
  }
  function fillAll() {
    saveUndo();
    fillWith(color);
    state.empty = false;
  }

  /** Draw lines. Each is a list of points as fractions of the canvas. */
  function drawLines(lines) {
    saveUndo();
    for (const line of lines) {
      const points = line.map(([x, y]) => ({ x: x * canvas.width, y: y * canvas.height }));
      points.slice(1).forEach((to, index) => stroke(points[index], to));
    }
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    saveUndo();
    last = positionOf(event);
    stroke(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const next = positionOf(each);
      stroke(last, next);
      last = next;
    }
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { last = null; });

  canvas.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z") { event.preventDefault(); undo(); return; }
    const distance = radius() * (event.shiftKey ? 2 : 0.5);
    const step = { ArrowLeft: [-distance, 0], ArrowRight: [distance, 0], ArrowUp: [0, -distance], ArrowDown: [0, distance] }[event.key];
    if (step) {
      event.preventDefault();
      const from = { ...cursor };
      cursor.x = clamp(cursor.x + step[0], 0, canvas.width);
      cursor.y = clamp(cursor.y + step[1], 0, canvas.height);
      if (event.altKey && !drawingLine) saveUndo();
      drawingLine = event.altKey;
      if (drawingLine) stroke(from, cursor);
      announce(`${Math.round(cursor.x / canvas.width * 100)} % across, ${Math.round(cursor.y / canvas.height * 100)} % down`);
    } else if (event.key === " " || (event.key === "Enter" && !event.ctrlKey && !event.metaKey)) {
      event.preventDefault();
      saveUndo();
      stroke(cursor, cursor);
      announce("Painted");
    }
  });
  canvas.addEventListener("keyup", (event) => { if (event.key === "Alt") drawingLine = false; });
  if (background) fillWith(background);
  return state;
}

function toolbar(brush, { label, size, extra: [extraLabel, onextra] }) {
  const thickness = slider("Brush size", { min: 1, max: 40, step: 1, start: size });
  brush.size = size / 100;
  thickness.input.addEventListener("input", () => { brush.size = Number(thickness.input.value) / 100; });
  const mode = segmented("Brush mode", [[false, label], [true, "Erase"]], false, (erase) => { brush.erase = erase; });
  mode.querySelector("legend").classList.add("sr-only");
  return h("div", { class: "tools" }, mode, thickness.node,
    h("button", { type: "button", class: "ghost small", onclick: brush.undo }, icon("undo"), "Undo"),
    h("button", { type: "button", class: "ghost small", onclick: brush.clear }, "Clear"),
    h("button", { type: "button", class: "ghost small", onclick: onextra }, extraLabel));
}

const KEYS = "With the keyboard: arrow keys move the brush, Space paints, Alt with an arrow key draws a line.";

/** Paint a mask over an image. `mask()` returns a canvas (white may change, black stays), or null when nothing is painted. */
export function maskEditor(image) {
  const brush = brushCanvas({ width: image.width, height: image.height, color: "#d63a5c", label: `Mask. ${KEYS}` });
  brush.canvas.style.opacity = "0.6";
  const node = h("div", { class: "result" }, toolbar(brush, { label: "Paint", size: 12, extra: ["Fill all", brush.fillAll] }),
    imageWithOverlay(image, "The image to edit", brush.canvas),
    h("p", { class: "hint" }, `Paint over the area to change. ${KEYS}`));
  return { node, mask: () => (brush.empty ? null : blackAndWhite(brush.canvas)) };
}

function blackAndWhite(painted) {
  const { width, height } = painted;
  const mask = Object.assign(document.createElement("canvas"), { width, height });
  const context = mask.getContext("2d");
  context.drawImage(painted, 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  return mask;
}

// a house with a door, as fractions of the canvas
const HOUSE = [[[0.28, 0.84], [0.28, 0.46], [0.5, 0.22], [0.72, 0.46], [0.72, 0.84], [0.28, 0.84]], [[0.44, 0.84], [0.44, 0.6], [0.56, 0.6], [0.56, 0.84]]];

/** Draw an image or canvas in the middle of a canvas, as large as it fits. */
function drawFitted(context, from) {
  const { width, height } = context.canvas;
  const scale = Math.min(width / from.width, height / from.height);
  const [wide, high] = [from.width * scale, from.height * scale];
  context.drawImage(from, (width - wide) / 2, (height - high) / 2, wide, high);
}

/**
 * A white canvas to sketch on. `from` is an image or canvas to start with, fitted. `onsample` runs when the sample sketch
 * is drawn, `onchange` after each change.
 */
export function sketchEditor({ width, height, from, onsample, onchange = () => {} }) {
  const brush = brushCanvas({ width, height, color: "#111", background: "#fff", label: `Sketch. ${KEYS}` });
  brush.canvas.classList.add("sketch");
  if (from) drawFitted(brush.context, from);
  const node = h("div", { class: "result" }, toolbar(brush, { label: "Draw", size: 1.5, extra: ["Sample sketch", () => { brush.drawLines(HOUSE); onsample(); }] }), brush.canvas, h("p", { class: "hint" }, `Draw the outlines of the image. ${KEYS}`));
  for (const end of ["pointerup", "keyup", "click"]) node.addEventListener(end, onchange);
  return { node, canvas: brush.canvas };
}
