// The Edit page: the operations and inputs that the API lists.

import { actionBar, anotherSeed, errorNote, estimateSize, liveEstimate } from "../action-bar.js";
import { getCached } from "../api.js";
import { field, fill, h, numberValue, pick, seedInput, select, slider, uniqueId } from "../dom.js";
import { showOnlyEditor, showRun } from "../editor-run.js";
import { imagePicker, sampleButton } from "../image-picker.js";
import { canvasImage, takeIncoming, trackLoading } from "../images.js";
import { sentenceCase, stemOf, styleOptions } from "../labels.js";
import { clearFieldErrors, emptyState, imageActions, imageWithOverlay, moreSettings, options, pageLayout, resultFacts, reveal, withoutEmpty } from "../layout.js";
import { modelErrorPatterns, modelPicker } from "../model-picker.js";
import { compare } from "../tools/compare.js";
import { outpaintEditor } from "../tools/expand.js";
import { maskEditor } from "../tools/paint.js";

const FILE_TYPES = [["png", "PNG"], ["jpeg", "JPEG"], ["webp", "WebP"], ["avif", "AVIF"]];
// prompts that fit the sample image
const EXAMPLES = {
  inpaint: { prompt: "a red hot-air balloon" }, search_replace: { search_prompt: "the sailing boat", prompt: "a red hot-air balloon" },
  search_recolor: { select_prompt: "the roof of the house", prompt: "deep blue" }, general_edit: { prompt: "Make it a snowy winter night" },
  relight: { hint: "a lighthouse on a moonlit night" },
};
const DIRECTIONS = [["", "Auto"], ["above", "Above"], ["below", "Below"], ["left", "Left"], ["right", "Right"]];
const EXTEND_FRACTION = 0.25; // of the image's width: where outpainting starts

