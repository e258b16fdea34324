"""S3's events, as EventBridge puts them into the queue: an upload arrived, or something fell into the hot folder."""

import logging
from collections.abc import Mapping
from typing import Any

from image_studio.runtime import hot_folder, uploads
from image_studio.storage import keys

log = logging.getLogger(__name__)

CREATED = "Object Created"  # detail-type


def take(event: Mapping[str, Any]) -> None:
    """Work on one event; the same one again does nothing more."""
    key = str(event["detail"]["object"]["key"])
    if key.startswith(keys.UPLOADS):
        uploads.arrive(key)
    elif key.startswith(keys.INBOX):
        hot_folder.drop(event["detail"])
    else:
        log.warning("object of no concern", extra={"prefix": key.partition("/")[0][:80]})
