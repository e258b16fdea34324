"""Alarms and dashboard watch what is there, and tell somebody."""

import json
import re

import pytest

from image_studio.operations.journal import Entry, Stage
from image_studio.runtime import metrics
from image_studio.runtime.dispatch import MAX_DELAY
from image_studio.storage.credits import Charge
from local.template import ROOT, Template

TEMPLATE = Template()
ALARMS = {each.name: each.properties for each in TEMPLATE.resources("AWS::CloudWatch::Alarm")}
FUNCTIONS = [each.name for each in TEMPLATE.resources("AWS::Serverless::Function")]
[DASHBOARD] = TEMPLATE.resources("AWS::CloudWatch::Dashboard")
WIDGETS = json.loads(DASHBOARD.properties["DashboardBody"]["Fn::Sub"])["widgets"]
OPERATING = (ROOT / "docs/operating.md").read_text()


def _emitted(capsys: pytest.CaptureFixture[str]) -> set[tuple[str, tuple[str, ...]]]:
    entry = Entry(variation=1, stage=Stage.DONE, provider="stability", model="core", credits=3)
    metrics.job_ended(Charge(charged=3, group="create"), [entry])
    metrics.swept(2, 1)
    directives = [json.loads(line)["_aws"]["CloudWatchMetrics"][0] for line in capsys.readouterr().out.splitlines()]
    assert {each["Namespace"] for each in directives} == {"ImageStudio"}
    return {
        (metric["Name"], tuple(sorted(names)))
        for each in directives
        for metric in each["Metrics"]
        for names in each["Dimensions"]
    }


@pytest.mark.parametrize("name", ALARMS)
def test_every_alarm_is_sent_and_explained(name: str) -> None:
    """To the one topic, also when it is over; what to do is in docs/operating.md."""
    alarm = ALARMS[name]
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Alarms"}]
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["AlarmDescription"]
    assert f"`{name}`" in OPERATING


def test_what_is_watched() -> None:
    """Errors, throttles, dead letters, the 99th percentile, stuck jobs, credits per hour."""
    single = {(each["Namespace"], each["MetricName"]) for each in ALARMS.values() if "MetricName" in each}
    assert single == {
        ("AWS/ApiGateway", "5xx"),
        ("AWS/ApiGateway", "Latency"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        ("ImageStudio", "StuckJobs"),
        ("ImageStudio", "CreditsCharged"),
    }
    assert ALARMS["CreditsAlarm"]["Period"] == 3600
    for name, metric in (("ErrorsAlarm", "Errors"), ("ThrottlesAlarm", "Throttles")):
        parts = [each["MetricStat"]["Metric"] for each in ALARMS[name]["Metrics"] if "MetricStat" in each]
        assert [each["Dimensions"][0]["Value"]["Ref"] for each in parts] == FUNCTIONS
        assert {each["MetricName"] for each in parts} == {metric}


def test_every_queue_is_watched_and_drawn() -> None:
    """Jobs and webhooks for their age; a call that is repeated waits for its pause in the queue without an alarm."""
    watched = {
        name: alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for name, alarm in ALARMS.items()
        if alarm.get("Namespace") == "AWS/SQS"
    }
    queues = {each.name for each in TEMPLATE.resources("AWS::SQS::Queue")}
    assert set(watched.values()) == queues
    assert set(re.findall(r"\$\{(\w+)\.QueueName\}", json.dumps(WIDGETS))) == queues
    aged = {watched[name] for name in watched if ALARMS[name]["MetricName"] == "ApproximateAgeOfOldestMessage"}
    assert aged == {source.queue for source in TEMPLATE.queue_sources()}
    assert ALARMS["WebhookQueueAgeAlarm"]["Threshold"] - MAX_DELAY == ALARMS["QueueAgeAlarm"]["Threshold"]


@pytest.mark.parametrize("signing", ["none", "secret"])
def test_the_page_counts_what_is_billed(signing: str) -> None:
    """CloudWatch charges for each metric in an alarm, Secrets Manager for each secret."""
    template = Template(parameters={"Signing": signing})
    alarms = [each.properties for each in template.resources("AWS::CloudWatch::Alarm")]
    read = sum("MetricName" in str(part) for each in alarms for part in each.get("Metrics", [each]))
    secrets = f"{0.4 * len(template.resources('AWS::SecretsManager::Secret')):.2f} USD"
    if signing == "none":
        assert f"{secrets} for the secret" in OPERATING
        assert f"this stack's alarms have {read} metrics" in OPERATING
    else:
        assert f"{secrets} with `Signing`" in OPERATING
        assert f"{read} with `Signing`" in OPERATING


def test_our_own_metrics_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Under the very names and dimensions that alarms and dashboard read."""
    emitted = _emitted(capsys)
    for alarm in ALARMS.values():
        if alarm.get("Namespace") == "ImageStudio":
            dimensions = tuple(sorted(each["Name"] for each in alarm["Dimensions"]))
            assert (alarm["MetricName"], dimensions) in emitted
            assert alarm["Dimensions"] == [{"Name": "service", "Value": {"Ref": "AWS::StackName"}}]  # no other stage's
    variables = TEMPLATE.document["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}
    assert ALARMS["StuckJobsAlarm"]["Statistic"] == "Maximum"
    drawn = re.findall(r'"ImageStudio", "(\w+)", "service", "\$\{AWS::StackName\}"', json.dumps(WIDGETS))
    assert set(drawn) == {"CreditsCharged", "StuckJobs"}
    assert {(name, ("service",)) for name in ("CreditsHeld", "OverdueJobs", *drawn)} <= emitted
    assert ("UpstreamUSD", ("provider", "service")) in emitted
    assert "{ImageStudio,service,provider}" in json.dumps(WIDGETS)


def test_the_dashboard_reads_lines_that_are_written() -> None:
    """Each message that a widget filters by is one of our log calls', each field one that such lines carry."""
    from image_studio.runtime.observability import FIELDS

    package = ROOT / "layers/common/python/image_studio"
    sources = "\n".join(path.read_text() for path in package.rglob("*.py"))
    queries = [each["properties"]["query"] for each in WIDGETS if each["type"] == "log"]
    messages = {message for query in queries for message in re.findall(r"message = '([^']+)'", query)}
    assert messages == {"request", "image received", "provider failed"}
    for message in messages:
        assert f'"{message}"' in sources
    for query in queries:
        for field in re.findall(r"(?:pct|max)\((\w+),", query):
            assert field in FIELDS


def test_the_dashboard_shows_what_an_operator_asks() -> None:
    """Requests, latency by provider, failures by class, credits, US dollars, cold starts, of resources that exist."""
    titles = " ".join(each["properties"]["title"] for each in WIDGETS)
    for word in ("Requests", "by provider", "Failures by class", "Credits", "US dollars", "Cold starts"):
        assert word in titles
    places = [(each["x"], each["y"]) for each in WIDGETS]
    assert len(places) == len(set(places))
    named = set(re.findall(r"\$\{(\w+)", json.dumps(WIDGETS)))
    assert named - {"AWS"} <= set(TEMPLATE.document["Resources"])
