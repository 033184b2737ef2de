"""SQL over an index's catalogue: asked of a copy in memory, so no query changes or reads anything else."""

from __future__ import annotations

from genome_index.sql.answer import Answer as Answer
from genome_index.sql.answer import distinct_names as distinct_names
from genome_index.sql.asking import ask as ask
from genome_index.sql.asking import parquet_of as parquet_of
from genome_index.sql.copy import SETTINGS as SETTINGS
from genome_index.sql.formats import FORMATS as FORMATS
from genome_index.sql.formats import cell_of as cell_of
from genome_index.sql.listing import listing_query as listing_query
