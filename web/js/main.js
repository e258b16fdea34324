// The shell: which studio is shown, light or dark, who is signed in, credits left.

import { get } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { session } from "./session.js";

const STUDIOS = {
  create: () => import("./studios/create.js"),
  edit: () => import("./studios/edit.js"),
  upscale: () => import("./studios/upscale.js"),
  control: () => import("./studios/control.js"),
  social: () => import("./studios/social.js"),
  history: () => import("./studios/history.js"),
};
const shown = new Map();
const main = document.getElementById("main");
const links = [...document.querySelectorAll(".studios a")];
for (const link of links) link.prepend(icon(link.dataset.icon));

async function show() {
  const asked = location.hash.replace(/^#\//, "").split("?")[0];
  const name = Object.hasOwn(STUDIOS, asked) ? asked : "create";
  for (const link of links) {
    if (link.dataset.icon === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${name[0].toUpperCase()}${name.slice(1)} · Image Studio`;
  if (!session.signedIn) { fill(main, welcome()); return; }
  if (!shown.has(name)) {
    const { mount } = await STUDIOS[name]();
    if (!shown.has(name)) shown.set(name, mount());
  }
  const studio = shown.get(name);
  if (main.firstElementChild !== studio.node) {
    fill(main, studio.node);
    window.scrollTo(0, 0);
  }
  studio.onshow?.();
}

function welcome() {
  const problem = session.problem && h("p", { class: "problem", role: "alert" }, session.problem);
  const words = session.local ? "The local session could not be opened. Is the server still running?" : "Create, edit, upscale, control and resize pictures in the browser.";
  return h("section", { class: "welcome" },
    h("img", { src: "img/mark.svg", alt: "", width: 64, height: 64 }), h("h1", {}, "Image Studio"), h("p", {}, words), problem,
    h("button", { type: "button", class: "primary", onclick: async () => {
      if (session.local) { if (await session.renew()) await signedIn(); return; }
      try { await session.signIn(); } catch (trouble) { session.problem = `Sign-in is not possible: ${trouble.message}`; show(); }
    } }, session.local ? "Try again" : "Sign in"));
}

// --- light and dark: as the system says, until a person says otherwise ---------------------------------------

const THEME = "image-studio-theme";
const button = document.getElementById("theme");
const dark = matchMedia("(prefers-color-scheme: dark)");

function remembered() { try { return localStorage.getItem(THEME); } catch { return null; } }
function paintTheme() {
  const chosen = remembered();
  if (chosen) document.documentElement.dataset.theme = chosen;
  const isDark = chosen ? chosen === "dark" : dark.matches;
  fill(button, icon(isDark ? "sun" : "moon"));
}
button.addEventListener("click", () => {
  const isDark = (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  try { localStorage.setItem(THEME, isDark ? "light" : "dark"); } catch { /* private mode */ }
  document.documentElement.dataset.theme = isDark ? "light" : "dark";
  paintTheme();
});
dark.addEventListener("change", paintTheme);
paintTheme();

// --- credits left -----------------------------------------------------------------------------------------------

const account = document.getElementById("account");
async function showCredits() {
  if (!session.signedIn) { fill(account); return; }
  try {
    const usage = await get("usage");
    const left = usage.remaining.toLocaleString("en");
    fill(account, h("a", { href: "#/history", class: "credits", title: `${left} of ${usage.limit.toLocaleString("en")} credits left, tier ${usage.tier}` },
      h("strong", {}, left), h("span", {}, " credits left")));
  } catch {
    fill(account);
  }
}
let asked;
window.addEventListener("spent", () => { clearTimeout(asked); asked = setTimeout(showCredits, 300); });
window.addEventListener("signed-out", () => show());

async function signedIn() {
  await show();
  showCredits();
}

document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
window.addEventListener("hashchange", show);
// a picture dropped beside a drop zone must not replace the page
for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());

await session.start();
await signedIn();
