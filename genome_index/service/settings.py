"""What a service allows: every limit in one frozen value."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MB = 1_000_000
HOUR_S = 3600.0


@dataclass(frozen=True)
class Limits:
    """How much, how many, how long."""

    upload_bytes: int = 100 * MB  # of a body, as it comes
    upload_s: float = 600.0  # for a body to come in
    unpacked_bytes: int = 400 * MB  # of the text in it; a decompression bomb has more
    records: int = 20_000  # of an upload
    queued: int = 2_000  # jobs that wait, of all callers
    queued_each: int = 500  # jobs that wait, of one caller
    job_s: float = 600.0  # from its start; what takes longer is stopped
    kept_s: float = 7 * 24 * HOUR_S  # answers, from the end of the job
    wait_s: float = 60.0  # the longest that a request with wait=true is held open
    free_bytes: int = 200 * MB  # that a disk must have left, or nothing is accepted
    requests_each: int = 600  # a minute and caller; nobody is counted on loopback without keys


@dataclass(frozen=True)
class ServeSettings:
    """One service: what it serves, where it keeps its jobs, and what it allows."""

    index: Path
    data: Path
    host: str = "127.0.0.1"
    port: int = 8765
    workers: int = max(1, (os.cpu_count() or 2) - 1)
    keys: bool = False  # an API key is asked for; always where not only this machine can ask
    admin: bool = False  # the write endpoints are there, for keys that may use them
    names: tuple[str, ...] = ()  # that the service may be asked by, besides those of this machine
    model: str = ""  # where the index's language model lies now, if it has moved
    limits: Limits = Limits()

    @property
    def is_local(self) -> bool:
        """Whether only this machine can ask."""
        return self.host in LOOPBACK

    @property
    def asks_for_keys(self) -> bool:
        return self.keys or not self.is_local


LOOPBACK = ("127.0.0.1", "localhost", "::1")
