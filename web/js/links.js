// A page's state in its address: what differs from an empty form, without images. Opening the address brings it back.

import { keepInTab, keptInTab } from "./memory.js";

const LONGEST_VALUE = 2000; // characters; a longer prompt does not fit into an address
const LONG_VALUES = "image-studio-long-values"; // of the page that this tab shows
const TEXT_FIELDS = ["prompt", "negative_prompt", "search_prompt", "select_prompt", "persona_id"];

const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** A value of an address: a number, list or the like where it reads as one and the field is no text, else the text. */
function asValue(key, text) {
  if (TEXT_FIELDS.includes(key)) return text;
  try {
    const value = JSON.parse(text);
    return typeof value === "string" || value === null ? text : value;
  } catch {
    return text;
  }
}

/** Split an address such as `#/create?prompt=...` into the page's name, what follows it, and the state, or null. */
export function parseAddress(hash) {
  const [path, query] = hash.replace(/^#\//, "").split(/\?(.*)/s);
  const [name, rest = ""] = path.split("/");
  return { name, rest, state: query ? Object.fromEntries([...new URLSearchParams(query)].map(([key, text]) => [key, asValue(key, text)])) : null };
}

/** The address of a page with the state of its form: `body` is what it would send, `initial` what it would send when empty. */
export function addressOf(name, body, initial) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(body)) {
    if (key.endsWith("_base64")) continue;
    const text = asText(value);
    if (text.length <= LONGEST_VALUE && text !== asText(initial[key] ?? "")) query.set(key, text);
  }
  return `#/${name}${query.size ? `?${query}` : ""}`;
}

/** Keep what is too long for a page's address in this tab. */
export function keepLongValues(address, body) {
  const long = Object.entries(body).filter(([key, value]) => !key.endsWith("_base64") && asText(value).length > LONGEST_VALUE);
  keepInTab(LONG_VALUES, long.length ? [address, Object.fromEntries(long)] : null);
}

/** Return the state of an address with what this tab keeps for it. */
export function withLongValues(hash, state) {
  const [address, long] = keptInTab(LONG_VALUES) ?? [];
  return address === hash ? { ...state, ...long } : state;
}
