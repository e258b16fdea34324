"""The emulated text models: they add the style's words to a prompt.

The user text has a line `Prompt: ...` (it may go on over several lines) and a line `Style words: ...`. The response is
`<prompt>, <style words>`, or the prompt alone without style words. Without a `Prompt:` line the whole text is the
prompt. As JSON it is `{"prompt": "..."}`, or the first text property of the schema. Markers stay in the prompt.
"""

import json
import re
from typing import Any

PROMPT = re.compile(r"^[ \t]*Prompt:[ \t]*(?P<prompt>.*?)(?=^[ \t]*Style words:|\Z)", re.MULTILINE | re.DOTALL)
STYLE = re.compile(r"^[ \t]*Style words:[ \t]*(?P<words>.*)$", re.MULTILINE)


def enhance(text: str) -> str:
    """Return the prompt of a request text with its style words."""
    prompt, style = PROMPT.search(text), STYLE.search(text)
    written = (prompt["prompt"] if prompt else text).strip()
    words = style["words"].strip() if style else ""
    return f"{written}, {words}" if words else written


def as_json(written: str, schema: Any) -> str:
    """Return JSON with the text under the schema's first text property, `prompt` without one."""
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    texts = [name for name, kind in properties.items() if str(kind.get("type", "")).lower() == "string"]
    name = "prompt" if "prompt" in texts or not texts else texts[0]
    return json.dumps({name: written}, ensure_ascii=False)


def count_tokens(text: str) -> int:
    """Estimate the tokens of a text."""
    return max(1, len(text) // 4)
