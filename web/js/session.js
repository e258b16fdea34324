// The caller's token. The local server issues it directly; on AWS the issuer does, by authorization code with PKCE.
// The token is kept only in this module's memory.

const PENDING = "image-studio-sign-in"; // holds the verifier while the browser is at the issuer, never a token

let config = null;
let current = null; // {token, refresh, expires}
let discovery = null; // the issuer's discovery document
let renewing = null; // the renewal in flight; a refresh token may be valid only once

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const randomText = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const here = () => `${location.origin}${location.pathname}`;

async function json(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`${new URL(url, location.href).pathname} returned ${response.status}`);
  return response.json();
}

async function discover() {
  discovery ??= await json(`${config.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  return discovery;
}

async function fetchTokens(form) {
  const { token_endpoint: url } = await discover();
  const response = await json(url, { method: "POST", body: new URLSearchParams({ client_id: config.client_id, ...form }) });
  current = {
    token: response.access_token,
    refresh: response.refresh_token ?? current?.refresh ?? null,
    expires: Date.now() + (response.expires_in ?? 300) * 1000,
  };
}

async function finishSignIn() {
  const query = new URLSearchParams(location.search);
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? "null");
  if (!query.has("state") || !pending) return;
  sessionStorage.removeItem(PENDING);
  history.replaceState(null, "", here() + (pending.hash || ""));
  if (query.get("state") !== pending.state) throw new Error("This sign-in response belongs to another sign-in. Sign in again.");
  if (query.has("error")) throw new Error(query.get("error_description") ?? query.get("error"));
  await fetchTokens({ grant_type: "authorization_code", code: query.get("code"), redirect_uri: here(), code_verifier: pending.verifier });
}

export const session = {
  api: "/api/image-studio",
  emulated: [], // providers that a local emulator stands for
  error: null,

  /** Read config.json, then get a local token or finish a sign-in. */
  async start() {
    config = await json("config.json");
    this.api = config.api ?? this.api;
    this.emulated = config.emulated ?? [];
    try {
      if (config.session) await this.renew();
      else await finishSignIn();
    } catch (error) {
      this.error = error.message;
    }
  },

  get local() { return Boolean(config?.session); },
  get signedIn() { return current !== null; },

  /** Return the token. One that expires soon is renewed first, if possible. */
  async token() {
    if (current && current.expires - Date.now() < 15_000) await this.renew();
    return current?.token ?? "";
  },

  /** Get a new token without leaving the page. Concurrent calls share one renewal. Return whether there is a token. */
  renew() {
    renewing ??= this.renewNow().finally(() => { renewing = null; });
    return renewing;
  },

  async renewNow() {
    try {
      if (config.session) {
        const { token } = await json(config.session);
        current = { token, refresh: null, expires: Date.now() + 3600_000 };
      } else if (current?.refresh) {
        await fetchTokens({ grant_type: "refresh_token", refresh_token: current.refresh });
      } else {
        current = null;
      }
    } catch (error) {
      if (!(error instanceof TypeError && current)) current = null; // without a network nobody is signed out
    }
    if (!current) window.dispatchEvent(new Event("signed-out"));
    return current !== null;
  },

  /** Forget the token, and end the issuer's session where it says how. */
  async signOut() {
    const { end_session_endpoint: endpoint } = await discover();
    current = null;
    window.dispatchEvent(new Event("signed-out"));
    if (endpoint) location.assign(`${endpoint}?${new URLSearchParams({ client_id: config.client_id, post_logout_redirect_uri: here() })}`);
  },

  /** Go to the issuer's sign-in page, which sends the browser back here. */
  async signIn() {
    const { authorization_endpoint: endpoint } = await discover();
    const verifier = randomText();
    const state = randomText();
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
