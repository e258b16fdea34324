"""`python -m local.emulators`: start every emulator and print its URL; Ctrl-C ends them."""

import argparse
import signal
import threading

from local.emulators import PROVIDERS, start
from local.emulators.image_files import grainy


def main() -> None:
    """Start all, wait, stop all."""
    parser = argparse.ArgumentParser(prog="python -m local.emulators", description="Emulators of the AI providers.")
    for name in PROVIDERS:
        parser.add_argument(f"--{name}", type=int, default=0, metavar="PORT", help=f"port of {name} (0: any)")
    parser.add_argument("--grain", type=float, default=0, help="noise of the images, of 255; 16 is a photograph's")
    options = vars(parser.parse_args())
    running = [start(name, options[name]) for name in PROVIDERS]
    for emulator in running:
        print(f"{emulator.name.upper()}_BASE_URL={emulator.url}", flush=True)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with grainy(options["grain"]):
        ended.wait()
    for emulator in running:
        emulator.stop()


if __name__ == "__main__":
    main()
