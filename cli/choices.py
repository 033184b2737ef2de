"""The values that an option may take, as enums: help shows them, and the shell completes them."""

from __future__ import annotations

from enum import StrEnum


class GenomePer(StrEnum):
    """Unit of one genome."""

    FILE = "file"
    RECORD = "record"


class IdSource(StrEnum):
    """What the id of a genome is made of."""

    STEM = "stem"
    PARENT = "parent"
    PATH = "path"
    HEADER = "header"


class CallFormat(StrEnum):
    """Formats of the calls of `gindex query`."""

    TABLE = "table"
    TSV = "tsv"
    JSON = "json"
    JSONL = "jsonl"


class ExplanationFormat(StrEnum):
    """Formats of `gindex explain`."""

    TEXT = "text"
    JSON = "json"


class FetchFormat(StrEnum):
    """Formats of the genomes of `gindex fetch`."""

    FASTA = "fasta"
    GENBANK = "genbank"


class FindFormat(StrEnum):
    """Formats of `gindex find`."""

    TABLE = "table"
    TSV = "tsv"
    JSON = "json"
    JSONL = "jsonl"


class FindEngine(StrEnum):
    """What `gindex find` compares with the text."""

    TEXT = "text"
    VECTORS = "vectors"


class ListFormat(StrEnum):
    """Formats of `gindex list`."""

    TSV = "tsv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"


class RowFormat(StrEnum):
    """Formats of the rows of `gindex sql`."""

    TABLE = "table"
    TSV = "tsv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"


class ScoreFormat(StrEnum):
    """Formats of `gindex evaluate`, `evaluate-encoder` and `compare`."""

    TABLE = "table"
    JSON = "json"


class VectorFormat(StrEnum):
    """File formats of the vectors of `gindex embed`."""

    PT = "pt"
    NPY = "npy"
    PARQUET = "parquet"


class ExportKind(StrEnum):
    """What `gindex export` writes."""

    NEWICK = "newick"
    GRAPHML = "graphml"
    MICROREACT = "microreact"
    KRONA = "krona"
    ITOL = "itol"
    ITOL_LABELS = "itol-labels"


class ThemeName(StrEnum):
    """Colour themes of figures."""

    LIGHT = "light"
    DARK = "dark"


class ClusterMethod(StrEnum):
    """Clustering methods of `gindex report`."""

    AVERAGE = "average"
    COMPLETE = "complete"
    SINGLE = "single"
    LEIDEN = "leiden"
    HDBSCAN = "hdbscan"


class MapMethod(StrEnum):
    """Projections of `gindex draw map`."""

    UMAP = "umap"
    PCA = "pca"


class TokenPooling(StrEnum):
    """Pooling of the token vectors of a chunk."""

    MEAN = "mean"
    MAX = "max"
    CLS = "cls"
    GEM = "gem"


class ChunkPooling(StrEnum):
    """Pooling of the chunk vectors of a genome."""

    WEIGHTED = "weighted"
    MEAN = "mean"


class NumberFormat(StrEnum):
    """Number formats of a language model."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class StrandChoice(StrEnum):
    """Strands that a language model reads."""

    BOTH = "both"
    FORWARD = "forward"
