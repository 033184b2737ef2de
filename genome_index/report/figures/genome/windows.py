"""Each window of a genome and the species it is nearest to: a mosaic, or contamination, shows as stripes.

Nearest is by shared words, as for a contig that is searched on its own (contamination.py). The genome itself,
and references with its very sequence, do not count: nothing is evidence of itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.classify.contamination import NEIGHBOURS
from genome_index.classify.search import contained, embed
from genome_index.errors import UsageError
from genome_index.index.calibration.hits import kmer_identity
from genome_index.index.calibration.model import CANDIDATES
from genome_index.index.index import Index
from genome_index.io.quality import LEAST_BP, complaint
from genome_index.records import Contig, Genome

WINDOWS = 40
NOTHING = "nothing shared"
TWINS = 16  # further neighbours to look at, because the genome's own twins are left out

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stripe:
    """A window of a genome and its nearest reference; all is None where no word is shared with any."""

    start: int  # 0-based, inclusive, in bp; contigs lie one behind the other
    end: int  # exclusive
    reference: str | None = None
    species: str | None = None
    genus: str | None = None
    identity: float | None = None  # 0 to 1, estimated from shared 21-mers

    @property
    def name(self) -> str:
        """What the window is called after: a species, else a genus, else the reference's id."""
        return self.species or self.genus or self.reference or NOTHING

    @property
    def says(self) -> str:
        """Where it lies, and what it is nearest to."""
        near = "" if self.identity is None else f", {self.reference}, identity {self.identity:.1%}"
        return f"{self.start:,} to {self.end:,} bp: {self.name}{near}"


@dataclass(frozen=True)
class Painting:
    """A genome window by window."""

    genome: str
    length_bp: int
    contig_ends: tuple[int, ...]  # in bp, the last is the genome's length
    stripes: tuple[Stripe, ...]

    def shares(self) -> Mapping[str, float]:
        """Name -> share of the genome's bases in its windows, largest first, nothing shared last."""
        found: Counter[str] = Counter()
        for stripe in self.stripes:
            found[stripe.name] += stripe.end - stripe.start
        ordered = sorted(found.items(), key=lambda item: (item[0] == NOTHING, -item[1], item[0]))
        return {name: bp / self.length_bp for name, bp in ordered}


def painting(index: Index, genome: Genome, windows: int = WINDOWS) -> Painting:
    """Search a genome's windows one by one: `windows` of them, or fewer where they would be below 500 bp.

    Raises
    ------
    UsageError
        The genome is too short, or mostly N.
    """
    if why := complaint(genome):
        raise UsageError(f"{genome.id}: {why}")
    edges = window_edges(genome.length_bp, windows)
    pieces = [_piece(genome, start, end) for start, end in edges]
    rows = _candidates(index, genome, pieces)
    identity = _identities(index, pieces, rows)  # (W, K)
    stripes = [_stripe(index, edge, rows, line) for edge, line in zip(edges, identity, strict=True)]
    ends = np.cumsum([len(contig.sequence) for contig in genome.contigs])
    return Painting(genome.id, genome.length_bp, tuple(ends.tolist()), tuple(stripes))


def painting_of_reference(index: Index, row: int, windows: int = WINDOWS) -> Painting:
    """The same of a genome of the index, where it keeps the bases; else UsageError."""
    genome = index.references.genome(row)
    if genome is None:
        raise UsageError(not_kept(index.entry(row).id))
    return painting(index, genome, windows)


def not_kept(genome_id: str) -> str:
    return (
        f"{genome_id}: the index does not keep the bases of a genome this large, so its windows cannot be "
        "painted; give its file"
    )


def window_edges(length_bp: int, windows: int) -> list[tuple[int, int]]:
    """Start and end of equal windows over a whole genome, none below LEAST_BP.

    >>> window_edges(1_700, 40)
    [(0, 566), (566, 1133), (1133, 1700)]
    """
    count = max(1, min(windows, length_bp // LEAST_BP))
    ends = [number * length_bp // count for number in range(count + 1)]
    return list(zip(ends, ends[1:], strict=False))


def _piece(genome: Genome, start: int, end: int) -> Genome:
    """What lies in a window, still in contigs: no word crosses from one into the next."""
    parts, at = [], 0
    for contig in genome.contigs:
        within = contig.sequence[max(0, start - at) : max(0, end - at)]
        parts += [Contig(contig.name, within)] if within else []
        at += len(contig.sequence)
    return Genome(f"{genome.id}:{start}-{end}", tuple(parts), genome.source)


def _candidates(index: Index, genome: Genome, pieces: Sequence[Genome]) -> Rows:
    """The genome's nearest references, then those of its windows, without its twins: (K,)."""
    fit = [piece for piece in pieces if not complaint(piece)]
    vectors = embed(index, [genome, *fit])
    _, rows = index.model.vectors.search(vectors, CANDIDATES + TWINS, index.model.live)
    found = np.concatenate([rows[0], rows[1:, :NEIGHBOURS].ravel()])
    found = np.array([row for row in dict.fromkeys(found.tolist()) if row >= 0], np.int64)
    index.prefetch(found.tolist())
    own = genome.sha256
    return np.array([row for row in found if index.entry(int(row)).sha256 != own], np.int64)


def _identities(index: Index, pieces: Sequence[Genome], rows: Rows) -> Floats:
    """Identity of each window and each reference by shared words, 0 for none: (W,), (K,) -> (W, K)."""
    shared = np.stack([contained(index, piece, rows) for piece in pieces])
    return np.where(shared > 0, kmer_identity(shared, index.spec.sketch_k), 0)


def _stripe(index: Index, edge: tuple[int, int], rows: Rows, identity: Floats) -> Stripe:
    """The nearest reference of a window; of equal ones, that which is nearer to the whole genome."""
    if not identity.any():
        return Stripe(*edge)
    best = int(identity.argmax())
    entry = index.entry(int(rows[best]))
    species, genus = entry.lineage.name("species"), entry.lineage.name("genus")
    return Stripe(*edge, entry.id, species, genus, float(identity[best]))
