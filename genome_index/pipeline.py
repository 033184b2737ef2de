"""The whole of gindex on one screen. Read this first.

FASTA / GenBank -> Genome -> Encoder -> projection -> vector -> Index (FAISS + DuckDB)
                                     query vector -> hits -> verify -> classify -> Call -> report / JSON

`Index`, at the end, has the same from Python as methods.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from genome_index.classify.query import answer
from genome_index.classify.settings import QuerySettings
from genome_index.encoders.embedding.token_table import TokenRow, token_rows
from genome_index.encoders.embedding.vector_files import Embedded, write_embeddings
from genome_index.errors import UsageError
from genome_index.evaluate.comparison.compare import compare_inputs
from genome_index.evaluate.comparison.rows import Comparison
from genome_index.index import changes
from genome_index.index.build import add, build
from genome_index.index.commit import ChangeSettings, ChangeSummary
from genome_index.index.index import Index as StoredIndex
from genome_index.index.index import undo
from genome_index.io.inputs import Input
from genome_index.io.reader import GenomePer, iter_genomes
from genome_index.records import Call, Failure, Genome, Progress, quiet
from genome_index.spec import IndexSpec, Reading
from genome_index.taxonomy.lookup import Taxonomy
from genome_index.taxonomy.tables import read_taxonomy

if TYPE_CHECKING:
    from pandas import DataFrame as PandasFrame
    from polars import DataFrame as PolarsFrame

    from genome_index.classify.explanation.records import Explanation
    from genome_index.collection.summary import Choice
    from genome_index.report.html.write_collection import WrittenReport

Inputs = str | Path | Input | Genome | Iterable[str | Path | Input] | Iterable[Genome | Failure]
"""A path, a path with the id of its genome, a genome, or several of these."""
TaxonomySource = str | Path | Taxonomy


def build_index(
    inputs: Inputs, path: str | Path, taxonomy: TaxonomySource | None = None, per: GenomePer = "file",
    spec: IndexSpec | None = None, settings: ChangeSettings | None = None,
) -> ChangeSummary:  # fmt: skip
    """Read genomes, encode and sketch them, fit projection and calibration, and commit the first snapshot.

    `per` says whether a file or each record of it is one genome. Inputs that cannot be read are in
    `ChangeSummary.failures`; the others are still built.

    Raises
    ------
    UsageError, TaxonomyError, UnusableIndex, StorageError
    """
    genomes, known = _genomes(inputs, per), _taxonomy(taxonomy)
    return build(Path(path), genomes, spec or IndexSpec(), known, settings or ChangeSettings())


def add_genomes(
    inputs: Inputs, path: str | Path, taxonomy: TaxonomySource | None = None, per: GenomePer = "file",
    settings: ChangeSettings | None = None,
) -> ChangeSummary:  # fmt: skip
    """Add genomes to an index; those that are in it already, with the same sequence, stay as they are."""
    return add(Path(path), _genomes(inputs, per), _taxonomy(taxonomy), settings or ChangeSettings())


def query_index(
    index: StoredIndex | str | Path, inputs: Inputs, per: GenomePer = "file",
    settings: QuerySettings | None = None, report: str | Path | None = None, progress: Progress = quiet,
) -> Iterator[Call]:  # fmt: skip
    """One Call for each genome, in the order of the inputs.

    With `report`, a page of all calls is written to that file after the last one is taken.
    """
    opened, genomes = _opened(index), _genomes(inputs, per)
    if report is not None:
        from genome_index.report.html.write_query import answer_with_report

        return answer_with_report(opened, genomes, settings or QuerySettings(), Path(report), progress)
    return answer(opened, genomes, settings or QuerySettings())


def explain_query(
    index: StoredIndex | str | Path, inputs: Inputs, per: GenomePer = "file",
    settings: QuerySettings | None = None,
) -> Iterator[Explanation]:  # fmt: skip
    """One Explanation for each genome, in the order of the inputs: the whole way to its call."""
    from genome_index.classify.explanation.explain import explain

    return explain(_opened(index), _genomes(inputs, per), settings or QuerySettings())


def report_collection(
    index: StoredIndex | str | Path, out: str | Path, choice: Choice | None = None, theme: str = "light",
    threads: int = 1, progress: Progress = quiet,
) -> WrittenReport:  # fmt: skip
    """Clusters, audit and figures of a collection into a folder: an HTML page, tables, PNG and SVG."""
    from genome_index.collection.summary import Choice
    from genome_index.report.html.write_collection import write_report

    return write_report(_opened(index), choice or Choice(), Path(out), theme, threads, progress)


def embed_genomes(
    inputs: Inputs, out: str | Path, spec: IndexSpec | StoredIndex | None = None, per: GenomePer = "file",
    kind: str = "npy", per_chunk: bool = False, progress: Progress = quiet, per_token: bool = False,
) -> Iterator[Embedded]:  # fmt: skip
    """Write one vector file for each genome into a folder; files of an earlier run are kept.

    With an open index instead of settings, by its encoder as it reads there, with its fitted pool.
    """
    if per_chunk and per_token:
        raise UsageError("--per-chunk and --per-token: a file has one kind of rows; give one of the two")
    rows = "chunk" if per_chunk else "token" if per_token else "genome"
    root, settings = (spec.path, spec.spec) if isinstance(spec, StoredIndex) else (None, spec or IndexSpec())
    return write_embeddings(_genomes(inputs, per), settings, Path(out), kind, rows, progress, root)


def show_tokens(
    inputs: Inputs, spec: IndexSpec | StoredIndex, per: GenomePer = "file"
) -> Iterator[TokenRow | Failure]:
    """The chunks that a language model is given of each genome: ids, attention mask, text."""
    settings = spec.spec if isinstance(spec, StoredIndex) else spec
    return token_rows(_genomes(inputs, per), settings)


def compare_models(
    inputs: Inputs, taxonomy: TaxonomySource, encoders: Sequence[str], per: GenomePer = "file",
    layers: str = "all", reading: Reading | None = None, progress: Progress = quiet,
) -> Comparison:  # fmt: skip
    """The same genomes through the k-mer spectrum and some language models, layer by layer.

    `progress` gets a note of each model's licence, and of weights that have no place in its network.
    """
    genomes, known = _genomes(inputs, per), cast(Taxonomy, _taxonomy(taxonomy))
    return compare_inputs(genomes, known, encoders, layers, reading or Reading(), progress)


def _genomes(inputs: Inputs, per: GenomePer) -> Iterable[Genome | Failure]:
    """Genomes as they were given, or those that the paths hold."""
    several = [inputs] if isinstance(inputs, str | Path | Input | Genome) else list(inputs)
    if any(isinstance(item, Genome | Failure) for item in several):
        return cast(list[Genome | Failure], several)
    return iter_genomes(cast(list[str | Path | Input], several), per)


def _taxonomy(source: TaxonomySource | None) -> Taxonomy | None:
    return read_taxonomy(Path(source)) if isinstance(source, str | Path) else source


def _opened(index: StoredIndex | str | Path) -> StoredIndex:
    return index if isinstance(index, StoredIndex) else StoredIndex.open(index)


class Index(StoredIndex):
    """An index from Python: open it, query it, change it.

    A change is a new snapshot, and this object turns to it; others who have the index open keep the old one.

    Examples
    --------
    >>> index = Index.open("my-index")  # doctest: +SKIP
    >>> [call.name for call in index.query("sample.fasta")]  # doctest: +SKIP
    ['Demobacter simulatus']
    """

    def query(
        self, inputs: Inputs, k: int = 5, per: GenomePer = "file", settings: QuerySettings | None = None
    ) -> list[Call]:
        """One Call for each genome, in order, with its `k` best hits; `query_index` streams them instead."""
        return list(query_index(self, inputs, per, replace(settings or QuerySettings(), k=k)))

    def explain(
        self, inputs: Inputs, per: GenomePer = "file", settings: QuerySettings | None = None
    ) -> list[Explanation]:
        """One Explanation for each genome, in order; its `call` is that of `query`."""
        return list(explain_query(self, inputs, per, settings))

    def add(
        self, inputs: Inputs, taxonomy: TaxonomySource | None = None, per: GenomePer = "file",
        settings: ChangeSettings | None = None,
    ) -> ChangeSummary:  # fmt: skip
        """Add genomes; those that are in the index already, with the same sequence, stay as they are."""
        return self._changed(add_genomes(inputs, self.path, taxonomy, per, settings))

    def remove(self, ids: str | Iterable[str], settings: ChangeSettings | None = None) -> ChangeSummary:
        """Remove genomes by id."""
        several = [ids] if isinstance(ids, str) else list(ids)
        return self._changed(changes.remove(self.path, several, settings or ChangeSettings()))

    def relabel(self, taxonomy: TaxonomySource, settings: ChangeSettings | None = None) -> ChangeSummary:
        """Give the genomes that the taxonomy knows its names and labels; the others keep theirs."""
        known = cast(Taxonomy, _taxonomy(taxonomy))
        return self._changed(changes.relabel(self.path, known, settings or ChangeSettings()))

    def undo(self) -> None:
        """Go back to the snapshot before the last change."""
        undo(self.path)
        self.refresh()

    def sql(self, query: str) -> list[dict[str, Any]]:
        """The rows of one SELECT about the tables of the index.

        They are genomes, suspects, interleaved_names, events, failures and settings.
        """
        from genome_index.report.sql import ask

        found = ask(self, query)
        return [dict(zip(found.columns, row, strict=True)) for row in found.rows]

    def to_frame(self, library: Literal["pandas", "polars"] | None = None) -> PandasFrame | PolarsFrame:
        """The genomes, one row each: id, length, contigs, names by rank, labels, input file.

        As a data frame of pandas or polars; of pandas where both are installed and none is chosen.
        """
        from genome_index.report.frames import genomes_frame

        return genomes_frame(self, library)

    def _changed(self, summary: ChangeSummary) -> ChangeSummary:
        self.refresh()
        return summary
