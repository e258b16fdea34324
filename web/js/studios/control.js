// Control: a sketch, a structure or a style steers how a new picture is made.

import { catalog } from "../api.js";
import { field, fill, freshId, h, numberIn, seedInput, segmented, select, slider } from "../dom.js";
import { answerFacts, blame, emptyStage, forgive, given, moreSettings, options, pictureActions, reveal, sheet, studioPage } from "../layout.js";
import { makerChoice, makerNames } from "../maker.js";
import { slug, styleOptions } from "../names.js";
import { picker, sampleButton } from "../picker.js";
import { drawing, onItsWay, packed, pictureFromPart, recent, takeCarried } from "../pictures.js";
import { livePrice, problemNote, runner, waitingPlace } from "../run.js";
import { compare } from "../tools/compare.js";
import { sketchPad } from "../tools/paint.js";

const RATIOS = ["1:1", "4:5", "3:4", "2:3", "9:16", "5:4", "4:3", "3:2", "16:9", "21:9"];
const IMAGE_WORDS = { sketch: "Sketch", structure: "Picture whose structure stays", style: "Style reference", style_transfer: "Picture to restyle" };
const SAMPLES = { structure: { name: "sample" }, style: { name: "style", longest: 1024 } };
// words that fit the samples
const EXAMPLES = {
  sketch: "a small house by the sea, watercolour", structure: "a lighthouse made of glass, at night",
  style: "a sailing boat on calm water", style_transfer: "a lighthouse at dusk",
};
const PAPERS = { wide: [1152, 768], square: [1024, 1024], tall: [768, 1152] };

