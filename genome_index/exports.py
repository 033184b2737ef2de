"""An index for other programs: Newick, GraphML, a table for Microreact, and text for Krona.

Removed genomes are in none of them: what is exported is what the catalogue lists.
"""

from __future__ import annotations

import colorsys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genome_index.catalog import Entry
from genome_index.errors import UsageError
from genome_index.extras import need_installed
from genome_index.index import Index
from genome_index.pairs import keys_of
from genome_index.portraits import decode_course
from genome_index.records import RANKS
from genome_index.sql import distinct_names
from genome_index.trees import newick, tree_of

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

NEIGHBOURS = 10  # nearest references of each genome that are drawn; the index keeps 50
NO_NAME_COLOUR = "#9e9e9e"


@dataclass(frozen=True)
class Wish:
    """What of an export may be chosen."""

    rank: str | None = None  # or a label: what colours and groups; of krona, the last rank that is shown
    neighbours: int = NEIGHBOURS  # of graphml, for each genome


def export(index: Index, kind: str, wish: Wish | None = None) -> Iterator[str]:
    """The index in another program's format, in pieces of text.

    Raises
    ------
    UsageError
        No such kind, no such rank or label here, or a package of the extra `report` is missing.
    """
    if kind not in EXPORTS:
        raise UsageError(f"no export is called {kind!r}; choose one of: {', '.join(EXPORTS)}")
    entries, wish = index.catalog.entries(), wish or Wish()
    if wish.rank is not None:
        _require_rank(kind, wish.rank, entries)
    return EXPORTS[kind](index, entries, wish)


def _require_rank(kind: str, rank: str, entries: Sequence[Entry]) -> None:
    if kind == "newick":
        raise UsageError("--rank: a Newick tree has genomes only; leave it out")
    known = [*_ranks(entries), *(() if kind == "krona" else _labels(entries))]
    if rank not in known:
        raise UsageError(f"--rank {rank}: no genome has one; choose one of: {', '.join(known) or 'none'}")


# -- newick --------------------------------------------------------------------------------------------------


def _newick(index: Index, entries: Sequence[Entry], wish: Wish) -> Iterator[str]:
    """A tree of the genomes by average linkage, branch lengths in cosine distance (1 - similarity)."""
    need_installed("newick", "scipy", extra="report")
    rows = np.array([entry.row for entry in entries])
    vectors = index.model.vectors.rows()[rows]
    near, score = _near(index, rows)
    return newick(tree_of(vectors, near, score), [entry.id for entry in entries])


def _near(index: Index, rows: Rows) -> tuple[Rows, Floats]:
    """Nearest references of N rows that are among them, as positions: (N, M) with -1, and scores (N, M)."""
    around = index.model.around
    position = np.full(len(around.rows) + 1, -1)  # its last entry answers for row -1
    position[rows] = np.arange(len(rows))
    return position[around.rows[rows]], around.score[rows]


# -- graphml -------------------------------------------------------------------------------------------------


def _graphml(index: Index, entries: Sequence[Entry], wish: Wish) -> Iterator[str]:
    """The neighbour graph: genomes with name, length and kind; pairs with score, and ANI where measured."""
    need_installed("graphml", "networkx", extra="report")
    import networkx

    rank = wish.rank or "species"
    graph = networkx.Graph()
    for entry in entries:
        said = {rank: _name(entry, rank), "length_bp": entry.length_bp, "molecule": entry.molecule}
        graph.add_node(entry.id, **{key: value for key, value in said.items() if value is not None})
    for a, b, numbers in _edges(index, entries, wish.neighbours):
        graph.add_edge(entries[a].id, entries[b].id, **numbers)
    return (line + "\n" for line in networkx.generate_graphml(graph))


