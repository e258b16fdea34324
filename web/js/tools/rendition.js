// One image in one format: a live preview of its crop, then the file.

import { bytesText, fill, h, icon } from "../dom.js";
import { fileNameOf, save } from "../images.js";
import { platformLabel } from "../labels.js";
import { openImage } from "../layout.js";
import { cropAround } from "./focal-point.js";

const SIDES = ["top", "bottom", "left", "right"];

/** The areas that a platform's buttons and captions may cover. */
function safeZone(format) {
  const zone = format.safe_zone ?? {};
  return h("div", { class: "zone", hidden: true }, SIDES.map((side) => {
    const bar = h("i");
    const across = side === "top" || side === "bottom";
    Object.assign(bar.style, { [side]: "0", [across ? "height" : "width"]: `${(zone[side] ?? 0) * 100}%`, ...(across ? { left: "0", right: "0" } : { top: `${(zone.top ?? 0) * 100}%`, bottom: `${(zone.bottom ?? 0) * 100}%` }) });
    return bar;
  }));
}

/**
 * The card of a format. `focal` is a focal point of its own, `stale` says that the file must be made, `image` is the file
 * and `area` the crop that the API made, in shares of the source. `onfocal` runs when its focal point is to be set.
 */
export function renditionCard({ platform, format, source, onfocal }) {
  const label = `${platformLabel(platform)} ${format.name}`;
  const img = h("img", { alt: "", draggable: false });
  const zone = safeZone(format);
  const frame = h("div", { class: "rendition-frame" }, img, zone);
  frame.style.aspectRatio = `${format.width} / ${format.height}`;
  if (format.height > format.width * 1.3) frame.style.width = `${Math.max(45, 130 * format.width / format.height)}%`;
  const line = h("p", {}, `${format.width} × ${format.height}`);
  const buttons = h("div", { class: "rendition-buttons" });
  const node = h("article", { class: "rendition" }, frame, h("div", { class: "rendition-foot" }, h("div", {}, h("h3", {}, label), line), buttons));
  const card = { node, platform, format, label, focal: null, stale: true, failed: false, image: null, area: null, preview, wait, idle, fail, show, zones: (on) => { zone.hidden = !on; }, discard };

  /** Preview the crop around a focal point; without one, the whole image. */
  function preview(focal) {
    frame.classList.remove("done");
    img.src = source.url;
    const scale = Math.min(format.width / source.width, format.height / source.height);
    const [width, height] = [source.width * scale / format.width, source.height * scale / format.height];
    const crop = focal && cropAround(focal, format, source);
    const box = crop ? { left: -crop.left / crop.width, top: -crop.top / crop.height, width: 1 / crop.width, height: 1 / crop.height }
      : { left: (1 - width) / 2, top: (1 - height) / 2, width, height };
    for (const [side, share] of Object.entries(box)) img.style[side] = `${share * 100}%`;
  }
  function wait() {
    card.stale = card.failed = false;
    frame.setAttribute("aria-busy", "true");
    line.textContent = `${format.width} × ${format.height}`;
    buttons.replaceChildren();
  }
  function idle() { frame.removeAttribute("aria-busy"); }
  function fail(message) {
    idle();
    discard();
    card.failed = true;
    fill(line, h("span", { class: "error-line", role: "alert" }, message));
  }
  function discard() {
    if (card.image) URL.revokeObjectURL(card.image.url);
    card.image = null;
  }
  function show(result, image) {
    idle();
    discard();
    card.image = image;
    const { left, top, width, height } = result.crop;
    card.area = { left: left / source.width, top: top / source.height, width: width / source.width, height: height / source.height };
    frame.classList.add("done");
    img.removeAttribute("style");
    img.src = image.url;
    img.alt = label;
    fill(line, `${result.width} × ${result.height} · ${bytesText(result.bytes)}`, result.upscaled && h("span", { title: `The source is smaller than this format and was enlarged ${result.scale_factor} times` }, " · enlarged"));
    line.title = result.encoding;
    const button = (words, name, onclick) => h("button", { type: "button", class: "ghost icon-only", "aria-label": `${words} ${label}`, title: words, onclick }, icon(name));
    fill(buttons, onfocal && button("Focal point of", "target", () => onfocal(card)), button("Open", "upscale", () => openImage({ ...image, url: URL.createObjectURL(image.blob) }, label)),
      button("Download", "download", () => save(image.blob, fileNameOf(image))));
  }
  return card;
}
