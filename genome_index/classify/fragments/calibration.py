"""Calibration for fragments, learned from fragments of the index's own references, for each length by itself.

    INDEX/fragments/000007-b2d4b8a6f0c4.json    a cache for snapshot 7, followed by its own sha256

The calibration of whole genomes does not hold for a thousand bp of them: a gene may be alike in a whole
genus. So fragments of five lengths are cut and queried with their genome, their species, their genus ... held
out, and each length gets calibrators and thresholds of its own. This needs bases: an index has those of large
genomes only if it was built with --keep-sequence. A cache that is missing or damaged is fitted anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.classify.fragments.cutting import LENGTHS, CutFragments, cut_fragments
from genome_index.classify.fragments.hits import ReferenceTable, fragments_of, hits_of
from genome_index.errors import StorageError
from genome_index.index.cache import cache_path, read_cached, write_cached
from genome_index.index.calibration.calibrate import LEAST_SAMPLES, best_vote, fit_level
from genome_index.index.calibration.calibrator import Calibrator, Samples
from genome_index.index.calibration.hits import KMER_FLOOR, HeldOut
from genome_index.index.calibration.samples import join_samples, mixture_for, relatives, samples_of
from genome_index.index.calibration.simulate import SimulatedQueries, held_out_levels
from genome_index.index.index import Index
from genome_index.records import Progress, quiet
from genome_index.taxonomy.levels import UNKNOWN

Rows = npt.NDArray[np.int64]

FRAGMENTS = 600  # of each length; each is queried once for each rank held out
METHOD = f"{LENGTHS} {FRAGMENTS} 2"  # a cache that was made by another method is not used

Calibrators = Mapping[int, Mapping[str, Calibrator]]  # length -> level -> calibrator


def calibrators_of(
    index: Index, progress: Progress = quiet, threads: int = 1, lengths: Sequence[int] = LENGTHS
) -> Calibrators:
    """The calibrators of an index, from the cache or fitted now; empty if the index has no bases.

    Those of `lengths` are fitted if they are missing; there may be others.
    """
    cached = _read_cache(index)
    missing = [length for length in lengths if length not in cached]
    if not missing:
        return _with_samples(cached)
    table = ReferenceTable.of(index)
    fitted = fit(table, table.rows, progress, threads, lengths=missing)
    cached = cached | {length: fitted.get(length, {}) for length in missing}
    with suppress(StorageError):  # the cache only saves time
        _write_cache(index, cached)
    return _with_samples(cached)


def _with_samples(calibrators: Calibrators) -> Calibrators:
    """Without the lengths for which the index has too few genomes with bases."""
    return {length: by_level for length, by_level in calibrators.items() if by_level}


def fit(
    table: ReferenceTable, rows: Rows, progress: Progress = quiet, threads: int = 1, seed: int = 0,
    lengths: Sequence[int] = LENGTHS,
) -> Calibrators:  # fmt: skip
    """Calibrators from fragments of the references `rows`, queried against all of the index."""
    calibrators: dict[int, dict[str, Calibrator]] = {}
    for number, length in enumerate(lengths):
        progress.stage("learning from fragments", number, len(lengths))
        fragments = cut_fragments(table, rows, length, FRAGMENTS, seed)
        if len(fragments.genomes) >= LEAST_SAMPLES:
            simulated = list(simulate_fragments(table, fragments, threads))
            answerable = _answerable_species(table, rows, length, seed, threads)
            calibrators[length] = _calibrators(table, simulated, answerable)
    return calibrators


def _calibrators(
    table: ReferenceTable, simulated: list[SimulatedQueries], answerable: list[SimulatedQueries]
) -> dict[str, Calibrator]:
    """The calibrators of one length, by level; `answerable` replaces the first regime at species."""
    calibrators: dict[str, Calibrator] = {}
    for name in table.index.model.levels:
        at_species = name == "species" and answerable
        calibrator = _calibrator(table, name, [*answerable, *simulated[1:]] if at_species else simulated)
        if calibrator is not None:
            calibrators[name] = calibrator
    return calibrators


def _answerable_species(
    table: ReferenceTable, rows: Rows, length: int, seed: int, threads: int
) -> list[SimulatedQueries]:
    """Fragments of genomes whose species has other genomes, with their own genome held out.

    Where most species have one genome, fragments of all genomes have too few of these. Empty if there are
    fewer than LEAST_SAMPLES.
    """
    shared = rows_of_shared_species(table, rows)
    fragments = cut_fragments(table, shared, length, FRAGMENTS // 2, seed + 1)
    if len(fragments.genomes) < LEAST_SAMPLES:
        return []
    return list(simulate_fragments(table, fragments, threads, ("genome",)))


def rows_of_shared_species(table: ReferenceTable, rows: Rows) -> Rows:
    """Those of some references whose species has another genome in the index."""
    species = table.index.model.levels.get("species")
    if species is None:
        return rows[:0]
    own, codes = species.codes[rows], species.codes[table.rows]
    counts = np.bincount(codes[codes != UNKNOWN], minlength=len(species.names))
    return np.asarray(rows[(own != UNKNOWN) & (counts[own] > 1)])


def genus_halves(table: ReferenceTable, seed: int) -> tuple[Rows, Rows]:
    """The references in two halves that share no genus: one to fit calibrators, one to evaluate them."""
    genera = np.unique(relatives(table.index.model.levels, table.rows), return_inverse=True)[1]
    is_first = np.random.default_rng(seed).random(int(genera.max()) + 1) < 0.5
    return table.rows[is_first[genera]], table.rows[~is_first[genera]]


def simulate_fragments(
    table: ReferenceTable,
    cut: CutFragments,
    threads: int = 1,
    regimes: Sequence[str] = (),
) -> Iterator[SimulatedQueries]:
    """Query fragments with their own genome held out, then with its ranks and labels, or in some regimes.

    A regime leaves out fragments without a k-mer shared with a hit, which are never called, and those of
    genomes without a name at its rank.
    """
    levels = table.index.model.levels
    fragments = fragments_of(table.index, cut.genomes)
    unknown = np.full(len(table.length_bp), UNKNOWN, np.int32)
    wanted = regimes or ("genome", *held_out_levels(levels))
    for regime in (regime for regime in wanted if regime == "genome" or regime in levels):
        codes = unknown if regime == "genome" else levels[regime].codes
        held = HeldOut(cut.rows, codes, codes[cut.rows])
        hits = hits_of(table, fragments, held, threads)
        shares_kmers = (hits.kmer_identity > KMER_FLOOR).any(axis=1)
        usable = shares_kmers & ((held.own != UNKNOWN) | (regime == "genome"))
        held = HeldOut(cut.rows[usable], codes, held.own[usable])
        yield SimulatedQueries(regime, cut.rows[usable], hits.only(usable), held)


def _calibrator(table: ReferenceTable, name: str, simulated: Sequence[SimulatedQueries]) -> Calibrator | None:
    """The calibrator of one level for one length, or None where there is too little to learn it from."""
    model, shares = table.index.model, mixture_for(name)
    vote = best_vote(model.levels, name, simulated)
    parts = [
        samples_of(
            model.levels, name, queries, model.neighbours, model.thresholds, vote, shares[queries.regime]
        )
        for queries in simulated
        if queries.regime in shares and len(queries.rows)
    ]
    samples = join_samples([_all_eligible(part) for part in parts if part is not None])
    return fit_level(model.levels[name], samples, vote)


def _all_eligible(samples: Samples) -> Samples:
    """Every answer may become a call, for no ANI decides over fragments."""
    return replace(samples, eligible=np.ones(len(samples.right), bool))


# -- cache ---------------------------------------------------------------------------------------------------


def _path(index: Index) -> Path:
    return cache_path(index, "fragments", ".json")


def _read_cache(index: Index) -> dict[int, Mapping[str, Calibrator]]:
    """Calibrators from the cache; none if it is missing, damaged, or made by another method."""
    content = read_cached(_path(index))
    if content is None:
        return {}
    cached = json.loads(content)
    if cached["how"] != METHOD:
        return {}
    return {
        int(length): {name: Calibrator.from_json(values) for name, values in by_level.items()}
        for length, by_level in cached["lengths"].items()
    }


def _write_cache(index: Index, calibrators: Calibrators) -> None:
    lengths = {
        str(length): {name: calibrator.to_json() for name, calibrator in by_level.items()}
        for length, by_level in calibrators.items()
    }
    write_cached(index, _path(index), json.dumps({"how": METHOD, "lengths": lengths}).encode())
