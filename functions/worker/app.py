"""The worker: takes jobs, S3 events and the clock from the queue."""

from image_studio.runtime.queue_worker import handle as handler

__all__ = ["handler"]
