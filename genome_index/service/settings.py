"""Settings of a service, and its limits."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MB = 1_000_000
HOUR_S = 3600.0


@dataclass(frozen=True)
class Limits:
    """Limits of size, number and time."""

    upload_bytes: int = 100 * MB  # of a request body
    upload_s: float = 600.0  # for a request body to arrive
    unpacked_bytes: int = 400 * MB  # of the text in it, against decompression bombs
    records: int = 20_000  # of an upload
    queued: int = 2_000  # waiting jobs of all callers
    queued_each: int = 500  # waiting jobs of one caller
    job_s: float = 600.0  # from the start of a job; longer jobs are stopped
    kept_s: float = 7 * 24 * HOUR_S  # from the end of a job to the deletion of its answers
    wait_s: float = 60.0  # that a request with wait=true is held open at most
    free_bytes: int = 200 * MB  # on the disk, or no upload is accepted
    requests_each: int = 600  # of one caller in a minute; not counted on loopback without keys


@dataclass(frozen=True)
class ServeSettings:
    """The settings of one service."""

    index: Path  # folder of the index
    data: Path  # folder of jobs, answers and API keys
    host: str = "127.0.0.1"
    port: int = 8765
    workers: int = max(1, (os.cpu_count() or 2) - 1)
    keys: bool = False  # require an API key on loopback too; other addresses and names always require one
    admin: bool = False  # enable the write endpoints for admin keys
    names: tuple[str, ...] = ()  # further host names of the service
    model: str = ""  # folder of the language model of the index, if it has moved
    limits: Limits = Limits()

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        return self.host in LOOPBACK

    @property
    def requires_keys(self) -> bool:
        """Whether requests need an API key: other machines reach the service, directly or by a proxy."""
        return self.keys or not self.is_local or bool(self.public_names)

    @property
    def public_names(self) -> tuple[str, ...]:
        """The further host names that are none of this machine's own."""
        return tuple(name for name in self.names if name not in LOOPBACK)


LOOPBACK = ("127.0.0.1", "localhost", "::1")
