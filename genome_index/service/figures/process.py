"""What the studio's process does: its functions take plain values and give plain values back.

An index and its map stay at hand until its pointer has moved. What the library raises on purpose comes back
as a value, because an error does not survive the way between processes: it is made anew from its sentence,
which its class does not take.
"""

from __future__ import annotations

import gzip
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from genome_index.collection.map import Map, map_of
from genome_index.errors import GindexError
from genome_index.index.index import Index
from genome_index.index.snapshots import POINTER
from genome_index.report.figures.write_genomes import draw_species
from genome_index.service.figures.query_figures import Drawn, report_of

GIVES_WAY = 5  # answers go before pictures
Made = TypeVar("Made")
State = tuple[int, int]  # which file an index' pointer is, and of when: another one after each change


@dataclass(frozen=True)
class Refused:
    """An error that was raised on purpose."""

    kind: type[GindexError]
    says: str
    fields: Mapping[str, Any]

    def error(self) -> GindexError:
        """The same error again."""
        found = self.kind.__new__(self.kind, self.says)
        found.__dict__.update(self.fields)
        return found


def guarded(draw: Callable[..., Made], *values: object) -> Made | Refused:
    try:
        return draw(*values)
    except GindexError as error:
        return Refused(type(error), str(error), vars(error))


def prepare() -> None:
    """A terminal's Ctrl-C is the service's affair; when that is gone, however it went, this process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(GIVES_WAY)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def state_of(path: Path) -> State:
    """What the pointer of an index is now; nothing where there is none."""
    try:
        found = (path / POINTER).stat()
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns


@lru_cache(1)
def opened(path: Path, model: str, state: State) -> Index:
    return Index.open(path, model)


@lru_cache(1)
def mapped(path: Path, model: str, state: State) -> Map:
    """The map, which a folder that cannot be written to does not keep."""
    return map_of(opened(path, model, state))


def lay_out(path: Path, model: str, state: State) -> None:
    """Make the map, and leave it here."""
    mapped(path, model, state)


def report(
    path: Path, model: str, state: State, calls: Sequence[Mapping[str, Any]],
    pictures: Sequence[Drawn | None], gzipped: bool,
) -> bytes:  # fmt: skip
    page = report_of(opened(path, model, state), calls, pictures, mapped(path, model, state)).encode()
    return gzip.compress(page, 6, mtime=0) if gzipped else page


def species(path: Path, model: str, state: State, name: str, theme: str) -> dict[str, bytes]:
    """All members of a species over each other, as "svg" and "png"."""
    with TemporaryDirectory() as folder:
        drawn = draw_species(opened(path, model, state), name, Path(folder), theme)
        return {path.suffix[1:]: path.read_bytes() for path in drawn.paths}