export function mount() {
  const workspace = h("div");
  const state = { operations: {}, name: "inpaint", tool: null };
  const source = imagePicker("Image", { onpick: () => { fillExamples(); showEditor(); price.refresh(); if (source.image) reveal(workspace); } });
  const operations = h("div", { class: "operation-list" });
  const description = h("p", { class: "hint" });
  const text = (placeholder, rows) => h(rows ? "textarea" : "input", rows ? { rows, placeholder } : { type: "text", placeholder });
  const inputs = {
    prompt: text("What should the area show?", 3), negative_prompt: text("What the image should not show"),
    search_prompt: text("a red car"), select_prompt: text("the dress"), hint: text("Optional: what the new area shows"),
    seed: seedInput(),
    style: select(styleOptions("None")), fileType: select(FILE_TYPES), grow: slider("Grow the mask", { min: 0, max: 100, step: 1 }),
    direction: select(DIRECTIONS), strength: slider("Light strength"),
  };
  const background = imagePicker("New background", { sample: { name: "backdrop" } });
  const lighting = imagePicker("Light reference", { sample: { name: "backdrop" } });
  const fields = {
    search_prompt: field("Find", inputs.search_prompt, "What to look for in the image."),
    select_prompt: field("Recolor", inputs.select_prompt, "What gets the new color."),
    prompt: field("Prompt", inputs.prompt), background: background.node,
    lighting: h("div", { class: "more-fields" }, lighting.node, h("div", { class: "pair" }, field("Light from", inputs.direction), inputs.strength.node)),
  };
  const hint = field("Description", inputs.hint);
  const negative = field("Negative prompt", inputs.negative_prompt);

  const operationFields = () => state.operations[state.name]?.fields ?? {};
  const models = modelPicker({ operations: () => [`edit.${state.name}`], onchange: () => price.refresh() });
  const price = liveEstimate(() => source.image && {
    ...models.estimateFields, operation: `edit.${state.name}`, num_images: 1, ...estimateSize(source.image), ...expandedSize(),
  }, models);
  /** The size of the extended image, as fields of /estimate-cost. */
  function expandedSize() {
    if (!operationFields().expansion) return {};
    const { left = 0, right = 0, up = 0, down = 0 } = state.tool?.values ?? {};
    const { width, height } = estimateSize({ width: source.image.width + left + right, height: source.image.height + up + down });
    return width ? { target_width: width, target_height: height } : {};
  }

  function request() {
    const has = operationFields();
    const mask = has.mask ? state.tool?.mask?.() : null;
    const sides = has.expansion ? state.tool?.values ?? {} : {};
    const light = has.lighting ? { light_source_direction: inputs.direction.value, light_source_strength: inputs.strength.value } : {};
    const optionalPrompt = !has.prompt && (has.expansion || has.background);
    return {
      path: "edit/process",
      body: withoutEmpty({
        image_base64: source.image, operation: state.name,
        prompt: has.prompt ? inputs.prompt.value.trim() : optionalPrompt ? inputs.hint.value.trim() : null,
        negative_prompt: has.negative_prompt ? inputs.negative_prompt.value.trim() : null,
        search_prompt: has.search_prompt ? inputs.search_prompt.value.trim() : null,
        select_prompt: has.select_prompt ? inputs.select_prompt.value.trim() : null,
        mask_base64: mask ? canvasImage(mask) : null,
        background_image_base64: has.background ? background.image : null,
        lighting_image_base64: has.lighting ? lighting.image : null,
        ...Object.fromEntries(Object.entries(sides).map(([side, value]) => [`expand_${side}`, value || null])),
        ...models.requestFields, style_preset: inputs.style.value, seed: numberValue(inputs.seed),
        output_format: inputs.fileType.value,
        options: options({ grow_mask: has.mask ? inputs.grow.value : null, ...light, quality: models.quality }),
      }),
    };
  }

  const verb = () => (state.name === "general_edit" ? "Edit image" : sentenceCase(state.operations[state.name]?.label ?? "Edit image"));
  const errorFields = [[/search prompt/i, inputs.search_prompt], [/select prompt/i, inputs.select_prompt], [/^prompt/i, inputs.prompt], [/image_base64|^image is/i, source.node.querySelector("input")], ...modelErrorPatterns(models)];
  const action = actionBar({
    page: "edit", verb, price, start,
    request: () => {
      const { width, height } = source.image ?? { width: 4, height: 3 };
      const { path, body } = request();
      const sides = Object.fromEntries(Object.entries(body).filter(([name]) => name.startsWith("expand_")));
      return { path, body, before: source.image, about: { width, height, sides, name: source.image && `${stemOf(source.image)}-${state.name}`, title: state.operations[state.name]?.label ?? "" } };
    },
  });
  function start(run, controls) {
    return showRun(run, controls, { form, workspace, output, editor, errorFields, show: (...shown) => resultView(run, ...shown) });
  }

  function resultView(run, after, response, job, back) {
    const { before, about: { sides, title } } = run;
    const { expand_left: left = 0, expand_right: right = 0, expand_up: up = 0, expand_down: down = 0 } = sides;
    const totalWidth = before ? before.width + left + right : 1;
    const totalHeight = before ? before.height + up + down : 1;
    const place = before && { left: left / totalWidth, top: up / totalHeight, width: before.width / totalWidth, height: before.height / totalHeight };
    return h("div", { class: "result" },
      h("div", { class: "result-head" }, h("h2", {}, title),
        h("button", { type: "button", class: "ghost small", onclick: back }, "Back to the image")),
      before ? compare(before, after, { place }) : imageWithOverlay(after, title), imageActions(after, { again: anotherSeed(action, run) }), resultFacts(response, after, job));
  }

  const editor = h("div");
  const output = h("div");
  workspace.append(output, editor);

  /** Show the editor for the operation: a brush, handles, or the plain image. */
  function showEditor() {
    const { image } = source;
    showOnlyEditor(editor, output);
    state.tool = null;
    showUnpainted();
    if (!image) { fill(editor, emptyState("edit", "Choose an image to edit.", sampleButton(source))); return; }
    const has = operationFields();
    if (has.mask) state.tool = image.maskEditor ??= maskEditor(image);
    else if (has.expansion) {
      const side = Math.min(512, Math.round(image.width * EXTEND_FRACTION));
      state.tool = outpaintEditor(image, { start: { left: side, right: side }, onchange: () => price.refresh() });
    }
    fill(editor, state.tool?.node ?? imageWithOverlay(image, "The image to edit"));
    showUnpainted();
  }

  /** With the sample image, fill in example prompts where nothing was typed. */
  function fillExamples() {
    if (!source.image?.isSample) return;
    for (const name of ["prompt", "search_prompt", "select_prompt", "hint"]) {
      const examples = Object.values(EXAMPLES).map((example) => example[name]);
      if (!inputs[name].value || examples.includes(inputs[name].value)) inputs[name].value = EXAMPLES[state.name]?.[name] ?? "";
    }
  }

  function chooseOperation(name) {
    state.name = name;
    fillExamples();
    const has = operationFields();
    description.textContent = `${state.operations[name].description}.`;
    for (const [flag, node] of Object.entries(fields)) node.hidden = !has[flag];
    hint.hidden = has.prompt || !(has.expansion || has.background);
    negative.hidden = !has.negative_prompt;
    inputs.grow.node.hidden = !has.mask;
    clearFieldErrors(form);
    models.update();
    showEditor();
    if (state.tool) reveal(workspace);
    price.refresh();
  }

  const unpainted = h("p", { class: "hint", role: "status", hidden: true }, "Nothing is painted: the whole image may change.");
  /** Before the click: an operation that takes a mask changes everything without one, unless words say what to find. */
  const showUnpainted = () => {
    const { mask, search_prompt: find, select_prompt: select } = operationFields();
    unpainted.hidden = !(source.image && mask && !find && !select && state.tool?.mask && !state.tool.mask());
  };
  for (const kind of ["pointerup", "keyup", "click"]) workspace.addEventListener(kind, showUnpainted);
  action.node.prepend(unpainted);
  const form = h("form", {}, source.node,
    h("fieldset", { class: "operations" }, h("legend", {}, "Operation"), operations, description),
    Object.values(fields), hint, models.node,
    moreSettings(models.qualityField, negative, inputs.grow.node, h("div", { class: "triple" }, field("Style", inputs.style), field("Seed", inputs.seed), field("File type", inputs.fileType))),
    action.node);

  const loadOperations = () => trackLoading(getCached("edit/operations").then(({ operations: listed }) => {
    state.operations = listed;
    const group = uniqueId("operation");
    fill(operations, Object.entries(listed).map(([name, operation]) => h("label", { class: "operation" },
      h("input", { type: "radio", name: group, value: name, checked: name === state.name, onchange: () => chooseOperation(name) }),
      h("span", {}, operation.label))));
    chooseOperation(state.name in listed ? state.name : Object.keys(listed)[0]);
  }).catch((error) => fill(operations, errorNote(error, loadOperations))));
  loadOperations();
  showEditor();

  const node = pageLayout({ title: "Edit", lead: "Change an image, or extend it.", form, workspace, workspaceFirst: true, onsubmit: () => action.run() });
  /** Fill in the form from an earlier request. */
  function reuse(body) {
    pick(operations, body.operation ?? "inpaint");
    for (const [picker, name] of [[source, "image_base64"], [background, "background_image_base64"], [lighting, "lighting_image_base64"]]) picker.restore(body[name]);
    for (const name of ["prompt", "negative_prompt", "search_prompt", "select_prompt", "seed"]) inputs[name].value = body[name] ?? "";
    if (!operationFields().prompt) inputs.hint.value = body.prompt ?? "";
    inputs.style.value = body.style_preset ?? "";
    inputs.fileType.value = body.output_format ?? "png";
    inputs.grow.set(body.options?.grow_mask);
    inputs.direction.value = body.options?.light_source_direction ?? "";
    inputs.strength.set(body.options?.light_source_strength);
    models.choose(body.provider, body.model, body.options?.quality);
  }
  return { node, reuse, request, onshow: () => { const image = takeIncoming("edit"); if (image) source.set(image); } };
}
