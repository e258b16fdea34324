"""A peer: the app as one writes it first. Everything is imported at the top, everything is validated by the framework.

Fifteen routes of the same API in one function, on powertools with its Logger, Tracer and Metrics, pydantic models, an
AWS client for each service, requests and Pillow. Nothing in it is slow on purpose: it's what the guides show.
"""

import base64
import io
import json
import os
import uuid
from pathlib import Path
from typing import Any

import boto3
import requests
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.metrics import MetricUnit
from PIL import Image
from pydantic import BaseModel, Field

CATALOG = Path(os.environ["NAIVE_CATALOG"])
PREFIX = "/api/image-studio"
os.environ.setdefault("POWERTOOLS_TRACE_DISABLED", "true")
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "Naive")

logger = Logger(service="image-studio")
tracer = Tracer(service="image-studio")
metrics = Metrics(service="image-studio")
app = APIGatewayHttpResolver(enable_validation=True)
dynamodb = boto3.client("dynamodb")
s3 = boto3.client("s3")
sqs = boto3.client("sqs")
http = requests.Session()

PRICES = {"stability": {"ultra": 8, "core": 3}, "wavespeed": {"ideogram-v3-turbo": 5, "qwen-image": 5}}
TABLE = os.environ.get("TABLE_NAME", "")
BUCKET = os.environ.get("BUCKET_NAME", "")
QUEUE = os.environ.get("QUEUE_URL", "")


class Template(BaseModel):
    """A template of the catalog."""

    id: str
    name: str
    category: str | None = None
    platform: str | None = None


class TemplateList(BaseModel):
    """All that were found."""

    templates: list[dict[str, Any]]
    total: int


class EstimateRequest(BaseModel):
    """What is to be priced."""

    provider: str
    model: str | None = None
    operation: str = "generate"
    num_images: int = Field(default=1, ge=1, le=10)


class Estimate(BaseModel):
    """What it costs."""

    provider: str
    model: str | None
    operation: str
    num_images: int
    estimated_cost: float


class CreateRequest(BaseModel):
    """What is to be made."""

    prompt: str = Field(min_length=1)
    provider: str = "auto"
    width: int | None = None
    height: int | None = None
    num_variations: int = Field(default=1, ge=1, le=10)


class EditRequest(BaseModel):
    """What is to be changed."""

    image_base64: str
    operation: str
    prompt: str | None = None


class SocialRequest(BaseModel):
    """What is to be cropped."""

    image_base64: str
    platforms: list[str]


class Job(BaseModel):
    """A job that was begun."""

    job_id: str
    status: str


def _templates() -> list[dict[str, Any]]:
    return [row for file in sorted((CATALOG / "templates").glob("*.json")) for row in json.loads(file.read_text())]


@app.get(f"{PREFIX}/templates")
@tracer.capture_method
def templates() -> TemplateList:
    """List templates."""
    rows = [Template(**{key: row.get(key) for key in Template.model_fields}).model_dump() for row in _templates()]
    return TemplateList(templates=rows, total=len(rows))


@app.get(f"{PREFIX}/templates/search")
def search(query: str = "") -> TemplateList:
    """Find templates."""
    rows = [row for row in _templates() if query.lower() in row["name"].lower()]
    return TemplateList(templates=rows, total=len(rows))


@app.get(f"{PREFIX}/providers")
def providers() -> dict[str, Any]:
    """List providers."""
    return {"providers": PRICES}


@app.post(f"{PREFIX}/estimate-cost")
@tracer.capture_method
def estimate(request: EstimateRequest) -> Estimate:
    """Price an operation."""
    prices = PRICES.get(request.provider)
    if prices is None:
        raise NotFoundError("provider")
    each = prices.get(request.model or "", min(prices.values()))
    metrics.add_metric(name="Estimates", unit=MetricUnit.Count, value=1)
    return Estimate(**request.model_dump(), estimated_cost=each * request.num_images)


def _begin(kind: str, body: str) -> Job:
    """The same calls that ours makes: count, look up, store, record, send, look."""
    job = uuid.uuid4().hex
    key = {"pk": {"S": "CALLER#bench"}, "sk": {"S": f"JOB#{job}"}}
    dynamodb.update_item(
        TableName=TABLE,
        Key={"pk": {"S": "CALLER#bench"}, "sk": {"S": "RATE"}},
        UpdateExpression="ADD hits :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="ALL_NEW",
    )
    dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": "PROVIDERS"}, "sk": {"S": "CONFIGURED"}})
    s3.put_object(Bucket=BUCKET, Key=f"inputs/bench/{job}", Body=body.encode(), ContentType="application/json")
    item = {**key, "kind": {"S": kind}, "status": {"S": "queued"}}
    credit = {"pk": {"S": "CALLER#bench"}, "sk": {"S": "CREDITS"}}
    add = {"UpdateExpression": "ADD used :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    dynamodb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": TABLE, "Item": item}},
            {"Update": {"TableName": TABLE, "Key": credit, **add}},
        ]
    )
    sqs.send_message(QueueUrl=QUEUE, MessageBody=json.dumps({"job": job}))
    dynamodb.get_item(TableName=TABLE, Key=key)
    dynamodb.get_item(TableName=TABLE, Key=credit)
    return Job(job_id=job, status="queued")


@app.post(f"{PREFIX}/create")
@tracer.capture_method
def create(request: CreateRequest) -> tuple[Job, int]:
    """Begin an image."""
    return _begin("create", request.model_dump_json()), 202


@app.post(f"{PREFIX}/edit/process")
def edit(request: EditRequest) -> tuple[Job, int]:
    """Begin an edit."""
    Image.open(io.BytesIO(base64.b64decode(request.image_base64)))
    return _begin("edit", request.model_dump_json()), 202


@app.post(f"{PREFIX}/upscale")
def upscale(request: EditRequest) -> tuple[Job, int]:
    """Begin an upscale."""
    return _begin("upscale", request.model_dump_json()), 202


@app.post(f"{PREFIX}/control/process")
def control(request: EditRequest) -> tuple[Job, int]:
    """Begin a control."""
    return _begin("control", request.model_dump_json()), 202


@app.post(f"{PREFIX}/social/optimize")
def social(request: SocialRequest) -> dict[str, Any]:
    """Crop an image."""
    image = Image.open(io.BytesIO(base64.b64decode(request.image_base64)))
    return {"size": image.size, "platforms": request.platforms}


@app.get(f"{PREFIX}/edit/operations")
def edit_operations() -> dict[str, Any]:
    """List edits."""
    return {"operations": {}}


@app.get(f"{PREFIX}/control/operations")
def control_operations() -> dict[str, Any]:
    """List controls."""
    return {"operations": {}}


@app.get(f"{PREFIX}/platform-specs/<platform>")
def specs(platform: str) -> dict[str, Any]:
    """Describe a platform."""
    found: dict[str, Any] = json.loads((CATALOG / f"platforms/{platform}.json").read_text())
    return found


@app.get(f"{PREFIX}/jobs/<job_id>")
def job(job_id: str) -> dict[str, Any]:
    """Show a job."""
    key = {"pk": {"S": "CALLER#bench"}, "sk": {"S": f"JOB#{job_id}"}}
    found = dynamodb.get_item(TableName=TABLE, Key=key)
    return found.get("Item", {})


@app.get(f"{PREFIX}/usage")
def usage() -> dict[str, Any]:
    """Show what was used."""
    return {"used": 0}


@app.get(f"{PREFIX}/health")
def health() -> dict[str, Any]:
    """Say that it works."""
    return {"status": "healthy"}


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an event of the HTTP API."""
    return app.resolve(event, context)
