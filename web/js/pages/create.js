// The Create page: a prompt becomes images.

import { actionBar, anotherSeed, elapsedTime, errorNote, liveEstimate, OFFLINE } from "../action-bar.js";
import { getCached } from "../api.js";
import { add, clamp, field, fill, h, icon, numberValue, pick, plural, seedInput, segmented, select, uniqueId } from "../dom.js";
import { errorText } from "../errors.js";
import { choicePrices, segmentChoices } from "../estimates.js";
import { imageFromResult, recent, trackLoading } from "../images.js";
import { platformLabel, QUALITY_OPTIONS, QUOTED, slug, STATUS_LABELS, styleOptions } from "../labels.js";
import { aiBadge, clearFieldErrors, emulatorBadge, facts, ignoredText, imageActions, moreSettings, openImage, pageLayout, reveal, showFieldError, withoutEmpty } from "../layout.js";
import { modelErrorPatterns, modelPicker } from "../model-picker.js";
import { personaPicker } from "../personas.js";

// name of the example in img/ideas, prompt
const IDEAS = [
  ["lighthouse", "A lighthouse on a cliff at dusk, warm light, calm sea"],
  ["coffee", "Flat lay of a ceramic coffee set on linen, soft morning light"],
  ["bookshop", "A cozy bookshop window on a rainy evening, neon reflections"],
];
const SHAPE_SIDE = 52; // pixels: the longest side of the drawn shapes

