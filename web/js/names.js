// Words for names that the API uses.

const PLATFORMS = { linkedin: "LinkedIn", youtube: "YouTube", tiktok: "TikTok", twitter: "X (Twitter)" };

export const titled = (name) => name.replace(/[-_]/g, " ").replace(/^./, (first) => first.toUpperCase());
export const platformName = (id) => PLATFORMS[id] ?? titled(id);

/** The style presets; tests hold them to the catalog's. */
const STYLES = [
  "3d-model", "analog-film", "anime", "cinematic", "comic-book", "digital-art", "enhance", "fantasy-art", "isometric",
  "line-art", "low-poly", "modeling-compound", "neon-punk", "origami", "photographic", "pixel-art", "tile-texture",
];
export const styleOptions = (first) => [["", first], ...STYLES.map((name) => [name, titled(name)])];

/** How much quality can be asked for; tests hold them to the API's. */
const QUALITIES = ["draft", "standard", "premium"];
export const QUALITY_OPTIONS = [["", "Auto"], ...QUALITIES.map((name) => [name, titled(name)])];

/** What a job did, in words: `edit`, `edit.inpaint`, `control.sketch` ... */
export const operationName = (operation) => operation.split(".").map(titled).join(" · ");

/** Words as a file's name or an id may have them: small plain letters, digits and dashes, at most 48. */
export const slug = (words, otherwise = "picture") =>
  words.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 48).replace(/^-|-$/g, "") || otherwise;

/** The same of a file's name, without its ending. */
export const stemOf = (picture) => slug(picture.name.replace(/\.\w+$/, ""));
