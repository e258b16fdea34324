"""How a job gets to a worker where there is no queue."""

from threading import Event

from image_studio.runtime.dispatch import InProcess
from image_studio.runtime.worker import Send


def test_a_run_in_this_process_can_ask_for_another() -> None:
    """A job that has to wait for its provider comes again, as it would from the queue."""
    runs: list[tuple[str, str]] = []
    again = Event()

    def run(tenant: str, job_id: str, send: Send) -> None:
        runs.append((tenant, job_id))
        if len(runs) == 1:
            send(tenant, job_id, 0.01)
        else:
            again.set()

    InProcess(run).send("tenant", "job")
    assert again.wait(30)
    assert runs == [("tenant", "job")] * 2


def test_a_run_that_breaks_takes_nothing_with_it() -> None:
    """The next job runs."""
    ran = Event()

    def run(_tenant: str, job_id: str, _send: Send) -> None:
        if job_id == "broken":
            raise RuntimeError
        ran.set()

    process = InProcess(run)
    process.send("tenant", "broken")
    process.send("tenant", "whole")
    assert ran.wait(30)
