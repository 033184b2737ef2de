"""gindex build: an index from genomes."""

from __future__ import annotations

from typing import Annotated

import typer
from gindex_cli.changes import amount_added, report_change
from gindex_cli.choices import ChunkPooling, NumberFormat, StrandChoice, TokenPooling
from gindex_cli.inputs import planned_inputs, tell_notes
from gindex_cli.options import (
    DEFAULT_INDEX,
    DEFAULT_THREADS,
    DEFAULT_WAIT_S,
    ChunkPool,
    ChunkTokens,
    EncoderOption,
    FromFile,
    GenomePerOption,
    IdFromOption,
    IndexDir,
    Inputs,
    LayerOption,
    Precision,
    Strands,
    TaxonomyFile,
    Threads,
    TokenPool,
    Wait,
    Windows,
)
from gindex_cli.progress import ProgressLine


def build(
    inputs: Inputs = None,
    index: IndexDir = DEFAULT_INDEX,
    taxonomy: TaxonomyFile = None,
    genome_per: GenomePerOption = None,
    id_from: IdFromOption = None,
    encoder: EncoderOption = "spectrum",
    layer: LayerOption = "last",
    token_pool: TokenPool = TokenPooling.MEAN,
    chunk_pool: ChunkPool = ChunkPooling.WEIGHTED,
    windows: Windows = 0,
    chunk_tokens: ChunkTokens = 0,
    precision: Precision = NumberFormat.AUTO,
    strands: Strands = StrandChoice.BOTH,
    threads: Threads = DEFAULT_THREADS,
    from_file: FromFile = None,
    faiss: Annotated[
        str,
        typer.Option(
            "--faiss", metavar="FACTORY", help="FAISS factory string; auto: exact up to 200,000 genomes."
        ),
    ] = "auto",
    keep_sequence: Annotated[
        bool, typer.Option("--keep-sequence", help="Store large genomes too, at 2 bits per base.")
    ] = False,
    wait: Wait = DEFAULT_WAIT_S,
) -> None:
    """Build an index from genomes."""
    from genome_index.encoders import notes_of, spec_for
    from genome_index.pipeline import build_index
    from genome_index.spec import Reading

    reading = Reading(
        layer, token_pool.value, chunk_pool.value, windows, chunk_tokens, precision.value, strands.value
    )
    spec = spec_for(encoder, faiss, keep_sequence, reading)
    planned = planned_inputs(inputs, from_file, taxonomy, genome_per, id_from)
    tell_notes(notes_of(spec))
    with ProgressLine() as show:
        settings = show.settings(threads, wait)
        summary = build_index(planned.inputs, index, planned.taxonomy, planned.per, spec, settings)
    if summary.index.snapshot.number > 1:
        tell_notes([f"{index} was replaced; `gindex undo` restores the previous content"])
    report_change(summary, amount_added("built", summary), show)
