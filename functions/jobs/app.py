"""Jobs: what became of a request; uploads. Waiting costs this small function, not a big one."""

from image_studio.runtime import job_routes
from image_studio.runtime.answers import Response
from image_studio.runtime.call import Call
from image_studio.runtime.edge import StudioApi
from image_studio.runtime.limits import Meter
from image_studio.runtime.usage import get_usage

api = StudioApi()
handler = api.handle


@api.get("/jobs", meter=Meter.JOBS)
def jobs(call: Call) -> Response:
    """List the caller's jobs, newest first."""
    return job_routes.list_jobs(call)


@api.get("/jobs/<job_id>", meter=Meter.JOBS)
def job(call: Call, job_id: str) -> Response:
    """Show a job's status."""
    return job_routes.get_job(call, job_id)


@api.route("DELETE", "/jobs/<job_id>")
def remove(call: Call, job_id: str) -> Response:
    """Remove an ended job, or stop one that nothing was paid for."""
    return job_routes.delete_job(call, job_id)


@api.get("/jobs/<job_id>/result", meter=Meter.JOBS, spends=True)
@api.post("/jobs/<job_id>/result", meter=Meter.JOBS, spends=True)
def result(call: Call, job_id: str) -> Response:
    """Give the operation's own body, waiting for it."""
    return job_routes.get_result(call, job_id)


@api.post("/uploads")
def upload(call: Call) -> Response:
    """Give a form for a large image, and the job that waits for it."""
    from image_studio.runtime.uploads import create_upload

    return create_upload(call)


@api.get("/usage")
def usage(call: Call) -> Response:
    """Tell what was used this month, and what is left."""
    return get_usage(call)
