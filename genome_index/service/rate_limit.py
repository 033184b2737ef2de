"""Rate limit: a token bucket for each caller, in memory."""

from __future__ import annotations

from genome_index.errors import UsageError

MINUTE_S = 60.0
SLACK_S = 1e-6  # rounding: a caller that waits the announced time is let in
LEAST_SWEPT = 1024  # buckets in memory before full ones are dropped


class Rates:
    """Token buckets by caller: each holds the requests of a minute and refills within a minute.

    A bucket is stored as the time at which it is full again. A full bucket is the same as a new one and is
    dropped, so the memory grows with the requests of the last minute, not with the number of callers.
    """

    def __init__(self, per_minute: int) -> None:
        if per_minute < 1:
            raise UsageError(f"{per_minute} requests a minute are too few; give 1 or more")
        self._token_s = MINUTE_S / per_minute  # to refill one token
        self._full_at: dict[str, float] = {}
        self._sweep_at = LEAST_SWEPT

    def take(self, caller: str, now: float) -> float:
        """Seconds until a request is allowed; 0.0 takes a token and allows it now. `now` is monotonic."""
        full_at = max(self._full_at.get(caller, now), now) + self._token_s
        wait_s = full_at - now - MINUTE_S
        if wait_s > SLACK_S:
            return wait_s
        self._full_at[caller] = full_at
        if len(self._full_at) >= self._sweep_at:
            self._drop_full(now)
        return 0.0

    def _drop_full(self, now: float) -> None:
        """Drop full buckets; the next sweep is when the number of the others has doubled."""
        self._full_at = {caller: full_at for caller, full_at in self._full_at.items() if full_at > now}
        self._sweep_at = max(LEAST_SWEPT, 2 * len(self._full_at))

    def __len__(self) -> int:
        return len(self._full_at)
