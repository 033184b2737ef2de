"""Contigs of third genomes: those that two references of one genus share and their relatives lack.

The source of a contaminant may not be in the index. Two assemblies of one laboratory have it alike; if they
are of one genus, no genome of another genus tells it. Strains share a plasmid or a phage in the same way: so
the relatives that lack the contigs must be as many as those that have them, and the composition must be
unlike that of the genome. Where it is otherwise, it cannot be told, and nobody is a suspect.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from genome_index.index.audit.foreign_contigs import ForeignContigs
from genome_index.index.audit.holders import Holders, holders_of
from genome_index.index.audit.large_contigs import (
    MOST,
    NO_SIGNATURE_SHARE,
    WARN_SHARE,
    LargeContigs,
    examine_assemblies,
)
from genome_index.index.audit.relatives_vote import is_same_copy
from genome_index.index.audit.shared_kmers import shared_with
from genome_index.index.audit.transfer_direction import MOBILE, SharedKmers

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SAME_IDENTITY = 0.97  # of a contig to the other carrier, estimated from shared k-mers


def find_contigs_of_third_genomes(
    shared: SharedKmers, subjects: Rows, known: Collection[int] = (), threads: int = 1
) -> list[ForeignContigs]:
    """The genomes among `subjects` with contigs of a third genome that one of their genus has, too.

    `known` are genomes with a part that was found before: they are nobody's witness.
    """
    candidates = [row for row in subjects.tolist() if _may_have(shared, row, known)]

    return examine_assemblies(
        shared, candidates, lambda row, contigs: _examined(shared, row, contigs, known), threads
    )


def _may_have(shared: SharedKmers, row: int, known: Collection[int]) -> bool:
    """Whether a relative has enough k-mers of an assembly that few of its near relatives have."""
    entry = shared.contents.entries[row]
    if entry.contigs < 2 or entry.molecule == MOBILE:
        return False
    own, relatives = shared.hashes(row), sorted(shared.of_same_genus(row))
    present = [shared_with(own, shared.hashes(relative)) for relative in relatives]
    if len(present) < 2:
        return False
    rare = np.mean(present, axis=0) <= 0.5
    return any(
        (flags & rare).mean() >= WARN_SHARE / 2
        for relative, flags in zip(relatives, present, strict=True)
        if relative not in known
    )


def _examined(
    shared: SharedKmers, row: int, contigs: LargeContigs, known: Collection[int]
) -> ForeignContigs | None:
    """The contigs of a third genome that an assembly shares with another one, of which it shares most."""
    found = [
        ForeignContigs(row, carrier, contigs.share(flags), from_elsewhere=True)
        for carrier in sorted(shared.of_same_genus(row) - set(known))
        if (flags := _lacked_contigs(shared, row, carrier, contigs)).any()
        and WARN_SHARE <= contigs.share(flags) <= MOST
        and _are_foreign(shared, row, carrier, contigs, flags)
    ]
    return max(found, key=lambda part: part.share, default=None)


def _lacked_contigs(shared: SharedKmers, row: int, carrier: int, contigs: LargeContigs) -> Flags:
    """The contigs that a carrier has, and that few of the relatives have: (P,)."""
    flags = contigs.identity(carrier) >= SAME_IDENTITY
    for at in np.flatnonzero(flags).tolist():
        inside = contigs.kmers_in(np.arange(len(flags)) == at)
        flags[at] = inside.any() and _holders(shared, row, inside).are_few(having=1)
    return flags


def _are_foreign(shared: SharedKmers, row: int, carrier: int, contigs: LargeContigs, flags: Flags) -> bool:
    """Whether contigs are no part of the genus: by the relatives of both carriers, and by composition.

    Where composition tells nothing, the contigs must be more than a plasmid usually is, no third relative has
    them, and they were gained here, not lost in the others: farther relatives lack them, or the carriers are
    less alike elsewhere.
    """
    inside = contigs.kmers_in(flags)
    back = shared_with(shared.hashes(carrier), contigs.hashes[inside])
    own = _holders(shared, row, inside)
    if not (own.are_few(having=1) and _holders(shared, carrier, back).are_few(having=1)):
        return False
    is_unlike = contigs.are_unlike(flags)
    if is_unlike is None:
        theirs = shared_with(contigs.hashes, shared.hashes(carrier))
        is_copy = is_same_copy(float(theirs[inside].mean()), float(theirs[~inside].mean()))
        is_large = contigs.share(flags) >= NO_SIGNATURE_SHARE
        return is_large and own.near + own.far == 1 and (own.far_lacking > 0 or is_copy)
    return is_unlike


def _holders(shared: SharedKmers, row: int, inside: Flags) -> Holders:
    relatives = sorted(shared.of_same_genus(row))
    return holders_of(shared.hashes(row), inside, (shared.hashes(relative) for relative in relatives))
