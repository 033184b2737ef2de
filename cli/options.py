"""Options that several commands share, with their help."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.choices import (
    ChunkPooling,
    GenomePer,
    IdSource,
    NumberFormat,
    StrandChoice,
    ThemeName,
    TokenPooling,
)

from genome_index.index.parallel import bound_threads

DEFAULT_INDEX = Path("gindex-index")
DEFAULT_SERVICE = Path("gindex-service")
DEFAULT_THREADS = os.cpu_count() or 1
DEFAULT_WAIT_S = 60.0


def _bound_threads(threads: int) -> int:
    """Limit libraries that use all cores on their own as well; none of them is loaded yet."""
    if threads < DEFAULT_THREADS:
        bound_threads(threads)
    return threads


Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT",
        help="FASTA or GenBank files (also .gz, .bz2, .xz, .zst), folders, or - for standard input.",
        show_default=False,
    ),
]
FromFile = Annotated[
    Path | None,
    typer.Option(
        "--from-file", metavar="FILE", help="Text file of inputs, one path per line; after a tab, its id."
    ),
]
IdFromOption = Annotated[
    IdSource | None,
    typer.Option(
        "--id-from", help="Source of ids: file name, its folder's name, its path, or the first record's name."
    ),
]
GenomePerOption = Annotated[
    GenomePer | None, typer.Option("--genome-per", help="Unit of one genome: a file, or each record in it.")
]
ExcludeIdentical = Annotated[
    bool, typer.Option("--exclude-identical", help="Ignore references with the sequence of the query.")
]
TaxonomyFile = Annotated[
    Path | None,
    typer.Option(
        "--taxonomy", metavar="PATH", help="TSV or CSV with genome_id and ranks, GTDB table, or NCBI taxdump."
    ),
]
IndexDir = Annotated[
    Path, typer.Option("--index", metavar="DIR", envvar="GINDEX_INDEX", help="Index folder.")
]
DataDir = Annotated[
    Path,
    typer.Option(
        "--data", metavar="DIR", envvar="GINDEX_DATA", help="Folder for jobs, answers and API keys."
    ),
]
Threads = Annotated[
    int,
    typer.Option(
        "--threads",
        metavar="N",
        min=1,
        callback=_bound_threads,
        help="Number of threads; results do not depend on it.",
    ),
]
Wait = Annotated[
    float,
    typer.Option(
        "--wait", metavar="SECONDS", min=0, help="Seconds to wait while another process writes to the index."
    ),
]
EncoderOption = Annotated[
    str,
    typer.Option(
        "--encoder",
        metavar="NAME",
        help="Encoder: spectrum, profile, or a DNA language model (folder or Hugging Face name).",
    ),
]
ModelOption = Annotated[
    str, typer.Option("--model", metavar="DIR", help="Folder of the index's language model, if it has moved.")
]
LayerOption = Annotated[
    str,
    typer.Option(
        "--layer", metavar="LAYER", help="Model layer: last, a number (0: embedding), mean:A-B or concat:A,B."
    ),
]
EmbedLayer = Annotated[
    str,
    typer.Option(
        "--layer", metavar="LAYER", help="Layer: last, a number (0: embedding), mean:A-B, concat:A,B or all."
    ),
]
TokenPool = Annotated[
    TokenPooling, typer.Option("--token-pool", help="Pooling of token vectors into a chunk vector.")
]
ChunkPool = Annotated[
    ChunkPooling, typer.Option("--chunk-pool", help="Pooling of chunk vectors into a genome vector.")
]
Windows = Annotated[
    int,
    typer.Option("--windows", metavar="N", min=0, help="Evenly spaced chunks to read per strand; 0: all."),
]
ChunkTokens = Annotated[
    int,
    typer.Option(
        "--chunk-tokens", metavar="N", min=0, help="Tokens per chunk; 0: the model's maximum, at most 2,048."
    ),
]
Strands = Annotated[
    StrandChoice,
    typer.Option("--strands", help="Strands to read: both, or the sequence as given (forward) alone."),
]
Precision = Annotated[
    NumberFormat,
    typer.Option(
        "--precision", help="Number format of the model; auto: bfloat16 on a GPU, float32 on a CPU."
    ),
]
Theme = Annotated[ThemeName, typer.Option("--theme", help="Colour theme of the figures.")]
