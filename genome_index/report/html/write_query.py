"""`gindex query --report`: calls as they come, and one HTML file of all of them at the end."""

from __future__ import annotations

import base64
import io
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from genome_index.classify.explanation.explain import explanation_of
from genome_index.classify.query import classified
from genome_index.classify.settings import QuerySettings
from genome_index.collection.map import map_of
from genome_index.errors import UsageError, need_installed
from genome_index.index.index import Index
from genome_index.io.atomic import write_file
from genome_index.io.quality import complaint
from genome_index.records import Call, Failure, Genome, Progress, quiet
from genome_index.report.figures.genome.composition_figure import composition_picture
from genome_index.report.figures.genome.subjects import called_subject, members
from genome_index.report.figures.genome.windows import GenomeWindows, nearest_windows
from genome_index.report.figures.style import THEMES, ThemeName
from genome_index.report.html.document import as_html
from genome_index.report.html.query_page import Answered, query_page

MOST_WITH_WINDOWS = 200  # queries; the table lists all
MOST_EXPLAINED = 200  # queries; each explanation has some 20 kB, and `gindex explain` gives all
MOST_COMPOSITIONS = 8  # queries; each figure has a quarter of a megabyte
DOTS_PER_INCH = 90

Passed = tuple[GenomeWindows | None, Genome | None]


def answer_with_report(
    index: Index, genomes: Iterable[Genome | Failure], settings: QuerySettings, path: Path,
    progress: Progress = quiet,
) -> Iterator[Call]:  # fmt: skip
    """The calls of `query.answer`; after the last one the page is written to `path`.

    Raises
    ------
    UsageError
        A package of the extra `report` or the folder of `path` is missing; nothing was read.
    StorageError
    """
    need_installed("gindex query --report", "jinja2", "matplotlib", "umap", extra="report")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: no such folder; create it, or give another --report")
    return _answer_and_write(index, genomes, settings, path, progress)


def _answer_and_write(
    index: Index, genomes: Iterable[Genome | Failure], settings: QuerySettings, path: Path, progress: Progress
) -> Iterator[Call]:
    passed: deque[Passed] = deque()
    answered: list[Answered] = []
    for one in classified(index, _watched(index, genomes, passed), settings):
        windows, genome = passed.popleft()
        pictures = compositions(index, genome, one.call) if genome is not None else {}
        explanation = explanation_of(index, one) if len(answered) < MOST_EXPLAINED else None
        answered.append(Answered(one.call, windows, data_urls(pictures), explanation))
        yield one.call
    page = query_page(index, answered, map_of(index, progress=progress))
    write_file(path, as_html(page).encode())


def _watched(
    index: Index, genomes: Iterable[Genome | Failure], passed: deque[Passed]
) -> Iterator[Genome | Failure]:
    """Pass on the genomes; search the windows of the first ones, and keep a few for their compositions."""
    usable = 0
    for genome in genomes:
        if isinstance(genome, Failure) or complaint(genome):
            passed.append((None, None))
        else:
            usable += 1
            windows = nearest_windows(index, genome) if usable <= MOST_WITH_WINDOWS else None
            passed.append((windows, genome if usable <= MOST_COMPOSITIONS else None))
        yield genome


def compositions(index: Index, genome: Genome, call: Call) -> dict[ThemeName, bytes]:
    """The composition figure in the light and in the dark theme, as PNG."""
    subject = called_subject(genome, call)
    others = members(index, subject.species)
    images = {}
    for name, theme in THEMES.items():
        content = io.BytesIO()
        composition_picture(index, subject, others, theme).savefig(content, format="png", dpi=DOTS_PER_INCH)
        images[name] = content.getvalue()
    return images


def data_urls(pictures: Mapping[ThemeName, bytes]) -> tuple[tuple[str, str], ...]:
    """Figures for a page: theme, PNG as a data URL."""
    return tuple(
        (str(name), f"data:image/png;base64,{base64.b64encode(content).decode()}")
        for name, content in pictures.items()
    )
