// "Code": the request that the page would send, as curl, Python or JavaScript to paste.

import { urlOf } from "./api.js";
import { add, copyText, dialog, h, icon } from "./dom.js";
import { canvasBlob, extensionOf, save } from "./images.js";
import { slug } from "./labels.js";
import { session } from "./session.js";

/** The extension of the files that a sample saves. */
const resultExtension = (body) => extensionOf({ type: `image/${body?.output_format ?? body?.format ?? body?.target_format}` });

/** The names of the files that a sample saves: the platform and format, or the prompt and a number. */
const isSocial = ({ path }) => path === "social/optimize";
const resultStem = (body) => slug(body?.prompt ?? body?.operation ?? "image");

/** Split a body into plain values and files, which a sample reads from disk ({field: {name, image}}). */
function splitBody(body) {
  const plain = {};
  const files = {};
  for (const [name, value] of Object.entries(body)) {
    if (value?.ref) plain[name] = value.ref;
    else if (value?.blob) files[name] = { name: `${name.replace("_base64", "")}.${extensionOf(value.blob)}`, image: value };
    else plain[name] = value;
  }
  return { plain, files };
}

const shellText = (text) => text.replace(/[\\$`]/g, "\\$&");

/** A bash command with curl. */
function asCurl({ method = "POST", path, body }) {
  const url = `${location.origin}${urlOf(path)}`;
  const head = [`curl -sSL '${url}'`, `  -H "Authorization: Bearer $TOKEN"`];
  if (body === undefined) return [...(method === "GET" ? head : [head[0], `  -X ${method}`, head[1]])].join(" \\\n");
  if (method !== "POST") head.splice(1, 0, `  -X ${method}`);
  head.push(`  -H "Content-Type: application/json"`, "  -o response.json");
  const { plain, files } = splitBody(body);
  const names = Object.entries(files);
  const lines = Object.entries(plain).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  const read = names.map(([name, file]) => `  "${name}": "$(base64 < ${file.name} | tr -d '\\n')"`);
  const json = [...read, ...(names.length ? lines.map(shellText) : lines)].join(",\n");
  const mark = names.length ? "EOF" : "'EOF'";
  return `${head.join(" \\\n")} \\\n  -d @- <<${mark}\n{\n${json}\n}\nEOF`;
}

const pythonText = (value) => JSON.stringify(value, null, 4)
  .replace(/("(?:[^"\\]|\\.)*")|\b(null|true|false)\b/g, (_, text, word) => text ?? { null: "None", true: "True", false: "False" }[word]);

const pythonSave = (call) => `
for number, image in enumerate(result.get("results", [result]), start=1):
    if "image_url" in image:
        data = requests.get(image["image_url"]).content
    else:
        data = base64.b64decode(image["image_base64"].split(",")[-1])
    name = ${isSocial(call) ? `re.sub(r"\\W+", "-", f"{image['platform']} {image['format']}".lower()).strip("-")` : `f"${resultStem(call.body)}-{number}"`}
    with open(f"{name}.${resultExtension(call.body)}", "wb") as file:
        file.write(data)`;

/** A Python script with requests. */
function asPython(call) {
  const { method = "POST", path, body, savesImages = true } = call;
  const url = `${location.origin}${urlOf(path)}`;
  const { plain, files } = splitBody(body ?? {});
  const read = Object.entries(files).map(([name, file]) => `body["${name}"] = base64.b64encode(open("${file.name}", "rb").read()).decode()`);
  const saves = savesImages && (body || path.endsWith("/result"));
  return [
    ...(saves || read.length ? ["import base64"] : []), "import os", ...(saves && isSocial(call) ? ["import re"] : []), "", "import requests", "",
    ...(body ? [`body = ${pythonText(plain)}`, ...read, ""] : []),
    `response = requests.${method.toLowerCase()}(`,
    `    "${url}",`,
    `    headers={"Authorization": f"Bearer {os.environ['TOKEN']}"},`,
    ...(body ? ["    json=body,"] : []),
    ")", "result = response.json()", "if not response.ok:", `    raise SystemExit(result["detail"])`,
    ...(saves ? [pythonSave(call).slice(1)] : ["print(result)"]),
  ].join("\n");
}

const nodeSave = (call) => `const images = result.results ?? [result];
for (const [index, image] of images.entries()) {
  const data = image.image_url
    ? Buffer.from(await (await fetch(image.image_url)).arrayBuffer())
    : Buffer.from(image.image_base64.split(",").at(-1), "base64");
  const name = ${isSocial(call) ? `\`\${image.platform} \${image.format}\`.toLowerCase().replace(/\\W+/g, "-").replace(/^-|-$/g, "")` : `\`${resultStem(call.body)}-\${index + 1}\``};
  await writeFile(\`\${name}.${resultExtension(call.body)}\`, data);
}`;

/** A JavaScript module (.mjs) for Node 18 and later. */
function asJavaScript(call) {
  const { method = "POST", path, body, savesImages = true } = call;
  const url = `${location.origin}${urlOf(path)}`;
  const { plain, files } = splitBody(body ?? {});
  const names = Object.entries(files);
  const saves = savesImages && (body || path.endsWith("/result"));
  const imports = [...(names.length ? ["readFile"] : []), ...(saves ? ["writeFile"] : [])];
  const read = names.map(([name, file]) => `body.${name} = await readFile("${file.name}", "base64");`);
  return [
    ...(imports.length ? [`import { ${imports.join(", ")} } from "node:fs/promises";`, ""] : []),
    ...(body ? [`const body = ${JSON.stringify(plain, null, 2)};`, ...read, ""] : []),
    `const response = await fetch("${url}", {`,
    `  method: "${method}",`,
    `  headers: {`, "    Authorization: `Bearer ${process.env.TOKEN}`,",
    ...(body ? [`    "Content-Type": "application/json",`] : []), "  },",
    ...(body ? ["  body: JSON.stringify(body),"] : []),
    "});", "const result = await response.json();", "if (!response.ok) throw new Error(result.detail);",
    saves ? nodeSave(call) : "console.log(result);",
  ].join("\n");
}

const LANGUAGES = [["curl", asCurl], ["Python", asPython], ["JavaScript", asJavaScript]];

/** Show a request, {method, path, body}, in a dialog. */
export function showCode(call) {
  const code = h("code");
  const tabs = h("div", { class: "segments", role: "tablist", "aria-label": "Language" });
  const panel = h("pre", { class: "code", tabindex: "0", role: "tabpanel", "aria-label": "Code" }, code);
  let text = "";
  const pick = (chosen) => {
    [...tabs.children].forEach((tab, at) => {
      tab.setAttribute("aria-selected", String(at === chosen));
      tab.tabIndex = at === chosen ? 0 : -1;
    });
    text = LANGUAGES[chosen][1](call);
    code.textContent = text;
  };
  LANGUAGES.forEach(([name], at) => add(tabs, h("button", { type: "button", role: "tab", onclick: () => pick(at), onkeydown: (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (at + step + LANGUAGES.length) % LANGUAGES.length;
    pick(next);
    tabs.children[next].focus();
  } }, name)));
  pick(0);
  const copy = h("button", { type: "button", class: "primary small", onclick: () => copyText(text) }, icon("copy"), "Copy");
  const tokenCommand = session.local ? "export TOKEN=$(make -s token)" : "export TOKEN=...";
  dialog("This request as code", tabs, panel, inputFiles(call), h("div", { class: "dialog-end" },
    h("p", { class: "hint" }, "The code reads the token from the environment: ", h("code", {}, tokenCommand)), copy));
}

/** The files that the code reads, with a button to save each. */
function inputFiles({ body }) {
  const files = Object.values(splitBody(body ?? {}).files);
  return files.length > 0 && h("div", { class: "dialog-files" }, h("span", { class: "hint" }, "The code reads these files from its own folder:"),
    files.map(({ name, image }) => h("button", { type: "button", class: "small", "aria-label": `Save ${name}`, onclick: async () =>
      save(image.canvas ? await canvasBlob(image.canvas) : image.blob, name) }, icon("download"), name)));
}
