// "Show as curl, Python, JavaScript": the exact call that the page makes, ready to paste.

import { add, dialog, h, icon, toast } from "./dom.js";
import { canvasBlob, extensionOf, save } from "./pictures.js";
import { session } from "./session.js";

/** What the pictures of an answer are called, by the file type that was asked for. */
const resultExtension = (body) => extensionOf({ type: `image/${body.output_format}` });

/** The body in two parts: plain values, and files that are read from disk ({field: file name}). */
function parted(body) {
  const plain = {};
  const files = {};
  for (const [name, value] of Object.entries(body)) {
    if (value?.ref) plain[name] = value.ref;
    else if (value?.blob) files[name] = { name: `${name.replace("_base64", "")}.${extensionOf(value.blob)}`, picture: value };
    else plain[name] = value;
  }
  return { plain, files };
}

const shellText = (text) => text.replace(/[\\$`]/g, "\\$&");

/** A line of bash: the token is in TOKEN. */
function asCurl({ method = "POST", path, body }) {
  const url = `${location.origin}${session.api}/${path}`;
  const head = [`curl -sSL '${url}'`, `  -H "Authorization: Bearer $TOKEN"`];
  if (body === undefined) return [...(method === "GET" ? head : [head[0], `  -X ${method}`, head[1]])].join(" \\\n");
  if (method !== "POST") head.splice(1, 0, `  -X ${method}`);
  head.push(`  -H "Content-Type: application/json"`, "  -o answer.json");
  const { plain, files } = parted(body);
  const names = Object.entries(files);
  const lines = Object.entries(plain).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  const read = names.map(([name, file]) => `  "${name}": "$(base64 < ${file.name} | tr -d '\\n')"`);
  const shown = [...read, ...(names.length ? lines.map(shellText) : lines)].join(",\n");
  const mark = names.length ? "EOF" : "'EOF'";
  return `${head.join(" \\\n")} \\\n  -d @- <<${mark}\n{\n${shown}\n}\nEOF`;
}

const pythonText = (value) => JSON.stringify(value, null, 4)
  .replace(/("(?:[^"\\]|\\.)*")|\b(null|true|false)\b/g, (_, text, word) => text ?? { null: "None", true: "True", false: "False" }[word]);

const pythonSave = (type) => `
for number, picture in enumerate(answer.get("results", [answer]), start=1):
    if "image_url" in picture:
        data = requests.get(picture["image_url"]).content
    else:
        data = base64.b64decode(picture["image_base64"].split(",")[-1])
    with open(f"picture-{number}.${type}", "wb") as file:
        file.write(data)`;

/** Python with requests. */
function asPython({ method = "POST", path, body, pictures = true }) {
  const url = `${location.origin}${session.api}/${path}`;
  const { plain, files } = parted(body ?? {});
  const read = Object.entries(files).map(([name, file]) => `body["${name}"] = base64.b64encode(open("${file.name}", "rb").read()).decode()`);
  const named = pictures && body;
  return [
    ...(named || read.length ? ["import base64"] : []), "import os", "", "import requests", "",
    ...(body ? [`body = ${pythonText(plain)}`, ...read, ""] : []),
    `response = requests.${method.toLowerCase()}(`,
    `    "${url}",`,
    `    headers={"Authorization": f"Bearer {os.environ['TOKEN']}"},`,
    ...(body ? ["    json=body,"] : []),
    ")", "answer = response.json()", "if not response.ok:", `    raise SystemExit(answer["detail"])`,
    ...(named ? [pythonSave(resultExtension(body)).slice(1)] : ["print(answer)"]),
  ].join("\n");
}

const nodeSave = (type) => `const pictures = answer.results ?? [answer];
for (const [index, picture] of pictures.entries()) {
  const data = picture.image_url
    ? Buffer.from(await (await fetch(picture.image_url)).arrayBuffer())
    : Buffer.from(picture.image_base64.split(",").at(-1), "base64");
  await writeFile(\`picture-\${index + 1}.${type}\`, data);
}`;

/** JavaScript for Node 18 and later, as an .mjs file. */
function asJavaScript({ method = "POST", path, body, pictures = true }) {
  const url = `${location.origin}${session.api}/${path}`;
  const { plain, files } = parted(body ?? {});
  const names = Object.entries(files);
  const named = pictures && body;
  const needed = [...(names.length ? ["readFile"] : []), ...(named ? ["writeFile"] : [])];
  const read = names.map(([name, file]) => `body.${name} = await readFile("${file.name}", "base64");`);
  return [
    ...(needed.length ? [`import { ${needed.join(", ")} } from "node:fs/promises";`, ""] : []),
    ...(body ? [`const body = ${JSON.stringify(plain, null, 2)};`, ...read, ""] : []),
    `const response = await fetch("${url}", {`,
    `  method: "${method}",`,
    `  headers: {`, "    Authorization: `Bearer ${process.env.TOKEN}`,",
    ...(body ? [`    "Content-Type": "application/json",`] : []), "  },",
    ...(body ? ["  body: JSON.stringify(body),"] : []),
    "});", "const answer = await response.json();", "if (!response.ok) throw new Error(answer.detail);",
    named ? nodeSave(resultExtension(body)) : "console.log(answer);",
  ].join("\n");
}

const LANGUAGES = [["curl", asCurl], ["Python", asPython], ["JavaScript", asJavaScript]];

/** A button that opens the call in a dialog; `describe` gives {method, path, body} as the page stands. */
export function codeButton(describe) {
  return h("button", { type: "button", class: "ghost small", onclick: () => show(describe()) }, icon("code"), "Show as code");
}

function show(call) {
  const code = h("code");
  const tabs = h("div", { class: "segments", role: "tablist", "aria-label": "Language" });
  const panel = h("pre", { class: "code", tabindex: "0", role: "tabpanel", "aria-label": "The call" }, code);
  let shown = "";
  const pick = (chosen) => {
    [...tabs.children].forEach((tab, at) => {
      tab.setAttribute("aria-selected", String(at === chosen));
      tab.tabIndex = at === chosen ? 0 : -1;
    });
    shown = LANGUAGES[chosen][1](call);
    code.textContent = shown;
  };
  LANGUAGES.forEach(([name], at) => add(tabs, h("button", { type: "button", role: "tab", onclick: () => pick(at), onkeydown: (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (at + step + LANGUAGES.length) % LANGUAGES.length;
    pick(next);
    tabs.children[next].focus();
  } }, name)));
  pick(0);
  const copy = h("button", { type: "button", class: "primary small", onclick: async () => {
    await navigator.clipboard.writeText(shown);
    toast("Copied");
  } }, icon("copy"), "Copy");
  const where = session.local ? "export TOKEN=$(make -s token)" : "export TOKEN=...";
  dialog("This call as code", tabs, panel, filesRead(call), h("div", { class: "dialog-end" },
    h("p", { class: "hint" }, "The token comes from the environment: ", h("code", {}, where)), copy));
}

/** The files that the code reads from beside it, each to be saved there. */
function filesRead({ body }) {
  const files = Object.values(parted(body ?? {}).files);
  return files.length > 0 && h("div", { class: "dialog-files" }, h("span", { class: "hint" }, "It reads these files from beside it:"),
    files.map(({ name, picture }) => h("button", { type: "button", class: "small", "aria-label": `Save ${name}`, onclick: async () =>
      save(picture.canvas ? await canvasBlob(picture.canvas) : picture.blob, name) }, icon("download"), name)));
}
