// Create: a prompt becomes pictures.

import { catalog } from "../api.js";
import { add, clamp, field, fill, freshId, h, icon, numberIn, plural, seedInput, segmented, select } from "../dom.js";
import { blame, emptyStage, facts, forgive, given, look, moreSettings, pictureActions, reveal, studioPage } from "../layout.js";
import { makerChoice, makerNames } from "../maker.js";
import { platformName, QUALITY_OPTIONS, slug, styleOptions } from "../names.js";
import { personaChoice } from "../personas.js";
import { onItsWay, packed, pictureFromPart, recent } from "../pictures.js";
import { clock, livePrice, problemNote, runner } from "../run.js";

const IDEAS = [
  "A lighthouse on a cliff at dusk, warm light, calm sea",
  "Flat lay of a ceramic coffee set on linen, soft morning light",
  "A cosy bookshop window on a rainy evening, neon reflections",
];
const SHAPE = 52; // pixels that a platform's longest side is drawn with

export function mount() {
  const prompt = h("textarea", { rows: 4, placeholder: "What should the picture show?", maxlength: 10000, required: true, name: "prompt" });
  const enhance = h("input", { type: "checkbox", checked: true, name: "enhance_prompt" });
  const negative = h("input", { type: "text", name: "negative_prompt", placeholder: "blurry, low quality" });
  const maker = makerChoice({ onchange: () => price.refresh() });
  const persona = personaChoice();
  const style = select(styleOptions("Auto"), { name: "style_preset" });
  const seed = seedInput();
  const steps = h("input", { type: "number", min: 1, max: 150, name: "steps", placeholder: "auto" });
  const guidance = h("input", { type: "number", min: 0, max: 50, step: 0.5, name: "guidance_scale", placeholder: "auto" });
  const chosen = { quality: "", count: 1 };
  const sizes = sizePicker(() => price.refresh());
  const runs = h("div", { class: "runs" });
  const stage = h("div", {}, runs);

  const count = h("output", { class: "count", "aria-live": "polite" }, "1");
  const step = (by) => {
    chosen.count = clamp(chosen.count + by, 1, 10);
    count.textContent = String(chosen.count);
    price.refresh();
  };

  const price = livePrice(() => sizes.ready && ({
    ...maker.priced,
    ...(maker.asked.provider ? {} : given({ provider: sizes.template?.recommended_provider })),
    operation: "generate", num_images: chosen.count, quality: chosen.quality || (sizes.template?.quality ?? "standard"),
    ...given({ width: sizes.width, height: sizes.height }),
  }));

  const request = () => ({
    path: "create",
    body: given({
      prompt: prompt.value.trim(), template_id: sizes.template?.id,
      width: sizes.template ? null : sizes.width, height: sizes.template ? null : sizes.height,
      provider: "auto", ...maker.asked, style_preset: style.value, persona_id: persona.value, quality: chosen.quality,
      negative_prompt: negative.value.trim(), num_variations: chosen.count, enhance_prompt: enhance.checked,
      seed: numberIn(seed), steps: numberIn(steps), guidance_scale: numberIn(guidance),
    }),
  });

  let board = null;
  const action = runner({
    words: "Create", price, request, prepare: packed,
    onstart: ({ body }) => {
      forgive(form);
      board = runBoard(body, sizes.width ?? 1024, sizes.height ?? 1024);
      stage.querySelector(".empty-stage")?.remove();
      runs.prepend(board.node);
      reveal(board.node);
    },
    onstatus: (job) => board.tell(job),
    onanswer: ({ answer, id, job }) => board.finish(answer, id, job),
    onproblem: (problem) => {
      if (problem.status === 400 && blame(form, [[/^prompt\b/i, prompt], [/persona/i, persona.select], ...makerNames(maker), [/^(width|height)\b/i, sizes.widthInput], [/seed/i, seed], [/steps/i, steps]], problem)) board.node.remove();
      else board.fail(problem, action.run);
    },
  });

  const form = h("form", {},
    h("div", { class: "field" }, h("label", { for: (prompt.id = freshId("prompt")) }, "Prompt"), prompt,
      h("label", { class: "check" }, enhance, h("span", {}, "Enhance the prompt"))),
    sizes.node,
    segmented("Quality", QUALITY_OPTIONS, "", (value) => { chosen.quality = value; price.refresh(); }),
    maker.node,
    h("div", { class: "pair" }, field("Style", style),
      h("div", { class: "field", role: "group", "aria-label": "Variations" }, h("span", { class: "label" }, "Variations"),
        h("div", { class: "stepper" },
          h("button", { type: "button", "aria-label": "One variation less", onclick: () => step(-1) }, "−"), count,
          h("button", { type: "button", "aria-label": "One variation more", onclick: () => step(1) }, "+")))),
    persona.node,
    moreSettings(field("Leave out", negative, "What the picture should not show."),
      h("div", { class: "triple" }, field("Seed", seed), field("Steps", steps), field("Guidance", guidance))),
    action.node);

  prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) form.requestSubmit();
  });

  stage.prepend(emptyStage("create", "Your pictures appear here.",
    h("div", { class: "ideas" }, IDEAS.map((idea) => h("button", { type: "button", class: "idea", onclick: () => { prompt.value = idea; prompt.focus(); } }, idea)))));
  const node = studioPage({ title: "Create", lead: "Describe a picture; get it in the exact size you need.", form, stage, onsubmit: () => action.run() });
  return { node, onshow: () => { if (!matchMedia("(pointer: coarse)").matches && !prompt.value) prompt.focus({ preventScroll: true }); } };
}