export function mount() {
  const prompt = h("textarea", { rows: 4, placeholder: "What should the image show?", maxlength: 10000, required: true, name: "prompt" });
  const enhance = h("input", { type: "checkbox", checked: true, name: "enhance_prompt" });
  const negative = h("input", { type: "text", name: "negative_prompt", placeholder: "blurry, low quality" });
  const models = modelPicker({ onchange: () => updatePrices() });
  const persona = personaPicker();
  const style = select(styleOptions("Auto"), { name: "style_preset" });
  const seed = seedInput();
  const steps = h("input", { type: "number", min: 1, max: 150, name: "steps", placeholder: "auto" });
  const guidance = h("input", { type: "number", min: 0, max: 50, step: 0.5, name: "guidance_scale", placeholder: "auto" });
  const settings = { quality: "", count: 1 };
  const sizes = sizePicker(() => updatePrices());
  const runs = h("div", { class: "runs" });
  const workspace = h("div", {}, runs);

  const count = h("output", { class: "count", "aria-live": "polite" }, "1");
  const step = (by) => {
    settings.count = clamp(settings.count + by, 1, 10);
    count.textContent = String(settings.count);
    price.refresh();
  };

  const estimate = (changes = {}) => sizes.ready && withoutEmpty({
    ...models.estimateFields, operation: "generate", num_images: 1, prompt: QUOTED.test(prompt.value) ? prompt.value.trim() : null,
    template_id: sizes.template?.id, width: sizes.width, height: sizes.height, quality: settings.quality, ...changes,
  });
  const price = liveEstimate(() => estimate({ num_images: settings.count }), models);
  prompt.addEventListener("change", () => updatePrices());

  const request = () => ({
    path: "create",
    body: withoutEmpty({
      prompt: prompt.value.trim(), template_id: sizes.template?.id,
      width: sizes.template ? null : sizes.width, height: sizes.template ? null : sizes.height,
      provider: "auto", ...models.requestFields, style_preset: style.value, ...(persona.value ? { use_persona: true, persona_id: persona.value } : {}), quality: settings.quality,
      negative_prompt: negative.value.trim(), num_variations: settings.count, enhance_prompt: enhance.checked,
      seed: numberValue(seed), steps: numberValue(steps), guidance_scale: numberValue(guidance),
    }),
  });

  const errorFields = [[/^prompt\b/i, prompt], [/persona/i, persona.select], ...modelErrorPatterns(models), [/^(width|height)\b/i, sizes.widthInput], [/seed/i, seed], [/steps/i, steps]];
  const action = actionBar({
    page: "create", verb: () => `Create ${plural(settings.count, "image")}`, price, start,
    request: () => {
      const { path, body } = request();
      return { path, body, about: { prompt: prompt.value.trim(), count: settings.count, width: sizes.width ?? 1024, height: sizes.height ?? 1024 } };
    },
  });
  function start(current, controls) {
    clearFieldErrors(form);
    const one = () => ({ path: current.path, body: { ...current.body, num_variations: 1 }, about: { ...current.about, count: 1 } });
    const cost = async () => (await current.cost ?? 0) / current.about.count;
    const view = runCard(current, controls, { run: () => action.run({ ...one(), cost: cost() }), cost: cost(), another: anotherSeed(action, { ...one(), cost: cost() }) });
    workspace.querySelector(".empty-state")?.remove();
    runs.prepend(view.node);
    reveal(view.node);
    return {
      ...view,
      fail: (error, retry, cost) => {
        if (showFieldError(errorFields, error)) view.node.remove();
        else view.fail(error, retry, cost);
      },
    };
  }

  const qualities = segmented("Quality", QUALITY_OPTIONS, "", (value) => { settings.quality = value; price.refresh(); });
  const showQualities = choicePrices(segmentChoices(qualities), (quality) => estimate({ quality }));
  function updatePrices() {
    price.refresh();
    showQualities();
  }
  const form = h("form", {},
    h("div", { class: "field" }, h("label", { for: (prompt.id = uniqueId("prompt")) }, "Prompt"), prompt,
      h("label", { class: "check" }, enhance, h("span", {}, "Enhance the prompt"))),
    sizes.node,
    qualities,
    models.node,
    h("div", { class: "pair" }, field("Style", style),
      h("div", { class: "field", role: "group", "aria-label": "Variations" }, h("span", { class: "label" }, "Variations"),
        h("div", { class: "stepper" },
          h("button", { type: "button", "aria-label": "Fewer variations", onclick: () => step(-1) }, "−"), count,
          h("button", { type: "button", "aria-label": "More variations", onclick: () => step(1) }, "+")))),
    persona.node,
    moreSettings(field("Negative prompt", negative, "What the image should not show."),
      h("div", { class: "triple" }, field("Seed", seed), field("Steps", steps), field("Guidance", guidance))),
    action.node);

  workspace.prepend(h("div", { class: "empty-state examples" }, h("p", {}, "Your images appear here. Start with your own words, or with an example."),
    h("div", { class: "ideas" }, IDEAS.map(([example, idea]) => h("button", { type: "button", class: "idea", onclick: () => { prompt.value = idea; prompt.focus(); } },
      h("img", { src: `img/ideas/${example}.webp`, alt: "", width: 720, height: 480 }), h("span", {}, h("span", { class: "badge" }, "Example"), " ", idea))))));
  const node = pageLayout({ title: "Create", lead: "Describe an image and get it in the exact size you need.", form, workspace, onsubmit: () => action.run() });
  /** Fill in the form from an earlier request. */
  function reuse(body) {
    prompt.value = body.prompt ?? "";
    enhance.checked = body.enhance_prompt !== false;
    negative.value = body.negative_prompt ?? "";
    style.value = body.style_preset ?? "";
    if (body.persona_id) persona.choose(body.persona_id);
    for (const [input, name] of [[seed, "seed"], [steps, "steps"], [guidance, "guidance_scale"]]) input.value = body[name] ?? "";
    step((Math.round(body.num_variations) || 1) - settings.count);
    pick(qualities, body.quality ?? "");
    models.choose(body.provider, body.model);
    sizes.choose(body.template_id, body.width, body.height);
    updatePrices();
    prompt.focus();
  }
  return { node, reuse, request, onshow: () => { if (!matchMedia("(pointer: coarse)").matches && !prompt.value) prompt.focus({ preventScroll: true }); } };
}

// --- sizes: templates with their shapes drawn to scale, or a custom size ------------------------------------------

