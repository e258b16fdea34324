// Edit: every operation that the API lists, with the inputs that it lists for each.

import { catalog } from "../api.js";
import { field, fill, freshId, h, numberIn, seedInput, select, slider } from "../dom.js";
import { answerFacts, blame, emptyStage, forgive, given, moreSettings, options, pictureActions, reveal, sheet, studioPage } from "../layout.js";
import { makerChoice, makerNames } from "../maker.js";
import { stemOf, styleOptions } from "../names.js";
import { picker, sampleButton } from "../picker.js";
import { drawing, onItsWay, packed, pictureFromPart, recent, takeCarried } from "../pictures.js";
import { livePrice, problemNote, runner, usableSize, waitingPlace } from "../run.js";
import { compare } from "../tools/compare.js";
import { expander } from "../tools/expand.js";
import { maskPainter } from "../tools/paint.js";

const FILES = [["png", "PNG"], ["jpeg", "JPEG"], ["webp", "WebP"]];
// words that fit the sample picture
const EXAMPLES = {
  inpaint: { prompt: "a red hot-air balloon" }, search_replace: { search_prompt: "the sailing boat", prompt: "a red hot-air balloon" },
  search_recolor: { select_prompt: "the roof of the house", prompt: "deep blue" }, general_edit: { prompt: "Make it a snowy winter night" },
  relight: { hint: "a lighthouse on a moonlit night" },
};
const EXTEND_SHARE = 0.25; // how far outpainting starts, of the picture's own side

