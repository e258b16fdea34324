// A page's state in its address: what differs from an empty form, without images. Opening the address brings it back.

const LONGEST_VALUE = 2000; // characters; a longer prompt does not fit into an address

const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** A value of an address: a number, list or the like where it reads as one, else the text. */
function asValue(text) {
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
  return { name, rest, state: query ? Object.fromEntries([...new URLSearchParams(query)].map(([key, text]) => [key, asValue(text)])) : null };
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
