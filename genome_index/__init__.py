"""gindex says which species a genome is, and how sure it is.

Examples
--------
>>> from genome_index import Index, build_index
"""

from importlib import import_module
from typing import TYPE_CHECKING

from genome_index.io.kernels.cache import choose_kernel_cache

if TYPE_CHECKING:
    from genome_index.classify.explanation.records import Explanation
    from genome_index.classify.settings import QuerySettings
    from genome_index.errors import GindexError
    from genome_index.index.commit import ChangeSettings, ChangeSummary
    from genome_index.io.inputs import Input
    from genome_index.pipeline import Index, add_genomes, build_index, explain_query, query_index
    from genome_index.records import Call, Contig, Genome, Hit, Lineage
    from genome_index.service.client.client import Client
    from genome_index.spec import IndexSpec

__all__ = [
    "Call",
    "ChangeSettings",
    "ChangeSummary",
    "Client",
    "Contig",
    "Explanation",
    "Genome",
    "GindexError",
    "Hit",
    "Index",
    "IndexSpec",
    "Input",
    "Lineage",
    "QuerySettings",
    "add_genomes",
    "build_index",
    "explain_query",
    "query_index",
]

choose_kernel_cache()  # before any module with compiled functions is imported

_MODULES = {
    "classify.explanation.records": ("Explanation",),
    "classify.query": ("QuerySettings",),
    "errors": ("GindexError",),
    "index.commit": ("ChangeSettings", "ChangeSummary"),
    "io.inputs": ("Input",),
    "pipeline": ("Index", "add_genomes", "build_index", "explain_query", "query_index"),
    "records": ("Call", "Contig", "Genome", "Hit", "Lineage"),
    "service.client.client": ("Client",),
    "spec": ("IndexSpec",),
}

if not TYPE_CHECKING:  # or a type checker would take every misspelt name for an object

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used: `gindex --help` needs none of them."""
        for module, names in _MODULES.items():
            if name in names:
                value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
