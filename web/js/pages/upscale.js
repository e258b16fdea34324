// The Upscale page.

import { actionBar, estimateSize, liveEstimate } from "../action-bar.js";
import { field, fill, h, numberValue, pick, seedInput, segmented } from "../dom.js";
import { showOnlyEditor, showRun } from "../editor-run.js";
import { choicePrices, segmentChoices } from "../estimates.js";
import { imagePicker, sampleButton } from "../image-picker.js";
import { takeIncoming } from "../images.js";
import { stemOf } from "../labels.js";
import { emptyState, facts, imageActions, imageWithOverlay, moreSettings, options, pageLayout, resultFacts, withoutEmpty } from "../layout.js";
import { modelErrorPatterns, modelPicker } from "../model-picker.js";
import { compare } from "../tools/compare.js";

const MODES = [["auto", "Auto"], ["fast", "Fast"], ["conservative", "Conservative"], ["creative", "Creative"]];
const MODE_HINTS = {
  auto: "Chooses the mode from the image and the target size.", fast: "Four times the width and height, in seconds.",
  conservative: "Stays close to the original.", creative: "Adds new fine detail. A prompt helps.",
};
const PIXELS = { social: 1080, web: 2048, print: 3072 }; // on the longer side; a test compares them with the catalog
const SIZES = [["", "4×", "each side"], ["social", "Social"], ["web", "Web"], ["print", "Print"], ["custom", "Custom", "your size"]]
  .map(([value, label, note]) => [value, [label, h("small", {}, note ?? `${PIXELS[value]} px`)]]);
const sizeHintOf = (preset) => (preset in PIXELS ? `${PIXELS[preset]} pixels on the longer side.` : preset ? "Exactly this size." : "Four times the width and height.");
const AUTO_MODES = ["upscale.fast", "upscale.conservative"]; // auto never uses creative
const SAMPLE_SIDE = 480; // pixels; small enough to show the difference

export function mount() {
  const output = h("div");
  const editor = h("div");
  const workspace = h("div", {}, output, editor);
  const state = { mode: "auto", preset: "" };
  const source = imagePicker("Image", { sample: { longest: SAMPLE_SIDE }, onpick: () => { showSource(); updatePrices(); } });
  const prompt = h("textarea", { rows: 2, placeholder: "Optional: what the image shows" });
  const width = h("input", { type: "number", min: 16, max: 8192, name: "target_width" });
  const height = h("input", { type: "number", min: 16, max: 8192, name: "target_height" });
  const seed = seedInput();
  const modeHint = h("p", { class: "hint" }, MODE_HINTS.auto);
  const sizeHint = h("p", { class: "hint" }, sizeHintOf(""));
  const customSize = h("div", { class: "pair", hidden: true }, field("Width", width), field("Height", height));
  const promptField = field("Prompt", prompt);

  const operationOf = (mode) => (mode === "auto" ? "upscale" : `upscale.${mode}`);
  const operation = () => operationOf(state.mode);
  const models = modelPicker({ operations: () => (state.mode === "auto" ? AUTO_MODES : [operation()]), onchange: () => updatePrices() });
  const target = () => withoutEmpty({ preset: state.preset === "custom" ? null : state.preset, target_width: customValue(width), target_height: customValue(height) });
  const estimate = (mode) => ({ ...models.estimateFieldsFor(mode === "auto" ? AUTO_MODES : [operationOf(mode)]), operation: operationOf(mode), num_images: 1, ...(source.image ? estimateSize(source.image) : {}), ...target() });
  const price = liveEstimate(() => source.image && estimate(state.mode), models);
  for (const input of [width, height]) input.addEventListener("input", () => updatePrices());
  const customValue = (input) => (state.preset === "custom" ? numberValue(input) : null);
  const request = () => ({
    path: "upscale",
    body: withoutEmpty({
      image_base64: source.image, mode: state.mode, ...target(), ...models.requestFields, prompt: state.mode === "fast" ? null : prompt.value.trim(),
      seed: numberValue(seed), options: options({ quality: models.quality }),
    }),
  });

  const errorFields = [[/width/i, width], [/height/i, height], [/^prompt/i, prompt], [/image_base64/i, source.node.querySelector("input")], ...modelErrorPatterns(models)];
  const action = actionBar({
    page: "upscale", verb: () => "Upscale", price, start,
    request: () => {
      const { width: w, height: hgt } = source.image ?? { width: 3, height: 2 };
      return { ...request(), before: source.image, about: { title: `Upscale ${source.image ? stemOf(source.image) : ""}`, width: w, height: hgt, name: source.image && `${stemOf(source.image)}-upscaled` } };
    },
  });
  function start(run, controls) {
    const { before, about } = run;
    return showRun(run, controls, { form, workspace, output, editor, errorFields, show: (after, response, job, back) => h("div", { class: "result" },
      h("div", { class: "result-head" }, h("h2", {}, `${about.width} × ${about.height} to ${response.width} × ${response.height}`),
        h("button", { type: "button", class: "ghost small", onclick: back }, "Back to the image")),
      before ? compare(before, after, { actual: true }) : imageWithOverlay(after, "The upscaled image"), imageActions(after, { without: ["upscale"] }),
      facts([["Mode", response.mode], ["Factor", response.metadata.upscale_factor ? `${response.metadata.upscale_factor}×` : null]]), resultFacts(response, after, job)) });
  }

  function showSource() {
    showOnlyEditor(editor, output);
    fill(editor, source.image
      ? imageWithOverlay(source.image, "The image to upscale")
      : emptyState("upscale", "Choose an image to upscale.", sampleButton(source)));
  }

  const modes = segmented("Mode", MODES, "auto", (mode) => { state.mode = mode; modeHint.textContent = MODE_HINTS[mode]; promptField.hidden = mode === "fast"; models.update(); price.refresh(); });
  const showModes = choicePrices(segmentChoices(modes), estimate);
  function updatePrices() {
    price.refresh();
    showModes();
  }
  const sizes = segmented("Size", SIZES, "", (preset) => { state.preset = preset; sizeHint.textContent = sizeHintOf(preset); customSize.hidden = preset !== "custom"; updatePrices(); });
  const form = h("form", {}, source.node,
    h("div", { class: "field" }, modes, modeHint),
    h("div", { class: "field" }, sizes, sizeHint), customSize, promptField, models.node,
    moreSettings(models.qualityField, field("Seed", seed)), action.node);
  showSource();
  updatePrices();
  const node = pageLayout({ title: "Upscale", lead: "Enlarge an image.", form, workspace, onsubmit: () => action.run() });
  /** Fill in the form from an earlier request. */
  function reuse(body) {
    pick(modes, body.mode ?? "auto");
    pick(sizes, body.target_width || body.target_height ? "custom" : body.preset ?? "");
    [width.value, height.value, prompt.value, seed.value] = [body.target_width ?? "", body.target_height ?? "", body.prompt ?? "", body.seed ?? ""];
    models.choose(body.provider, body.model, body.options?.quality);
    source.restore(body.image_base64);
  }
  return { node, reuse, request, onshow: () => { const image = takeIncoming("upscale"); if (image) source.set(image); } };
}
