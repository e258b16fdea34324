// What the page says about an error: what happened, what it cost, what to do next. One row per error code.

import { plural } from "./dom.js";
import { titleCase } from "./labels.js";

/** "4 seconds", "3 minutes", "5 hours": how long to wait, rounded up. */
function duration(seconds) {
  if (seconds < 120) return plural(Math.ceil(seconds), "second");
  if (seconds < 7200) return plural(Math.ceil(seconds / 60), "minute");
  return plural(Math.ceil(seconds / 3600), "hour");
}

/** A UTC date as the page writes it: "December 1". */
export const dateText = (time) => new Date(time).toLocaleDateString("en-US", { day: "numeric", month: "long", timeZone: "UTC" });

const later = ({ retryAfter }) => (retryAfter ? `Try again in ${duration(retryAfter)}.` : "Try again in a moment.");
const PAGE_OUTDATED = "The page sent a request that the API does not accept. Nothing was charged. Reload the page and try again.";

function notEnoughCredits({ detail, usage }) {
  const needed = Number(/(\d[\d,]*) credits?/.exec(detail)?.[1].replaceAll(",", ""));
  const need = needed ? `You need ${plural(needed, "credit")}` : "You need more credits";
  return usage
    ? `${need} and have ${usage.remaining || "none"} left. They renew on ${dateText(usage.resets_at)}.`
    : `${need}, but not enough are left this month.`;
}

/** A provider's failure without the operation's prefix ("Image generation failed: "). */
const reason = (detail) => detail.replace(/^[A-Z][a-z ]+ failed: /, "").replace(/([^.])$/, "$1.");

/** API fields whose label on the page is another word. */
const LABELS = {
  image_base64: "The image", control_image_base64: "The image", mask_base64: "The mask", style_image_base64: "The style image",
  background_image_base64: "The new background", lighting_image_base64: "The light reference", output_format: "File type",
  num_variations: "Variations", style_preset: "Style", grow_mask: "Grow the mask",
  target_size_kb: "At most (KB)", items: "Prompts", url: "Address", palette: "Colors", avoid_words: "Avoid", guidance_scale: "Guidance", target_width: "Width", target_height: "Height",
};
export const fieldLabel = (field) => LABELS[field] ?? titleCase(field);

/** Sentences of the API that name its fields, and what the page says instead. */
const FIELD_MESSAGES = [
  [/^(platforms|format_names)\b/, () => "Choose at least one format."],
  [/^(control_)?image_base64 is required/, () => "Choose an image first."],
  [/^style image is required/i, () => "Choose an image whose style is copied."],
  [/^prompt (is required|must not be empty)/i, () => "Enter a prompt."],
  [/^both prompt and (search|select)_prompt are required/i, () => "Fill in both fields: what to find and what to change."],
  [/^at least one side above 0/i, () => "Extend at least one side of the image."],
  [/^at least one reference \(background or lighting\)/i, () => "Choose a background or a light reference."],
  [/^the mask selects nothing/i, () => "Paint over the area to change."],
  [/^(\w+: )?the image has (\d+)x(\d+) pixels;.*sides of at least (\d+)/i, (_, field, width, height, least) => `The image has ${width} × ${height} pixels. This needs at least ${least} on each side: enlarge it in Upscale first.`],
  [/^(\w+: )?the image is ([\d.]+):1; .*at most ([\d.]+):1/i, (_, field, ratio, most) => `The image is too long: ${ratio} to 1, and this takes at most ${most} to 1. Crop it first.`],
  [/^(\w+: )?invalid base64 image payload/i, () => "This file can't be read as an image. Choose another one."],
  [/^control_image_base64 is empty/, () => "The sketch is empty. Draw some lines first."],
  [/is animated/, () => "The image is animated. Choose a still image."],
  [/more than 25 megapixels|at most 25,000,000 pixels/, () => "This size has more than 25 megapixels. Choose a smaller size."],
  [/^(\w+) should be greater than or equal to (\d+(?:\.\d+)?)/, (_, name, least) => `${fieldLabel(name)} must be ${least} or more.`],
  [/^url must not be empty/i, () => "Enter an address."],
  [/^(\w+) should have at most (\d+) items/, (_, name, most) => `${fieldLabel(name)}: use at most ${most}.`],
  [/^(\w+)\S* should have at most (\d+) characters/, (_, name, most) => `${fieldLabel(name)}: use at most ${most} characters.`],
  [/^(\w+) should be less than or equal to (\d+(?:\.\d+)?)/, (_, name, most) => `${fieldLabel(name)} must be ${most} or less.`],
];

function invalid({ detail: full }) {
  const detail = full.replace(/^[a-z]\w*(\.\w+)*: /, ""); // the field that the sentence is about
  for (const [pattern, text] of FIELD_MESSAGES) {
    const match = pattern.exec(detail);
    if (match) return text(...match);
  }
  return plain(detail);
}

