"""The text models' one skill: making a prompt richer by the style's words.

Convention of the request: the user text has a line `Prompt: ...` (it may go on over several lines) and a line
`Style words: ...`. The answer is `<prompt>, <style words>`; without style words the prompt alone; without a
`Prompt:` line the whole text counts as the prompt. When JSON is asked for, the answer is `{"prompt": "..."}`,
or the first text property that the schema names. Markers in the prompt stay in, for the image model to heed.
"""

import json
import re
from typing import Any

PROMPT = re.compile(r"^[ \t]*Prompt:[ \t]*(?P<prompt>.*?)(?=^[ \t]*Style words:|\Z)", re.MULTILINE | re.DOTALL)
STYLE = re.compile(r"^[ \t]*Style words:[ \t]*(?P<words>.*)$", re.MULTILINE)


def enhanced(text: str) -> str:
    """The prompt of a request text with its style words."""
    prompt, style = PROMPT.search(text), STYLE.search(text)
    said = (prompt["prompt"] if prompt else text).strip()
    words = style["words"].strip() if style else ""
    return f"{said}, {words}" if words else said


def as_json(said: str, schema: Any) -> str:
    """The answer as a JSON object: under the schema's first text property, `prompt` without one."""
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    texts = [name for name, kind in properties.items() if str(kind.get("type", "")).lower() == "string"]
    name = "prompt" if "prompt" in texts or not texts else texts[0]
    return json.dumps({name: said}, ensure_ascii=False)


def tokens_in(text: str) -> int:
    """About how many tokens a text has."""
    return max(1, len(text) // 4)
