"""Three requests, 12 MP JPEG to six JPGs, and nothing else; prints the process's peak memory, MB."""

from pathlib import Path

import contenders

from image_studio.imaging.base64 import to_base64

if __name__ == "__main__":
    text = to_base64(Path(".cache/bench/source-12mp.jpg").read_bytes())
    for _ in range(3):
        contenders.ours(text, "jpeg", "smart")
    print(contenders.peak_of("self"))
