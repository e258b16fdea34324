// The Control page: a sketch, a structure or a style guides a new image.

import { actionBar, anotherSeed, errorNote, estimateSize, liveEstimate } from "../action-bar.js";
import { getCached } from "../api.js";
import { debounce, field, fill, h, numberValue, pick, seedInput, segmented, select, slider, uniqueId } from "../dom.js";
import { showOnlyEditor, showRun } from "../editor-run.js";
import { imagePicker, sampleButton } from "../image-picker.js";
import { canvasImage, takeIncoming, trackLoading } from "../images.js";
import { slug, styleOptions } from "../labels.js";
import { clearFieldErrors, emptyState, imageActions, imageWithOverlay, moreSettings, options, pageLayout, resultFacts, reveal, withoutEmpty } from "../layout.js";
import { modelErrorPatterns, modelPicker } from "../model-picker.js";
import { compare } from "../tools/compare.js";
import { sketchEditor } from "../tools/paint.js";

const RATIOS = ["1:1", "4:5", "3:4", "2:3", "9:16", "5:4", "4:3", "3:2", "16:9", "21:9"];
const IMAGE_LABELS = { sketch: "Sketch", structure: "Structure image", style: "Style reference", style_transfer: "Image to restyle" };
const SAMPLES = { structure: { name: "sample" }, style: { name: "style", longest: 1024 } };
// prompts that fit the samples
const EXAMPLES = {
  sketch: "a small house by the sea, watercolor", structure: "a lighthouse made of glass, at night",
  style: "a sailing boat on calm water", style_transfer: "a lighthouse at dusk",
};
const SKETCH = "image-studio-sketch"; // the drawing of this tab
const CANVASES = { wide: [1152, 768], square: [1024, 1024], tall: [768, 1152] };

