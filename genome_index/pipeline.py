"""All of it on one screen. Read this first.

FASTA / GenBank -> Genome -> Encoder -> project -> vector -> Index (FAISS + DuckDB)
                                   query vector -> hits -> verify -> classify -> Call -> report / JSON
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from genome_index.classify import query
from genome_index.classify.query import QuerySettings
from genome_index.encoders.embed_files import Embedded, write_embeddings
from genome_index.evaluate.comparison import Comparison, compare_inputs
from genome_index.index.build import add, build
from genome_index.index.commit import ChangeSettings, ChangeSummary
from genome_index.index.index import Index
from genome_index.io.reader import GenomePer, iter_genomes
from genome_index.records import Call, Failure, Genome, Progress, quiet
from genome_index.spec import IndexSpec, Reading
from genome_index.taxonomy.tables import Taxonomy, read_taxonomy

if TYPE_CHECKING:
    from genome_index.collection.summary import Choice
    from genome_index.report.html.write_collection import Reported


def build_index(
    inputs: Sequence[str | Path], path: str | Path, taxonomy: str | Path | Taxonomy | None = None,
    per: GenomePer = "file", spec: IndexSpec | None = None, settings: ChangeSettings | None = None,
) -> ChangeSummary:  # fmt: skip
    """Read genomes, encode and sketch them, fit projection and calibration, and commit the first snapshot.

    `per` says whether a file or each record of it is one genome. Inputs that cannot be read are in
    `ChangeSummary.failures`; they stop nothing.

    Raises
    ------
    UsageError, TaxonomyError, UnusableIndex, StorageError
    """
    return build(
        Path(path),
        iter_genomes(inputs, per),
        spec or IndexSpec(),
        _taxonomy(taxonomy),
        settings or ChangeSettings(),
    )


def add_genomes(
    inputs: Sequence[str | Path], path: str | Path, taxonomy: str | Path | Taxonomy | None = None,
    per: GenomePer = "file", settings: ChangeSettings | None = None,
) -> ChangeSummary:  # fmt: skip
    """Add genomes to an index; what is in it already, just as it is, is passed over."""
    return add(Path(path), iter_genomes(inputs, per), _taxonomy(taxonomy), settings or ChangeSettings())


def query_index(
    index: Index | str | Path, inputs: Iterable[str | Path] | Iterable[Genome | Failure],
    per: GenomePer = "file", settings: QuerySettings | None = None, report: str | Path | None = None,
    progress: Progress = quiet,
) -> Iterator[Call]:  # fmt: skip
    """One Call for each genome, in order: paths are read, genomes are taken as they are.

    With `report`, a page of all the answers is written to that file when the last call is taken.
    """
    opened = index if isinstance(index, Index) else Index.open(index)
    given: list[str | Path | Genome | Failure] = list(inputs)
    if given and isinstance(given[0], Genome | Failure):
        genomes: Iterable[Genome | Failure] = cast(list[Genome | Failure], given)
    else:
        genomes = iter_genomes(cast(list[str | Path], given), per)
    if report is not None:
        from genome_index.report.html.write_query import reported

        return reported(opened, genomes, settings or QuerySettings(), Path(report), progress)
    return query.answer(opened, genomes, settings or QuerySettings())


def report_collection(
    index: Index | str | Path, out: str | Path, choice: Choice | None = None, theme: str = "light",
    threads: int = 1, progress: Progress = quiet,
) -> Reported:  # fmt: skip
    """Groups, audit and pictures of a collection into a folder: an HTML page, tables, PNG and SVG."""
    from genome_index.collection.summary import Choice
    from genome_index.report.html.write_collection import write_report

    opened = index if isinstance(index, Index) else Index.open(index)
    return write_report(opened, choice or Choice(), Path(out), theme, threads, progress)


def embed_genomes(
    inputs: Sequence[str | Path], out: str | Path, spec: IndexSpec | None = None, per: GenomePer = "file",
    kind: str = "npy", per_chunk: bool = False, progress: Progress = quiet,
) -> Iterator[Embedded]:  # fmt: skip
    """Write one vector file a genome into a folder; what an earlier run has made is passed over."""
    return write_embeddings(
        iter_genomes(inputs, per), spec or IndexSpec(), Path(out), kind, per_chunk, progress
    )


def compare_models(
    inputs: Sequence[str | Path], taxonomy: str | Path | Taxonomy, encoders: Sequence[str],
    per: GenomePer = "file", layers: str = "all", reading: Reading | None = None,
    progress: Progress = quiet,
) -> Comparison:  # fmt: skip
    """The same genomes through the k-mer spectrum and some language models, layer by layer.

    `progress` is also told what one should know of a model: its licence, weights without a place.
    """
    known = taxonomy if isinstance(taxonomy, Taxonomy) else read_taxonomy(Path(taxonomy))
    genomes = iter_genomes(inputs, per)
    return compare_inputs(genomes, known, encoders, layers, reading or Reading(), progress)


def _taxonomy(given: str | Path | Taxonomy | None) -> Taxonomy | None:
    return read_taxonomy(Path(given)) if isinstance(given, str | Path) else given
