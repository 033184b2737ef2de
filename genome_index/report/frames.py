"""Data frames of an index's genomes: pandas or polars, whichever is installed."""

from __future__ import annotations

from importlib import import_module, util
from typing import TYPE_CHECKING, Any

from genome_index.errors import UsageError
from genome_index.index.index import Index
from genome_index.report.sql import ask, listing_query

if TYPE_CHECKING:
    from pandas import DataFrame as PandasFrame
    from polars import DataFrame as PolarsFrame

LIBRARIES = ("pandas", "polars")  # the first that is installed is the default


def genomes_frame(index: Index, library: str | None = None) -> PandasFrame | PolarsFrame:
    """One row a genome: id, length, contigs, kind, names by rank, labels, input file.

    Raises
    ------
    UsageError
        The library is not known or not installed.
    """
    frames: Any = import_module(_installed(library))
    answer = ask(index, listing_query(index))
    rows = list(answer.rows)  # an index has a genome at least, so each column has a value
    columns = [list(column) for column in zip(*rows, strict=True)]
    return frames.DataFrame(dict(zip(answer.columns, columns, strict=True)))


def _installed(library: str | None) -> str:
    choices = LIBRARIES if library is None else (library,)
    if choices[0] not in LIBRARIES:
        raise UsageError(f"no data frame library is called {library!r}; choose {' or '.join(LIBRARIES)}")
    for name in choices:
        if util.find_spec(name) is not None:
            return name
    raise UsageError(f"a data frame needs {' or '.join(choices)}; install with `pip install {choices[0]}`")
