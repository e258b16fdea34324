"""Sign-in as on AWS: authorization code with PKCE against an issuer on loopback."""

import hashlib
import html
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect
from werkzeug.wrappers import Request, Response

from local.issuer import AUDIENCE
from local.stack import Stack
from tests.web.browser_session import BrowserSession
from tests.web.cloudfront import CloudFront, Server

CLIENT = "playground"
TOKEN_SECONDS = 16  # the page renews a token that expires within 15


class FakeIssuer(Server):
    """An OpenID provider at another origin, which checks the page's requests against RFC 6749 and 7636."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._codes: dict[str, dict[str, str]] = {}
        self._refresh = ""
        self.page = ""  # the only origin that may read the responses
        self.grants: list[str] = []
        self.problems: list[str] = []
        super().__init__()

    def _respond(self, request: Request) -> Response:
        if request.path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": f"{self.url}/authorize", "token_endpoint": f"{self.url}/token"}
            return self._json({"issuer": self.url, **ends})
        if request.path == "/authorize":
            return self._consent(request.args.to_dict())
        return self._token(request.form.to_dict())

    def _consent(self, query: dict[str, str]) -> Response:
        self._check(query["response_type"] == "code", "response_type is code")
        self._check(query["client_id"] == CLIENT, "client_id")
        self._check(query["audience"] == AUDIENCE, "audience of the API")
        self._check(query["code_challenge_method"] == "S256" and len(query["state"]) > 20, "S256 challenge and a state")
        code = secrets.token_urlsafe()
        self._codes[code] = query
        outcomes = {"Allow": {"code": code}, "Deny": {"error": "access_denied", "error_description": "No entry"}}
        redirects = {name: urlencode({"state": query["state"], **outcome}) for name, outcome in outcomes.items()}
        to = html.escape(query["redirect_uri"])
        links = " ".join(f'<a href="{to}?{html.escape(params)}">{name}</a>' for name, params in redirects.items())
        return Response(f"<title>Provider</title><h1>Sign in to Image Studio?</h1>{links}", mimetype="text/html")

    def _token(self, form: dict[str, str]) -> Response:
        """Tokens for an unused code, or for the latest refresh token."""
        self.grants.append(form["grant_type"])
        self._check(form["client_id"] == CLIENT and "client_secret" not in form, "public client without a secret")
        if form["grant_type"] == "authorization_code":
            request = self._codes.pop(form["code"], {})
            digest = urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
            self._check(digest == request.get("code_challenge"), "verifier of an unused code's challenge")
            self._check(form["redirect_uri"] == request.get("redirect_uri"), "same redirect URI")
        else:
            self._check(form["refresh_token"] == self._refresh, "latest refresh token")
        self._refresh = secrets.token_urlsafe()
        token = self._stack.token(sub="signed-in-person")
        return self._json({"access_token": token, "refresh_token": self._refresh, "expires_in": TOKEN_SECONDS})

    def _check(self, condition: bool, name: str) -> None:
        if not condition:
            self.problems.append(name)

    def _json(self, body: dict[str, object]) -> Response:
        allowed = {"access-control-allow-origin": self.page, "cache-control": "no-store"}
        return Response(json.dumps(body), mimetype="application/json", headers=allowed)


@pytest.fixture
def issuer(stack: Stack, session: BrowserSession) -> Iterator[FakeIssuer]:
    """The issuer, and the page behind CloudFront; a wrong request to the issuer fails the test."""
    fake = FakeIssuer(stack)
    cloudfront = CloudFront(stack, fake.url, CLIENT)
    session.origin = fake.page = cloudfront.url
    yield fake
    session.close()  # before the servers that it uses
    cloudfront.close()
    fake.close()
    assert fake.problems == []


def sign_in(page: Page, choice: str = "Allow") -> None:
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("Sign in to Image Studio?")
    page.get_by_role("link", name=choice).click()


def test_signing_in_opens_the_page(session: BrowserSession, issuer: FakeIssuer) -> None:
    """The code is exchanged with the verifier; neither the address nor storage keeps it or the token."""
    page = session.open("upscale")
    sign_in(page)
    expect(page.locator("h1")).to_have_text("Upscale")
    assert "code=" not in page.url
    assert page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})") == "{}"
    expect(page.locator(".credits")).to_contain_text("credits left")
    assert issuer.grants[0] == "authorization_code"
    page.reload()  # the token is only in the page's memory
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_signing_out_forgets_the_token(session: BrowserSession, issuer: FakeIssuer) -> None:
    """The page shows its sign-in again, without the credits of the person."""
    page = session.open("upscale")
    sign_in(page)
    expect(page.locator(".credits")).to_be_visible()
    page.wait_for_load_state("networkidle")
    session.press("Sign out")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.locator(".credits")).to_have_count(0)
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)


def test_an_expiring_token_is_renewed(session: BrowserSession, issuer: FakeIssuer) -> None:
    """A refresh token replaces a token that expires soon, without a new sign-in."""
    page = session.open("upscale")
    sign_in(page)
    expect(page.locator("h1")).to_have_text("Upscale")
    page.wait_for_timeout(1500)
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.locator(".usage .big")).to_be_visible()
    assert "refresh_token" in issuer.grants


def test_a_failed_sign_in_is_explained(session: BrowserSession, issuer: FakeIssuer) -> None:
    """The issuer's error is shown on the sign-in page; a code with an unknown state is not exchanged."""
    page = session.open("create")
    sign_in(page, "Deny")
    expect(page.get_by_role("alert")).to_have_text("No entry")
    page.evaluate("sessionStorage.setItem('image-studio-sign-in', JSON.stringify({verifier: 'v', state: 'mine'}))")
    page.goto(f"{session.origin}/?state=theirs&code=stolen")
    expect(page.get_by_role("alert")).to_have_text("This sign-in response belongs to another sign-in. Sign in again.")
    assert issuer.grants == []
