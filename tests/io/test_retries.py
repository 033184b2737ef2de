"""The retry policy: which failures are retried, after which waits, and when it gives up."""

import math
from types import SimpleNamespace

import pytest

from genome_index.io.retries import RetryPolicy


class Refused(Exception):
    """A failure with the server's Retry-After; None: a retry cannot mend it."""

    def __init__(self, wait_s: float | None) -> None:
        self.wait_s = wait_s


@pytest.fixture
def waits(monkeypatch):
    """The waits between tries; nobody waits for them."""
    seconds = []
    monkeypatch.setattr("genome_index.io.retries.time", SimpleNamespace(sleep=seconds.append))
    return seconds


def tried(policy: RetryPolicy, *failures: float | None) -> tuple[object, int]:
    """The result of a call that fails so before it succeeds, or its last failure; and the number of tries."""
    left, tries = list(failures), 0

    def request() -> str:
        nonlocal tries
        tries += 1
        if left:
            raise Refused(left.pop(0))
        return "answer"

    try:
        result = policy.call(request, lambda error: error.wait_s if isinstance(error, Refused) else None)
    except Refused as error:
        return error.wait_s, tries
    return result, tries


def test_waits_double_up_to_the_longest_and_are_shortened_at_random(waits):
    assert tried(RetryPolicy(1.0, 6.0), *[0.0] * 6) == ("answer", 7)
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, (1, 2, 4, 6, 6, 6), strict=True))
    assert len({wait / most for wait, most in zip(waits, (1, 2, 4, 6, 6, 6), strict=True)}) > 1


def test_retry_after_is_the_least_wait(waits):
    assert tried(RetryPolicy(1.0, 10.0), 7.0, 0.0, 30.0) == ("answer", 4)
    assert (waits[0], waits[2]) == (7.0, 30.0)
    assert 1 <= waits[1] <= 2


def test_tries_are_counted_with_the_first(waits):
    assert tried(RetryPolicy(1.0, 10.0, tries=3), *[0.0] * 3) == (0.0, 3)
    assert len(waits) == 2
    assert tried(RetryPolicy(1.0, 10.0, tries=3), 0.0, 0.0) == ("answer", 3)
    assert tried(RetryPolicy(1.0, 10.0, tries=1), 0.0) == (0.0, 1)


def test_a_longer_retry_after_than_allowed_ends_it_at_once(waits):
    policy = RetryPolicy(1.0, 10.0, longest_retry_after_s=120)
    assert tried(policy, 120.0, 121.0) == (121.0, 2)
    assert waits == [120.0]


def test_waits_in_all_are_bounded(waits):
    assert tried(RetryPolicy(0.1, 0.1, total_wait_s=10), 6.0, 6.0) == (6.0, 2)
    assert waits == [6.0]
    assert tried(RetryPolicy(0.1, 0.1, total_wait_s=0), 0.0) == (0.0, 1)


def test_other_failures_are_raised_at_once(waits):
    assert tried(RetryPolicy(1.0, 10.0), 0.0, None) == (None, 2)
    with pytest.raises(KeyboardInterrupt):
        RetryPolicy(1.0, 10.0).call(lambda: (_ for _ in ()).throw(KeyboardInterrupt), lambda error: None)
    assert len(waits) == 1


def test_two_thousand_tries_overflow_nothing(waits):
    assert tried(RetryPolicy(1.0, 2.0, tries=2_000), *[0.0] * 2_000) == (0.0, 2_000)
    assert math.isfinite(max(waits))
    assert max(waits) <= 2
