// Labels for names that the API uses.

const PLATFORMS = { linkedin: "LinkedIn", youtube: "YouTube", tiktok: "TikTok", twitter: "X (Twitter)" };

export const titleCase = (name) => name.replace(/[-_]/g, " ").replace(/^./, (first) => first.toUpperCase());
export const sentenceCase = (label) => label.replace(/(?<=.)[A-Z]/g, (letter) => letter.toLowerCase());
export const platformLabel = (id) => PLATFORMS[id] ?? titleCase(id);

/** Matches a prompt with text to set in the image, which takes another model. A test compares it with the API's rule. */
export const QUOTED = /(?<![^\s(:])["“„«](?=[^"“”„«»]*[\p{L}\p{N}_])[^"“”„«»]{1,80}["”“»](?![\p{L}\p{N}_])/u;

/** The style presets. A test compares them with the catalog. */
const STYLES = [
  "3d-model", "analog-film", "anime", "cinematic", "comic-book", "digital-art", "enhance", "fantasy-art", "isometric",
  "line-art", "low-poly", "modeling-compound", "neon-punk", "origami", "photographic", "pixel-art", "tile-texture",
];
export const styleOptions = (first) => [["", first], ...STYLES.map((name) => [name, titleCase(name)])];

/** The qualities. A test compares them with the API's schema. */
const QUALITIES = ["draft", "standard", "premium"];
export const QUALITY_OPTIONS = [["", "Auto"], ...QUALITIES.map((name) => [name, titleCase(name)])];

export const STATUS_LABELS = { queued: "Queued", running: "Running", succeeded: "Done", failed: "Failed" };

/** The label of an operation such as `edit.inpaint`. */
export const operationLabel = (operation) => operation.split(".").map(titleCase).join(" · ");

/** Text as part of a file name or an id: at most 48 lowercase letters, digits and hyphens. */
export const slug = (text, fallback = "image") =>
  text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 48).replace(/^-|-$/g, "") || fallback;

/** The slug of an image's file name without its extension. */
export const stemOf = (image) => slug(image.name.replace(/\.\w+$/, ""));
