"""Figures as files: of genomes (by id or path), of a species (by name), and the map of the collection."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from genome_index.collection.map import map_of
from genome_index.collection.map_layout import FEWEST
from genome_index.errors import UsageError, need_installed
from genome_index.index.index import Index
from genome_index.io.quality import complaint
from genome_index.io.reader import GenomePer, iter_genomes
from genome_index.records import Entry, Failure, Progress, quiet
from genome_index.report.figures.genome.composition_figure import composition_picture
from genome_index.report.figures.genome.species import species_picture
from genome_index.report.figures.genome.subjects import (
    Subject,
    count_members,
    file_subject,
    members,
    reference_subject,
    require_species,
)
from genome_index.report.figures.genome.windows import bases_not_stored, nearest_windows
from genome_index.report.figures.genome.windows_figure import windows_picture
from genome_index.report.figures.map import level_of, map_picture, view_of
from genome_index.report.figures.style import Theme, picture_path, save, theme_named


@dataclass(frozen=True)
class Drawn:
    """The files of one genome, of a species or of a collection."""

    name: str
    paths: tuple[Path, ...]
    note: str = ""  # what was not drawn, and what to do


def draw_genomes(
    index: Index, given: Sequence[str], out: Path, theme: str = "light", per: GenomePer = "file"
) -> Iterator[Drawn | Failure]:
    """Write `ID-composition` and `ID-windows` of genomes given by their id in the index or by their file.

    An id takes precedence over a file of that name. A file that cannot be read gives a `Failure`.

    Raises
    ------
    UsageError
        One is neither an id nor a file, the theme is unknown, or matplotlib is missing; nothing is drawn.
    StorageError
    """
    need_installed("gindex draw", "matplotlib", extra="report")
    colours = theme_named(theme)
    entries = _entries(index, given)
    return (drawn for name in given for drawn in _drawn(index, name, entries.get(name), out, colours, per))


def draw_species(index: Index, name: str, out: Path, theme: str = "light") -> Drawn:
    """Write `NAME-species`: the members of a species of the index over each other.

    Raises
    ------
    UsageError
        No genome is of that species, the theme is unknown, or matplotlib is missing.
    StorageError
    """
    need_installed("gindex draw", "matplotlib", extra="report")
    colours = theme_named(theme)
    require_species(index, name)
    figure = species_picture(name, members(index, name), count_members(index, name), colours)
    return Drawn(name, tuple(save(figure, picture_path(out, name, "species"))))


def draw_map(
    index: Index,
    rank: str | None,
    out: Path,
    theme: str = "light",
    by: str = "umap",
    progress: Progress = quiet,
) -> Drawn:
    """Write `map-RANK`: each genome of the index as a point in the colour of its name at a rank or label.

    The default rank is the broadest one with five names or more.

    Raises
    ------
    UsageError
        No genome has a name at that rank, the map or the theme is unknown, or a library is missing.
    StorageError
    """
    need_installed("gindex draw", "matplotlib", extra="report")
    colours, name = theme_named(theme), level_of(index, rank).name
    mapped = map_of(index, by, progress)
    progress.stage("drawing the map", 0, 1)
    figure = map_picture(view_of(index, mapped, rank), colours)
    note = "" if mapped.by == by else f"by principal components: UMAP needs {FEWEST} genomes that differ"
    return Drawn(name, tuple(save(figure, picture_path(out, "map", quote(name, safe=" ")))), note)


def _entries(index: Index, given: Sequence[str]) -> dict[str, Entry]:
    """Entries of the inputs that are ids of the index; the others must be files or folders."""
    entries = index.catalog.find(given)
    for name in given:
        if name not in entries and name != "-" and not os.path.exists(name):
            raise UsageError(
                f"{index.path}: no genome has the id {name!r}, and there is no file of that name; "
                "`gindex list` lists the ids, or give the path of a FASTA or GenBank file"
            )
    return entries


def _drawn(
    index: Index, given: str, entry: Entry | None, out: Path, theme: Theme, per: GenomePer
) -> Iterator[Drawn | Failure]:
    if entry is not None:
        yield _genome(index, reference_subject(index, entry), out, theme)
        return
    for genome in iter_genomes([given], per):
        if isinstance(genome, Failure):
            yield genome
        elif why := complaint(genome):
            yield Failure(genome.id, genome.source, why)
        else:
            yield _genome(index, file_subject(index, genome), out, theme)


def _genome(index: Index, subject: Subject, out: Path, theme: Theme) -> Drawn:
    others = members(index, subject.species, without=subject.row)
    paths = save(
        composition_picture(index, subject, others, theme), picture_path(out, subject.id, "composition")
    )
    if subject.genome is None:
        return Drawn(subject.id, tuple(paths), bases_not_stored(subject.id))
    windows = nearest_windows(index, subject.genome)
    paths += save(windows_picture(windows, theme), picture_path(out, subject.id, "windows"))
    return Drawn(subject.id, tuple(paths))
