"""The receivers of the guide take what is signed with their secret, and refuse the rest."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from standardwebhooks import Webhook

from image_studio.runtime.settings import settings
from image_studio.runtime.webhook_delivery import call, new_secret
from local.child_processes import free_port
from local.template import ROOT
from tests.waiting import until

GUIDE = (ROOT / "docs/guides/webhooks.md").read_text()
SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS10ZXN0cy0yNC1i"
BODY = json.dumps({"type": "job.succeeded", "timestamp": "2026-11-28T18:00:00Z", "data": {"job_id": "the-job"}})
COMMANDS = {"python": ("receiver.py", sys.executable), "js": ("receiver.mjs", shutil.which("node") or "node")}


@pytest.mark.parametrize("language", COMMANDS)
def test_the_guides_receiver_checks_signatures(language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands there: 204 and the job's id, 400 for another secret; signed by us or by the standard's package."""
    name, program = COMMANDS[language]
    blocks = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    (tmp_path / name).write_text(blocks[0])
    port = free_port()
    monkeypatch.setenv("WEBHOOK_ORIGIN", f"http://127.0.0.1:{port}")
    settings.cache_clear()
    environment = {**os.environ, "WEBHOOK_SECRET": SECRET}
    command = [program, str(tmp_path / name), str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as receiver:
        try:
            assert until(lambda: listens(port))
            url = f"http://127.0.0.1:{port}/"
            assert call(url, [new_secret()], "msg_1", BODY).status == 400
            assert call(url, [new_secret(), SECRET], "msg_1", BODY).status == 204
            now = datetime.now(UTC)
            headers = {"webhook-id": "msg_2", "webhook-timestamp": str(int(now.timestamp()))}
            signed = {**headers, "webhook-signature": Webhook(SECRET).sign("msg_2", now, BODY)}
            assert requests.post(url, data=BODY, headers=signed, timeout=60).status_code == 204
            assert receiver.stdout is not None
            assert [receiver.stdout.readline().split() for _ in range(2)] == [["job.succeeded", "the-job"]] * 2
        finally:
            receiver.kill()
    settings.cache_clear()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
