// Who makes a picture: provider and model, offered for what is to be done, and how much quality is asked for.

import { catalog } from "./api.js";
import { add, field, fill, h, select } from "./dom.js";
import { given } from "./layout.js";
import { QUALITY_OPTIONS } from "./names.js";

const AUTO = "auto";

/**
 * Provider and model to choose from. `operations` gives what may be done, as /providers names it: `edit.inpaint`;
 * nothing is generating.
 */
export function makerChoice({ operations = () => [], onchange }) {
  const provider = select([[AUTO, "Auto"]], { name: "provider" });
  const model = select([["", "Auto"]], { name: "model", disabled: true });
  const quality = select(QUALITY_OPTIONS, { name: "quality" });
  let known = {};

  function able(each) {
    const names = operations();
    return names.length ? [...new Set(names.flatMap((name) => each.operations?.[name] ?? []))] : each.models;
  }

  function offerModels() {
    const models = known[provider.value] ? able(known[provider.value]) : [];
    const before = model.value;
    fill(model, h("option", { value: "" }, "Auto"), models.map((name) => h("option", { value: name }, name)));
    model.value = models.includes(before) ? before : "";
    model.disabled = models.length === 0;
  }

  /** Offer what fits the operation; a choice that still fits stays. */
  function offer() {
    const before = provider.value;
    const listed = Object.entries(known).filter(([, each]) => able(each).length);
    fill(provider, h("option", { value: AUTO }, "Auto"));
    add(provider, listed.map(([name, each]) => h("option", { value: name, disabled: each.configured === false },
      each.configured === false ? `${each.name} (no key)` : operations().length ? each.name : `${each.name} · ${each.cost_range}`)));
    provider.value = listed.some(([name, each]) => name === before && each.configured !== false) ? before : AUTO;
    offerModels();
  }

  provider.addEventListener("change", () => { offerModels(); onchange(); });
  model.addEventListener("change", () => onchange());
  quality.addEventListener("change", () => onchange());
  catalog("providers").then(({ providers }) => { known = providers; offer(); }).catch(() => { /* automatic is always there */ });

  return {
    provider, model, offer,
    node: h("div", { class: "pair" }, field("Provider", provider), field("Model", model)),
    qualityField: field("Quality", quality, "Premium takes the best model, draft the cheapest."),
    /** What a request says of it: nothing where nothing was chosen. */
    get asked() { return given({ provider: provider.value === AUTO ? null : provider.value, model: model.value }); },
    /** What /estimate-cost is asked with. */
    get priced() { return { provider: provider.value, ...given({ model: model.value, quality: quality.value }) }; },
    get quality() { return quality.value || null; },
  };
}

/** Words of the API that speak of it, for `blame`. */
export const makerNames = (maker) => [[/\bmodel\b/i, maker.model], [/\bprovider\b|can't do|not configured/i, maker.provider]];
