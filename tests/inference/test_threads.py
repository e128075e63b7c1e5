"""Work on one thread each, side by side, as torch works where nobody set anything."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from tabdiff.inference import threads
from tabdiff.inference.threads import by_itself, side_by_side, unswayed

CPU = torch.device("cpu")


@pytest.fixture(params=[1, 4])
def user_threads(request: pytest.FixtureRequest):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def most() -> list[str]:
    """How many threads OpenMP and MKL may use, as torch tells it."""
    told = torch.__config__.parallel_info().splitlines()
    return [line.split(":")[1].strip() for line in told if "_get_max_threads()" in line]


def test_work_has_one_thread_and_the_user_keeps_the_others(user_threads: int):
    assert set(by_itself(most, CPU)) == {"1"}
    assert by_itself(torch.get_num_threads, CPU) == 1
    assert set(most()) == {str(user_threads)}
    with ThreadPoolExecutor(1) as pool:
        assert set(pool.submit(most).result()) == {str(user_threads)}


def test_a_number_is_the_same_however_many_threads_there_are(user_threads: int):
    x = torch.linspace(-3, 3, 300_001, dtype=torch.float32)
    # Where a range is divided, its last elements are not computed eight at a time.
    expected = torch.cat([by_itself(x.sin, CPU), by_itself(x.exp, CPU)])
    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(lambda: [by_itself(x.sin, CPU), by_itself(x.exp, CPU)]).result()
    assert torch.equal(torch.cat(again), expected)


def test_results_come_in_the_order_of_their_items(user_threads: int):
    assert list(side_by_side(lambda n: n * n, range(20), CPU)) == [(n, n * n) for n in range(20)]
    assert list(side_by_side(str, [], CPU)) == []


def test_work_goes_on_side_by_side(user_threads: int):
    all_here = threading.Barrier(user_threads)
    waited = [one for _, one in side_by_side(lambda _: all_here.wait(60), range(8), CPU)]
    assert sorted(set(waited)) == list(range(user_threads))


def test_items_are_asked_for_as_they_are_needed(user_threads: int):
    asked = []
    results = side_by_side(str, (asked.append(n) or n for n in range(100)), CPU)
    next(results)
    assert len(asked) <= user_threads + 1
    results.close()


def test_no_thread_outlives_its_work():
    before = threading.active_count()
    results = side_by_side(str, range(100), CPU)
    next(results)
    assert threading.active_count() > before
    results.close()
    assert threading.active_count() == before


def test_a_failure_is_the_callers():
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda n: 1 / n, [1, 0, 2], CPU))
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda n: n, (1 / n for n in [1, 0]), CPU))


def test_elsewhere_work_is_done_in_the_calling_thread():
    here = threading.get_ident()
    results = side_by_side(lambda _: threading.get_ident(), range(3), torch.device("meta"))
    assert [thread for _, thread in results] == [here] * 3


def test_a_users_settings_are_away_for_a_while():
    torch.set_default_device("meta")
    try:
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            with unswayed():
                x = torch.ones(2, 2, requires_grad=True)
                assert (x @ x).dtype == torch.float32 and (x @ x).requires_grad
                assert x.device == CPU and not x.is_inference()
            assert torch.is_inference_mode_enabled() and torch.is_autocast_enabled("cpu")
            assert torch.ones(1).is_meta
    finally:
        torch.set_default_device(None)


def test_a_fork_keeps_to_one_thread(monkeypatch: pytest.MonkeyPatch, user_threads: int):
    monkeypatch.setattr(threads, "_FIRST_PROCESS", -1)
    with unswayed():
        assert set(most()) == {"1"}
    assert set(most()) == {str(user_threads)}
