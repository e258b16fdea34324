"""Jobs: what became of a request. Waiting costs this small function, not a big one."""

from image_studio.runtime import job_routes
from image_studio.runtime.answers import Response
from image_studio.runtime.call import Call
from image_studio.runtime.edge import StudioApi

api = StudioApi()
handler = api.handle


@api.get("/jobs")
def jobs(call: Call) -> Response:
    """List the caller's jobs, newest first."""
    return job_routes.list_jobs(call)


@api.get("/jobs/<job_id>")
def job(call: Call, job_id: str) -> Response:
    """Show a job's status."""
    return job_routes.get_job(call, job_id)


@api.route("DELETE", "/jobs/<job_id>")
def remove(call: Call, job_id: str) -> Response:
    """Remove an ended job, or stop one that nothing was paid for."""
    return job_routes.delete_job(call, job_id)


@api.get("/jobs/<job_id>/result")
@api.post("/jobs/<job_id>/result")
def result(call: Call, job_id: str) -> Response:
    """Give the operation's own body, waiting for it."""
    return job_routes.get_result(call, job_id)
