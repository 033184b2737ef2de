"""gindex embed: vectors of genomes as files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.choices import ChunkPooling, NumberFormat, StrandChoice, TokenPooling, VectorFormat
from gindex_cli.inputs import planned_inputs, tell_notes
from gindex_cli.options import (
    ChunkPool,
    ChunkTokens,
    EmbedLayer,
    EncoderOption,
    FromFile,
    GenomePerOption,
    Inputs,
    ModelOption,
    Precision,
    Strands,
    TokenPool,
    Windows,
)
from gindex_cli.output import send
from gindex_cli.progress import ProgressLine
from gindex_cli.run import FAILED_INPUTS, say

from genome_index.records import counted

if TYPE_CHECKING:
    from genome_index.encoders.embedding.vector_files import Embedded
    from genome_index.index.index import Index
    from genome_index.spec import IndexSpec, Reading
    from genome_index.taxonomy.input_plan import Plan

OutDir = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the vectors.")]
OfIndex = Annotated[
    Path | None,
    typer.Option("--index", metavar="DIR", help="Index whose encoder, settings and fitted pool are used."),
]
Format = Annotated[VectorFormat, typer.Option("--format", help="File format.")]
PerChunk = Annotated[
    bool, typer.Option("--per-chunk", help="Write a vector per chunk instead of one per genome.")
]
PerToken = Annotated[bool, typer.Option("--per-token", help="Write a vector per token of the sequence.")]
ShowTokens = Annotated[
    bool,
    typer.Option(
        "--show-tokens", help="Print token ids, masks and tokens of each chunk as TSV; write no vectors."
    ),
]


def embed(
    inputs: Inputs = None,
    out: OutDir = Path("embeddings"),
    encoder: EncoderOption = "spectrum",
    of_index: OfIndex = None,
    model: ModelOption = "",
    layer: EmbedLayer = "last",
    token_pool: TokenPool = TokenPooling.MEAN,
    chunk_pool: ChunkPool = ChunkPooling.WEIGHTED,
    windows: Windows = 0,
    chunk_tokens: ChunkTokens = 0,
    precision: Precision = NumberFormat.AUTO,
    strands: Strands = StrandChoice.BOTH,
    format: Format = VectorFormat.PT,
    per_chunk: PerChunk = False,
    per_token: PerToken = False,
    show_tokens: ShowTokens = False,
    genome_per: GenomePerOption = None,
    from_file: FromFile = None,
) -> None:
    """Write the vector of each genome to a file.

    The settings of the encoder are written beside it.
    """
    from genome_index.encoders import notes_of, spec_for, token_spec
    from genome_index.pipeline import embed_genomes
    from genome_index.spec import IndexSpec, Reading

    reading = Reading(
        layer, token_pool.value, chunk_pool.value, windows, chunk_tokens, precision.value, strands.value
    )
    made = token_spec if show_tokens else spec_for
    source = _opened(of_index, model, encoder, reading) or made(encoder, reading=reading)
    planned = planned_inputs(inputs, from_file, None, genome_per)
    if show_tokens:
        _print_tokens(planned, source)
        return
    tell_notes(notes_of(source if isinstance(source, IndexSpec) else source.spec))
    with ProgressLine() as show:
        results = embed_genomes(
            planned.inputs, out, source, planned.per, format.value, per_chunk, show, per_token
        )
        _report(results, out, show)


def _opened(path: Path | None, model: str, encoder: str, reading: Reading) -> Index | None:
    """The index of --index; None without one.

    Raises
    ------
    UsageError
        Settings are given as well, or a model without an index.
    """
    from genome_index.errors import UsageError
    from genome_index.index.index import Index
    from genome_index.spec import Reading

    if path is None:
        if model:
            raise UsageError("--model is the present folder of an index's model; give --index or --encoder")
        return None
    if encoder != "spectrum" or reading != Reading():
        raise UsageError(
            f"--index {path}: its encoder and settings are used; leave out --encoder and options of reading"
        )
    return Index.open(path, model)


def _print_tokens(planned: Plan, source: IndexSpec | Index) -> None:
    """Print the chunks of all inputs as TSV on standard output, failures on standard error."""
    from genome_index.encoders.embedding.token_table import COLUMNS
    from genome_index.io import tsv
    from genome_index.pipeline import show_tokens
    from genome_index.records import Failure

    failed = 0

    def lines() -> Iterator[str]:
        nonlocal failed
        yield tsv.row(COLUMNS)
        for row in show_tokens(planned.inputs, source, planned.per):
            if isinstance(row, Failure):
                failed += 1
                say(f"failed: {row.source}: {row.id}: {row.reason}", error=True)
            else:
                yield row.line()

    send(lines(), None)
    if failed:
        raise typer.Exit(FAILED_INPUTS)


def _report(results: Iterable[Embedded], out: Path, show: ProgressLine) -> None:
    """Write the files, tell of failures as they come, and at the end how many there are."""
    made = present = failed = 0
    shares: list[float] = []
    for result in results:
        made += result.path is not None and not result.was_present
        present += result.was_present
        failed += result.path is None
        if result.path is None:
            say(f"failed: {result.source}: {result.id}: {result.reason}", error=True)
        elif not result.was_present:
            shares.append(result.share_read)
        show.through("embedded", made + present)
    share = sum(shares) / max(1, len(shares))
    part = f" ({share:.1%} of each read in windows, on average)" if min(shares, default=1) < 1 else ""
    say(f"embedded {counted(made)}{part}, {present:,} already present, {failed:,} failed: {out}")
    if failed:
        raise typer.Exit(FAILED_INPUTS)
