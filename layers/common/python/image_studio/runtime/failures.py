"""Telling a failure of our own storage from a mistake in our code."""

import sys


def is_storage_failure(error: Exception) -> bool:
    """Whether the table, the bucket or the queue failed, or couldn't be reached: worth another try later."""
    library = sys.modules.get("botocore.exceptions")  # never imported: then nothing was asked of AWS
    return library is not None and isinstance(error, library.BotoCoreError | library.ClientError)
