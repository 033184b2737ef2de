"""gindex lab data topology: what encoders keep of the order between genomes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.commands.lab.options import CorpusDir, Seed
from gindex_cli.options import Windows
from gindex_cli.progress import ProgressLine


def topology(
    corpus: CorpusDir,
    encoder: Annotated[
        list[str] | None,
        typer.Option("--encoder", metavar="NAME", help="Further encoder, name or folder; may be repeated."),
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option("--study", metavar="DIR", help="Folder of a study, to measure all its networks."),
    ] = None,
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the report.")] = Path(
        "topology"
    ),
    genomes: Annotated[
        int, typer.Option("--genomes", metavar="N", min=1, help="Most genomes of the test part, by chance.")
    ] = 1_000,
    windows: Windows = 8,
    seed: Seed = 0,
) -> None:
    """Report what encoders keep of the order between genomes.

    Spectrum, profile and further encoders against shared k-mers and the taxonomy: trustworthiness, neighbours
    kept, Mantel's correlation, persistence, names. Writes topology.md and topology.png.
    """
    from genome_index.errors import need_installed

    need_installed("gindex lab data", "sklearn", "scipy", "matplotlib", "ripser", extra="neural")
    from genome_index.lab.topology.report import TopologyPlan, report_topology

    plan = TopologyPlan(tuple(encoder or ()), study, genomes, windows, seed)
    with ProgressLine() as show:
        text = report_topology(corpus, folder, plan, show)
    typer.echo(text)