export function mount() {
  const stage = h("div");
  const state = { operations: {}, name: "inpaint", tool: null };
  const image = picker("Picture", { compact: true, onpick: () => { exemplify(); work(); price.refresh(); if (image.picture) reveal(stage); } });
  const operations = h("div", { class: "operation-list" });
  const described = h("p", { class: "hint" });
  const text = (placeholder, rows) => h(rows ? "textarea" : "input", rows ? { rows, placeholder } : { type: "text", placeholder });
  const inputs = {
    prompt: text("What should be there instead?", 3), negative_prompt: text("What should not be there"),
    search_prompt: text("a red car"), select_prompt: text("the dress"), hint: text("Optional: what the new part shows"),
    seed: seedInput(),
    style: select(styleOptions("None")), file: select(FILES), grow: slider("Grow the mask", { min: 0, max: 100, step: 1 }),
  };
  const background = picker("New background", { sample: { name: "backdrop" } });
  const lighting = picker("Light reference", { sample: { name: "backdrop" } });
  const fields = {
    search_prompt: field("Find", inputs.search_prompt, "What to look for in the picture."),
    select_prompt: field("Recolour", inputs.select_prompt, "What gets the new colour."),
    prompt: field("Prompt", inputs.prompt), background: background.node, lighting: lighting.node,
  };
  const hint = field("Description", inputs.hint);
  const negative = field("Leave out", inputs.negative_prompt);

  const flags = () => state.operations[state.name]?.fields ?? {};
  const maker = makerChoice({ operations: () => [`edit.${state.name}`], onchange: () => price.refresh() });
  const price = livePrice(() => image.picture && {
    ...maker.priced, operation: `edit.${state.name}`, num_images: 1, ...usableSize(image.picture),
  });

  function request() {
    const has = flags();
    const mask = has.mask ? state.tool?.mask?.() : null;
    const sides = has.expansion ? state.tool?.values ?? {} : {};
    const optionalPrompt = !has.prompt && (has.expansion || has.background);
    return {
      path: "edit/process",
      body: given({
        image_base64: image.picture, operation: state.name,
        prompt: has.prompt ? inputs.prompt.value.trim() : optionalPrompt ? inputs.hint.value.trim() : null,
        negative_prompt: has.negative_prompt ? inputs.negative_prompt.value.trim() : null,
        search_prompt: has.search_prompt ? inputs.search_prompt.value.trim() : null,
        select_prompt: has.select_prompt ? inputs.select_prompt.value.trim() : null,
        mask_base64: mask ? drawing(mask) : null,
        background_image_base64: has.background ? background.picture : null,
        lighting_image_base64: has.lighting ? lighting.picture : null,
        ...Object.fromEntries(Object.entries(sides).map(([side, value]) => [`expand_${side}`, value || null])),
        ...maker.asked, style_preset: inputs.style.value, seed: numberIn(inputs.seed),
        output_format: inputs.file.value,
        options: options({ grow_mask: has.mask ? inputs.grow.value : null, quality: maker.quality }),
      }),
    };
  }

  let place = null;
  const action = runner({
    words: "Edit", price, request, prepare: packed,
    onstart: () => {
      forgive(form);
      const { width, height } = image.picture ?? { width: 4, height: 3 };
      place = waitingPlace(width, height);
      bench.hidden = true;
      fill(outcome, place.node);
      reveal(stage);
    },
    onstatus: (job) => place.tell(job),
    onanswer: async ({ answer, id, job }, { body }) => {
      const name = `${stemOf(image.picture)}-${state.name}`;
      const picture = await pictureFromPart(answer, { name, ref: id && `job:${id}/1` });
      recent.add(picture);
      fill(outcome, result(image.picture, picture, answer, job, body));
      reveal(stage);
    },
    onproblem: (problem) => {
      place?.stop();
      const named = [[/search prompt/i, inputs.search_prompt], [/select prompt/i, inputs.select_prompt], [/^prompt/i, inputs.prompt], [/image_base64|^image is/i, image.node.querySelector("input")], ...makerNames(maker)];
      const blamed = problem.status === 400 && blame(form, named, problem);
      bench.hidden = false;
      fill(outcome, !blamed && problemNote(problem, image.picture && action.run));
    },
  });

  function result(before, after, answer, job, body) {
    const { expand_left: left = 0, expand_right: right = 0, expand_up: up = 0, expand_down: down = 0 } = body;
    const wide = before.width + left + right;
    const high = before.height + up + down;
    const where = { left: left / wide, top: up / high, width: before.width / wide, height: before.height / high };
    return h("div", { class: "result" },
      h("div", { class: "result-head" }, h("h2", {}, state.operations[state.name].label),
        h("button", { type: "button", class: "ghost small", onclick: () => { fill(outcome); bench.hidden = false; } }, "Back to the picture")),
      compare(before, after, { place: where, seeThrough: true }), pictureActions(after, { base: after.name }), answerFacts(answer, after, job));
  }

  const bench = h("div");
  const outcome = h("div");
  stage.append(outcome, bench);

  /** The workbench that fits the operation: a brush, handles, or the plain picture. */
  function work() {
    const picture = image.picture;
    fill(outcome);
    bench.hidden = false;
    state.tool = null;
    if (!picture) { fill(bench, emptyStage("edit", "Choose a picture to edit.", sampleButton(image))); return; }
    const has = flags();
    if (has.mask) state.tool = maskPainter(picture);
    else if (has.expansion) {
      const side = Math.min(512, Math.round(picture.width * EXTEND_SHARE));
      state.tool = expander(picture, { start: { left: side, right: side }, onchange: () => price.refresh() });
    }
    fill(bench, state.tool?.node ?? sheet(picture, "The picture to edit"));
  }

  /** With the sample picture, words that fit it stand where a person has written nothing. */
  function exemplify() {
    if (!image.picture?.sample) return;
    for (const name of ["prompt", "search_prompt", "select_prompt", "hint"]) {
      const examples = Object.values(EXAMPLES).map((words) => words[name]);
      if (!inputs[name].value || examples.includes(inputs[name].value)) inputs[name].value = EXAMPLES[state.name]?.[name] ?? "";
    }
  }

  function chooseOperation(name) {
    state.name = name;
    exemplify();
    const has = flags();
    described.textContent = `${state.operations[name].description}.`;
    for (const [flag, node] of Object.entries(fields)) node.hidden = !has[flag];
    hint.hidden = has.prompt || !(has.expansion || has.background);
    negative.hidden = !has.negative_prompt;
    inputs.grow.node.hidden = !has.mask;
    forgive(form);
    maker.offer();
    work();
    price.refresh();
  }

  const form = h("form", {}, image.node,
    h("fieldset", { class: "operations" }, h("legend", {}, "What to do"), operations, described),
    Object.values(fields), hint, maker.node,
    moreSettings(maker.qualityField, negative, inputs.grow.node, h("div", { class: "triple" }, field("Style", inputs.style), field("Seed", inputs.seed), field("File", inputs.file))),
    action.node);

  onItsWay(catalog("edit/operations").then(({ operations: listed }) => {
    state.operations = listed;
    const group = freshId("operation");
    fill(operations, Object.entries(listed).map(([name, each]) => h("label", { class: "operation" },
      h("input", { type: "radio", name: group, value: name, checked: name === state.name, onchange: () => chooseOperation(name) }),
      h("span", {}, each.label))));
    chooseOperation(state.name in listed ? state.name : Object.keys(listed)[0]);
  }).catch((problem) => fill(operations, problemNote(problem))));
  work();

  const node = studioPage({ title: "Edit", lead: "Change what is in a picture, or what lies around it.", form, stage, stageFirst: true, onsubmit: () => action.run() });
  return { node, onshow: () => { const picture = takeCarried("edit"); if (picture) image.set(picture); } };
}
