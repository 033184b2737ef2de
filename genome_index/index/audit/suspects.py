"""Suspects: genomes in which something looks wrong, found when a snapshot is made, and stored in it.

Judging labels reads no genome, so all labels are judged again at every change. Mixtures, foreign contigs and
outliers are searched among the genomes that a change adds or renames: all of them at `build`, `refit` and
`merge`, the new ones at `add`, the renamed ones at `relabel`, none at `remove`. Findings about other genomes
stay, with the present names; `undo` restores the findings of the earlier snapshot. Foreign contigs of large
genomes are searched while their bases are at hand; the findings stay after that.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from genome_index.index.audit.contigs_of_third_genomes import find_contigs_of_third_genomes
from genome_index.index.audit.foreign_contigs import ForeignContigs, find_foreign_contigs
from genome_index.index.audit.mislabels import Mislabel, find_mislabels
from genome_index.index.audit.mixtures import Mixture, find_mixtures
from genome_index.index.audit.outliers import find_outliers
from genome_index.index.audit.shared_kmers import kmer_sharers, no_sharers
from genome_index.index.audit.transfer_direction import SharedKmers
from genome_index.index.contents import Contents
from genome_index.index.index import Index
from genome_index.records import Entry, Progress, Suspect, quiet
from genome_index.taxonomy.levels import UNKNOWN

Rows = npt.NDArray[np.int64]

STAGE = "searching suspects"
KINDS = ("mixture", "contigs", "label", "length", "GC", "letters")  # in the order of reports
PARTS = ("mixture", "contigs")  # kinds in which a part of the genome is of another genus
ELSEWHERE = "a third genome"  # what a part looks like that two genomes have, and the relatives of neither

ForeignPart = Mixture | ForeignContigs


def suspects_after(
    index: Index, contents: Contents, subjects: Rows, threads: int = 1, progress: Progress = quiet
) -> list[Suspect]:
    """The suspects after a change: those among `subjects`, and the earlier findings about other genomes.

    An index made by a gindex that stored no suspects is searched completely.
    """
    known = index.catalog.suspects() is not None
    return find_suspects(
        contents, subjects if known else contents.rows, earlier_of(index, contents), threads, progress
    )


def earlier_of(index: Index, contents: Contents) -> list[Suspect]:
    """The findings of an index, with the rows that the same genomes have in `contents`."""
    rows = {(entry.id, entry.sha256): row for row, entry in contents.entries.items()}
    index.prefetch(list(index.suspects))
    suspects: list[Suspect] = []
    for row, findings in index.suspects.items():
        entry = index.entry(row)
        if (entry.id, entry.sha256) in rows:
            suspects += [replace(finding, row=rows[entry.id, entry.sha256]) for finding in findings]
    return suspects


def find_suspects(
    contents: Contents, subjects: Rows | None = None, earlier: Iterable[Suspect] = (), threads: int = 1,
    progress: Progress = quiet,
) -> list[Suspect]:  # fmt: skip
    """The suspects among `subjects`, by default all genomes, and the `earlier` findings about the others."""
    subjects = contents.rows if subjects is None else subjects
    progress.stage(STAGE, 0, 1)
    staying = [finding for finding in earlier if _stays(finding, contents, set(subjects.tolist()))]
    known = {finding.row for finding in staying if finding.kind in PARTS}
    parts = _find_foreign_parts(contents, subjects, known, threads)
    mislabels = find_mislabels(contents.model, contents.rows, known | {part.row for part in parts})
    suspects = [
        *_with_present_names(staying, contents),
        *(_of_part(part, contents.entries) for part in parts),
        *(_of_mislabel(mislabel, contents.entries) for mislabel in mislabels),
        *find_outliers(contents, subjects),
    ]
    return sorted(suspects, key=lambda suspect: KINDS.index(suspect.kind))


def _stays(finding: Suspect, contents: Contents, subjects: Container[int]) -> bool:
    """Whether a finding is not searched again: about another genome, or about one whose bases are gone."""
    if finding.kind == "label":
        return False
    no_bases = finding.kind == "contigs" and contents.references.genome(finding.row) is None
    return finding.row not in subjects or no_bases


def _find_foreign_parts(
    contents: Contents, subjects: Rows, known: Collection[int], threads: int
) -> list[ForeignPart]:
    """Mixtures and foreign contigs; in an index of one genus, contigs of a third genome alone."""
    genus = contents.codes("genus")
    if not (genus[subjects] != UNKNOWN).any():
        return []
    if len(np.unique(genus[genus != UNKNOWN])) < 2:
        shared, wanted = SharedKmers(contents, no_sharers()), np.setdiff1d(subjects, list(known))
        return list(find_contigs_of_third_genomes(shared, wanted, known, threads))
    sharers = kmer_sharers(contents.references, contents.rows, subjects, genus, threads)
    shared = SharedKmers(contents, sharers)
    subjects = np.setdiff1d(subjects, list(known))
    foreign = find_foreign_contigs(shared, subjects, threads)
    known = {*known, *(part.row for part in foreign)}
    mixtures = find_mixtures(shared, np.setdiff1d(subjects, list(known)), known, threads)
    known |= {part.row for part in mixtures}
    alike = find_contigs_of_third_genomes(shared, np.setdiff1d(subjects, list(known)), known, threads)
    return [*mixtures, *foreign, *alike]


def _with_present_names(staying: Iterable[Suspect], contents: Contents) -> Iterator[Suspect]:
    """Earlier findings with the present names; none where both genomes are now of one genus."""
    rows = {entry.id: row for row, entry in contents.entries.items()}
    genus = contents.codes("genus")
    for finding in staying:
        source = rows.get(finding.witness or "")
        if finding.kind not in PARTS or source is None:
            yield finding
        elif (from_elsewhere := finding.looks_like == ELSEWHERE) or genus[finding.row] != genus[source]:
            kind = ForeignContigs if finding.kind == "contigs" else Mixture
            part = kind(finding.row, source, finding.share or 0.0, from_elsewhere)
            yield _of_part(part, contents.entries)


def _of_mislabel(mislabel: Mislabel, entries: Mapping[int, Entry]) -> Suspect:
    entry, witness = entries[mislabel.row], entries[mislabel.witness]
    distance = "the nearest genome of that name is far" if mislabel.fits else "no genome of that name is near"
    return Suspect(
        mislabel.row, entry.id, "label",
        f"{mislabel.rank} {mislabel.label}", f"{mislabel.rank} {mislabel.looks_like}",
        f"Labelled {mislabel.label}, but {distance}; nearest is {witness.id}, {mislabel.looks_like}.",
        witness.id,
    )  # fmt: skip


def _of_part(part: ForeignPart, entries: Mapping[int, Entry]) -> Suspect:
    entry, source = entries[part.row], entries[part.source_row]
    own, other = (each.lineage.name("species") or "unnamed" for each in (entry, source))
    share, origin = f"{part.share:.0%}", f"{source.id}, {other}"
    kind = "contigs" if isinstance(part, ForeignContigs) else "mixture"
    if part.from_elsewhere:
        other = ELSEWHERE
        evidence = (
            f"About {share} of it is in {origin}, too, and in relatives of neither: both may have it from "
            f"{ELSEWHERE}."
        )
    elif kind == "contigs":
        evidence = f"{share} of it is in contigs of another genus, most of them from {origin}."
    else:
        evidence = f"About {share} of it is from {origin}; the rest shares nothing with that genome."
    return Suspect(part.row, entry.id, kind, own, other, evidence, source.id, round(part.share, 4))
