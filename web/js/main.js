// The shell: routing between pages, color theme, sign-in, and credits left.

import { errorNote } from "./action-bar.js";
import { get } from "./api.js";
import { debounce, fill, h, icon, toast } from "./dom.js";
import { ApiError } from "./errors.js";
import { loadingDone, takeReuse } from "./images.js";
import { addressOf, keepLongValues, parseAddress, withLongValues } from "./links.js";
import { store, stored } from "./memory.js";
import { session } from "./session.js";

const PAGES = {
  create: () => import("./pages/create.js"),
  edit: () => import("./pages/edit.js"),
  upscale: () => import("./pages/upscale.js"),
  control: () => import("./pages/control.js"),
  social: () => import("./pages/social.js"),
  compress: () => import("./pages/compress.js"),
  inspect: () => import("./pages/inspect.js"),
  history: () => import("./pages/history.js"),
  library: () => import("./pages/library.js"),
  automation: () => import("./pages/automation.js"),
};
const ACCOUNT = ["library", "automation"]; // reached from History
const mounted = new Map(); // name -> page
const main = document.getElementById("main");
const links = [...document.querySelectorAll(".nav a")];
for (const link of links) link.prepend(icon(link.dataset.icon));

/** Name a page in the title and in the navigation. */
function markCurrent(name) {
  for (const link of links) {
    if (link.dataset.icon === (ACCOUNT.includes(name) ? "history" : name)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${name[0].toUpperCase()}${name.slice(1)} · Image Studio`;
}

async function show() {
  const { name: requested, rest, state } = parseAddress(location.hash);
  const name = Object.hasOwn(PAGES, requested) ? requested : "create";
  if (!session.signedIn) { markCurrent(name); fill(main, welcome()); return; }
  const module = mounted.has(name) ? null : await PAGES[name]().catch(() => null);
  if (parseAddress(location.hash).name !== requested) return; // another page was opened meanwhile
  markCurrent(name);
  if (module && !mounted.has(name)) mounted.set(name, module.mount());
  const page = mounted.get(name);
  if (!page) {
    fill(main, errorNote(new ApiError(0, "unreachable"), show));
    window.addEventListener("online", show, { once: true });
    return;
  }
  if (main.firstElementChild !== page.node) {
    const hadFocus = main.contains(document.activeElement);
    fill(main, page.node);
    window.scrollTo(0, 0);
    if (hadFocus) Object.assign(page.node.querySelector("h1"), { tabIndex: -1 }).focus({ preventScroll: true });
  }
  page.onshow?.(rest);
  if (!page.reuse) return;
  const earlier = takeReuse(name) ?? (location.hash !== page.address ? withLongValues(location.hash, state) : null);
  const isNew = !page.initial;
  page.initial ??= page.request().body;
  let typed = false;
  page.node.addEventListener("input", () => { typed = true; }, { once: true });
  await loadingDone(); // the lists that the settings are chosen from
  if (typed) return; // what was typed meanwhile stays
  if (isNew) page.initial = page.request().body;
  if (earlier) page.reuse(earlier);
  keepAddress();
}

/** Keep the form's state in the address, so that a link, a bookmark or a reload brings it back. */
const keepAddress = debounce(() => {
  const [name, page] = [...mounted].find(([, each]) => each.node === main.firstElementChild) ?? [];
  if (!page?.initial) return;
  const { body } = page.request();
  page.address = addressOf(name, body, page.initial);
  keepLongValues(page.address, body);
  if (parseAddress(location.hash).name === name && location.hash !== page.address) history.replaceState(null, "", page.address);
}, 400);
for (const kind of ["input", "change", "click"]) main.addEventListener(kind, keepAddress);

function welcome() {
  const error = session.error && h("p", { class: "error", role: "alert" }, session.error);
  const text = session.local ? "The local server did not issue a token. Is it still running?" : "Create, edit, upscale, control and resize images in the browser.";
  return h("section", { class: "welcome" },
    h("img", { src: "img/mark.svg", alt: "", width: 64, height: 64 }), h("h1", {}, "Image Studio"), h("p", {}, text), error,
    h("button", { type: "button", class: "primary", onclick: async () => {
      if (session.local) { if (await session.renew()) await signedIn(); return; }
      try { await session.signIn(); } catch (error) { session.error = `Sign-in failed: ${error.message}`; show(); }
    } }, session.local ? "Try again" : "Sign in"));
}

// --- color theme: the system's, until a person chooses one --------------------------------------------------

const THEME = "image-studio-theme";
const button = document.getElementById("theme");
const dark = matchMedia("(prefers-color-scheme: dark)");

const root = document.documentElement.dataset;
const chosen = stored(THEME);
if (chosen) root.theme = chosen;
const isDark = () => (root.theme ?? (dark.matches ? "dark" : "light")) === "dark";

const updateTheme = () => fill(button, icon(isDark() ? "sun" : "moon"));
button.addEventListener("click", () => {
  root.theme = isDark() ? "light" : "dark";
  store(THEME, root.theme);
  updateTheme();
});
dark.addEventListener("change", updateTheme);
updateTheme();

// --- credits left -----------------------------------------------------------------------------------------------

const account = document.getElementById("account");
async function showCredits() {
  signOut.hidden = session.local || !session.signedIn;
  if (!session.signedIn) { fill(account); return; }
  try {
    const usage = await get("usage");
    window.dispatchEvent(new CustomEvent("usage", { detail: usage }));
    const left = usage.remaining.toLocaleString("en");
    fill(account, h("a", { href: "#/history", class: "credits", title: `${left} of ${usage.limit.toLocaleString("en")} credits left, tier ${usage.tier}` },
      h("strong", {}, left), h("span", {}, " credits left")));
  } catch {
    fill(account);
  }
}
window.addEventListener("credits-changed", debounce(showCredits, 300));
const signOut = document.getElementById("sign-out");
signOut.addEventListener("click", () => session.signOut().catch((error) => toast(error.message)));
window.addEventListener("signed-out", () => { show(); showCredits(); });

async function signedIn() {
  await show();
  showCredits();
}

document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
window.addEventListener("hashchange", show);
// an image that is dropped or pasted anywhere goes to the page's first image field; text goes into the field under it
function take(event, files) {
  if (event.defaultPrevented) return; // a field took it
  event.preventDefault();
  if (!files.length) return;
  const pickers = [...main.querySelectorAll(".picker")];
  const shown = pickers.filter((picker) => picker.checkVisibility());
  const picker = shown.find((each) => each.querySelector(".drop-empty").checkVisibility()) ?? shown[0];
  if (picker) picker.dispatchEvent(new CustomEvent("files", { detail: files }));
  else toast(pickers.length ? "Choose \"Use an image\" first." : "This page takes no image.");
}
const inTextField = ({ target }) => target.matches?.("input, textarea");
const isTextDrag = (event) => inTextField(event) && !event.dataTransfer.types.includes("Files");
window.addEventListener("dragover", (event) => { if (!isTextDrag(event)) event.preventDefault(); });
window.addEventListener("drop", (event) => { if (!isTextDrag(event)) take(event, event.dataTransfer.files); });
window.addEventListener("paste", (event) => {
  const { files, types } = event.clipboardData; // an office program's text comes with its image
  if (files.length && !(inTextField(event) && types.includes("text/plain"))) take(event, files);
});

await session.start();
await signedIn();
