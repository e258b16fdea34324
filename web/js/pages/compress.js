// The Compress page: a smaller file, or a file of another type. It is free and uses no AI provider.

import { actionBar, errorNote } from "../action-bar.js";
import { bytesText, field, fill, h, numberValue, pick, segmented, select, slider } from "../dom.js";
import { placeholder } from "../editor-run.js";
import { imagePicker, sampleButton } from "../image-picker.js";
import { imageFromResult, isUsable, recent, takeIncoming } from "../images.js";
import { stemOf } from "../labels.js";
import { clearFieldErrors, emptyState, facts, imageActions, imageWithOverlay, pageLayout, reveal, showFieldError, withoutEmpty } from "../layout.js";
import { compare } from "../tools/compare.js";

const SMALL_TYPES = [["jpeg", "JPEG"], ["webp", "WebP"], ["avif", "AVIF"], ["png", "PNG"]];
const OTHER_TYPES = [["png", "PNG"], ["jpeg", "JPEG"], ["webp", "WebP"], ["avif", "AVIF"], ["gif", "GIF"], ["bmp", "BMP"]]; // what a browser shows
const NEXT_PAGES = ["edit", "upscale", "social", "control"];

export function mount() {
  const workspace = h("div");
  const state = { goal: "small" };
  const source = imagePicker("Image", { leastSide: 1, onpick: () => showSource() });
  const smallType = select(SMALL_TYPES);
  const otherType = select(OTHER_TYPES);
  const quality = slider("Quality", { min: 1, max: 100, step: 1 });
  const target = h("input", { type: "number", min: 10, name: "target_size_kb", placeholder: "no limit" });
  const keep = h("input", { type: "checkbox" });
  const small = h("div", { class: "pair" }, field("File type", smallType), field("At most (KB)", target));
  const other = field("File type", otherType);
  other.hidden = true;

  const request = () => ({
    ...(state.goal === "small"
      ? { path: "compress", body: withoutEmpty({ image_base64: source.image, format: smallType.value, quality: quality.value, target_size_kb: numberValue(target), strip_metadata: !keep.checked }) }
      : { path: "convert-format", body: withoutEmpty({ image_base64: source.image, target_format: otherType.value, quality: quality.value, strip_metadata: !keep.checked }) }),
    before: source.image,
  });
  const errorFields = [[/target_size_kb/, target], [/image_base64/, source.input]];
  const action = actionBar({ page: "compress", verb: () => (state.goal === "small" ? "Compress" : `Convert to ${otherType.selectedOptions[0].text}`), request, start, paid: false });
  action.node.prepend(h("p", { class: "price" }, h("strong", {}, "Free"), h("span", {}, "no AI provider is used")));

  function start({ path, before }) {
    clearFieldErrors(form);
    const progress = placeholder(before ?? { width: 3, height: 2 }, { before });
    fill(workspace, progress.node);
    reveal(workspace);
    return {
      finish: async ({ response }) => {
        const type = response.format ?? response.target_format;
        const inline = response.image_base64?.startsWith("data:") ? response.image_base64 : `data:image/${type};base64,${response.image_base64}`;
        const after = await imageFromResult({ ...response, image_base64: inline }, { name: `${stemOf(before)}-${path === "compress" ? "small" : type}` });
        if (isUsable(after)) recent.add(after);
        const saved = Math.round((1 - after.blob.size / before.blob.size) * 100);
        fill(workspace, h("div", { class: "result" },
          h("div", { class: "result-head" }, h("h2", {}, `${bytesText(before.blob.size)} to ${bytesText(after.blob.size)}`)),
          compare(before, after, { actual: true }), imageActions(after, { without: isUsable(after) ? [] : NEXT_PAGES }),
          facts([["Size", `${response.width} × ${response.height}`], ["File type", type.toUpperCase()], ["Saved", saved > 0 ? `${saved} %` : null], ["Quality", response.quality_used]])));
        reveal(workspace);
        return [after];
      },
      fail: (error) => {
        progress.stop();
        showSource();
        if (!showFieldError(errorFields, error)) workspace.prepend(errorNote(error, () => action.run()));
      },
    };
  }

  function showSource() {
    fill(workspace, source.image
      ? imageWithOverlay(source.image, "The image to compress")
      : emptyState("compress", "Choose an image to make smaller, or to convert.", sampleButton(source)));
  }

  const goals = segmented("Goal", [["small", "Smaller file"], ["convert", "Another type"]], "small", (goal) => { state.goal = goal; small.hidden = goal !== "small"; other.hidden = goal === "small"; action.update(); });
  const form = h("form", {}, source.node,
    goals,
    small, other, quality.node, h("label", { class: "check" }, keep, h("span", {}, "Keep camera data and place")), action.node);
  otherType.addEventListener("change", action.update);
  showSource();
  const node = pageLayout({ title: "Compress", lead: "Make a file smaller, or change its type.", form, workspace, onsubmit: () => action.run() });
  /** Fill in the form from an address. */
  function reuse(body) {
    pick(goals, body.target_format ? "convert" : "small");
    smallType.value = body.format ?? "jpeg";
    otherType.value = body.target_format ?? "png";
    quality.set(body.quality);
    target.value = body.target_size_kb ?? "";
    keep.checked = body.strip_metadata === false;
    action.update();
  }
  return { node, reuse, request, onshow: () => { const image = takeIncoming("compress"); if (image) source.set(image); } };
}
