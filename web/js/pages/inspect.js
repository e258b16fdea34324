// The Inspect page: what an image's file says of AI, and whether it was made here. It is free, and starts with a drop.

import { errorNote } from "../action-bar.js";
import { call } from "../api.js";
import { announce, fill, h } from "../dom.js";
import { imagePicker, sampleButton } from "../image-picker.js";
import { encodeImages } from "../images.js";
import { aiBadge, codeButton, emptyState, facts, imageWithOverlay, pageLayout, reveal } from "../layout.js";

const PATH = "provenance/inspect";

export function mount() {
  const workspace = h("div");
  const source = imagePicker("Image", { leastSide: 1, onpick: () => run() });
  let latest = 0;

  async function run() {
    const current = ++latest;
    if (!source.image) { showEmpty(); return; }
    const shown = imageWithOverlay(source.image, "The image that is inspected");
    fill(workspace, shown);
    try {
      const found = await call("POST", PATH, { body: await encodeImages({ image_base64: source.image }) });
      if (current !== latest) return;
      const sentence = statement(found);
      fill(workspace, h("div", { class: "result" }, h("div", { class: "result-head" }, h("h2", {}, sentence), aiBadge(found.digital_source_type)), shown, details(found)));
      announce(sentence);
      reveal(workspace);
    } catch (error) {
      if (current === latest) fill(workspace, shown, errorNote(error, run));
    }
  }

  const showEmpty = () => fill(workspace, emptyState("inspect", "Drop an image to see what it says of AI, and whether it was made here.", sampleButton(source)));
  const code = codeButton(() => ({ path: PATH, body: { image_base64: source.image } }));
  showEmpty();
  const lead = "Read an image's marks and check its signature.";
  const node = pageLayout({ title: "Inspect", lead, form: h("form", {}, source.node, h("div", { class: "actions" }, code)), workspace });
  return { node };
}

function statement({ digital_source_type: type, made_here: made }) {
  if (made) return "This image was made here.";
  if (made === null && !type) return "This image was edited here, or is what such an edit was made from.";
  return type ? "This image carries a mark of AI." : "This image says nothing of AI. That proves nothing: marks are easily removed.";
}

function details({ iptc, content_credentials: credentials, match }) {
  return facts([
    ["AI system", iptc?.ai_system_used],
    ["Content Credentials", credentials ? (credentials.valid ? "valid: unchanged since it was signed" : "broken: changed after it was signed") : "none"],
    ["Signed by", credentials?.signed_by], ["Written by", credentials?.generator], ["What was done", credentials?.actions.join(", ")],
    ["Recognized", match && (match.how === "same_file" ? "by its file" : "by what it shows")], ["Job", match?.job_id],
  ]);
}