// --- sizes: templates with their shapes drawn to scale, or one's own ---------------------------------------------

function sizePicker(onchange) {
  const name = freshId("template");
  const widthInput = h("input", { type: "number", min: 16, max: 8192, value: "1024", name: "width" });
  const heightInput = h("input", { type: "number", min: 16, max: 8192, value: "1024", name: "height" });
  const own = h("div", { class: "pair own-size", hidden: true }, field("Width", widthInput), field("Height", heightInput));
  const cards = h("div", { class: "cards" });
  const tabs = h("div", { class: "chips", role: "group", "aria-label": "Platform" });
  const told = h("p", { class: "hint template-told" });
  const state = { template: null, widthInput, width: 1024, height: 1024, ready: false };
  state.node = h("fieldset", { class: "sizes" }, h("legend", {}, "Size"), tabs, cards, own, told);

  const readOwn = () => {
    state.ready = true;
    state.width = numberIn(widthInput);
    state.height = numberIn(heightInput);
    onchange();
  };
  widthInput.addEventListener("input", readOwn);
  heightInput.addEventListener("input", readOwn);

  function pick(template) {
    state.ready = true;
    state.template = template;
    own.hidden = template !== null;
    told.textContent = template ? `${template.description}. ${template.aspect_ratio.width} × ${template.aspect_ratio.height} pixels.` : "";
    if (!template) { readOwn(); return; }
    state.width = template.aspect_ratio.width;
    state.height = template.aspect_ratio.height;
    onchange();
  }

  function card(template, longest) {
    const shape = h("span", { class: "shape" });
    const { width, height } = template?.aspect_ratio ?? { width: longest * 0.8, height: longest * 0.8 };
    shape.style.width = `${Math.max(4, width / longest * SHAPE)}px`;
    shape.style.height = `${Math.max(4, height / longest * SHAPE)}px`;
    return h("label", { class: template ? "card" : "card own" },
      h("input", { type: "radio", name, value: template?.id ?? "", checked: state.template?.id === template?.id, onchange: () => pick(template) }),
      h("span", { class: "card-shape" }, shape),
      h("span", { class: "card-name" }, template ? shortName(template) : "Own size"),
      h("span", { class: "card-ratio" }, template ? template.aspect_ratio.ratio : ""));
  }

  onItsWay(catalog("templates").then(({ templates }) => {
    const platforms = [...new Set(templates.map((template) => template.platform))];
    const show = (platform) => {
      for (const tab of tabs.children) tab.setAttribute("aria-pressed", String(tab.value === platform));
      const these = templates.filter((template) => template.platform === platform);
      pick(these[0]);
      const longest = Math.max(...these.flatMap(({ aspect_ratio: { width, height } }) => [width, height]));
      fill(cards, these.map((template) => card(template, longest)), card(null, longest));
    };
    add(tabs, platforms.map((platform) => h("button", { type: "button", class: "chip", value: platform, onclick: () => show(platform) }, platformName(platform))));
    show(platforms[0]);
  }).catch((problem) => {
    fill(cards, problemNote(problem));
    own.hidden = false;
    readOwn();
  }));
  return state;
}

