"""The edge: everything that knows Lambda, HTTP and AWS. It wires, translates and never decides."""

import gc
import os

# On Lambda, nothing that a cold start imports and makes is garbage, and looking for it costs an eighth of its time.
if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    gc.disable()


def end_cold_start() -> None:
    """Collect garbage from now on, but none of what is there: it is needed as long as the process lives."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
