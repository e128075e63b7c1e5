import threading
import warnings

import pytest

from tabdiff.data.errors import SchemaError, SchemaWarning
from tabdiff.ui.jobs import DEFECT, Job, Worker, heard, listening
from tests.ui.waiting import SECONDS, wait_for


def nothing(job: Job) -> None:
    job.tell({"step": 1})


def endless(job: Job) -> None:
    while True:
        job.tell({})
        threading.Event().wait(0.001)


def finished(worker: Worker, job: Job) -> Job:
    worker.submit(job)
    wait_for(lambda: not job.is_active)
    return job


def test_a_job_tells_how_far_it_is_and_how_it_ended(worker: Worker):
    job = finished(worker, Job("fit", nothing))
    assert job.state == "done" and job.figures == {"step": 1} and job.problem == ""


def test_jobs_wait_for_each_other_and_stop_when_asked(worker: Worker):
    first, second = Job("fit", endless), Job("fit", nothing)
    worker.submit(first)
    worker.submit(second)
    wait_for(lambda: first.state == "running")
    assert second.state == "waiting" and not first.is_stopping
    first.stop()
    wait_for(lambda: not second.is_active)
    assert first.state == "stopped" and second.state == "done"


def test_a_job_that_is_stopped_while_it_waits_never_works(worker: Worker):
    worked = []
    first, second = Job("fit", endless), Job("fit", worked.append)
    worker.submit(first)
    worker.submit(second)
    second.stop()
    assert second.is_stopping
    first.stop()
    wait_for(lambda: not second.is_active)
    assert second.state == "stopped" and worked == []


def test_an_error_of_the_library_is_told_as_the_library_tells_it(worker: Worker):
    from tabdiff.data.schema import Schema

    job = finished(worker, Job("fit", lambda job: Schema.from_json("no")))
    assert job.state == "failed" and job.problem.startswith("a schema must be JSON")


def test_an_error_that_nobody_expected_is_told_on_the_terminal(worker: Worker, capsys):
    job = finished(worker, Job("fit", lambda job: [].pop()))
    assert job.state == "failed" and job.problem == DEFECT
    assert "pop from empty list" in capsys.readouterr().err


def test_closing_stops_what_runs_and_what_waits():
    worker = Worker()
    jobs = [Job("fit", endless), Job("fit", endless)]
    for job in jobs:
        worker.submit(job)
    wait_for(lambda: jobs[0].state == "running")
    assert worker.close(SECONDS)
    assert [job.state for job in jobs] == ["stopped", "stopped"]


@pytest.mark.filterwarnings("default")
def test_each_thread_hears_its_own_warnings_and_hears_them_again():
    both, told = threading.Barrier(2), {}

    def warn(name: str) -> None:
        with heard() as notes:
            both.wait(SECONDS)
            for _ in range(2):
                with heard() as again:
                    warnings.warn(name, SchemaWarning, stacklevel=1)
                notes += again
            both.wait(SECONDS)
        told[name] = notes

    with listening():
        threads = [threading.Thread(target=warn, args=[name]) for name in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
    assert told == {"one": ["one", "one"], "two": ["two", "two"]}


@pytest.mark.filterwarnings("default")
def test_what_nobody_hears_goes_where_it_went_before():
    with pytest.warns(SchemaWarning, match="alone"), listening():
        warnings.warn("alone", SchemaWarning, stacklevel=1)


def test_a_failed_job_keeps_the_error_within_its_own_thread(worker: Worker):
    def fail(job: Job) -> None:
        raise SchemaError("no table")

    finished(worker, Job("fit", fail))
    assert finished(worker, Job("fit", nothing)).state == "done"
