"""The worker: jobs and S3 events from the queue, and the schedule."""

from image_studio.runtime.worker_events import handler

__all__ = ["handler"]