/** A sentence of the API without what only programs need: routes, and the names of its fields. */
const plain = (detail) => detail.replace(/[^.]*\b(GET|POST|PUT|DELETE) \/\S*[^.]*\./g, "")
  .replace(/\b(options\.)?([a-z]+_[a-z0-9_]+)\b/g, (_, prefix, name) => fieldLabel(name)).trim() || "This can't be done with these settings.";

const SHOW_LATER = "Show the result when it is done";

/**
 * Error code -> its sentence, and whether sending the same request again can help. `joins`: that continues the same job,
 * without another charge. `action` is the button's text. `calm`: nothing is wrong.
 */
const MESSAGES = {
  invalid_request: { text: invalid },
  unknown_choice: { text: invalid },
  unsupported: { text: invalid },
  invalid_image: { text: invalid },
  content_refused: { text: () => "The provider's content policy refused this request. Nothing was charged. Change the prompt or the image." },
  library_full: { text: () => "Your library is full. Delete images that you no longer need." },
  idempotency_mismatch: { text: () => PAGE_OUTDATED },
  not_authenticated: { text: () => "You are signed out. Sign in again." },
  not_enough_credits: { text: notEnoughCredits },
  not_allowed: { text: () => "Your account may not do this. Ask whoever runs this Image Studio for access." },
  not_found: { text: () => "This was deleted, or it has expired." },
  method_not_allowed: { text: () => PAGE_OUTDATED },
  job_conflict: { text: () => "This job can't be changed now. Refresh History to see its state." },
  job_stopped: { text: () => "You canceled this job before anything was charged.", calm: true },
  upload_missing: { text: () => "The image was not uploaded in time. Nothing was charged. Choose it again." },
  input_lost: { text: () => "The job's images are gone. Nothing was charged. Start it again." },
  expired: { text: () => "The job was not done in time. Nothing was charged. Start it again." },
  too_large: { text: () => "This is too large for the API. Nothing was charged. Use a smaller image." },
  wrong_content_type: { text: () => PAGE_OUTDATED },
  too_many_requests: { text: (error) => `You have reached the request limit of your tier. Nothing was charged. ${later(error)}`, retry: true },
  temporarily_unavailable: { text: (error) => `Image Studio is temporarily unavailable. Nothing was charged. ${later(error)}`, retry: true },
  provider_unavailable: { text: ({ detail }) => `${reason(detail)} Nothing was charged. Try again later, or choose another provider.`, retry: true },
  provider_failed: { text: ({ detail }) => `${reason(detail)} Nothing was charged. Try again, or choose another provider.`, retry: true },
  unknown_charge: {
    text: ({ detail }) => `${reason(detail)} The provider may have charged for this, so it is not repeated automatically. Its credits are held for up to an hour, and then given back. Running it again is charged separately.`,
    retry: true, action: "Run it again",
  },
  internal_error: { text: (error) => `Something went wrong on our side. ${later(error)}`, retry: true },

  // raised by the page itself
  unreachable: { text: () => "The API can't be reached. Check your connection and try again.", retry: true },
  connection_lost: { text: () => "The API can't be reached. The job may have started. \"Try again\" continues the same job, so it is charged only once.", retry: true, joins: true },
  still_running: { text: () => "The job is still running. Its result will be in History.", retry: true, joins: true, action: SHOW_LATER, calm: true },
  stopped: { text: () => "You stopped waiting. The job continues, and its result will be in History.", retry: true, joins: true, action: SHOW_LATER, calm: true },
  result_unloaded: { text: () => "The job is done, but its result could not be loaded. Loading it again costs nothing.", retry: true, joins: true, action: "Load the result" },
  not_an_image: { text: ({ detail }) => `${detail} is not a PNG, JPEG, WebP or AVIF image.` },
  upload_failed: { text: () => "The image could not be uploaded. Nothing was charged. Try again.", retry: true },
  image_expired: { text: () => "The image has expired." },
};

/** The gateway in front of the API answers without a code: its statuses. */
const GATEWAY = {
  401: MESSAGES.not_authenticated,
  403: MESSAGES.not_allowed,
  404: MESSAGES.not_found,
  413: MESSAGES.too_large,
  429: MESSAGES.too_many_requests,
  503: MESSAGES.connection_lost,
};

/** An error with a sentence for people in `message`; `detail` is the API's own, `canRetry` whether to offer `action`. */
export class ApiError extends Error {
  constructor(status, code, detail = "", { retryAfter = null, usage = null } = {}) {
    super();
    Object.assign(this, { status, code, detail, retryAfter, usage });
    const { text, retry = false, ...more } = MESSAGES[code] ?? GATEWAY[status] ?? (detail ? { text: invalid } : MESSAGES.internal_error);
    this.message = text(this);
    Object.assign(this, { canRetry: retry, action: "Try again", joins: false, calm: false, ...more });
  }
}

/** The sentence for an error inside a response: a failed variation, format or job. */
export const errorText = ({ status = 0, code, detail }) => new ApiError(status, code, detail).message;
