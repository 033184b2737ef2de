"""Suspects: genomes of an index in which something looks wrong, found when a snapshot is made and kept in it.

Labels take no genome to be read, so all of them are judged anew at every change. Mixtures, foreign contigs,
and unusual lengths and letters are looked for in the genomes that a change brings or renames: in all of them
at `build`, `refit` and `merge`, in the new ones at `add`, in the renamed at `relabel`, in none at `remove`.
What was found of the others stays, in the words of the present names; `undo` brings back what was kept then.
Foreign contigs of large genomes are looked for while their bases are at hand; a finding stays after that.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from genome_index.index.audit.foreign_contigs import Contaminated, find_contaminated
from genome_index.index.audit.mislabels import Mislabel, find_mislabels
from genome_index.index.audit.mixtures import Mixture, find_mixtures
from genome_index.index.audit.outliers import find_unusual
from genome_index.index.audit.shared_kmers import sharers
from genome_index.index.audit.transfer_direction import Kinship
from genome_index.index.contents import Contents
from genome_index.index.index import Index
from genome_index.records import Entry, Progress, Suspect, quiet
from genome_index.taxonomy.levels import UNKNOWN

Rows = npt.NDArray[np.int64]

STAGE = "looking for what is wrong"
KINDS = ("mixture", "contigs", "label", "length", "GC", "letters")  # in the order in which they are told
PARTS = ("mixture", "contigs")  # a part of the genome is of another genus

Part = Mixture | Contaminated


def suspects_after(
    index: Index, contents: Contents, asked: Rows, threads: int = 1, progress: Progress = quiet
) -> list[Suspect]:
    """What looks wrong after a change of an index: in the genomes asked about, and what looked so in others.

    An index of before gindex kept its suspects is looked at whole.
    """
    known = index.catalog.suspects() is not None
    return find_suspects(
        contents, asked if known else contents.rows, earlier_of(index, contents), threads, progress
    )


def earlier_of(index: Index, contents: Contents) -> list[Suspect]:
    """The findings of an index, in the rows that the same genomes have in `contents`."""
    rows = {(entry.id, entry.sha256): row for row, entry in contents.entries.items()}
    index.prefetch(list(index.suspects))
    found = []
    for row, several in index.suspects.items():
        entry = index.entry(row)
        if (entry.id, entry.sha256) in rows:
            found += [replace(one, row=rows[entry.id, entry.sha256]) for one in several]
    return found


def find_suspects(
    contents: Contents, asked: Rows | None = None, earlier: Iterable[Suspect] = (), threads: int = 1,
    progress: Progress = quiet,
) -> list[Suspect]:  # fmt: skip
    """What looks wrong in the genomes asked about, by default all, and what `earlier` says of the others."""
    asked = contents.rows if asked is None else asked
    progress.stage(STAGE, 0, 1)
    kept = [one for one in earlier if _stays(one, contents, set(asked.tolist()))]
    known = {one.row for one in kept if one.kind in PARTS}
    parts = _find_parts(contents, asked, known, threads)
    mixed = known | {one.row for one in parts}
    labels = find_mislabels(contents.model, contents.rows, mixed)
    found = [*_said_anew(kept, contents), *(_of_part(one, contents.entries) for one in parts)]
    found += [*(_of_label(one, contents.entries) for one in labels), *find_unusual(contents, asked)]
    return sorted(found, key=lambda one: KINDS.index(one.kind))


def _stays(one: Suspect, contents: Contents, asked: Container[int]) -> bool:
    """Whether a finding is not sought anew: of a genome not asked about, or one whose bases are gone."""
    if one.kind == "label":
        return False
    return one.row not in asked or (one.kind == "contigs" and contents.references.genome(one.row) is None)


def _find_parts(contents: Contents, asked: Rows, known: Collection[int], threads: int) -> list[Part]:
    """Mixtures and foreign contigs; there is nothing to find where no two genera are known."""
    genus = contents.codes("genus")
    if not (genus[asked] != UNKNOWN).any() or len(np.unique(genus[genus != UNKNOWN])) < 2:
        return []
    kinship = Kinship(contents, sharers(contents.references, contents.rows, asked, genus, threads))
    asked = np.setdiff1d(asked, list(known))
    foreign = find_contaminated(kinship, asked, threads)
    known = {*known, *(one.row for one in foreign)}
    mixtures = find_mixtures(kinship, np.setdiff1d(asked, list(known)), known, threads)
    return [*mixtures, *foreign]


def _said_anew(kept: Iterable[Suspect], contents: Contents) -> Iterator[Suspect]:
    """Findings in the words of the present names; none where both genomes are of one genus by now."""
    rows = {entry.id: row for row, entry in contents.entries.items()}
    genus = contents.codes("genus")
    for one in kept:
        source = rows.get(one.witness or "")
        if one.kind not in PARTS or source is None:
            yield one
        elif genus[one.row] != genus[source]:
            kind = Contaminated if one.kind == "contigs" else Mixture
            yield _of_part(kind(one.row, source, one.share or 0.0), contents.entries)


def _of_label(one: Mislabel, entries: Mapping[int, Entry]) -> Suspect:
    entry, witness = entries[one.row], entries[one.witness]
    fellow = "no fellow of its name is near" if not one.fits else "its nearest fellow is far"
    return Suspect(
        one.row, entry.id, "label", f"{one.rank} {one.label}", f"{one.rank} {one.looks_like}",
        f"Labelled {one.label}, but {fellow}; nearest is {witness.id}, {one.looks_like}.", witness.id,
    )  # fmt: skip


def _of_part(one: Part, entries: Mapping[int, Entry]) -> Suspect:
    entry, source = entries[one.row], entries[one.source_row]
    own, other = (each.lineage.name("species") or "unnamed" for each in (entry, source))
    kind, share, whose = "mixture", f"{one.share:.0%}", f"{source.id}, {other}"
    said = f"About {share} of it is that of {whose}, and the rest shares nothing with it."
    if isinstance(one, Contaminated):
        kind, said = "contigs", f"{share} of it lies in contigs of another genus, most of them of {whose}."
    return Suspect(one.row, entry.id, kind, own, other, said, source.id, round(one.share, 4))