function sizePicker(onchange) {
  const name = uniqueId("template");
  const widthInput = h("input", { type: "number", min: 16, max: 8192, value: "1024", name: "width" });
  const heightInput = h("input", { type: "number", min: 16, max: 8192, value: "1024", name: "height" });
  const customSize = h("div", { class: "pair custom-size", hidden: true }, field("Width", widthInput), field("Height", heightInput));
  const cards = h("div", { class: "cards" });
  const tabs = h("div", { class: "chips", role: "group", "aria-label": "Platform" });
  const description = h("p", { class: "hint template-description" });
  const state = { template: null, widthInput, width: 1024, height: 1024, ready: false, choose: () => {} };
  state.node = h("fieldset", { class: "sizes" }, h("legend", {}, "Size"), tabs, cards, customSize, description);

  const readCustomSize = () => {
    state.ready = true;
    state.width = numberValue(widthInput);
    state.height = numberValue(heightInput);
    onchange();
  };
  widthInput.addEventListener("input", readCustomSize);
  heightInput.addEventListener("input", readCustomSize);

  function pick(template) {
    state.ready = true;
    state.template = template;
    customSize.hidden = template !== null;
    description.textContent = template ? `${template.description}. ${template.aspect_ratio.width} × ${template.aspect_ratio.height} pixels.` : "";
    if (!template) { readCustomSize(); return; }
    state.width = template.aspect_ratio.width;
    state.height = template.aspect_ratio.height;
    onchange();
  }

  function card(template, longest) {
    const shape = template // drawn for each template by scripts/guide_pictures.py
      ? h("img", { class: "shape", alt: "", loading: "lazy", src: `img/templates/${template.id}.webp` })
      : h("span", { class: "shape" });
    const { width, height } = template?.aspect_ratio ?? { width: longest * 0.8, height: longest * 0.8 };
    shape.style.width = `${Math.max(4, width / longest * SHAPE_SIDE)}px`;
    shape.style.height = `${Math.max(4, height / longest * SHAPE_SIDE)}px`;
    return h("label", { class: template ? "card" : "card custom" },
      h("input", { type: "radio", name, value: template?.id ?? "", checked: state.template?.id === template?.id, onchange: () => pick(template) }),
      h("span", { class: "card-shape" }, shape),
      h("span", { class: "card-name" }, template ? shortName(template) : "Custom size"),
      h("span", { class: "card-ratio" }, template ? template.aspect_ratio.ratio : ""));
  }

  const loadTemplates = () => trackLoading(getCached("templates").then(({ templates }) => {
    const platforms = [...new Set(templates.map((template) => template.platform))];
    const show = (platform) => {
      for (const tab of tabs.children) tab.setAttribute("aria-pressed", String(tab.value === platform));
      const these = templates.filter((template) => template.platform === platform);
      pick(these[0]);
      const longest = Math.max(...these.flatMap(({ aspect_ratio: { width, height } }) => [width, height]));
      fill(cards, these.map((template) => card(template, longest)), card(null, longest));
    };
    add(tabs, platforms.map((platform) => h("button", { type: "button", class: "chip", value: platform, onclick: () => show(platform) }, platformLabel(platform))));
    show(platforms[0]);
    state.choose = (id, width, height) => {
      const template = templates.find((each) => each.id === id);
      if (template) show(template.platform);
      else if (!width) return;
      else [widthInput.value, heightInput.value] = [width, height];
      [...cards.querySelectorAll("input")].find((input) => input.value === (template?.id ?? "")).click();
    };
  }).catch((error) => {
    fill(cards, errorNote(error, loadTemplates));
    customSize.hidden = false;
    readCustomSize();
  }));
  loadTemplates();
  return state;
}

const shortName = ({ name, platform }) => {
  const rest = name.replace(new RegExp(`^(${platform}|x|twitter/x|twitter)\\s+`, "i"), "");
  return rest.replace(/^./, (first) => first.toUpperCase());
};

// --- one run: a tile for each variation --------------------------------------------------------------------------

