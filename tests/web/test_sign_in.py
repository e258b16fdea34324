"""Sign-in as on AWS: authorization code with PKCE against an issuer, the token only in memory."""

import hashlib
import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Route, expect
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from local.issuer import QuietHandler
from local.stack import Stack
from tests.web.visit import Visit


class Provider:
    """An OpenID provider with one user who always agrees; it checks the verifier as RFC 7636 says."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._codes: dict[str, dict[str, str]] = {}
        self.grants: list[str] = []
        self.refuse = False
        self._server = make_server("127.0.0.1", 0, Request.application(self.answer), True, request_handler=QuietHandler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def answer(self, request: Request) -> Response:
        """Discovery, authorize, token."""
        if request.path == "/.well-known/openid-configuration":
            document = {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
            }
            return _json(document)
        if request.path == "/authorize":
            asked = request.args.to_dict()
            back = f"{asked['redirect_uri']}?state={asked['state']}"
            if self.refuse:
                return Response(
                    status=302, headers={"location": f"{back}&error=access_denied&error_description=No%20entry"}
                )
            assert asked["code_challenge_method"] == "S256"
            self._codes["the-code"] = asked
            return Response(status=302, headers={"location": f"{back}&code=the-code"})
        return self._token(request.form.to_dict())

    def _token(self, form: dict[str, str]) -> Response:
        self.grants.append(form["grant_type"])
        if form["grant_type"] == "authorization_code":
            asked = self._codes.pop(form["code"])
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
            if challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
                return _json({"error": "invalid_grant"}, 400)
        token = self._stack.token(sub="signed-in-person")
        return _json({"access_token": token, "refresh_token": "fresh", "expires_in": 16, "token_type": "Bearer"})

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status, {"access-control-allow-origin": "*"}, mimetype="application/json")


@pytest.fixture
def provider(stack: Stack) -> Iterator[Provider]:
    """The provider, running."""
    made = Provider(stack)
    made.thread.start()
    yield made
    made.stop()


def surroundings(visit: Visit, provider: Provider) -> None:
    """Make the page believe that it is on AWS: another config.json, and a policy that allows the issuer."""

    def config(route: Route) -> None:
        route.fulfill(
            json={"api": "/api/image-studio", "issuer": provider.url, "client_id": "playground", "scope": "openid"}
        )

    def policy(route: Route) -> None:
        got = route.fetch()
        headers = dict(got.headers)
        headers["content-security-policy"] = headers["content-security-policy"].replace(
            "connect-src 'self'", f"connect-src 'self' {provider.url}"
        )
        route.fulfill(response=got, headers=headers)

    visit.prepare = lambda context: (
        context.route("**/config.json", config),
        context.route(lambda url: "/api/" not in url and url.split("?")[0].endswith("/"), policy),
    )


def test_signing_in_opens_the_studio(visit: Visit, provider: Provider) -> None:
    """Sign in, come back with a code, exchange it with the verifier, and work; the address is clean afterwards."""
    surroundings(visit, provider)
    page = visit.open("upscale")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("Upscale")
    assert "code=" not in page.url
    assert page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})") == "{}"
    expect(page.locator(".credits")).to_contain_text("credits left")


def test_an_expiring_token_is_renewed(visit: Visit, provider: Provider) -> None:
    """Before a token ends the refresh token fetches another one; nobody notices."""
    surroundings(visit, provider)
    page = visit.open("upscale")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("Upscale")
    page.wait_for_timeout(1500)
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.locator(".usage .big")).to_be_visible()
    assert "refresh_token" in provider.grants


def test_a_refused_sign_in_is_told(visit: Visit, provider: Provider) -> None:
    """What the provider says stands on the page, which stays closed."""
    surroundings(visit, provider)
    provider.refuse = True
    page = visit.open("create")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("No entry")


def test_a_reload_signs_out(visit: Visit, provider: Provider) -> None:
    """The token lives in the page's memory only: a reload asks to sign in again."""
    surroundings(visit, provider)
    page = visit.open("create")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("Create")
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
