"""Sign-in as on AWS: authorization code with PKCE against an issuer on loopback, the token only in memory."""

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
from tests.web.front import Front, Server
from tests.web.visit import Visit

CLIENT = "playground"
SHORT = 16  # seconds of a token: the page renews one that has 15 left


class Provider(Server):
    """An OpenID provider, at another origin than the page; it holds the page to RFC 6749 and 7636."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._codes: dict[str, dict[str, str]] = {}
        self._refresh = ""
        self.page = ""  # the one origin that may read the answers
        self.grants: list[str] = []
        self.problems: list[str] = []
        super().__init__()

    def _answer(self, request: Request) -> Response:
        if request.path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": f"{self.url}/authorize", "token_endpoint": f"{self.url}/token"}
            return self._json({"issuer": self.url, **ends})
        if request.path == "/authorize":
            return self._ask(request.args.to_dict())
        return self._token(request.form.to_dict())

    def _ask(self, asked: dict[str, str]) -> Response:
        """The page on which a person agrees, or doesn't."""
        self._hold(asked["response_type"] == "code", "response_type is code")
        self._hold(asked["client_id"] == CLIENT, "the client is known")
        self._hold(asked["audience"] == AUDIENCE, "an access token for the API is asked for")
        self._hold(asked["code_challenge_method"] == "S256" and len(asked["state"]) > 20, "a challenge and a state")
        code = secrets.token_urlsafe()
        self._codes[code] = asked
        answers = {"Allow": {"code": code}, "Deny": {"error": "access_denied", "error_description": "No entry"}}
        back = {word: urlencode({"state": asked["state"], **said}) for word, said in answers.items()}
        to = html.escape(asked["redirect_uri"])
        links = " ".join(f'<a href="{to}?{html.escape(query)}">{word}</a>' for word, query in back.items())
        return Response(f"<title>Provider</title><h1>Sign in to Image Studio?</h1>{links}", mimetype="text/html")

    def _token(self, form: dict[str, str]) -> Response:
        """Tokens for a code, once, and for the newest refresh token."""
        self.grants.append(form["grant_type"])
        self._hold(form["client_id"] == CLIENT and "client_secret" not in form, "a public client")
        if form["grant_type"] == "authorization_code":
            asked = self._codes.pop(form["code"], {})
            digest = urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
            self._hold(digest == asked.get("code_challenge"), "the verifier fits the challenge of an unused code")
            self._hold(form["redirect_uri"] == asked.get("redirect_uri"), "the redirect address is the same")
        else:
            self._hold(form["refresh_token"] == self._refresh, "the newest refresh token")
        self._refresh = secrets.token_urlsafe()
        token = self._stack.token(sub="signed-in-person")
        return self._json({"access_token": token, "refresh_token": self._refresh, "expires_in": SHORT})

    def _hold(self, so: bool, what: str) -> None:
        if not so:
            self.problems.append(what)

    def _json(self, body: dict[str, object]) -> Response:
        """An answer that the page's origin, and no other, may read."""
        allowed = {"access-control-allow-origin": self.page, "cache-control": "no-store"}
        return Response(json.dumps(body), mimetype="application/json", headers=allowed)


@pytest.fixture
def provider(stack: Stack, visit: Visit) -> Iterator[Provider]:
    """The provider, and the page behind its own front; whatever the page asked it wrongly fails the test."""
    made = Provider(stack)
    front = Front(stack, made.url, CLIENT)
    visit.origin = made.page = front.url
    yield made
    visit.close()  # before what it talks to
    front.close()
    made.close()
    assert made.problems == []


def sign_in(page: Page, answer: str = "Allow") -> None:
    """Go to the provider and answer its question there."""
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("Sign in to Image Studio?")
    page.get_by_role("link", name=answer).click()


def test_signing_in_opens_the_studio(visit: Visit, provider: Provider) -> None:
    """Sign in, come back with a code, exchange it with the verifier, and work; the address is clean afterwards."""
    page = visit.open("upscale")
    sign_in(page)
    expect(page.locator("h1")).to_have_text("Upscale")
    assert "code=" not in page.url
    assert page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})") == "{}"
    expect(page.locator(".credits")).to_contain_text("credits left")
    assert provider.grants[0] == "authorization_code"


def test_an_expiring_token_is_renewed(visit: Visit, provider: Provider) -> None:
    """Before a token ends the refresh token fetches another one; nobody notices."""
    page = visit.open("upscale")
    sign_in(page)
    expect(page.locator("h1")).to_have_text("Upscale")
    page.wait_for_timeout(1500)
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.locator(".usage .big")).to_be_visible()
    assert "refresh_token" in provider.grants


def test_a_refused_sign_in_is_told(visit: Visit, provider: Provider) -> None:
    """What the provider says stands on the page, which stays closed."""
    page = visit.open("create")
    sign_in(page, "Deny")
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
    sign_in(page)
    expect(page.locator("h1")).to_have_text("Create")
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
