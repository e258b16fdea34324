"""Jobs: the state and result of a request; uploads; usage. Waiting costs this small function, not a big one."""

from image_studio.runtime import aws_clients, jobs_api
from image_studio.runtime.account import get_usage
from image_studio.runtime.api import Response
from image_studio.runtime.rate_limits import RateClass
from image_studio.runtime.resolver import ApiResolver
from image_studio.runtime.uploads import create_upload

app = ApiResolver()
handler = app.handler
aws_clients.prepare()


@app.get("/jobs", counts_as=RateClass.JOBS)
def jobs() -> Response:
    """List the caller's jobs, newest first."""
    return jobs_api.list_jobs(app.call)


@app.get("/jobs/<job_id>", counts_as=RateClass.JOBS)
def job(job_id: str) -> Response:
    """Show a job's status."""
    return jobs_api.get_job(app.call, job_id)


@app.delete("/jobs/<job_id>")
def remove(job_id: str) -> Response:
    """Remove an ended job, or stop one that nothing was paid for."""
    return jobs_api.delete_job(app.call, job_id)


@app.get("/jobs/<job_id>/result", counts_as=RateClass.JOBS, spends=True)
@app.post("/jobs/<job_id>/result", counts_as=RateClass.JOBS, spends=True)
def result(job_id: str) -> Response:
    """Give the operation's own body, waiting for it."""
    return jobs_api.get_result(app.call, job_id)


@app.post("/uploads")
def upload() -> Response:
    """Give a form for a large image, and the job that waits for it."""
    return create_upload(app.call)


@app.get("/usage")
def usage() -> Response:
    """Tell what was used this month, and what is left."""
    return get_usage(app.call)
