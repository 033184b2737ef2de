"""Stratified 4-fold cross-validation on the data sets of ML-DSP, five seeds averaged, everything fitted in each fold.

    python tests/bench/accuracy.py [SET ...]

Beside it the published best of six supervised classifiers: ML-DSP (as re-run by Jaiswal 2024) and SpecGMM.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from common import evaluated, gindex, machine, plain, records, rows

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


def labelled(name: str, sequences: dict[str, str], folder: Path) -> tuple[Path, Path]:
    """FASTA and taxonomy of one data set; a genome listed under two classes is there twice, as in the source."""
    fasta, table = folder / "set.fa", folder / "set.tsv"
    times: dict[str, int] = defaultdict(int)
    with fasta.open("w") as out, table.open("w") as labels:
        labels.write("genome_id\tclass\n")
        for row in rows("mldsp_datasets"):
            text = sequences.get(row["genome_id"], "")
            if row["dataset"] != name or not text.split("\n", 1)[1].strip():
                continue
            times[row["genome_id"]] += 1
            genome_id = row["genome_id"] if times[row["genome_id"]] == 1 else f"{row['genome_id']}_again"
            out.write(f">{genome_id}\n{text.split(chr(10), 1)[1]}")
            labels.write(f"{genome_id}\t{row['class']}\n")
    return fasta, table


def main() -> None:
    published = {row["dataset"]: row for row in rows("published_accuracy")}
    chosen = sys.argv[1:] or list(PUBLISHED)
    print(machine())
    print(f"{'data set':<40}{'n':>6}{'gindex':>8}{'nearest':>9}{'ML-DSP':>8}{'SpecGMM':>9}  verdict")
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        sequences = dict(records(plain("mito", folder)))
        for name in chosen:
            fasta, table = labelled(name, sequences, folder)
            gindex(
                "build",
                str(fasta),
                "--genome-per",
                "record",
                "--taxonomy",
                str(table),
                "--index",
                str(folder / "index"),
            )
            found = [
                evaluated(folder / "index", "--rank", "class", "--folds", "4", "--seed", str(seed))["ranks"][
                    "class"
                ]
                for seed in SEEDS
            ]
            n = found[0]["n"]
            accuracy = 100 * sum(one["accuracy"] for one in found) / len(found)
            nearest = 100 * sum(one["nearest_vector_accuracy"] for one in found) / len(found)
            row = published[PUBLISHED[name]]
            mldsp, specgmm = float(row["mldsp_best_of_6"]), float(row["specgmm_best_of_6"])
            grace = 100 / n
            verdict = (
                "at or above"
                if accuracy >= mldsp
                else "within one genome"
                if accuracy >= mldsp - grace - 1e-9
                else "BELOW"
            )
            print(
                f"{name:<40}{n:>6}{accuracy:>8.2f}{nearest:>9.2f}{mldsp:>8.2f}{specgmm:>9.2f}  {verdict}",
                flush=True,
            )
            ours.append(accuracy)
            theirs.append(specgmm)
    print(f"{'mean':<40}{'':>6}{sum(ours) / len(ours):>8.2f}{'':>9}{'':>8}{sum(theirs) / len(theirs):>9.2f}")


if __name__ == "__main__":
    main()
