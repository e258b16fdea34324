"""A caller of the API for the contract's tests."""

from typing import Any

import requests

from local.stack import Stack
from tests.contract.replay import SECONDS


class Caller:
    """Requests as one authenticated caller; redirects are followed as clients do."""

    def __init__(self, stack: Stack, sub: str = "contract") -> None:
        self.url = stack.url
        self.headers = stack.headers(sub=sub, tier="enterprise")

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, headers=self.headers, timeout=SECONDS)

    def post(self, path: str, **body: Any) -> requests.Response:
        return requests.post(self.url + path, json=body, headers=self.headers, timeout=SECONDS)

    def put(self, path: str, **body: Any) -> requests.Response:
        return requests.put(self.url + path, json=body, headers=self.headers, timeout=SECONDS)

    def create(self, prompt: str, **fields: Any) -> requests.Response:
        size = {} if fields.keys() & {"template_id", "aspect_ratio", "width"} else {"width": 96, "height": 64}
        return self.post("/create", prompt=prompt, **size, **fields)