const shortName = ({ name, platform }) => {
  const words = name.replace(new RegExp(`^(${platform}|x|twitter/x|twitter)\\s+`, "i"), "");
  return words.replace(/^./, (first) => first.toUpperCase());
};

// --- one run: a place for each variation, filled as they come ----------------------------------------------------

function runBoard(body, width, height) {
  const count = body.num_variations ?? 1;
  const time = clock();
  const line = h("p", { class: "run-told", role: "status" }, h("span", { class: "run-words" }, "Sending"), time.node);
  const tiles = Array.from({ length: count }, (_, at) => waitingTile(at + 1, width, height));
  const grid = h("div", { class: "grid" }, tiles.map((tile) => tile.node));
  grid.style.setProperty("--tile", width >= height * 1.6 ? "22rem" : width * 1.3 < height ? "13rem" : "17rem");
  const words = line.firstElementChild;
  const node = h("article", { class: "run-board" }, h("header", {}, h("h2", {}, body.prompt), line), grid);

  return {
    node,
    tell(job) {
      const { done, failed, total } = job.progress;
      words.textContent = job.status === "queued" ? "Waiting for its turn" : `${done + failed} of ${total} done`;
      for (const entry of job.variations) tiles[entry.variation - 1]?.tell(entry);
    },
    async finish(answer, id, job) {
      time.stop();
      const base = slug(body.prompt);
      const pictures = await Promise.all(answer.results.map((part) =>
        pictureFromPart(part, { name: `${base}-${part.variation}`, ref: id ? `job:${id}/${part.variation}` : null })));
      answer.results.forEach((part, at) => tiles[part.variation - 1].show(pictures[at], part, body.prompt));
      for (const failure of answer.errors ?? []) tiles[failure.variation - 1].fail(failure.detail);
      recent.add(...pictures);
      const enhanced = answer.request.enhanced_prompt;
      fill(line, facts([
        ["Made by", `${answer.request.provider} · ${answer.request.model}`], ["Size", answer.request.dimensions.replace("x", " × ")],
        ["Charged", job ? plural(job.credits.charged, "credit") : null], ["Why", answer.request.reason],
        ["Prompt sent", enhanced && enhanced !== body.prompt ? enhanced : null],
      ]));
    },
    fail(problem, again) {
      time.stop();
      line.remove();
      grid.replaceWith(problemNote(problem, again));
    },
  };
}

function waitingTile(number, width, height) {
  const words = h("span", {}, "Queued");
  const place = h("div", { class: "waiting" }, h("div", { class: "waiting-told" }, h("strong", {}, String(number)), words));
  place.style.aspectRatio = `${width} / ${height}`;
  const node = h("figure", { class: "tile" }, place);
  const SAID = { queued: "Queued", running: "Being made", succeeded: "Done", failed: "Failed" };
  return {
    node,
    tell(entry) {
      place.dataset.status = entry.status;
      words.textContent = entry.status === "failed" ? entry.detail : SAID[entry.status];
    },
    fail(detail) { fill(place, h("div", { class: "waiting-told" }, icon("alert"), h("span", {}, detail))); place.dataset.status = "failed"; },
    show(picture, part, prompt) {
      const open = h("button", { type: "button", class: "picture", "aria-label": `Open variation ${number} in full size`, onclick: () => look(picture, prompt) },
        h("img", { src: picture.url, alt: `${prompt}, variation ${number}`, width: picture.width, height: picture.height }));
      fill(node, open, h("figcaption", {}, pictureActions(picture, { base: picture.name }),
        part.seed !== null && h("span", { class: "hint" }, `Seed ${part.seed}`)));
    },
  };
}

