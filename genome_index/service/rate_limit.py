"""How often one caller may ask: a bucket of requests for each, which fills up again as time passes."""

from __future__ import annotations

from genome_index.errors import UsageError

MINUTE_S = 60.0
SLACK_S = 1e-6  # who waits as long as was said is let through, whatever rounding does
LEAST_SWEPT = 1024  # callers; fewer are not worth looking through


class Rates:
    """A bucket for each caller holds a minute's requests, and fills up over a minute; kept in memory.

    Of a bucket it is enough to know when it will be full again. One that is full is as good as new and is
    forgotten, so what is kept grows with the requests of the last minute, never with the callers there have
    ever been.
    """

    def __init__(self, per_minute: int) -> None:
        if per_minute < 1:
            raise UsageError(f"{per_minute} requests a minute let nobody in; give 1 or more")
        self._each_s = MINUTE_S / per_minute  # for one request's place to come back
        self._full_at: dict[str, float] = {}
        self._sweep_at = LEAST_SWEPT

    def take(self, caller: str, now: float) -> float:
        """Let a request in (0.0), or say in how many seconds it can come again; `now` never goes back."""
        full_at = max(self._full_at.get(caller, now), now) + self._each_s
        wait_s = full_at - now - MINUTE_S
        if wait_s > SLACK_S:
            return wait_s
        self._full_at[caller] = full_at
        if len(self._full_at) >= self._sweep_at:
            self._forget(now)
        return 0.0

    def _forget(self, now: float) -> None:
        """Let full buckets go; the next time is when as many again have come."""
        self._full_at = {caller: full_at for caller, full_at in self._full_at.items() if full_at > now}
        self._sweep_at = max(LEAST_SWEPT, 2 * len(self._full_at))

    def __len__(self) -> int:
        return len(self._full_at)