function runCard({ about }, controls, again) {
  const { prompt, count, width, height } = about;
  const time = elapsedTime(about.expected);
  const progress = h("span", { class: "run-progress", role: "status" }, "Sending");
  const line = h("div", { class: "run-status" }, progress, time.node, controls);
  const tiles = Array.from({ length: count }, (_, at) => variationTile(at + 1, width, height, () => tiles.map((tile) => tile.shown).filter(Boolean), again.another));
  const [shape, tileWidth] = width >= height * 1.6 ? ["wide", "22rem"] : width * 1.3 < height ? ["tall", "13rem"] : ["", "17rem"];
  const grid = h("div", { class: `grid ${shape}`, dataset: { count } }, tiles.map((tile) => tile.node));
  grid.style.setProperty("--tile", tileWidth);
  const base = slug(prompt);
  const compare = h("div"); // holds a button when there are two images
  const node = h("article", { class: "run-card" }, h("header", {}, h("div", { class: "result-head" }, h("h2", {}, prompt), compare), line), grid);
  const say = (words) => { if (progress.textContent !== words) progress.textContent = words; };

  return {
    node,
    update(job) {
      const { done, failed, total } = job.progress;
      say(job.status === "queued" ? "Queued" : `${done + failed} of ${total} done`);
      for (const entry of job.variations) {
        const load = () => imageFromResult(entry, { name: `${base}-${entry.variation}`, ref: `job:${job.job_id}/${entry.variation}` });
        tiles[entry.variation - 1]?.update(entry, load, prompt);
      }
    },
    offline: () => say(OFFLINE),
    async finish({ response, id, job }) {
      time.stop();
      const images = await Promise.all(response.results.map(async (result) => await tiles[result.variation - 1].image
        ?? imageFromResult(result, { name: `${base}-${result.variation}`, ref: id ? `job:${id}/${result.variation}` : null })));
      response.results.forEach((result, index) => tiles[result.variation - 1].show(images[index], prompt, result));
      for (const failure of response.errors ?? []) tiles[failure.variation - 1].fail(errorText(failure), again);
      recent.add(...images);
      const enhanced = response.request.enhanced_prompt;
      fill(line, facts([
        ["Model", `${response.request.provider} · ${response.request.model}`], ["Size", response.request.dimensions.replace("x", " × ")],
        ["Charged", job ? plural(job.credits.charged, "credit") : null], ["Reason", response.request.reason],
        ["Drawn by", emulatorBadge(response.request.provider)], ["Marked", aiBadge(response.results[0]?.metadata.digital_source_type)],
        ["Prompt sent", enhanced && enhanced !== prompt ? enhanced : null], ["Not used by this model", ignoredText(response.results[0])],
      ]));
      if (images.length > 1) compare.append(h("button", { type: "button", class: "ghost small", onclick: async () => (await import("../gallery.js")).compareImages(images) }, icon("image"), "Compare"));
      return images;
    },
    fail(error, retry, cost) {
      time.stop();
      line.remove();
      grid.replaceWith(errorNote(error, () => { node.remove(); retry(); }, cost));
    },
  };
}

/** `shown` returns the images of all tiles, which the full view goes through; `again` makes another one like it. */
function variationTile(number, width, height, shown, again) {
  const text = h("span", {}, "Queued");
  const box = h("div", { class: "waiting" }, h("div", { class: "waiting-text" }, h("strong", {}, String(number)), text));
  box.style.aspectRatio = `${width} / ${height}`;
  const node = h("figure", { class: "tile" }, box);
  const tile = {
    node, image: null, shown: null,
    /** Show the variation's status; when it is done, its image, which `load` fetches. */
    update(entry, load, prompt) {
      box.dataset.status = entry.status;
      text.textContent = entry.status === "failed" ? errorText(entry) : STATUS_LABELS[entry.status];
      if (!entry.image_url || tile.image) return;
      tile.image = load().catch(() => null); // the job's result has it, too
      tile.image.then((image) => image && box.isConnected && tile.show(image, prompt));
    },
    /** Show why it failed; `run` makes this one again, for `cost`. */
    fail(message, { run, cost }) {
      const button = h("button", { type: "button", class: "small", onclick: run }, "Make this one again");
      cost.then((credits) => credits && button.append(` (${plural(credits, "credit")})`));
      fill(box, h("div", { class: "waiting-text" }, icon("alert"), h("span", {}, message), button));
      box.dataset.status = "failed";
    },
    show(image, prompt, { seed = null } = {}) {
      if (!node.contains(box)) { // the image is shown already
        if (seed !== null) node.querySelector("figcaption").append(seedNote(seed));
        return;
      }
      tile.shown = image;
      image.prompt = prompt;
      const open = h("button", { type: "button", class: "result-image", "aria-label": `Open variation ${number} in full size`, onclick: () => openImage(image, prompt, { all: shown() }) },
        h("img", { src: image.url, alt: `${prompt}, variation ${number}`, width: image.width, height: image.height }));
      fill(node, open, h("figcaption", {}, imageActions(image, { again }), seed !== null && seedNote(seed)));
    },
  };
  return tile;
}

const seedNote = (seed) => h("span", { class: "hint" }, `Seed ${seed}`);
