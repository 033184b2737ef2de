"""Stratified 4-fold cross-validation on the data sets of ML-DSP, five seeds averaged, everything fitted in each fold.

    python tests/bench/accuracy.py [SET ...]

Beside it the published best of six supervised classifiers: ML-DSP (as re-run by Jaiswal 2024) and SpecGMM. `apart`:
the same with all records of one species, and near duplicates (ANI 99 and more), kept in one fold, with the first seed
alone. All data sets are cut from one index of mito, so that no pair of genomes is compared twice; each fold fits its own
projection, thresholds and calibration, as `gindex evaluate --rank class --folds 4` does on an index of one data set.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import built, machine, rows

from genome_index.evaluate.answers import Plan
from genome_index.evaluate.cross_validation import cross_validate
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.index import Index
from genome_index.index.store.pair_table import PairTable, rows_of
from genome_index.index.store.references import References, locator
from genome_index.records import Entry, Lineage, Taxon

# Our table's name -> the published table's name. Vertebrates and SubphylumToClass(Vertebrata) are one set.
PUBLISHED = {
    "Primates": "Primates",
    "Protists": "Protists",
    "Fungi": "Fungi",
    "Plants": "Plants",
    "Amphibians": "Amphibians",
    "Insects": "Insects",
    "3classes": "threeClasses",
    "Vertebrates": "Vertebrates",
    "Birds-Fish-Mammals": "Birds_Fish_Mammals",
    "Mammalia": "Mammalia",
    "DomainToKingdom(Eukaryota)": "DomainToKingdom_Eukaryota",
    "DomainToKingdom(Eukaryota_noProtists)": "DomainToKingdom_Eukaryota_noProtists",
    "KingdomToPhylum(Animalia)": "KingdomToPhylum_Animalia",
    "PhylumToSubphylum(Chordata)": "PhylumToSubphylum_Chordata",
    "ClassToSubclass(Actinopterygii)": "ClassToSubclass_Actinopterygii",
    "SubclassToSuperorder(Neopterygii)": "SubclassToSuperorder_Neopterygii",
    "SuperorderToOrder(Ostariophysi)": "SuperorderToOrder_Ostariophysi",
    "OrderToFamily(Cypriniformes)": "OrderToFamily_Cypriniformes",
    "FamilyToGenus(Cyprinidae)": "FamilyToGenus_Cyprinidae",
    "SubfamilyToGenus(Acheilognathinae)": "SubfamilyToGenus_Acheilognathinae",
}
SEEDS = range(5)
NEAR_DUPLICATE_ANI = 99.0


def data_sets(entries: Sequence[Entry], kin: Sequence[str]) -> tuple[list[Entry], dict[str, list[int]]]:
    """References of all sets, and the rows of each: a genome listed under two classes is there twice, as in the source."""
    row_of = {entry.id: entry.row for entry in entries}
    found: list[Entry] = []
    members: dict[str, list[int]] = defaultdict(list)
    for row in rows("mldsp_datasets"):
        if row["dataset"] in PUBLISHED and row["genome_id"] in row_of:
            own = row_of[row["genome_id"]]
            members[row["dataset"]].append(len(found))
            found.append(
                replace(
                    entries[own],
                    row=len(found),
                    taxon=Taxon(Lineage({"class": row["class"]}), {"kin": kin[own]}),
                )
            )
    return found, members


def kin_of(entries: Sequence[Entry], pairs: PairTable) -> list[str]:
    """One name for all that must stay together: the same species, or nearly the same sequence."""
    parent = list(range(len(entries)))

    def root(at: int) -> int:
        while parent[at] != at:
            at = parent[at]
        return at

    first: dict[str, int] = {}
    for entry in entries:
        species = entry.lineage.name("species")
        if species:
            parent[root(entry.row)] = root(first.setdefault(species, entry.row))
    near = pairs.values[:, 0] >= NEAR_DUPLICATE_ANI
    for a, b in zip(*(side[near].tolist() for side in rows_of(pairs.keys)), strict=True):
        parent[root(a)] = root(b)
    return [str(root(at)) for at in range(len(entries))]


def accuracy(
    comparer: Comparer, entries: Sequence[Entry], together: str | None, seeds: Sequence[int]
) -> tuple[float, float]:
    """Percent right of the call's name and of the nearest vector, averaged over the seeds."""
    scores = []
    for seed in seeds:
        plan = Plan(folds=4, rank="class", hold_out_rank=together, seed=seed, threads=comparer.threads)
        found = cross_validate(comparer, entries, plan).levels["class"]
        asked = found.same
        scores.append(
            [(found.guess == found.truth)[asked].mean(), (found.nearest == found.truth)[asked].mean()]
        )
    ours, raw = 100 * np.mean(scores, axis=0)
    return float(ours), float(raw)


def main() -> None:
    published = {row["dataset"]: row for row in rows("published_accuracy")}
    chosen = sys.argv[1:] or list(PUBLISHED)
    print(machine())
    print(
        f"{'data set':<40}{'n':>6}{'gindex':>8}{'nearest':>9}{'ML-DSP':>8}{'SpecGMM':>9}{'apart':>8}  verdict"
    )
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "index"
        index = Index.open(built(folder, "mito"))
        entries = index.catalog.entries()
        references, members = data_sets(entries, kin_of(entries, index.pairs()))
        kept = References(index.spec, locator(references), folder / "segments")
        comparer = Comparer(kept, os.cpu_count() or 1)
        for name in chosen:
            start = time.monotonic()
            some = [references[at] for at in members[name]]
            accurate, raw = accuracy(comparer, some, None, SEEDS)
            apart, _ = accuracy(comparer, some, "kin", SEEDS[:1])
            row = published[PUBLISHED[name]]
            mldsp, specgmm = float(row["mldsp_best_of_6"]), float(row["specgmm_best_of_6"])
            verdict = (
                "at or above" if accurate >= mldsp
                else "within one genome" if accurate >= mldsp - 100 / len(some) - 1e-9
                else "BELOW"
            )  # fmt: skip
            print(
                f"{name:<40}{len(some):>6}{accurate:>8.2f}{raw:>9.2f}{mldsp:>8.2f}{specgmm:>9.2f}{apart:>8.2f}  {verdict}"
                f"  ({time.monotonic() - start:.0f} s)",
                flush=True,
            )
            ours.append(accurate)
            theirs.append(specgmm)
    print(f"{'mean':<40}{'':>6}{sum(ours) / len(ours):>8.2f}{'':>9}{'':>8}{sum(theirs) / len(theirs):>9.2f}")


if __name__ == "__main__":
    main()