export function mount() {
  const state = { operations: {}, name: "sketch", from: "draw", sketch: null, usesSampleSketch: false };
  const workspace = h("div");
  const output = h("div");
  const editor = h("div");
  workspace.append(output, editor);

  const source = imagePicker("Image", { sample: SAMPLES.structure, onpick: () => { fillExamples(); showEditor(); price.refresh(); if (source.image) reveal(workspace); } });
  const style = imagePicker("Style to copy", { sample: SAMPLES.style });
  const prompt = h("textarea", { rows: 3, placeholder: "What should the image show?" });
  const negative = h("input", { type: "text" });
  const seed = seedInput();
  const preset = select(styleOptions("None"));
  const ratio = select([["", "Auto"], ...RATIOS.map((name) => [name, name])]);
  const sliders = {
    control_strength: slider("Follow the sketch closely"),
    fidelity: slider("Fidelity", { hint: "How closely the style matches the reference." }),
    style_strength: slider("Style strength", { hint: "How strongly the style is applied." }),
    composition_fidelity: slider("Keep the composition"), change_strength: slider("Change strength"),
  };
  const operations = h("div", { class: "operation-list" });
  const description = h("p", { class: "hint" });
  const sketchSource = segmented("Sketch", [["draw", "Draw it"], ["image", "Use an image"]], "draw", (from) => { state.from = from; updateFields(); });
  const canvasShape = segmented("Canvas", [["wide", "Wide"], ["square", "Square"], ["tall", "Tall"]], "wide", (name) => { state.sketch = newSketch(name, state.sketch?.canvas); showEditor(); price.refresh(); });
  const ratioField = field("Aspect ratio", ratio);
  const operationFields = () => state.operations[state.name]?.fields ?? {};
  const isDrawn = () => state.name === "sketch" && state.from === "draw";

  const models = modelPicker({ operations: () => [`control.${state.name}`], onchange: () => price.refresh() });
  const price = liveEstimate(() => ({
    ...models.estimateFields, operation: `control.${state.name}`, num_images: 1, ...withoutEmpty({ aspect_ratio: operationFields().aspect_ratio ? ratio.value : null }),
    ...(isDrawn() ? estimateSize(state.sketch?.canvas ?? { width: 1, height: 1 }) : source.image ? estimateSize(source.image) : {}),
  }), models);
  ratio.addEventListener("change", () => price.refresh());
  const values = () => {
    const has = operationFields();
    const transfer = has.style_image;
    const used = { control_strength: has.control_strength, fidelity: has.fidelity, style_strength: has.style_strength, composition_fidelity: transfer, change_strength: transfer };
    return Object.fromEntries(Object.entries(used).filter(([, on]) => on).map(([name]) => [name, sliders[name].value]));
  };
  const request = () => ({
    path: "control/process",
    body: withoutEmpty({
      control_image_base64: isDrawn() ? canvasImage(state.sketch.canvas) : source.image, operation: state.name, prompt: prompt.value.trim(),
      style_image_base64: operationFields().style_image ? style.image : null, negative_prompt: negative.value.trim(), ...values(),
      aspect_ratio: operationFields().aspect_ratio ? ratio.value : null, style_preset: preset.value, seed: numberValue(seed),
      ...models.requestFields, options: options({ quality: models.quality }),
    }),
  });

  const errorFields = [[/prompt/i, prompt], [/style[ _]image/i, style.node.querySelector("input")], [/control_image/i, source.node.querySelector("input")], ...modelErrorPatterns(models)];
  const action = actionBar({
    page: "control", verb: () => (state.name === "style_transfer" ? "Restyle image" : "Create image"), price, start,
    request: () => {
      const { width, height } = isDrawn() ? state.sketch.canvas : source.image ?? { width: 1, height: 1 };
      const before = isDrawn() ? { url: state.sketch.canvas.toDataURL(), width, height } : source.image;
      return { ...request(), before, about: {
        width, height, operation: state.name, drawn: isDrawn(), prompt: prompt.value,
        title: state.operations[state.name]?.label ?? "", name: `${slug(prompt.value)}-${state.name}`,
      } };
    },
  });
  function start(run, controls) {
    const { before, about } = run;
    return showRun(run, controls, { form, workspace, output, editor, errorFields, show: (image, response, job, back) => {
      const sameShape = before && Math.abs(before.width / before.height - image.width / image.height) < 0.05;
      return h("div", { class: "result" },
        h("div", { class: "result-head" }, h("h2", {}, about.title),
          h("button", { type: "button", class: "ghost small", onclick: back }, about.drawn ? "Back to the sketch" : "Back to the image")),
        sameShape && about.operation !== "style" ? compare(before, image) : imageWithOverlay(image, about.prompt),
        imageActions(image, { again: anotherSeed(action, run) }), resultFacts(response, image, job));
    } });
  }

  function newSketch(name, from) {
    const [width, height] = CANVASES[name];
    return sketchEditor({ width, height, from, onsample: () => { state.usesSampleSketch = true; fillExamples(); }, onchange: keepSketch });
  }

  const keepSketch = debounce(() => {
    const { canvas } = state.sketch;
    const name = Object.keys(CANVASES).find((each) => CANVASES[each][0] === canvas.width);
    try { sessionStorage.setItem(SKETCH, JSON.stringify([name, canvas.toDataURL("image/webp")])); } catch { /* private mode, or full */ }
  }, 500);

  /** Show the drawing that this tab had before a reload. */
  async function restoreSketch() {
    const [name, url] = JSON.parse(sessionStorage.getItem(SKETCH));
    const drawing = Object.assign(new Image(), { src: url });
    await drawing.decode();
    state.sketch = newSketch(name, drawing);
    canvasShape.querySelector(`[value=${name}]`).checked = true;
    showEditor();
    price.refresh();
  }
  if (sessionStorage.getItem(SKETCH)) trackLoading(restoreSketch()).catch(() => sessionStorage.removeItem(SKETCH));

  /** With a sample, fill in an example prompt where nothing was typed. */
  function fillExamples() {
    if (!(isDrawn() ? state.usesSampleSketch : source.image?.isSample)) return;
    if (!prompt.value || Object.values(EXAMPLES).includes(prompt.value)) prompt.value = EXAMPLES[state.name];
  }

  function showEditor() {
    showOnlyEditor(editor, output);
    if (isDrawn()) fill(editor, (state.sketch ??= newSketch("wide")).node);
    else if (source.image) fill(editor, imageWithOverlay(source.image, IMAGE_LABELS[state.name]));
    else fill(editor, emptyState("control", "Choose an image to start from.", sampleButton(source)));
  }

  /** Show the fields of the operation. */
  function updateFields() {
    const has = operationFields();
    sketchSource.hidden = state.name !== "sketch";
    canvasShape.hidden = !isDrawn();
    source.node.hidden = isDrawn();
    source.setSample(state.name === "style" ? SAMPLES.style : SAMPLES.structure);
    source.node.querySelector(".picker-label").textContent = IMAGE_LABELS[state.name] ?? "Image";
    style.node.hidden = !has.style_image;
    ratioField.hidden = !has.aspect_ratio;
    const used = values();
    sliders.control_strength.label.textContent = state.name === "sketch" ? "Follow the sketch closely" : "Follow the image closely";
    for (const [name, slide] of Object.entries(sliders)) slide.node.hidden = !(name in used);
    clearFieldErrors(form);
    showEditor();
    price.refresh();
  }

  function chooseOperation(name) {
    state.name = name;
    description.textContent = `${state.operations[name].description}.`;
    fillExamples();
    models.update();
    updateFields();
  }

  const form = h("form", {}, h("fieldset", { class: "operations" }, h("legend", {}, "Operation"), operations, description),
    sketchSource, canvasShape, source.node, style.node, field("Prompt", prompt), ratioField, sliders.control_strength.node, sliders.fidelity.node, sliders.style_strength.node, models.node,
    moreSettings(models.qualityField, sliders.composition_fidelity.node, sliders.change_strength.node, field("Negative prompt", negative), h("div", { class: "pair" }, field("Style", preset), field("Seed", seed))),
    action.node);

  updateFields();
  const loadOperations = () => trackLoading(getCached("control/operations").then(({ operations: listed }) => {
    state.operations = listed;
    const group = uniqueId("control");
    fill(operations, Object.entries(listed).map(([name, operation]) => h("label", { class: "operation" },
      h("input", { type: "radio", name: group, value: name, checked: name === state.name, onchange: () => chooseOperation(name) }), h("span", {}, operation.label))));
    chooseOperation(state.name);
  }).catch((error) => fill(operations, errorNote(error, loadOperations))));
  loadOperations();

  const node = pageLayout({ title: "Control", lead: "Guide a new image with a sketch, a structure or a style.", form, workspace, workspaceFirst: true, onsubmit: () => action.run() });
  /** Fill in the form from an earlier request. */
  function reuse(body) {
    pick(operations, body.operation ?? "sketch");
    if (body.operation === "sketch" && body.control_image_base64) sketchSource.querySelector("[value=image]").click();
    source.restore(body.control_image_base64);
    style.restore(body.style_image_base64);
    prompt.value = body.prompt ?? "";
    negative.value = body.negative_prompt ?? "";
    seed.value = body.seed ?? "";
    preset.value = body.style_preset ?? "";
    ratio.value = body.aspect_ratio ?? "";
    for (const [name, slide] of Object.entries(sliders)) slide.set(body[name]);
    models.choose(body.provider, body.model, body.options?.quality);
  }
  return { node, reuse, request, onshow: () => {
    const image = takeIncoming("control");
    if (!image) return;
    if (isDrawn()) sketchSource.querySelector("input[value=image]").click();
    source.set(image);
  } };
}
