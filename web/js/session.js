// Who calls. Locally the server hands out a ready token; on AWS the issuer does, by authorization code and PKCE.
// The token lives in this module's memory and nowhere else.

const PENDING = "image-studio-sign-in"; // the verifier waits here while the browser is at the issuer, never a token

let config = null;
let current = null; // {token, refresh, ends}
let document_ = null; // the issuer's discovery document
let renewing = null; // a renewal under way: a refresh token may be good for one use only

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const here = () => `${location.origin}${location.pathname}`;

async function json(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`${new URL(url, location.href).pathname} answered ${response.status}`);
  return response.json();
}

async function discover() {
  document_ ??= await json(`${config.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  return document_;
}

async function tokens(form) {
  const { token_endpoint: url } = await discover();
  const got = await json(url, { method: "POST", body: new URLSearchParams({ client_id: config.client_id, ...form }) });
  current = {
    token: got.access_token,
    refresh: got.refresh_token ?? current?.refresh ?? null,
    ends: Date.now() + (got.expires_in ?? 300) * 1000,
  };
}

async function finishSignIn() {
  const back = new URLSearchParams(location.search);
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? "null");
  if (!back.has("state") || !pending) return;
  sessionStorage.removeItem(PENDING);
  history.replaceState(null, "", here() + (pending.hash || ""));
  if (back.get("state") !== pending.state) throw new Error("The answer belongs to another sign-in.");
  if (back.has("error")) throw new Error(back.get("error_description") ?? back.get("error"));
  await tokens({ grant_type: "authorization_code", code: back.get("code"), redirect_uri: here(), code_verifier: pending.verifier });
}

export const session = {
  api: "/api/image-studio",
  problem: null,

  /** Read config.json and take what the surroundings offer. */
  async start() {
    config = await json("config.json");
    this.api = config.api ?? this.api;
    try {
      if (config.session) await this.renew();
      else await finishSignIn();
    } catch (problem) {
      this.problem = problem.message;
    }
  },

  get local() { return Boolean(config?.session); },
  get signedIn() { return current !== null; },

  /** The token; an expired one is renewed first where that is possible. */
  async token() {
    if (current && current.ends - Date.now() < 15_000) await this.renew();
    return current?.token ?? "";
  },

  /** Get a new token without leaving the page, once for all who ask meanwhile; whether there is one. */
  renew() {
    renewing ??= this.renewNow().finally(() => { renewing = null; });
    return renewing;
  },

  async renewNow() {
    try {
      if (config.session) {
        const got = await json(config.session);
        current = { token: got.token, refresh: null, ends: Date.now() + 3600_000 };
      } else if (current?.refresh) {
        await tokens({ grant_type: "refresh_token", refresh_token: current.refresh });
      } else {
        current = null;
      }
    } catch {
      current = null;
    }
    if (!current) window.dispatchEvent(new Event("signed-out"));
    return current !== null;
  },

  /** Leave for the issuer's page; it sends the browser back here. */
  async signIn() {
    const { authorization_endpoint: endpoint } = await discover();
    const verifier = random();
    const state = random();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
    sessionStorage.setItem(PENDING, JSON.stringify({ verifier, state, hash: location.hash }));
    const query = new URLSearchParams({
      response_type: "code", client_id: config.client_id, redirect_uri: here(), scope: config.scope ?? "openid",
      state, code_challenge: base64url(digest), code_challenge_method: "S256",
    });
    if (config.audience) query.set("audience", config.audience);
    location.assign(`${endpoint}?${query}`);
  },
};
