"""What `gindex list` lists, as a query."""

from __future__ import annotations

from genome_index.index.index import Index
from genome_index.records import RANKS
from genome_index.report.sql.query import ask
from genome_index.report.sql.quoting import identifier, pointer


def listing_query(index: Index) -> str:
    """The SELECT of what `gindex list` lists: one column a rank, one a label."""
    found = ask(index, "SELECT DISTINCT unnest(json_keys(labels)) AS label FROM genomes ORDER BY label")
    labels = [f"labels->>{pointer(label)} AS {identifier(label or 'label')}" for (label,) in found.rows]
    ranks = [identifier(rank) for rank in RANKS]
    columns = ["id AS genome_id", "length_bp", "contigs", "molecule", *ranks, *labels, "source AS input"]
    return f"SELECT {', '.join(columns)} FROM genomes ORDER BY row"
