// Words for names that the API uses.

const PLATFORMS = { linkedin: "LinkedIn", youtube: "YouTube", tiktok: "TikTok", twitter: "X (Twitter)" };

export const titled = (name) => name.replace(/[-_]/g, " ").replace(/^./, (first) => first.toUpperCase());
export const platformName = (id) => PLATFORMS[id] ?? titled(id);

/** The style presets; tests hold them to the catalog's. */
export const STYLES = [
  "3d-model", "analog-film", "anime", "cinematic", "comic-book", "digital-art", "enhance", "fantasy-art", "isometric",
  "line-art", "low-poly", "modeling-compound", "neon-punk", "origami", "photographic", "pixel-art", "tile-texture",
];
export const styleOptions = (first) => [["", first], ...STYLES.map((name) => [name, titled(name)])];

/** What a job did, in words: `edit`, `edit.inpaint`, `control.sketch` ... */
export const operationName = (operation) => operation.split(".").map(titled).join(" · ");

/** A platform's name or an id's words, short enough for a file name. */
export const slug = (words) => words.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 48) || "picture";
