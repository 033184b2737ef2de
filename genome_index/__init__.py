"""gindex says which species a genome is, and how sure it is.

>>> from genome_index import Index, build_index, query_index
"""

from genome_index.changes import Summary, Work
from genome_index.errors import GindexError
from genome_index.index import Index
from genome_index.pipeline import add_genomes, build_index, query_index
from genome_index.query import QuerySettings
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
    "Summary",
    "Work",
    "add_genomes",
    "build_index",
    "query_index",
]
