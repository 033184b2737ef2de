"""gindex lab score: bits a base along genomes by a causal network."""

from __future__ import annotations

from typing import Annotated

import typer
from gindex_cli.commands.lab.choices import ScoredStrands
from gindex_cli.inputs import planned_inputs
from gindex_cli.options import FromFile, GenomePerOption, Inputs
from gindex_cli.run import FAILED_INPUTS, out, say

CausalModelName = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME",
        help="Folder of `gindex lab pretrain --objective next`, or the name of released weights.",
    ),
]
Window = Annotated[
    int, typer.Option("--window", metavar="BP", min=1, help="Window length in bp; a row each.")
]
StrandsOption = Annotated[
    ScoredStrands,
    typer.Option("--strands", help="Mean of both strands, each read in its direction, or forward only."),
]
Context = Annotated[
    int,
    typer.Option(
        "--context",
        metavar="TOKENS",
        min=-1,
        help="Tokens after which the network starts anew; 0: never in a contig; -1: as many as in training.",
    ),
]


def score(
    model: CausalModelName,
    inputs: Inputs = None,
    window: Window = 1000,
    strands: StrandsOption = ScoredStrands.BOTH,
    context: Context = -1,
    genome_per: GenomePerOption = None,
    from_file: FromFile = None,
) -> None:
    """Write the bits a base of each window of genomes, as TSV.

    Columns: genome, contig, start and end (0-based, end exclusive), the bases scored, bits a base. N is left
    out. A token's bits are spread evenly over the bases that it adds, as the k of a k-mer. A line on standard
    error gives the bits a base of the whole genome.
    """
    from genome_index.errors import need_installed

    need_installed("gindex lab score", "torch", "safetensors", extra="neural")
    from genome_index.io import tsv
    from genome_index.io.reader import iter_genomes
    from genome_index.lab.likelihood.causal_model import open_causal
    from genome_index.lab.likelihood.score import COLUMNS, ScorePlan, score_genomes
    from genome_index.records import Failure

    plan = ScorePlan(window, strands.value, context)
    planned = planned_inputs(inputs, from_file, None, genome_per)
    results = score_genomes(iter_genomes(planned.inputs, planned.per), open_causal(model), plan)
    failed = 0
    out([tsv.row(COLUMNS)])
    for result in results:
        if isinstance(result, Failure):
            failed += 1
            say(f"failed: {result.source}: {result.id}: {result.reason}", error=True)
        else:
            out(result.rows())
            say(result.sentence())
    if failed:
        raise typer.Exit(FAILED_INPUTS)
