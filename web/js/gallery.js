// What History and the library share: their tabs, dates, several images at once, and images side by side.

import { dialog, fill, h, icon, plural, toast, uniqueId } from "./dom.js";
import { fileNameOf, save } from "./images.js";
import { zip } from "./zip.js";

const TABS = [["history", "History"], ["library", "Library"], ["automation", "Automation"]];
const MAX_COMPARED = 4; // images side by side

/** The head of a page of the account: its title, the way to the others, and its buttons. */
export function accountHead(name, lead, ...buttons) {
  return h("div", { class: "history-head" },
    h("div", { class: "page-head" }, h("h1", {}, TABS.find(([tab]) => tab === name)[1]), h("p", {}, lead),
      h("nav", { class: "chips", "aria-label": "Your work" }, TABS.map(([tab, label]) => h("a", { class: "chip", href: `#/${tab}`, "aria-current": tab === name ? "page" : null }, label)))),
    h("div", { class: "actions" }, buttons));
}

/** A card that says how much is used: a number, a meter for the used share, and lines of text. */
export function usageCard(title, number, share, ...lines) {
  const meter = h("i");
  meter.style.width = `${Math.min(100, share * 100)}%`;
  return h("div", { class: "usage-card" }, h("h2", {}, title), h("p", { class: "big" }, number), h("div", { class: "meter" }, meter),
    lines.map((line) => line && h("p", { class: "hint" }, line)));
}

/** Two dates that limit a list. `from` and `to` are its first and last moment, or null. */
export function dateRange(onchange) {
  const [first, last] = ["From", "To"].map((label) => {
    const input = h("input", { type: "date", id: uniqueId("date"), onchange });
    return { input, node: h("div", { class: "date" }, h("label", { for: input.id }, label), input) };
  });
  const moment = ({ input }, time) => (input.value ? new Date(`${input.value}T${time}`) : null);
  return { nodes: [first.node, last.node], get from() { return moment(first, "00:00"); }, get to() { return moment(last, "23:59:59.999"); } };
}

/** The bar that says how many are selected and what can be done with them. `buttons` has [label, icon, work] for a count. */
export function selectionBar(label, buttons, clear) {
  const node = h("div", { class: "selection", role: "group", "aria-label": label, hidden: true });
  const show = (count) => {
    const hadFocus = node.contains(document.activeElement);
    node.hidden = count === 0;
    fill(node, h("strong", {}, `${count} selected`),
      buttons(count).map(([text, name, work]) => h("button", { type: "button", class: "small", onclick: async (event) => {
        try { await work(event); } catch (error) { toast(error.message); }
      } }, icon(name), text)),
      h("button", { type: "button", class: "ghost small", onclick: () => { clear(); show(0); } }, "Clear"));
    if (hadFocus) (count ? node.querySelector("button") : document.getElementById("main")).focus({ preventScroll: true });
  };
  return { node, show };
}

/** Do something to each item, and say what came of it: `describe(done)`, and how many were gone. Another error stops it. */
export async function doEach(items, work, describe) {
  let [done, gone, problem] = [0, 0, null];
  for (const item of items) {
    try {
      await work(item);
      done++;
    } catch (error) {
      if (error.status !== 404) { problem = error; break; }
      gone++;
    }
  }
  const counts = [describe(done), gone && `${gone} ${gone === 1 ? "was" : "were"} gone already`].filter(Boolean).join(", ");
  toast([counts && `${counts}.`, problem?.message].filter(Boolean).join(" "));
}

/** Put a button that asks once more in the place of one that deletes. */
export function confirmAt(button, text, work) {
  const confirm = h("button", { type: "button", class: "small danger", onclick: () => { putBack(); button.focus(); work(); } }, text);
  const putBack = () => {
    confirm.removeEventListener("blur", putBack); // which leaving the page's tree causes, too
    if (confirm.isConnected) confirm.replaceWith(button);
  };
  button.replaceWith(confirm);
  confirm.focus();
  confirm.addEventListener("blur", putBack);
}

/** Save images as one file, numbered in their order. */
export async function saveZip(images) {
  const files = images.map((image, at) => ({ name: `${String(at + 1).padStart(2, "0")}-${fileNameOf(image)}`, blob: image.blob }));
  save(await zip(files), "image-studio.zip");
}

/** Show images side by side. */
export function compareImages(images) {
  const shown = images.slice(0, MAX_COMPARED);
  const more = images.length > shown.length && h("p", { class: "hint" }, `The first ${MAX_COMPARED} of ${plural(images.length, "image")}.`);
  dialog("Side by side", h("div", { class: "side-by-side" }, shown.map((image) => h("figure", {}, h("img", { src: image.url, alt: image.name }),
    h("figcaption", { class: "hint" }, `${image.name}, ${image.width} × ${image.height}`))), more)).classList.add("wide");
}
