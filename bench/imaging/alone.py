"""Three requests, 12 MP JPEG to six JPGs, and nothing else; prints the process's peak memory, MB."""

from pathlib import Path

import contenders
import pybase64

if __name__ == "__main__":
    text = pybase64.b64encode_as_string(Path(".cache/bench/source-12mp.jpg").read_bytes())
    for _ in range(3):
        contenders.ours(text, "jpeg", "smart")
    print(contenders.peak_of("self"))
