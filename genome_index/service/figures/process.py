"""Functions of the render process: they take plain values and return plain values.

An index and its map stay in memory until the pointer of the index moves.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from genome_index.collection.map import Map, map_of
from genome_index.index.index import Index
from genome_index.index.snapshots import POINTER
from genome_index.report.figures.write_genomes import draw_species
from genome_index.service.figures.query_figures import QueryFigures, report_html

IndexState = tuple[
    int, int
]  # inode and modification time (ns) of an index' pointer; every change makes a new file


def index_state(path: Path) -> IndexState:
    """The state of the pointer of an index; zeros if there is none."""
    try:
        pointer = (path / POINTER).stat()
    except OSError:
        return 0, 0
    return pointer.st_ino, pointer.st_mtime_ns


@lru_cache(1)
def opened(path: Path, model: str, state: IndexState) -> Index:
    return Index.open(path, model)


@lru_cache(1)
def collection_map(path: Path, model: str, state: IndexState) -> Map:
    """The map, also of an index in a read-only folder, which cannot store it."""
    return map_of(opened(path, model, state))


def prepare_map(path: Path, model: str, state: IndexState) -> None:
    """Make the map and keep it in this process."""
    collection_map(path, model, state)


def report(
    path: Path, model: str, state: IndexState, calls: Sequence[Mapping[str, Any]],
    figures: Sequence[QueryFigures | None], gzipped: bool,
) -> bytes:  # fmt: skip
    """The HTML report of a query."""
    index, mapped = opened(path, model, state), collection_map(path, model, state)
    page = report_html(index, calls, figures, mapped).encode()
    return gzip.compress(page, 6, mtime=0) if gzipped else page


def species_composition(
    path: Path, model: str, state: IndexState, name: str, theme: str
) -> dict[str, bytes]:  # fmt: skip
    """The composition figure of all genomes of a species, as "svg" and "png"."""
    with TemporaryDirectory() as folder:
        files = draw_species(opened(path, model, state), name, Path(folder), theme)
        return {path.suffix[1:]: path.read_bytes() for path in files.paths}