def _edges(index: Index, entries: Sequence[Entry], most: int) -> Iterator[tuple[int, int, dict[str, float]]]:
    """Each pair once, lesser position first, with its numbers; ANI and AF in percent, AF of either genome."""
    rows = np.array([entry.row for entry in entries])
    near, score = _near(index, rows)
    order = np.argsort(near < 0, axis=1, kind="stable")[:, :most]  # removed neighbours last
    near, score = np.take_along_axis(near, order, axis=1), np.take_along_axis(score, order, axis=1)
    a, b = np.repeat(np.arange(len(rows)), near.shape[1]), near.ravel()
    known = b >= 0
    pairs, first = np.unique(keys_of(a[known], b[known]), return_index=True)
    a, b = pairs >> 32, pairs & 0xFFFFFFFF
    measured = index.pairs().get(keys_of(rows[a], rows[b]))
    for i, j, value, found in zip(a, b, score.ravel()[known][first], measured, strict=True):
        numbers = zip(("score", "ani", "af_source", "af_target"), (value, *found), strict=True)
        yield int(i), int(j), {name: round(float(one), 4) for name, one in numbers if np.isfinite(one)}


# -- microreact ----------------------------------------------------------------------------------------------


def _microreact(index: Index, entries: Sequence[Entry], wish: Wish) -> Iterator[str]:
    """A TSV whose column `id` matches the leaves of the tree, and `species__colour` colours by species.

    https://docs.microreact.org/instructions/creating-a-microreact-project/metadata-column-types
    """
    ranks, labels = _ranks(entries), _labels(entries)
    rank = wish.rank or "species"
    colours = colours_of({name for entry in entries if (name := _name(entry, rank))})
    header = ["id", *ranks, *labels, "length_bp", "gc_percent", "contigs", "molecule"]
    header += [f"{rank}__colour"] if colours else []
    yield _line(distinct_names(header))
    for entry in entries:
        gc = gc_percent(index.references.course(entry.row))
        cells = [entry.id, *(_name(entry, name) or "" for name in (*ranks, *labels))]
        cells += [str(entry.length_bp), f"{gc:.2f}", str(entry.contigs), entry.molecule]
        cells += [colours.get(_name(entry, rank) or "", NO_NAME_COLOUR)] if colours else []
        yield _line(cells)


def gc_percent(course: bytes) -> float:
    """Share of C and G among the bases that are known, in percent; 0 where all is N."""
    a, c, g, t = decode_course(course).sum(axis=0, dtype=np.int64)
    return float(100 * (c + g) / max(a + c + g + t, 1))


def colours_of(names: set[str]) -> dict[str, str]:
    """A colour for each name, by its place in the alphabet: hues a golden angle apart, in nine tones.

    2,000 names have 2,000 colours, though nobody can tell so many apart.
    """
    found = {}
    for number, name in enumerate(sorted(names)):
        depth, strength = (0.42, 0.56, 0.70)[number % 3], (0.45, 0.62, 0.80)[number // 3 % 3]
        rgb = colorsys.hls_to_rgb(number * 0.381966 % 1, depth, strength)
        found[name] = "#" + "".join(f"{round(255 * one):02x}" for one in rgb)
    return found


# -- krona ---------------------------------------------------------------------------------------------------


def _krona(index: Index, entries: Sequence[Entry], wish: Wish) -> Iterator[str]:
    """What ktImportText reads: how many genomes, then their names from the broadest rank on; most first."""
    ranks = RANKS[: RANKS.index(wish.rank) + 1] if wish.rank else RANKS
    lineages = Counter(
        tuple(name for rank in ranks if (name := entry.lineage.name(rank))) for entry in entries
    )
    for names, count in sorted(lineages.items(), key=lambda item: (-item[1], item[0])):
        yield _line([str(count), *names])


# -- what they share -----------------------------------------------------------------------------------------


def _ranks(entries: Sequence[Entry]) -> list[str]:
    return [rank for rank in RANKS if any(entry.lineage.name(rank) for entry in entries)]


def _labels(entries: Sequence[Entry]) -> list[str]:
    return sorted({label for entry in entries for label in entry.taxon.labels})


def _name(entry: Entry, level: str) -> str | None:
    return entry.lineage.name(level) if level in RANKS else entry.taxon.labels.get(level)


def _line(cells: Sequence[str]) -> str:
    return "\t".join(" ".join(cell.split("\t")) for cell in cells).replace("\n", " ") + "\n"


EXPORTS: Mapping[str, Callable[[Index, Sequence[Entry], Wish], Iterator[str]]] = {
    "newick": _newick,
    "graphml": _graphml,
    "microreact": _microreact,
    "krona": _krona,
}
