from collections.abc import Iterator

import pytest

from tabdiff.ui.jobs import Worker
from tests.ui.waiting import SECONDS


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    assert worker.close(SECONDS)
