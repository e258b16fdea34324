"""The documentation page, written once from the document: no script, no remote asset, one inline style by its hash."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator
from typing import Any

STYLE = """\
:root{color-scheme:light dark;--line:#8884;--soft:#8882}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}
details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;padding:.4rem .8rem}
summary{cursor:pointer}
code,pre{font:14px/1.4 ui-monospace,monospace;background:var(--soft);border-radius:.2rem}
code{padding:0 .2rem}pre{padding:.6rem;overflow:auto}
.method{display:inline-block;min-width:4.5rem;font-weight:700}
table{border-collapse:collapse;margin:.5rem 0;display:block;overflow:auto}
td,th{border:1px solid var(--line);padding:.2rem .5rem;text-align:left;vertical-align:top}
"""
#: What the page may load: its own style, nothing else.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(document: dict[str, Any]) -> str:
    """The document as one HTML file."""
    info = document["info"]
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{_text(info["title"])} API</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_text(_of_meta(POLICY))}">',
        f"<style>{STYLE}</style></head><body>",
        f"<h1>{_text(info['title'])} API {_text(info['version'])}</h1>",
        *_prose(info["description"]),
        '<p><a href="/">The playground</a> shows each request as code. '
        '<a href="openapi.json">The same as an OpenAPI document</a>.</p>',
        "<p>The samples read the API's origin from the environment variable <code>ORIGIN</code> and the token from "
        "<code>TOKEN</code>. They read and write images in the current folder. "
        "Capitals in a path stand for your own value.</p>",
        *_operations(document),
        "<h2>Schemas</h2>",
        *_schemas(document),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _of_meta(policy: str) -> str:
    """A policy in the page itself can't say who may frame it; the header does."""
    return policy.partition("; frame-ancestors")[0]


def _text(value: Any) -> str:
    return html.escape(str(value))


def _inline(text: str) -> str:
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(text))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", marked)


def _prose(markdown: str) -> Iterator[str]:
    """The few things of Markdown that our introduction uses: paragraphs, tables, bold, code."""
    for block in markdown.strip().split("\n\n"):
        lines = block.splitlines()
        if lines[0].startswith("|"):
            yield from _table(lines)
        else:
            yield f"<p>{_inline(' '.join(lines))}</p>"


def _table(lines: list[str]) -> Iterator[str]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    yield "<table><tr>" + "".join(f"<th>{_inline(cell)}</th>" for cell in rows[0]) + "</tr>"
    for row in rows[2:]:
        yield "<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>"
    yield "</table>"


def _operations(document: dict[str, Any]) -> Iterator[str]:
    for tag in document["tags"]:
        yield f"<h2>{_text(tag['name'])}</h2>"
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if operation["tags"] == [tag["name"]]:
                    yield from _operation(document, method, path, operation)


def _operation(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    token = "" if operation.get("security") == [] else " (token)"
    yield f'<details id="{_text(operation["operationId"])}"><summary><span class="method">{method.upper()}</span>'
    yield f"<code>{_text(path)}</code> {_text(operation['summary'])}{token}</summary>"
    if operation["parameters"]:
        yield "<table><tr><th>parameter</th><th>in</th><th>about</th></tr>"
        for each in operation["parameters"]:
            where = each["in"] + (" *" if each.get("required") else "")
            yield f"<tr><td><code>{_text(each['name'])}</code></td><td>{where}</td>"
            yield f"<td>{_inline(each.get('description', ''))}</td></tr>"
        yield "</table>"
    if "requestBody" in operation:
        yield from _body("Request", operation["requestBody"]["content"])
    for sample in operation.get("x-codeSamples", []):
        yield f"<details><summary>{_text(sample['lang'])}</summary><pre>{_text(sample['source'])}</pre></details>"
    yield "<table><tr><th>status</th><th>meaning</th></tr>"
    for status, response in operation["responses"].items():
        found = document["components"]["responses"][status] if "$ref" in response else response
        yield f"<tr><td>{status}</td><td>{_inline(found['description'])}</td></tr>"
    yield "</table>"
    for status, response in operation["responses"].items():
        if "content" in response:
            yield from _body(f"Response {status}", response["content"])
    yield "</details>"


def _body(title: str, content: dict[str, Any]) -> Iterator[str]:
    for kind, media in content.items():
        yield f"<p>{title}, <code>{_text(kind)}</code>: {_named(media['schema'])}</p>"
        examples = (
            [media["example"]] if "example" in media else [each["value"] for each in media.get("examples", {}).values()]
        )
        for each in examples:
            yield f"<pre>{_text(_short(json.dumps(each, indent=2, ensure_ascii=False)))}</pre>"


def _short(text: str) -> str:
    """An image in base64 is cut."""
    return re.sub(r"([A-Za-z0-9+/=]{60})[A-Za-z0-9+/=]{40,}", r"\1...", text)


def _schemas(document: dict[str, Any]) -> Iterator[str]:
    for name, schema in document["components"]["schemas"].items():
        yield f'<details id="schema-{_text(name)}"><summary><code>{_text(name)}</code> '
        yield f"{_inline(schema.get('description', ''))}</summary>"
        if "properties" in schema:
            needed = schema.get("required", [])
            yield "<table><tr><th>field</th><th>type</th><th>about</th></tr>"
            for field, part in schema["properties"].items():
                mark = " *" if field in needed else ""
                yield f"<tr><td><code>{_text(field)}</code>{mark}</td><td>{_named(part)}</td>"
                yield f"<td>{_inline(part.get('description', ''))}</td></tr>"
            yield "</table>"
        else:
            yield f"<p>{_named(schema)}</p>"
        yield "</details>"


def _named(schema: Any) -> str:
    """A schema in a few words."""
    if schema is True or not schema:
        return "anything"
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#schema-{_text(name)}">{_text(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(_named(each) for each in schema["anyOf"])
    values = [schema["const"]] if "const" in schema else schema.get("enum", [])
    if values:
        return ", ".join(f"<code>{_text(value)}</code>" for value in values)
    inner = schema.get("items") or schema.get("additionalProperties")
    if isinstance(inner, dict):
        return f"{'list' if 'items' in schema else 'object'} of {_named(inner)}"
    bounds = [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]
    return _text(" ".join([schema.get("type", "anything"), *bounds]))


_BOUNDS = {"minimum": "from", "maximum": "to", "minLength": "length from", "maxLength": "length to", "format": "format"}
