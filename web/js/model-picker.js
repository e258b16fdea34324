// Provider, model and quality: the choices that the API offers for an operation.

import { getCached } from "./api.js";
import { add, field, fill, h, select } from "./dom.js";
import { trackLoading } from "./images.js";
import { QUALITY_OPTIONS } from "./labels.js";
import { withoutEmpty } from "./layout.js";

const AUTO = "auto";

/** Selects for provider and model. `operations` returns operation names as in /providers (`edit.inpaint`); none means create. */
export function modelPicker({ operations = () => [], onchange }) {
  const provider = select([[AUTO, "Auto"]], { name: "provider" });
  const model = select([["", "Auto"]], { name: "model", disabled: true });
  const quality = select(QUALITY_OPTIONS, { name: "quality" });
  let providers = {};

  function modelsOf(entry) {
    const names = operations();
    return names.length ? [...new Set(names.flatMap((name) => entry.operations?.[name] ?? []))] : entry.models;
  }

  function updateModels() {
    const models = providers[provider.value] ? modelsOf(providers[provider.value]) : [];
    const previous = model.value;
    fill(model, h("option", { value: "" }, "Auto"), models.map((name) => h("option", { value: name }, name)));
    model.value = models.includes(previous) ? previous : "";
    model.disabled = models.length === 0;
  }

  /** List the providers that support the operation, and keep the selection if it is still listed. */
  function update() {
    const previous = provider.value;
    const listed = Object.entries(providers).filter(([, entry]) => modelsOf(entry).length);
    fill(provider, h("option", { value: AUTO }, "Auto"));
    add(provider, listed.map(([name, entry]) => h("option", { value: name, disabled: entry.configured === false },
      entry.configured === false ? `${entry.name} (not configured)` : operations().length ? entry.name : `${entry.name} · ${entry.cost_range}`)));
    provider.value = listed.some(([name, entry]) => name === previous && entry.configured !== false) ? previous : AUTO;
    updateModels();
  }

  provider.addEventListener("change", () => { updateModels(); onchange(); });
  model.addEventListener("change", () => onchange());
  quality.addEventListener("change", () => onchange());
  trackLoading(getCached("providers").then((response) => { providers = response.providers; update(); })).catch(() => { /* Auto is always available */ });

  return {
    provider, model, update,
    /** Select a provider, model and quality, as far as they are offered. */
    choose(name, modelName, qualityName = "") {
      const offered = [...provider.options].some((option) => option.value === name && !option.disabled);
      provider.value = offered ? name : AUTO;
      updateModels();
      if ([...model.options].some((option) => option.value === modelName)) model.value = modelName;
      quality.value = qualityName;
      if (quality.selectedIndex < 0) quality.value = "";
      onchange();
    },
    node: h("div", { class: "pair" }, field("Provider", provider), field("Model", model)),
    qualityField: field("Quality", quality, "Premium uses the best model, draft the cheapest."),
    /** The fields for a request; empty with Auto. */
    get requestFields() { return withoutEmpty({ provider: provider.value === AUTO ? null : provider.value, model: model.value }); },
    /** The fields for /estimate-cost. */
    get estimateFields() { return { provider: provider.value, ...withoutEmpty({ model: model.value, quality: quality.value }) }; },
    /** The same for other operations: Auto in place of a provider or model that can't do them. */
    estimateFieldsFor(others) {
      const able = others.flatMap((name) => providers[provider.value]?.operations?.[name] ?? []);
      return withoutEmpty({ provider: able.length ? provider.value : AUTO, model: able.includes(model.value) ? model.value : null, quality: quality.value });
    },
    get quality() { return quality.value || null; },
  };
}

/** Patterns for `showFieldError`. */
export const modelErrorPatterns = (picker) => [[/\bmodel\b/i, picker.model], [/\bprovider\b|can't do|not configured/i, picker.provider]];
