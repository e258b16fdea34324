"""Jobs: the state and result of a request; batches, uploads, usage, webhooks. Waiting costs this small one."""

from image_studio.runtime import aws_clients, batches_api, jobs_api, webhooks_api
from image_studio.runtime.account import get_usage
from image_studio.runtime.api import Response
from image_studio.runtime.dispatch import dispatcher
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
    return jobs_api.delete_job(app.call, job_id, dispatcher())


@app.get("/jobs/<job_id>/result", counts_as=RateClass.JOBS, spends=True)
@app.post("/jobs/<job_id>/result", counts_as=RateClass.JOBS, spends=True)
def result(job_id: str) -> Response:
    """Give the operation's own body, waiting for it."""
    return jobs_api.get_result(app.call, job_id)


@app.post("/batches", spends=True)
def create_batch() -> Response:
    """Submit up to 100 requests of one operation, each a job of its own."""
    return batches_api.create_batch(app.call)


@app.get("/batches")
def list_batches() -> Response:
    """List the caller's batches, newest first."""
    return batches_api.list_batches(app.call)


@app.get("/batches/<batch_id>")
def get_batch(batch_id: str) -> Response:
    """Show a batch and its items."""
    return batches_api.get_batch(app.call, batch_id)


@app.delete("/batches/<batch_id>")
def stop_batch(batch_id: str) -> Response:
    """Stop the items that nothing was paid for."""
    return batches_api.stop_batch(app.call, batch_id, dispatcher())


@app.get("/batches/<batch_id>/zip")
def batch_zip(batch_id: str) -> Response:
    """Give the address of a batch's results in one zip."""
    return batches_api.get_zip(app.call, batch_id, dispatcher())


@app.post("/uploads")
def upload() -> Response:
    """Give a form for a large image, and the job that waits for it."""
    return create_upload(app.call)


@app.get("/usage")
def usage() -> Response:
    """Tell what was used this month, and what is left."""
    return get_usage(app.call)


@app.post("/webhooks")
def create_webhook() -> Response:
    """Register an endpoint that is called when a job ends."""
    return webhooks_api.create_webhook(app.call)


@app.get("/webhooks")
def list_webhooks() -> Response:
    """List the caller's endpoints."""
    return webhooks_api.list_webhooks(app.call)


@app.get("/webhook-secret")
def webhook_secret() -> Response:
    """Show the secret that signs calls to a request's own `webhook_url`."""
    return webhooks_api.get_secret(app.call)


@app.get("/webhooks/<webhook_id>")
def get_webhook(webhook_id: str) -> Response:
    """Show an endpoint and its last deliveries."""
    return webhooks_api.get_webhook(app.call, webhook_id)


@app.delete("/webhooks/<webhook_id>")
def delete_webhook(webhook_id: str) -> Response:
    """Remove an endpoint."""
    return webhooks_api.delete_webhook(app.call, webhook_id)


@app.post("/webhooks/<webhook_id>/rotate")
def rotate_webhook(webhook_id: str) -> Response:
    """Give an endpoint a new secret; the old one signs for another day."""
    return webhooks_api.rotate_secret(app.call, webhook_id)


@app.post("/webhooks/<webhook_id>/test")
def test_webhook(webhook_id: str) -> Response:
    """Call an endpoint now."""
    return webhooks_api.test_webhook(app.call, webhook_id)
