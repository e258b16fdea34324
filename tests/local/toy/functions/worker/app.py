"""Writes what it gets to the bucket; a body with `fail` fails, one with `return` comes back as a batch failure.

One with `pair`, a folder, waits until a second one is at work.
"""

import json
import os
import time
from pathlib import Path

import boto3


def handler(event, context):
    s3 = boto3.client("s3")
    if "Records" not in event:
        s3.put_object(Bucket=os.environ["BUCKET"], Key=f"out/ticks/{time.time()}", Body=json.dumps(event))
        return None
    [record] = event["Records"]
    body = json.loads(record["body"])
    began = time.time()
    if "pair" in body:
        (Path(body["pair"]) / record["messageId"]).touch()
        while len(list(Path(body["pair"]).iterdir())) < 2:
            time.sleep(0.02)
    time.sleep(body.get("seconds", 0))
    seen = {"record": record, "only": os.environ.get("ONLY_HERE"), "began": began, "ended": time.time()}
    s3.put_object(Bucket=os.environ["BUCKET"], Key=f"out/runs/{record['messageId']}-{began}", Body=json.dumps(seen))
    if "fail" in body:
        raise ValueError("as asked")
    if "return" in body:
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    return {"batchItemFailures": []}
