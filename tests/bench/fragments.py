"""How far do calls of contigs and reads go? Accuracy against length, own genome left out, species left out.

python tests/bench/fragments.py [--pieces N] [--today] [SET[=INDEX] ...]

Sets: mito virus bacteria (built with --keep-sequence; `bacteria-plain` is answered by rules of thumb, as an index is
that keeps no bases). Half of the genera teach the calibrators, pieces of the other half are asked about. "nearest":
the single nearest vector. "today": the path for whole genomes (--today), with whole genomes' thresholds.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from common import GENOMES, built, gindex, machine

from genome_index.classify.decision import decide
from genome_index.classify.elected_names import names_of
from genome_index.classify.fragments.calibration import Calibrators, fit, genus_halves, rows_of_shared_species
from genome_index.classify.fragments.cutting import LENGTHS, CutFragments, cut_fragments
from genome_index.classify.fragments.decision import called_rank, fragment_names
from genome_index.classify.fragments.hits import Fragments, ReferenceTable, fragments_of, hits_of
from genome_index.classify.search import containments
from genome_index.index.calibration.hits import KMER_FLOOR, HeldOut, Hits, kmer_identity
from genome_index.index.calibration.model import CANDIDATES, Model
from genome_index.index.calibration.pairwise import VERIFIED
from genome_index.index.index import Index
from genome_index.index.store.skani import measure
from genome_index.index.vectors.exact_search import nearest
from genome_index.records import RANKS
from genome_index.taxonomy.levels import UNKNOWN

SEED = 7
SHOWN = ("species", "genus", "family", "subtype")
MIXTURE = {
    "genome": 1.0,
    "species": 0.6,
    "genus": 0.4,
}  # pieces of each regime, as the calibration takes queries


@dataclass
class Cell:
    """What came of one length and one regime: names as codes, UNKNOWN where nothing is called."""

    regime: str
    truth: dict[str, np.ndarray]
    there: dict[str, np.ndarray]  # whether the right name could be found
    nearest: dict[str, np.ndarray]
    called: dict[str, np.ndarray]
    rank: list[str | None] = field(default_factory=list)
    sure: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)


def asked_cell(
    table: ReferenceTable, taken: CutFragments, calibrators: Calibrators, regime: str, today: bool
) -> Cell:
    model = table.index.model
    codes = (
        model.levels[regime].codes if regime != "genome" else np.full(len(table.length_bp), UNKNOWN, np.int32)
    )
    known = np.flatnonzero((codes[taken.rows] != UNKNOWN) | (regime == "genome"))
    taken = CutFragments(taken.rows[known], [taken.pieces[at] for at in known])
    held = HeldOut(taken.rows, codes, codes[taken.rows])
    pieces = fragments_of(table.index, taken.pieces)
    hits = hits_of(table, pieces, held)
    cell = Cell(regime, {}, {}, {}, {})
    answers = _today(table, taken, pieces.vectors, held) if today else _ours(table, calibrators, pieces, hits)
    top = np.where(hits.rows >= 0, hits.similarity, -np.inf).argmax(axis=1)
    for name in (one for one in SHOWN if one in model.levels):
        level = model.levels[name]
        cell.truth[name] = level.codes[taken.rows]
        cell.nearest[name] = level.codes[np.take_along_axis(hits.rows, top[:, None], 1)[:, 0]]
        cell.there[name] = np.array([_there(table, held, level.codes, i) for i in range(len(taken.rows))])
        cell.called[name] = np.array(
            [_stands_for(model, name, i, *answers[i]) for i in range(len(taken.rows))]
        )
    for i, (rank, names, *_) in enumerate(answers):
        if rank is not None:
            cell.rank.append(rank)
            cell.sure.append(names[rank].probability)
            cell.right.append(bool(names[rank].code == model.levels[rank].codes[taken.rows[i]]))
    return cell


def _there(table: ReferenceTable, held: HeldOut, codes: np.ndarray, i: int) -> bool:
    row = held.self_rows[i]
    same = table.rows[(codes[table.rows] == codes[row]) & (table.rows != row)]
    barred = (held.codes[same] == held.own[i]) & (held.own[i] != UNKNOWN)
    return bool(codes[row] != UNKNOWN and (~barred).any())


def _ours(table: ReferenceTable, calibrators: Calibrators, pieces: Fragments, hits: Hits) -> list:
    model = table.index.model
    found = []
    for i, names in enumerate(fragment_names(model, calibrators, pieces, hits)):
        rank = called_rank(table.index, pieces, hits, i, names)
        at = None
        if rank is not None:
            codes = np.where(hits.rows[i] >= 0, model.levels[rank].codes[hits.rows[i]], UNKNOWN)
            at = int(np.flatnonzero(codes == names[rank].code)[0])
        found.append((rank, names, at, hits))
    return found


def _today(table: ReferenceTable, taken: CutFragments, vectors: np.ndarray, held: HeldOut) -> list:
    """The path for whole genomes: the nearest vectors, ANI of the best, and what whole genomes have taught."""
    model, references, spec = table.index.model, table.index.references, table.index.spec
    codes = held.codes[table.rows]

    def barred(i: int) -> np.ndarray:
        return np.flatnonzero(
            ((codes == held.own[i]) & (held.own[i] >= 0)) | (table.rows == held.self_rows[i])
        )

    similarity, near = nearest(vectors, table.vectors[table.rows], CANDIDATES, barred)
    rows = np.where(near >= 0, table.rows[near], -1)
    shared = np.stack([containments(table.index, piece, rows[i]) for i, piece in enumerate(taken.pieces)])
    words = kmer_identity(shared, spec.sketch_k)
    blank = np.full(rows.shape, np.nan, np.float32)
    hits = Hits(rows, similarity, words, blank, blank, blank)
    hits = hits.take(np.argsort(np.where(rows >= 0, -hits.score, np.inf), axis=1, kind="stable"))
    ani, af_query, af_reference = (np.full(hits.rows.shape, np.nan, np.float32) for _ in range(3))
    for i, piece in enumerate(taken.pieces):
        chosen = np.flatnonzero(
            (hits.rows[i, :VERIFIED] >= 0) & (hits.kmer_identity[i, :VERIFIED] > KMER_FLOOR)
        )
        found = (
            measure(piece, [references.candidate(int(hits.rows[i, at])) for at in chosen])
            if len(chosen)
            else []
        )
        for at, one in zip(chosen, found, strict=True):
            if one.ani is not None:
                ani[i, at], af_query[i, at], af_reference[i, at] = one.ani, one.af_query, one.af_reference
    hits = replace(hits, ani=ani, af_query=af_query, af_reference=af_reference)
    names = names_of(model, hits, held)
    print(f"  with an ANI: {100 * (~np.isnan(ani)).any(axis=1).mean():.0f} % of {len(ani)}")
    verdicts = [
        decide(model, model.thresholds, hits, i, names[i], int(held.self_rows[i])) for i in range(len(ani))
    ]
    return [(one.rank if one.name else None, names[i], one.closest, hits) for i, one in enumerate(verdicts)]


def _stands_for(
    model: Model, name: str, i: int, rank: str | None, names: dict, at: int | None, hits: Hits
) -> int:
    if name not in RANKS:
        sure = names[name].probability >= names[name].threshold and (hits.kmer_identity[i] > KMER_FLOOR).any()
        return names[name].code if sure else UNKNOWN
    if rank is None or at is None or RANKS.index(rank) < RANKS.index(name):
        return UNKNOWN
    return int(model.levels[name].codes[hits.rows[i, at]])


def whole(table: ReferenceTable, rows: np.ndarray, count: int) -> CutFragments:
    able = [row for row in np.random.default_rng(SEED).permutation(rows)[:count].tolist()]
    found = [(row, table.index.references.genome(row)) for row in able]
    found = [(row, one) for row, one in found if one is not None]
    return CutFragments(np.array([row for row, _ in found], np.int64), [one for _, one in found])


def percent(part: np.ndarray) -> str:
    return f"{100 * part.mean():.1f}" if len(part) else "-"


def lines(name: str, length: str, cells: list[Cell]) -> list[str]:
    found = []
    for cell in cells[:2]:
        for level in cell.truth:
            asked = cell.there[level]
            if cell.regime == "species" and level == "species":
                named = cell.called[level] != UNKNOWN
                found.append(
                    f"| {name} | {length} | species | species | {len(named)} | - | - | {percent(named)} | {percent(~named)} |"
                )
            elif asked.sum() >= 20:
                truth, called = cell.truth[level][asked], cell.called[level][asked]
                right, wrong = called == truth, (called != truth) & (called != UNKNOWN)
                out = "own genome" if cell.regime == "genome" else cell.regime
                found.append(
                    f"| {name} | {length} | {level} | {out} | {asked.sum()} | {percent(cell.nearest[level][asked] == truth)} "
                    f"| {percent(right)} | {percent(wrong)} | {percent(called == UNKNOWN)} |"
                )
    return found


def reliability(name: str, length: str, cells: list[Cell]) -> str:
    sure, right = (
        np.array([one for cell in cells for one in getattr(cell, what)]) for what in ("sure", "right")
    )
    ranks = np.array([one for cell in cells for one in cell.rank])
    parts = [
        f"{rank} {100 * sure[ranks == rank].mean():.0f}/{100 * right[ranks == rank].mean():.0f} ({(ranks == rank).sum()})"
        for rank in reversed(RANKS) if (ranks == rank).any()
    ]  # fmt: skip
    told = f"{100 * sure.mean():.1f} | {100 * right.mean():.1f}" if len(sure) else "- | -"
    return f"| {name} | {length} | {len(sure)} | {told} | {', '.join(parts)} |"


def run(name: str, index: Path, count: int, today: bool) -> tuple[list[str], list[str]]:
    table = ReferenceTable.of(Index.open(index))
    teach, test = genus_halves(table, SEED)
    calibrators = {} if today or name.endswith("-plain") else fit(table, teach, seed=SEED)
    fellows = rows_of_shared_species(table, test)
    rows, reliable = [], []
    for length in (*LENGTHS, 0):
        cells = []
        for number, (regime, share) in enumerate(MIXTURE.items()):
            asked = fellows if regime == "genome" and len(fellows) else test
            many = int(count * share)
            taken = (
                cut_fragments(table, asked, length, many, SEED + 10 + number)
                if length
                else whole(table, asked, many)
            )
            if len(taken.pieces) >= 20 and (regime == "genome" or regime in table.index.model.levels):
                cells.append(asked_cell(table, taken, calibrators, regime, today))
        if cells:
            said = f"{length / 1000:g} kb" if length else "whole"
            rows += lines(name, said, cells)
            reliable.append(reliability(name, said, cells))
            print("\n".join([*rows[-8:], reliable[-1]]), flush=True)
    return rows, reliable


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pieces", type=int, default=300)
    parser.add_argument("--today", action="store_true")
    parser.add_argument("sets", nargs="*", default=["mito", "virus", "bacteria"])
    wanted = parser.parse_args()
    tables, reliable = [], []
    with tempfile.TemporaryDirectory() as made:
        for one in wanted.sets:
            name, _, given = one.partition("=")
            index = Path(given) if given else _built(Path(made) / name, name)
            found, told = run(name, index, wanted.pieces, wanted.today)
            tables += found
            reliable += told
    print(f"\n{machine()}, {wanted.pieces} pieces a cell, seed {SEED}\n")
    print(
        "| set | length | level | left out | asked | nearest | right | wrong | abstained |\n|---|---|---|---|---|---|---|---|---|"
    )
    print("\n".join(tables))
    print(
        "\n| set | length | calls | confidence | right | by rank: confidence/right (calls) |\n|---|---|---|---|---|---|"
    )
    print("\n".join(reliable))


def _built(index: Path, name: str) -> Path:
    kept = name.removesuffix("-plain")
    if kept != "bacteria":
        return built(index, kept)
    words = (str(GENOMES / kept), "--taxonomy", str(GENOMES / f"{kept}.tsv"), "--index", str(index))
    gindex("build", *words, "--keep-sequence")  # so that there are pieces to ask about
    return index


if __name__ == "__main__":
    main()
