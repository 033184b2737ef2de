"""Retries of network requests: which failures are retried, how long to wait, and when to give up.

One policy for NCBI and for the client of a gindex service, built on tenacity. stamina, which is built on it
too, can wait as long as a server's Retry-After says, but cannot give up at once where that is too long.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")


@dataclass(frozen=True)
class RetryPolicy:
    """Waits double from one retry to the next, and are at least as long as the server's Retry-After.

    Each wait is shortened at random by up to a half, so that callers that failed together do not come back
    together.
    """

    first_wait_s: float  # before the first retry, unless the server requires more
    longest_backoff_s: float  # waits stop doubling here
    tries: int = sys.maxsize  # the first one included
    longest_retry_after_s: float = math.inf  # a failure whose Retry-After is longer is not retried
    total_wait_s: float = math.inf  # of all waits of one call

    def call(
        self, request: Callable[[], T], required_wait_s: Callable[[BaseException | None], float | None]
    ) -> T:
        """The result of `request()`, repeated until it succeeds; the last failure is raised.

        Parameters
        ----------
        request : callable
            One try.
        required_wait_s : callable
            The least wait after a failure, in seconds: the server's Retry-After, or 0. None for a failure
            that a retry cannot mend.
        """
        from tenacity import Retrying, retry_if_exception  # here: it imports asyncio

        def wait_s(state: RetryCallState) -> float:
            backoff_s = min(
                self.first_wait_s * 2.0 ** min(state.attempt_number - 1, 64), self.longest_backoff_s
            )
            return max(_required(state), backoff_s * random.uniform(0.5, 1.0))

        def gives_up(state: RetryCallState) -> bool:
            return (
                state.attempt_number >= self.tries
                or _required(state) > self.longest_retry_after_s
                or state.idle_for + state.upcoming_sleep > self.total_wait_s
            )

        def _required(state: RetryCallState) -> float:
            return required_wait_s(state.outcome.exception() if state.outcome else None) or 0.0

        return Retrying(
            retry=retry_if_exception(lambda error: required_wait_s(error) is not None),
            wait=wait_s,
            stop=gives_up,
            sleep=time.sleep,
            reraise=True,
        )(request)


def retry_after_s(header: str) -> float:
    """The seconds in a Retry-After header, which is a number or a date; 0 if it is neither.

    >>> retry_after_s("7"), retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT"), retry_after_s("soon")
    (7.0, 0.0, 0.0)
    """
    if header.strip().isdecimal():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