export function mount() {
  const state = { operations: {}, name: "sketch", from: "draw", pad: null, sampled: false };
  const stage = h("div");
  const outcome = h("div");
  const bench = h("div");
  stage.append(outcome, bench);

  const image = picker("Picture", { compact: true, sample: SAMPLES.structure, onpick: () => { exemplify(); work(); if (image.picture) reveal(stage); } });
  const style = picker("Style to take over", { sample: SAMPLES.style });
  const prompt = h("textarea", { rows: 3, placeholder: "What should the picture show?" });
  const negative = h("input", { type: "text" });
  const seed = seedInput();
  const preset = select(styleOptions("None"));
  const ratio = select([["", "Auto"], ...RATIOS.map((name) => [name, name])]);
  const sliders = {
    control_strength: slider("Hold on to it", { hint: "How closely the new picture follows the given one." }),
    fidelity: slider("Fidelity", { hint: "How close the style comes to the reference." }),
    style_strength: slider("Style strength", { hint: "How much of the style is taken over." }),
    composition_fidelity: slider("Keep the composition"), change_strength: slider("Change"),
  };
  const operations = h("div", { class: "operation-list" });
  const described = h("p", { class: "hint" });
  const source = segmented("Start from", [["draw", "A drawing"], ["picture", "A picture"]], "draw", (from) => { state.from = from; shape(); });
  const paper = segmented("Paper", [["wide", "Wide"], ["square", "Square"], ["tall", "Tall"]], "wide", (name) => { state.pad = newPad(name); work(); });
  const ratioField = field("Shape", ratio);
  const flags = () => state.operations[state.name]?.fields ?? {};
  const drawn = () => state.name === "sketch" && state.from === "draw";

  const maker = makerChoice({ operations: () => [`control.${state.name}`], onchange: () => price.refresh() });
  const price = livePrice(() => ({ ...maker.priced, operation: `control.${state.name}`, num_images: 1 }));
  const values = () => {
    const has = flags();
    const transfer = has.style_image;
    const used = { control_strength: has.control_strength, fidelity: has.fidelity, style_strength: has.style_strength, composition_fidelity: transfer, change_strength: transfer };
    return Object.fromEntries(Object.entries(used).filter(([, on]) => on).map(([name]) => [name, sliders[name].value]));
  };
  const request = () => ({
    path: "control/process",
    body: given({
      control_image_base64: drawn() ? drawing(state.pad.canvas) : image.picture, operation: state.name, prompt: prompt.value.trim(),
      style_image_base64: flags().style_image ? style.picture : null, negative_prompt: negative.value.trim(), ...values(),
      aspect_ratio: flags().aspect_ratio ? ratio.value : null, style_preset: preset.value, seed: numberIn(seed),
      ...maker.asked, options: options({ quality: maker.quality }),
    }),
  });

  let place = null;
  const action = runner({
    words: "Make it", price, request, prepare: packed,
    onstart: () => {
      forgive(form);
      const { width, height } = drawn() ? state.pad.canvas : image.picture ?? { width: 1, height: 1 };
      place = waitingPlace(width, height);
      bench.hidden = true;
      fill(outcome, place.node);
      reveal(stage);
    },
    onstatus: (job) => place.tell(job),
    onanswer: async ({ answer, id, job }) => {
      const picture = await pictureFromPart(answer, { name: `${slug(prompt.value)}-${state.name}`, ref: id && `job:${id}/1` });
      recent.add(picture);
      const before = drawn() ? { url: state.pad.canvas.toDataURL(), width: state.pad.canvas.width, height: state.pad.canvas.height } : image.picture;
      const alike = Math.abs(before.width / before.height - picture.width / picture.height) < 0.05;
      fill(outcome, h("div", { class: "result" },
        h("div", { class: "result-head" }, h("h2", {}, state.operations[state.name].label),
          h("button", { type: "button", class: "ghost small", onclick: () => { fill(outcome); bench.hidden = false; } }, drawn() ? "Back to the drawing" : "Back to the picture")),
        alike && state.name !== "style" ? compare(before, picture) : sheet(picture, prompt.value),
        pictureActions(picture, { base: picture.name }), answerFacts(answer, picture, job)));
      reveal(stage);
    },
    onproblem: (problem) => {
      place?.stop();
      bench.hidden = false;
      const named = [[/prompt/i, prompt], [/style[ _]image/i, style.node.querySelector("input")], [/control_image/i, image.node.querySelector("input")], ...makerNames(maker)];
      fill(outcome, !(problem.status === 400 && blame(form, named, problem)) && problemNote(problem, action.run));
    },
  });

  function newPad(name) {
    const [width, height] = PAPERS[name];
    return sketchPad({ width, height, onsample: () => { state.sampled = true; exemplify(); } });
  }

  /** With a sample, words that fit it stand where a person has written nothing. */
  function exemplify() {
    if (!(drawn() ? state.sampled : image.picture?.sample)) return;
    if (!prompt.value || Object.values(EXAMPLES).includes(prompt.value)) prompt.value = EXAMPLES[state.name];
  }

  function work() {
    fill(outcome);
    bench.hidden = false;
    if (drawn()) fill(bench, (state.pad ??= newPad("wide")).node);
    else if (image.picture) fill(bench, sheet(image.picture, "The picture that steers"));
    else fill(bench, emptyStage("control", "Choose the picture that steers.", sampleButton(image)));
  }

  /** Show what the operation has. */
  function shape() {
    const has = flags();
    source.hidden = state.name !== "sketch";
    paper.hidden = !drawn();
    image.node.hidden = drawn();
    image.sample(state.name === "style" ? SAMPLES.style : SAMPLES.structure);
    image.node.querySelector(".picker-label").textContent = IMAGE_WORDS[state.name] ?? "Picture";
    style.node.hidden = !has.style_image;
    ratioField.hidden = !has.aspect_ratio;
    const used = values();
    for (const [name, each] of Object.entries(sliders)) each.node.hidden = !(name in used);
    forgive(form);
    work();
    price.refresh();
  }

  function chooseOperation(name) {
    state.name = name;
    described.textContent = `${state.operations[name].description}.`;
    exemplify();
    maker.offer();
    shape();
  }

  const form = h("form", {}, h("fieldset", { class: "operations" }, h("legend", {}, "What steers"), operations, described),
    source, paper, image.node, style.node, field("Prompt", prompt), ratioField, sliders.control_strength.node, sliders.fidelity.node, sliders.style_strength.node, maker.node,
    moreSettings(maker.qualityField, sliders.composition_fidelity.node, sliders.change_strength.node, field("Leave out", negative), h("div", { class: "pair" }, field("Style", preset), field("Seed", seed))),
    action.node);

  onItsWay(catalog("control/operations").then(({ operations: listed }) => {
    state.operations = listed;
    const group = freshId("control");
    fill(operations, Object.entries(listed).map(([name, each]) => h("label", { class: "operation" },
      h("input", { type: "radio", name: group, value: name, checked: name === state.name, onchange: () => chooseOperation(name) }), h("span", {}, each.label))));
    chooseOperation(state.name);
  }).catch((problem) => fill(operations, problemNote(problem))));

  const node = studioPage({ title: "Control", lead: "Steer a new picture by a sketch, a structure or a style.", form, stage, stageFirst: true, onsubmit: () => action.run() });
  return { node, onshow: () => {
    const picture = takeCarried("control");
    if (!picture) return;
    if (drawn()) source.querySelector("input[value=picture]").click();
    image.set(picture);
  } };
}
