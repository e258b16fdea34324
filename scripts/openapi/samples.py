"""Samples of a request in curl, Python and JavaScript, made from the request of the route's event.

They read the API's origin from ORIGIN and the token from TOKEN, and images from files beside them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

#: Where a sample has an image of its example request: the file that it reads instead.
_FILE = re.compile(r'"file:([a-z.]+)"')
_MASK = "mask.png"
_PHOTO = "photo.png"
_PATH_VALUES = {"platform": "instagram"}


def samples(method: str, path: str, request: Mapping[str, Any], *, makes_images: bool) -> Iterator[dict[str, str]]:
    """Yield the samples of a route as Redoc's `x-codeSamples` has them."""
    named = re.sub(r"\{(\w+)\}", lambda part: _PATH_VALUES.get(part[1], part[1].upper()), path)
    address = named + (f"?{request['query']}" if "query" in request else "")
    for language, write, indent in (("curl", _curl, 2), ("Python", _python, 4), ("JavaScript", _javascript, 2)):
        body = json.dumps(_with_files(request["body"]), indent=indent, ensure_ascii=False) if "body" in request else ""
        yield {"lang": language, "source": write(method, address, body, makes_images)}


def _with_files(value: Any, name: str = "") -> Any:
    """Replace images by the names of files."""
    if isinstance(value, dict):
        return {key: _with_files(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_files(each) for each in value]
    if isinstance(value, str) and value.startswith("data:image/"):
        return f"file:{_MASK if 'mask' in name else _PHOTO}"
    return value


def _curl(method: str, address: str, body: str, makes_images: bool) -> str:
    parts = [f'curl -sSL "$ORIGIN{address}"', '-H "Authorization: Bearer $TOKEN"']
    if not body:
        return " \\\n  ".join(parts if method == "GET" else [*parts, f"-X {method}"])
    with_files = _FILE.sub(r'''"data:image/png;base64,$(base64 < \1 | tr -d '\\n')"''', body)
    mark = "EOF" if with_files != body else "'EOF'"
    parts += ['-H "Content-Type: application/json"', *(["-o response.json"] if makes_images else [])]
    parts += [] if method == "POST" else [f"-X {method}"]
    return " \\\n  ".join([*parts, f"-d @- <<{mark}\n{with_files}\nEOF"])


def _python(method: str, address: str, body: str, makes_images: bool) -> str:
    literal = re.sub(r"\b(true|false|null)\b(?=,?$)", lambda word: _PYTHON[word[0]], body, flags=re.MULTILINE)
    with_files = _FILE.sub(r'image("\1")', literal)
    reads = with_files != literal
    lines = [*(["import base64"] if reads or makes_images else []), "import os", "", "import requests", ""]
    if reads:
        lines += [
            "",
            "def image(name):",
            '    with open(name, "rb") as file:',
            '        return "data:image/png;base64," + base64.b64encode(file.read()).decode()',
            "",
            "",
        ]
    lines += [
        f"response = requests.{method.lower()}(",
        f'    os.environ["ORIGIN"] + "{address}",',
        '    headers={"Authorization": "Bearer " + os.environ["TOKEN"]},',
        *([f"    json={with_files}".replace("\n", "\n    ") + ","] if body else []),
        ")",
        "result = response.json()",
        "if not response.ok:",
        '    raise SystemExit(result["detail"])',
    ]
    return "\n".join([*lines, *(_PYTHON_SAVES if makes_images else ["print(result)"])])


_PYTHON = {"true": "True", "false": "False", "null": "None"}
_PYTHON_SAVES = [
    'for number, made in enumerate(result.get("results", [result]), start=1):',
    '    with open(f"image-{number}.png", "wb") as file:',
    '        file.write(base64.b64decode(made["image_base64"].split(",")[-1]))',
]


def _javascript(method: str, address: str, body: str, makes_images: bool) -> str:
    with_files = _FILE.sub(r'await image("\1")', body)
    reads = with_files != body
    names = [*(["readFile"] if reads else []), *(["writeFile"] if makes_images else [])]
    lines = [f'import {{ {", ".join(names)} }} from "node:fs/promises";', ""] if names else []
    if reads:
        lines += ['const image = async (name) => "data:image/png;base64," + await readFile(name, "base64");', ""]
    typed = ', "Content-Type": "application/json"' if body else ""
    lines += [
        f'const response = await fetch(process.env.ORIGIN + "{address}", {{',
        f'  method: "{method}",',
        f"  headers: {{ Authorization: `Bearer ${{process.env.TOKEN}}`{typed} }},",
        *([f"  body: JSON.stringify({with_files})".replace("\n", "\n  ") + ","] if body else []),
        "});",
        "const result = await response.json();",
        "if (!response.ok) throw new Error(result.detail);",
    ]
    return "\n".join([*lines, *(_JAVASCRIPT_SAVES if makes_images else ["console.log(result);"])])


_JAVASCRIPT_SAVES = [
    "for (const [index, made] of (result.results ?? [result]).entries()) {",
    '  await writeFile(`image-${index + 1}.png`, Buffer.from(made.image_base64.split(",").at(-1), "base64"));',
    "}",
]
