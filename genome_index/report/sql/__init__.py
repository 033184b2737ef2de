"""SQL over the catalogue of an index: on a copy in memory, so that a query reaches nothing else."""

from __future__ import annotations

from genome_index.report.sql.formats import FORMATS as FORMATS
from genome_index.report.sql.formats import Answer as Answer
from genome_index.report.sql.formats import cell_of as cell_of
from genome_index.report.sql.formats import distinct_names as distinct_names
from genome_index.report.sql.query import ask as ask
from genome_index.report.sql.query import listing_query as listing_query
from genome_index.report.sql.query import parquet_of as parquet_of
from genome_index.report.sql.sandbox import SETTINGS as SETTINGS
