// The Upscale page.

import { actionBar, estimateSize, liveEstimate, showRun } from "../action-bar.js";
import { field, fill, h, numberValue, seedInput, segmented } from "../dom.js";
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
const SIZES = [["", "4×"], ["social", "Social"], ["web", "Web"], ["print", "Print"], ["custom", "Custom"]];

const SIZE_HINTS = {
  "": "Four times the width and height.", social: "1080 pixels on the longer side.", web: "2048 pixels on the longer side.",
  print: "3072 pixels on the longer side.", custom: "Exactly this size.",
};
const AUTO_MODES = ["upscale.fast", "upscale.conservative"]; // auto never uses creative
const SAMPLE_SIDE = 480; // pixels; small enough to show the difference

export function mount() {
  const output = h("div");
  const editor = h("div");
  const workspace = h("div", {}, output, editor);
  const state = { mode: "auto", preset: "" };
  const source = imagePicker("Image", { sample: { longest: SAMPLE_SIDE }, onpick: () => { showSource(); price.refresh(); } });
  const prompt = h("textarea", { rows: 2, placeholder: "Optional: what the image shows" });
  const width = h("input", { type: "number", min: 16, max: 8192, name: "target_width" });
  const height = h("input", { type: "number", min: 16, max: 8192, name: "target_height" });
  const seed = seedInput();
  const modeHint = h("p", { class: "hint" }, MODE_HINTS.auto);
  const sizeHint = h("p", { class: "hint" }, SIZE_HINTS[""]);
  const customSize = h("div", { class: "pair", hidden: true }, field("Width", width), field("Height", height));
  const promptField = field("Prompt", prompt);

  const operation = () => (state.mode === "auto" ? "upscale" : `upscale.${state.mode}`);
  const models = modelPicker({ operations: () => (state.mode === "auto" ? AUTO_MODES : [operation()]), onchange: () => price.refresh() });
  const target = () => withoutEmpty({ preset: state.preset === "custom" ? null : state.preset, target_width: customValue(width), target_height: customValue(height) });
  const price = liveEstimate(() => source.image && { ...models.estimateFields, operation: operation(), num_images: 1, ...estimateSize(source.image), ...target() });
  for (const input of [width, height]) input.addEventListener("input", () => price.refresh());
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
    page: "upscale", label: "Upscale", price, start,
    request: () => {
      const { width: w, height: hgt } = source.image ?? { width: 3, height: 2 };
      return { ...request(), before: source.image, about: { title: `Upscale ${source.image ? stemOf(source.image) : ""}`, width: w, height: hgt, name: source.image && `${stemOf(source.image)}-upscaled` } };
    },
  });
  function start(run, controls) {
    const { before, about } = run;
    return showRun(run, controls, { form, workspace, output, editor, errorFields, show: (after, response, job) => h("div", { class: "result" },
      h("div", { class: "result-head" }, h("h2", {}, `${about.width} × ${about.height} to ${response.width} × ${response.height}`)),
      before ? compare(before, after, { actual: true }) : imageWithOverlay(after, "The upscaled image"), imageActions(after, { without: ["upscale"] }),
      facts([["Mode", response.mode], ["Factor", response.metadata.upscale_factor ? `${response.metadata.upscale_factor}×` : null]]), resultFacts(response, after, job)) });
  }

  function showSource() {
    fill(output);
    editor.hidden = false;
    fill(editor, source.image
      ? imageWithOverlay(source.image, "The image to upscale")
      : emptyState("upscale", "Choose an image to upscale.", sampleButton(source)));
  }

  const form = h("form", {}, source.node,
    h("div", { class: "field" }, segmented("Mode", MODES, "auto", (mode) => { state.mode = mode; modeHint.textContent = MODE_HINTS[mode]; promptField.hidden = mode === "fast"; models.update(); price.refresh(); }), modeHint),
    h("div", { class: "field" }, segmented("Size", SIZES, "", (preset) => { state.preset = preset; sizeHint.textContent = SIZE_HINTS[preset]; customSize.hidden = preset !== "custom"; price.refresh(); }), sizeHint), customSize, promptField, models.node,
    moreSettings(models.qualityField, field("Seed", seed)), action.node);
  showSource();
  const node = pageLayout({ title: "Upscale", lead: "Enlarge an image.", form, workspace, onsubmit: () => action.run() });
  /** Fill in the form from an earlier request. */
  function reuse(body) {
    form.querySelector(`.segments [value="${body.mode ?? "auto"}"]`)?.click();
    form.querySelector(`.segments [value="${body.target_width || body.target_height ? "custom" : body.preset ?? ""}"]`)?.click();
    [width.value, height.value, prompt.value, seed.value] = [body.target_width ?? "", body.target_height ?? "", body.prompt ?? "", body.seed ?? ""];
    models.choose(body.provider, body.model);
    source.restore(body.image_base64);
  }
  return { node, reuse, onshow: () => { const image = takeIncoming("upscale"); if (image) source.set(image); } };
}
