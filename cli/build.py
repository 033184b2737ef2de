"""gindex build, add, merge, refit: what makes or grows an index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.shared import (
    DEFAULT_INDEX,
    DEFAULT_THREADS,
    ChunkPool,
    ChunkTokens,
    EncoderOption,
    FromFile,
    GenomePerOption,
    IndexDir,
    Inputs,
    LayerOption,
    ModelOption,
    Precision,
    ProgressLine,
    Threads,
    TokenPool,
    Wait,
    Windows,
    all_inputs,
    report_change,
    taken_in,
    tell_notes,
)

TaxonomyFile = Annotated[
    Path | None,
    typer.Option("--taxonomy", help="TSV or CSV with genome_id and ranks, a GTDB table, or an NCBI taxdump."),
]


def build(
    inputs: Inputs = None,
    index: IndexDir = DEFAULT_INDEX,
    taxonomy: TaxonomyFile = None,
    genome_per: GenomePerOption = None,
    encoder: EncoderOption = "spectrum",
    layer: LayerOption = "last",
    token_pool: TokenPool = "mean",
    chunk_pool: ChunkPool = "weighted",
    windows: Windows = 0,
    chunk_tokens: ChunkTokens = 0,
    precision: Precision = "auto",
    threads: Threads = DEFAULT_THREADS,
    from_file: FromFile = None,
    faiss: Annotated[
        str, typer.Option("--faiss", help="A FAISS factory string; auto is exact up to 100,000 genomes.")
    ] = "auto",
    keep_sequence: Annotated[
        bool, typer.Option("--keep-sequence", help="Keep large genomes too, at 2 bits a base.")
    ] = False,
    wait: Wait = 60.0,
) -> None:
    """Build an index from genomes."""
    from genome_index.encoders import notes_of, spec_for
    from genome_index.pipeline import build_index
    from genome_index.spec import Reading
    from genome_index.taxonomy.input_plan import plan

    reading = Reading(layer, token_pool, chunk_pool, windows, chunk_tokens, precision)
    spec = spec_for(encoder, faiss, keep_sequence, reading)
    planned = plan(all_inputs(inputs, from_file), taxonomy, genome_per)
    tell_notes((*planned.notes, *notes_of(spec)))
    show = ProgressLine()
    settings = show.settings(threads, wait)
    summary = build_index(planned.inputs, index, planned.taxonomy, planned.per, spec, settings)
    show.end()
    if summary.index.snapshot.number > 1:
        tell_notes([f"{index} held other genomes before; `gindex undo` brings them back"])
    report_change(summary, taken_in("built", summary), show)


def add(
    inputs: Inputs = None,
    index: IndexDir = DEFAULT_INDEX,
    taxonomy: TaxonomyFile = None,
    genome_per: GenomePerOption = None,
    threads: Threads = DEFAULT_THREADS,
    model: ModelOption = "",
    from_file: FromFile = None,
    wait: Wait = 60.0,
) -> None:
    """Add genomes to an index."""
    from genome_index.pipeline import add_genomes
    from genome_index.taxonomy.input_plan import plan

    planned = plan(all_inputs(inputs, from_file), taxonomy, genome_per)
    tell_notes(planned.notes)
    show = ProgressLine()
    settings = show.settings(threads, wait, model)
    summary = add_genomes(planned.inputs, index, planned.taxonomy, planned.per, settings)
    report_change(summary, taken_in("added", summary), show)


def merge(
    others: Annotated[
        list[Path], typer.Argument(help="Index folders to take genomes from.", metavar="DIR...")
    ],
    index: IndexDir = DEFAULT_INDEX,
    threads: Threads = DEFAULT_THREADS,
    wait: Wait = 60.0,
) -> None:
    """Put the genomes of other indexes into this one, without their FASTA, and fit again."""
    from genome_index.index.merge import merge as merge_indexes

    show = ProgressLine()
    summary = merge_indexes(index, others, show.settings(threads, wait))
    report_change(summary, taken_in("merged", summary), show)


def refit(index: IndexDir = DEFAULT_INDEX, threads: Threads = DEFAULT_THREADS, wait: Wait = 60.0) -> None:
    """Fit projection and calibration again on the genomes the index holds now."""
    from genome_index.index.changes import refit as refit_index

    show = ProgressLine()
    summary = refit_index(index, show.settings(threads, wait))
    report_change(summary, "fitted projection and calibration again", show)
