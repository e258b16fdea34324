// Upscale: more pixels, looked at pixel for pixel.

import { field, fill, h, numberIn, seedInput, segmented } from "../dom.js";
import { answerFacts, blame, emptyStage, facts, forgive, given, moreSettings, options, pictureActions, reveal, sheet, studioPage } from "../layout.js";
import { makerChoice, makerNames } from "../maker.js";
import { stemOf } from "../names.js";
import { picker, sampleButton } from "../picker.js";
import { packed, pictureFromPart, recent, takeCarried } from "../pictures.js";
import { livePrice, problemNote, runner, usableSize, waitingPlace } from "../run.js";
import { compare } from "../tools/compare.js";

const MODES = [["auto", "Auto"], ["fast", "Fast"], ["conservative", "Faithful"], ["creative", "Creative"]];
const TOLD = {
  auto: "Chooses by the picture and the size you ask for.", fast: "Four times each side, within seconds.",
  conservative: "More pixels that keep to the original.", creative: "Makes up fine detail; a prompt helps.",
};
const SIZES = [["", "4×"], ["social", "Social"], ["web", "Web"], ["print", "Print"], ["own", "Own size"]];

const OF_ITSELF = ["upscale.fast", "upscale.conservative"]; // what auto takes; creative is for who asks for it
const SAMPLE = 480; // pixels; small enough to show what is gained

export function mount() {
  const stage = h("div");
  const state = { mode: "auto", preset: "" };
  const image = picker("Picture", { compact: true, sample: { longest: SAMPLE }, onpick: () => { look(); price.refresh(); } });
  const prompt = h("textarea", { rows: 2, placeholder: "Optional: what the picture shows" });
  const width = h("input", { type: "number", min: 16, max: 8192, name: "target_width" });
  const height = h("input", { type: "number", min: 16, max: 8192, name: "target_height" });
  const seed = seedInput();
  const told = h("p", { class: "hint" }, TOLD.auto);
  const own = h("div", { class: "pair", hidden: true }, field("Width", width), field("Height", height));
  const prompted = field("Prompt", prompt);

  const operation = () => (state.mode === "auto" ? "upscale" : `upscale.${state.mode}`);
  const maker = makerChoice({ operations: () => (state.mode === "auto" ? OF_ITSELF : [operation()]), onchange: () => price.refresh() });
  const target = () => given({ preset: state.preset === "own" ? null : state.preset, target_width: number(width), target_height: number(height) });
  const price = livePrice(() => image.picture && { ...maker.priced, operation: operation(), num_images: 1, ...usableSize(image.picture), ...target() });
  for (const input of [width, height]) input.addEventListener("input", () => price.refresh());
  const number = (input) => (state.preset === "own" ? numberIn(input) : null);
  const request = () => ({
    path: "upscale",
    body: given({
      image_base64: image.picture, mode: state.mode, ...target(), ...maker.asked, prompt: state.mode === "fast" ? null : prompt.value.trim(),
      seed: numberIn(seed), options: options({ quality: maker.quality }),
    }),
  });

  let place = null;
  const action = runner({
    words: "Upscale", price, request, prepare: packed,
    onstart: () => {
      forgive(form);
      const { width: w, height: hgt } = image.picture ?? { width: 3, height: 2 };
      place = waitingPlace(w, hgt);
      fill(stage, place.node);
      reveal(stage);
    },
    onstatus: (job) => place.tell(job),
    onanswer: async ({ answer, id, job }) => {
      const after = await pictureFromPart(answer, { name: `${stemOf(image.picture)}-upscaled`, ref: id && `job:${id}/1` });
      recent.add(after);
      const before = image.picture;
      fill(stage, h("div", { class: "result" },
        h("div", { class: "result-head" }, h("h2", {}, `${before.width} × ${before.height} to ${answer.width} × ${answer.height}`)),
        compare(before, after, { actual: true }), pictureActions(after, { base: after.name, without: ["upscale"] }),
        facts([["Mode", answer.mode], ["Factor", answer.metadata.upscale_factor ? `${answer.metadata.upscale_factor}×` : null]]), answerFacts(answer, after, job)));
      reveal(stage);
    },
    onproblem: (problem) => {
      place?.stop();
      look();
      const blamed = problem.status === 400 && blame(form, [[/width/i, width], [/height/i, height], [/^prompt/i, prompt], [/image_base64/i, image.node.querySelector("input")], ...makerNames(maker)], problem);
      if (!blamed) stage.prepend(problemNote(problem, image.picture && action.run));
    },
  });

  function look() {
    const picture = image.picture;
    fill(stage, picture
      ? sheet(picture, "The picture to upscale")
      : emptyStage("upscale", "Choose a picture to enlarge.", sampleButton(image)));
  }

  const form = h("form", {}, image.node,
    h("div", { class: "field" }, segmented("Mode", MODES, "auto", (mode) => { state.mode = mode; told.textContent = TOLD[mode]; prompted.hidden = mode === "fast"; maker.offer(); price.refresh(); }), told),
    segmented("Size", SIZES, "", (preset) => { state.preset = preset; own.hidden = preset !== "own"; price.refresh(); }), own, prompted, maker.node,
    moreSettings(maker.qualityField, field("Seed", seed)), action.node);
  look();
  const node = studioPage({ title: "Upscale", lead: "More pixels from the ones you have.", form, stage, onsubmit: () => action.run() });
  return { node, onshow: () => { const picture = takeCarried("upscale"); if (picture) image.set(picture); } };
}
