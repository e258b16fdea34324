"""Write openapi.json and docs.html. With --check, only say whether they are up to date."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from local.template import ROOT

LAYER = ROOT / "layers" / "common" / "python"
RUNTIME = LAYER / "image_studio" / "runtime"


def files() -> Mapping[Path, str]:
    """What belongs into each file."""
    from scripts.openapi.document import document  # noqa: PLC0415  the layer's folder has to be on the path first
    from scripts.openapi.page import page  # noqa: PLC0415

    whole = document()
    return {
        RUNTIME / "openapi.json": json.dumps(whole, indent=1, ensure_ascii=False) + "\n",
        RUNTIME / "docs.html": page(whole),
    }


def main() -> int:
    """Write or check; the exit code."""
    sys.path[:0] = [str(LAYER)] if str(LAYER) not in sys.path else []
    if "--check" in sys.argv:
        stale = [path.name for path, text in files().items() if not path.exists() or path.read_text() != text]
        if stale:
            print(f"{', '.join(stale)}: not up to date. Run: make openapi", file=sys.stderr)
        return 1 if stale else 0
    for path, text in files().items():
        path.write_text(text)
        print(f"{path.relative_to(ROOT)}: {len(text):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
