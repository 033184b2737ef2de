"""gindex says which species a genome is, and how sure it is.

>>> from genome_index import Index, build_index, query_index
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genome_index.classify.query import QuerySettings
    from genome_index.errors import GindexError
    from genome_index.index.commit import ChangeSettings, ChangeSummary
    from genome_index.index.index import Index
    from genome_index.pipeline import add_genomes, build_index, query_index
    from genome_index.records import Call, Contig, Genome, Hit, Lineage
    from genome_index.spec import IndexSpec

__all__ = [
    "Call",
    "Contig",
    "Genome",
    "GindexError",
    "Hit",
    "Index",
    "IndexSpec",
    "Lineage",
    "QuerySettings",
    "ChangeSummary",
    "ChangeSettings",
    "add_genomes",
    "build_index",
    "query_index",
]

_ROOMS = {
    "classify.query": ("QuerySettings",),
    "errors": ("GindexError",),
    "index.commit": ("ChangeSettings", "ChangeSummary"),
    "index.index": ("Index",),
    "pipeline": ("add_genomes", "build_index", "query_index"),
    "records": ("Call", "Contig", "Genome", "Hit", "Lineage"),
    "spec": ("IndexSpec",),
}

if not TYPE_CHECKING:  # or every misspelt name would be an object

    def __getattr__(name: str) -> object:
        """A public name, imported when it is first asked for: `gindex --help` needs none of them."""
        for room, names in _ROOMS.items():
            if name in names:
                found = globals()[name] = getattr(import_module(f"{__name__}.{room}"), name)
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
