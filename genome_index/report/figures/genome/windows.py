"""Windows of a genome, each with its nearest reference; it changes where a genome is chimeric or mixed.

The nearest reference is the one with most shared k-mers, as for a contig that is searched on its own
(classify/parts/window_lookup.py). Identical genomes are left out: a genome is no evidence of its own species.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.classify.search import containments, embed
from genome_index.errors import UsageError
from genome_index.index.calibration.hits import kmer_identity
from genome_index.index.calibration.model import CANDIDATES
from genome_index.index.index import Index
from genome_index.io.quality import LEAST_BP, complaint
from genome_index.records import Contig, Genome

WINDOWS = 40
NEIGHBOURS = 20  # of each window, by vector
NOTHING = "nothing shared"
DUPLICATES = 16  # neighbours searched on top, because identical genomes are left out

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """A window of a genome and its nearest reference; None where it shares no k-mer with any reference."""

    start: int  # 0-based, inclusive, in bp along the concatenated contigs
    end: int  # exclusive
    reference: str | None = None
    species: str | None = None
    genus: str | None = None
    identity: float | None = None  # 0 to 1, estimated from shared 21-mers

    @property
    def name(self) -> str:
        """Species of the nearest reference, else its genus, else its id."""
        return self.species or self.genus or self.reference or NOTHING

    @property
    def text(self) -> str:
        """Position, nearest reference and identity, for a tooltip."""
        near = "" if self.identity is None else f", {self.reference}, identity {self.identity:.1%}"
        return f"{self.start:,} to {self.end:,} bp: {self.name}{near}"


@dataclass(frozen=True)
class GenomeWindows:
    """The windows of one genome."""

    genome: str
    length_bp: int
    contig_ends: tuple[int, ...]  # in bp, the last is the genome's length
    windows: tuple[Window, ...]

    def shares(self) -> Mapping[str, float]:
        """Name -> share of the genome's bases in its windows, largest first, NOTHING last."""
        bases: Counter[str] = Counter()
        for window in self.windows:
            bases[window.name] += window.end - window.start
        ordered = sorted(bases.items(), key=lambda item: (item[0] == NOTHING, -item[1], item[0]))
        return {name: bp / self.length_bp for name, bp in ordered}


def nearest_windows(index: Index, genome: Genome, windows: int = WINDOWS) -> GenomeWindows:
    """Search the windows of a genome one by one: `windows` of them, or fewer so that each has LEAST_BP.

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
    searched = [_window(index, edge, rows, line) for edge, line in zip(edges, identity, strict=True)]
    ends = np.cumsum([len(contig.sequence) for contig in genome.contigs])
    return GenomeWindows(genome.id, genome.length_bp, tuple(ends.tolist()), tuple(searched))


def windows_of_reference(index: Index, row: int, windows: int = WINDOWS) -> GenomeWindows:
    """The windows of a reference; UsageError if the index does not store its bases."""
    genome = index.references.genome(row)
    if genome is None:
        raise UsageError(bases_not_stored(index.entry(row).id))
    return nearest_windows(index, genome, windows)


def bases_not_stored(genome_id: str) -> str:
    return (
        f"{genome_id}: the index does not store the bases of a genome this large, so its windows cannot be "
        "searched; give its file"
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
    """The bases of a window, still in contigs: no k-mer spans two contigs."""
    parts, at = [], 0
    for contig in genome.contigs:
        within = contig.sequence[max(0, start - at) : max(0, end - at)]
        parts += [Contig(contig.name, within)] if within else []
        at += len(contig.sequence)
    return Genome(f"{genome.id}:{start}-{end}", tuple(parts), genome.source)


def _candidates(index: Index, genome: Genome, pieces: Sequence[Genome]) -> Rows:
    """Rows of the nearest references of the genome, then of its windows, without identical genomes: (K,)."""
    fit = [piece for piece in pieces if not complaint(piece)]
    vectors = embed(index, [genome, *fit])
    _, rows = index.model.vectors.search(vectors, CANDIDATES + DUPLICATES, index.model.live)
    nearest = np.concatenate([rows[0], rows[1:, :NEIGHBOURS].ravel()])
    candidates = [row for row in dict.fromkeys(nearest.tolist()) if row >= 0]
    index.prefetch(candidates)
    own = index.catalog.rows_of_sequence(genome.sha256)
    return np.array([row for row in candidates if row not in own], np.int64)


def _identities(index: Index, pieces: Sequence[Genome], rows: Rows) -> Floats:
    """Identity of each window to each reference by shared k-mers, 0 without any: (W,), (K,) -> (W, K)."""
    shared = np.stack([containments(index, piece, rows) for piece in pieces])
    return np.where(shared > 0, kmer_identity(shared, index.spec.sketch_k), 0)


def _window(index: Index, edge: tuple[int, int], rows: Rows, identity: Floats) -> Window:
    """A window with its nearest reference; of equal ones, the one nearer to the whole genome."""
    if not identity.any():
        return Window(*edge)
    best = int(identity.argmax())
    entry = index.entry(int(rows[best]))
    species, genus = entry.lineage.name("species"), entry.lineage.name("genus")
    return Window(*edge, entry.id, species, genus, float(identity[best]))
