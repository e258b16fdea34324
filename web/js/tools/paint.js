// A brush on a canvas: for masks over a picture and for sketches. Fingers, mouse, pen or arrow keys.

import { announce, clamp, h, icon, segmented, slider } from "../dom.js";
import { sheet } from "../layout.js";

const LONGEST = 2048; // pixels of a mask's longer side; the API scales it to the picture
const UNDOS = 12; // each as large as the canvas: up to 16 MB

/** A canvas to draw on; `ink` is a CSS colour, `wipe` what the eraser leaves (null: nothing). */
function brushCanvas({ width, height, ink, wipe = null, label }) {
  const scale = Math.min(1, LONGEST / Math.max(width, height));
  const canvas = h("canvas", { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)), tabindex: "0", role: "application", "aria-label": label });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const state = { canvas, context, size: 0.06, erase: false, empty: true, undo, clear, fillAll, trace };
  const past = [];
  const cursor = { x: canvas.width / 2, y: canvas.height / 2 };
  let last = null;
  let lining = false; // a line is being drawn by the keyboard

  const radius = () => Math.max(1, state.size * Math.min(canvas.width, canvas.height) / 2);
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) * canvas.width / box.width, y: (event.clientY - box.top) * canvas.height / box.height };
  };

  function remember() {
    past.push({ image: context.getImageData(0, 0, canvas.width, canvas.height), empty: state.empty });
    if (past.length > UNDOS) past.shift();
  }
  function stroke(from, to) {
    context.save();
    if (state.erase && wipe === null) context.globalCompositeOperation = "destination-out";
    context.strokeStyle = state.erase ? wipe ?? "#000" : ink;
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
    const before = past.pop();
    if (!before) return;
    context.putImageData(before.image, 0, 0);
    state.empty = before.empty;
  }
  function cover(colour) {
    context.fillStyle = colour;
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  function clear() {
    remember();
    if (wipe) cover(wipe);
    else context.clearRect(0, 0, canvas.width, canvas.height);
    state.empty = true;
  }
  function fillAll() {
    remember();
    cover(ink);
    state.empty = false;
  }

  /** Draw lines, each a list of points in shares of the canvas. */
  function trace(lines) {
    remember();
    for (const line of lines) {
      const points = line.map(([x, y]) => ({ x: x * canvas.width, y: y * canvas.height }));
      points.slice(1).forEach((to, at) => stroke(points[at], to));
    }
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    remember();
    last = at(event);
    stroke(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const next = at(each);
      stroke(last, next);
      last = next;
    }
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { last = null; });

  canvas.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z") { event.preventDefault(); undo(); return; }
    const far = radius() * (event.shiftKey ? 2 : 0.5);
    const step = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
    if (step) {
      event.preventDefault();
      const from = { ...cursor };
      cursor.x = clamp(cursor.x + step[0], 0, canvas.width);
      cursor.y = clamp(cursor.y + step[1], 0, canvas.height);
      if (event.altKey && !lining) remember();
      lining = event.altKey;
      if (lining) stroke(from, cursor);
      announce(`${Math.round(cursor.x / canvas.width * 100)} % across, ${Math.round(cursor.y / canvas.height * 100)} % down`);
    } else if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      remember();
      stroke(cursor, cursor);
      announce("Painted");
    }
  });
  canvas.addEventListener("keyup", (event) => { if (event.key === "Alt") lining = false; });
  if (wipe) cover(wipe);
  return state;
}

function toolbar(brush, { words, size = 6, more }) {
  const thickness = slider("Brush", { min: 1, max: 40, step: 1, start: size });
  brush.size = size / 100;
  thickness.input.addEventListener("input", () => { brush.size = Number(thickness.input.value) / 100; });
  const mode = segmented("Brush mode", [[false, words], [true, "Erase"]], false, (erase) => { brush.erase = erase; });
  mode.querySelector("legend").classList.add("sr-only");
  return h("div", { class: "tools" }, mode, thickness.node,
    h("button", { type: "button", class: "ghost small", onclick: brush.undo }, icon("undo"), "Undo"),
    h("button", { type: "button", class: "ghost small", onclick: brush.clear }, "Clear"),
    h("button", { type: "button", class: "ghost small", onclick: more[1] }, more[0]));
}

const KEYS = "Arrow keys move the brush, space paints, Alt and arrow keys draw a line.";

/** A mask painted over a picture: `mask()` gives black and white (white may change), or null where nothing is painted. */
export function maskPainter(picture) {
  const brush = brushCanvas({ width: picture.width, height: picture.height, ink: "#d63a5c", label: `Mask over the picture. ${KEYS}` });
  brush.canvas.style.opacity = "0.6";
  const node = h("div", { class: "result" }, toolbar(brush, { words: "Paint", size: 12, more: ["Everything", brush.fillAll] }),
    sheet(picture, "The picture to edit", brush.canvas),
    h("p", { class: "hint" }, `Paint over what may change. ${KEYS}`));
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

// a house with a door, in shares of the paper
const HOUSE = [[[0.28, 0.84], [0.28, 0.46], [0.5, 0.22], [0.72, 0.46], [0.72, 0.84], [0.28, 0.84]], [[0.44, 0.84], [0.44, 0.6], [0.56, 0.6], [0.56, 0.84]]];

/** White paper to sketch on; `onsample` is told when the sample is drawn. */
export function sketchPad({ width, height, onsample }) {
  const brush = brushCanvas({ width, height, ink: "#111", wipe: "#fff", label: `Sketch. ${KEYS}` });
  brush.canvas.classList.add("pad");
  const node = h("div", { class: "result" }, toolbar(brush, { words: "Draw", size: 1.5, more: ["Sample sketch", () => { brush.trace(HOUSE); onsample(); }] }), brush.canvas, h("p", { class: "hint" }, `Draw what should be where. ${KEYS}`));
  return { node, canvas: brush.canvas };
}
