"""gindex lab proteins: references by the amino acid k-mers that they share with genomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from gindex_cli.columns import Column, is_terminal, table_lines
from gindex_cli.commands.lab.choices import AnswerFormat, GeneChoice
from gindex_cli.inputs import planned_inputs
from gindex_cli.options import ExcludeIdentical, FromFile, GenomePerOption, Inputs, TaxonomyFile
from gindex_cli.output import Output, send
from gindex_cli.progress import ProgressLine
from gindex_cli.run import FAILED_INPUTS, say

from genome_index.records import counted

if TYPE_CHECKING:
    from genome_index.lab.proteins.comparison import Answer
    from genome_index.records import Failure

References = Annotated[
    list[str],
    typer.Option(
        "--references", metavar="PATH", help="References: a file or a folder; may be given several times."
    ),
]
Genes = Annotated[
    GeneChoice, typer.Option("--genes", help="Source of proteins, of queries and references alike.")
]
Model = Annotated[
    Path | None,
    typer.Option("--model", metavar="DIR", help="Annotation model, for --genes model."),
]
Python = Annotated[
    str,
    typer.Option(
        "--pyrodigal",
        metavar="PYTHON",
        envvar="GINDEX_PYRODIGAL",
        help="Interpreter that has pyrodigal, which runs in a process of its own; this one by default.",
    ),
]
Code = Annotated[int, typer.Option("--code", metavar="N", min=1, help="Genetic code, by its number at NCBI.")]
K = Annotated[int, typer.Option("--k", metavar="N", min=1, max=12, help="Residues of a k-mer.")]
Scaled = Annotated[
    int,
    typer.Option("--scaled", metavar="N", min=1, help="Compare 1 of N k-mers; 200 suits bacteria."),
]
Hits = Annotated[
    int, typer.Option("--hits", metavar="N", min=1, help="Number of references to report per query.")
]


def proteins(
    references: References,
    inputs: Inputs = None,
    genes: Genes = GeneChoice.SIX_FRAMES,
    model: Model = None,
    python: Python = "",
    code: Code = 11,
    k: K = 7,
    scaled: Scaled = 1,
    hits: Hits = 5,
    taxonomy: TaxonomyFile = None,
    exclude_identical: ExcludeIdentical = False,
    genome_per: GenomePerOption = None,
    from_file: FromFile = None,
    format: Annotated[AnswerFormat, typer.Option("--format", help="Output format.")] = AnswerFormat.TABLE,
    output: Output = None,
) -> None:
    """Compare genomes with references by k-mers of their proteins.

    Amino acid identity (AAI) is estimated as containment ** (1 / k). It is left out where shared k-mers are
    fewer than 10, or fewer than twice those that random proteins share. No call of `gindex query` depends on
    it.
    """
    from genome_index.errors import need_installed
    from genome_index.lab.proteins.gene_finding import GeneSettings
    from genome_index.lab.proteins.kmers import KmerSettings
    from genome_index.lab.proteins.search import SearchSettings, search_proteins

    if genes is GeneChoice.MODEL:
        needed = ("torch", "safetensors", "tokenizers")
        need_installed("gindex lab proteins --genes model", *needed, extra="neural")
    finding = GeneSettings(genes.value, code, python, model)
    settings = SearchSettings(finding, KmerSettings(k, scaled), hits, exclude_identical)
    queries = planned_inputs(inputs, from_file, None, genome_per)
    known = planned_inputs(references, None, taxonomy, genome_per)
    failed = Counter[bool]()
    with ProgressLine(live=False) as progress:
        answers = _counted(search_proteins(queries, known, settings, progress), failed)
        send(_formatted(answers, k, format, is_terminal(output)), output)
    if failed[True]:
        say(
            f"{failed[True]:,} of {counted(failed.total(), 'input')} failed; the reasons are in the rows",
            error=True,
        )
        raise typer.Exit(FAILED_INPUTS)


def _counted(answers: Iterable[Answer | Failure], failed: Counter[bool]) -> Iterator[Answer | Failure]:
    """Passes answers on, and counts queries and failures."""
    from genome_index.records import Failure

    for answer in answers:
        failed[isinstance(answer, Failure) or isinstance(answer.query, Failure)] += 1
        yield answer


def _formatted(
    answers: Iterable[Answer | Failure], k: int, format: AnswerFormat, terminal: bool
) -> Iterator[str]:
    from genome_index.lab.proteins.rows import FORMATS, rows_of_all

    if format is AnswerFormat.TABLE:
        return (block for answer in answers for block in _block(answer, k, terminal))
    return FORMATS[format](rows_of_all(answers))


def _block(answer: Answer | Failure, k: int, terminal: bool) -> Iterator[str]:
    """What was compared of a query, and a table of its hits."""
    from genome_index.lab.proteins.rows import HEADINGS, TEXTS, cells_of, heading_of

    yield heading_of(answer, k) + "\n"
    if hits := getattr(answer, "hits", ()):
        columns = [Column(heading, number=heading not in TEXTS) for heading in HEADINGS]
        cells = [cells_of(hit) for hit in hits]
        yield from (f"{line}\n" for line in table_lines(columns, cells, terminal, indent=2))
