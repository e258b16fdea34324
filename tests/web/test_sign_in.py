"""Sign-in as on AWS: authorization code with PKCE against an issuer, the token only in memory."""

import hashlib
import html
from base64 import urlsafe_b64encode
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Route, expect

from local.stack import Stack
from tests.web.visit import Visit

ISSUER = "https://issuer.example"
CONFIG = {"api": "/api/image-studio", "issuer": ISSUER, "client_id": "playground", "scope": "openid"}
OPEN = {"access-control-allow-origin": "*"}


class Provider:
    """An OpenID provider with one user who always agrees; it checks the verifier as RFC 7636 says."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._codes: dict[str, dict[str, str]] = {}
        self.grants: list[str] = []
        self.refuse = False

    def surround(self, context: BrowserContext) -> None:
        """Make the page believe that it is on AWS: this provider, its name in config.json and in the policy."""
        context.route("**/config.json", lambda route: route.fulfill(json=CONFIG))
        context.route(lambda url: urlsplit(url).path == "/" and not url.startswith(ISSUER), _with_policy)
        context.route(f"{ISSUER}/**", self._answer)

    def _answer(self, route: Route) -> None:
        asked = urlsplit(route.request.url)
        if asked.path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": f"{ISSUER}/authorize", "token_endpoint": f"{ISSUER}/token"}
            route.fulfill(json={"issuer": ISSUER, **ends}, headers=OPEN)
        elif asked.path == "/authorize":
            self._authorize(route, dict(parse_qsl(asked.query)))
        else:
            self._token(route, dict(parse_qsl(route.request.post_data or "")))

    def _authorize(self, route: Route, asked: dict[str, str]) -> None:
        assert asked["code_challenge_method"] == "S256"
        self._codes["the-code"] = asked
        said = "error=access_denied&error_description=No%20entry" if self.refuse else "code=the-code"
        back = html.escape(f"{asked['redirect_uri']}?state={asked['state']}&{said}")
        route.fulfill(content_type="text/html", body=f'<meta http-equiv="refresh" content="0;url={back}">')

    def _token(self, route: Route, form: dict[str, str]) -> None:
        self.grants.append(form["grant_type"])
        if form["grant_type"] == "authorization_code":
            asked = self._codes.pop(form["code"])
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            assert urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
            assert form["redirect_uri"] == asked["redirect_uri"]
        token = self._stack.token(sub="signed-in-person")
        route.fulfill(json={"access_token": token, "refresh_token": "fresh", "expires_in": 16}, headers=OPEN)


def _with_policy(route: Route) -> None:
    got = route.fetch()
    headers = dict(got.headers)
    for name in ("content-encoding", "content-length"):
        headers.pop(name, None)
    policy = headers["content-security-policy"]
    headers["content-security-policy"] = policy.replace("connect-src 'self'", f"connect-src 'self' {ISSUER}")
    route.fulfill(status=got.status, headers=headers, body=got.body())


@pytest.fixture
def provider(stack: Stack, visit: Visit) -> Provider:
    """The provider, around the page."""
    made = Provider(stack)
    visit.prepare = made.surround
    return made


def test_signing_in_opens_the_studio(visit: Visit, provider: Provider) -> None:
    """Sign in, come back with a code, exchange it with the verifier, and work; the address is clean afterwards."""
    page = visit.open("upscale")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("Upscale")
    assert "code=" not in page.url
    assert page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})") == "{}"
    expect(page.locator(".credits")).to_contain_text("credits left")
    assert provider.grants[0] == "authorization_code"


def test_an_expiring_token_is_renewed(visit: Visit, provider: Provider) -> None:
    """Before a token ends the refresh token fetches another one; nobody notices."""
    page = visit.open("upscale")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("Upscale")
    page.wait_for_timeout(1500)
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.locator(".usage .big")).to_be_visible()
    assert "refresh_token" in provider.grants


def test_a_refused_sign_in_is_told(visit: Visit, provider: Provider) -> None:
    """What the provider says stands on the page, which stays closed."""
    provider.refuse = True
    page = visit.open("create")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("No entry")


def test_an_answer_to_another_sign_in_is_refused(visit: Visit, provider: Provider) -> None:
    """A code that comes with a state that isn't ours is not exchanged."""
    page = visit.open("create")
    page.evaluate("sessionStorage.setItem('image-studio-sign-in', JSON.stringify({verifier: 'v', state: 'mine'}))")
    page.goto(page.url.split("#")[0] + "?state=theirs&code=stolen")
    expect(page.get_by_role("alert")).to_have_text("The answer belongs to another sign-in.")
    assert provider.grants == []


def test_a_reload_signs_out(visit: Visit, provider: Provider) -> None:
    """The token lives in the page's memory only: a reload asks to sign in again."""
    page = visit.open("create")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("Create")
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
