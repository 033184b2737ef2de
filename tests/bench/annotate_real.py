"""Real corpora for annotation models, labelled by pyrodigal, and pyrodigal beside records of GenBank.

    GINDEX_PYRODIGAL=PYTHON PYTHONPATH=. python tests/bench/annotate_real.py OUT [RECORD.gb ...] [--model DIR]

OUT/mito is baked of 300 vertebrate mitogenomes, each of another genus, evenly spaced in the order of lineages;
OUT/bacteria of the shortest genome of each species until 10 Mbp are reached. Beside them lie their genes as GFF3.
A mitogenome is too short for Prodigal to learn from and its models of many species have no code 2, so one model is
learned from all 300 together. RECORD is a GenBank file with CDS; NC_005816 and NC_000932 are in Biopython's source. With --model
nothing is made in OUT; the records are annotated by a model that was trained on one of its corpora.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import GENOMES, rows

from genome_index.io.reader import iter_genomes
from genome_index.lab.annotate.corpus.bake import BakePlan, bake
from genome_index.lab.annotate.corpus.windows import WindowPlan
from genome_index.lab.annotate.evaluation.metrics import score
from genome_index.lab.annotate.files.features import Annotation, Feature
from genome_index.lab.annotate.files.gff3_writer import write_gff3
from genome_index.lab.annotate.files.reader import read_annotation
from genome_index.lab.annotate.prediction.annotate import Annotator, annotate, open_annotator
from genome_index.lab.annotate.silver.labels import Finder, silver_labels
from genome_index.lab.corpus.split import SplitPlan
from genome_index.records import Contig, Failure, Genome

PYTHON = os.environ.get("GINDEX_PYRODIGAL", sys.executable)
WINDOWS = WindowPlan(1_200, 600, 60)
MITOGENOMES, BACTERIA_BP = 300, 10_000_000
VERTEBRATES, MYCOPLASMA, BACTERIA = 2, 4, 11  # NCBI's genetic codes
PROTEINS = 13  # of a vertebrate mitogenome
LEAST_BP = 20_000  # from which Prodigal learns


def genomes_of(paths: Iterable[Path], per: str = "file") -> list[Genome]:
    """Genomes, all of which must be readable."""
    found = list(iter_genomes([str(path) for path in paths], per))
    assert not any(isinstance(one, Failure) for one in found), found
    return [one for one in found if isinstance(one, Genome)]


def labels_of(genomes: Sequence[Genome], code: int, meta: bool = False) -> Annotation:
    found = silver_labels(genomes, Finder(PYTHON, meta=meta, code=code))
    assert not found.failures, found.failures
    return found.annotation


def mitogenomes(out: Path) -> Path:
    """A FASTA of one vertebrate of each genus, evenly spaced in the order of lineages."""
    of_genus = {
        row["genus"]: row for row in reversed(rows("mito"))
        if "Vertebrata" in row["lineage"] and row["genus"] and row["kind"] == "organelle:Metazoa"
    }  # fmt: skip
    ordered = sorted(of_genus.values(), key=lambda row: (row["lineage"], row["genome_id"]))
    places = np.linspace(0, len(ordered) - 1, MITOGENOMES).round().astype(int)
    wanted = {ordered[at]["record"] for at in places}
    with gzip.open(GENOMES / "mito.fa.gz", "rt") as file:
        texts = [text for text in file.read().split(">")[1:] if text.split(None, 1)[0] in wanted]
    path = out / "mito.fa"
    path.write_text("".join(f">{text}" for text in texts))
    return path


def bacteria() -> dict[str, Path]:
    """The shortest genome of each species, until there are bases enough."""
    chosen: dict[str, Path] = {}
    total = 0
    for row in sorted(rows("bacteria"), key=lambda row: int(row["length"])):
        if row["species"] not in chosen and total < BACTERIA_BP:
            chosen[row["species"]] = GENOMES / row["file"]
            total += int(row["length"])
    return chosen


def coding(features: Iterable[Feature]) -> list[Feature]:
    return [feature for feature in features if feature.type == "CDS"]


def print_labels(name: str, annotation: Annotation) -> None:
    genes = coding(annotation.features)
    base_pairs = sum(region.end for region in annotation.regions)
    covered = sum(one.end - one.start for one in genes)
    lengths = np.percentile([one.end - one.start for one in genes], (5, 50, 95)).astype(int).tolist()
    starts = Counter(one.value("start_type") for one in genes)
    partial = sum(one.value("partial") == "true" for one in genes)
    print(
        f"\n{name}: {len(annotation.regions)} contigs, {base_pairs:,} bp, {len(genes):,} CDS, {covered / base_pairs:.1%} "
        f"of the bases, {partial} partial; lengths (5, 50, 95 %) {lengths}; starts {dict(starts.most_common())}"
    )


def print_per_genome(annotation: Annotation) -> None:
    per_contig = Counter(one.contig for one in coding(annotation.features))
    counts = Counter(per_contig[region.contig] for region in annotation.regions)
    print(f"CDS of a genome ({PROTEINS} are there): {dict(sorted(counts.items()))}")


def baked(fasta: Sequence[Path], genes: Sequence[Path], out: Path, per: str, split: SplitPlan) -> None:
    summary = bake(
        [str(path) for path in fasta], [str(path) for path in genes], out, BakePlan(WINDOWS, split, per=per)
    )
    print("\n".join((*summary.sentences(), *summary.notes)))


def print_agreement(path: Path, pool: Genome) -> None:
    """Pyrodigal's genes of a record beside its CDS; those of vertebrate mitogenomes by the model of the pool."""
    known = coding(read_annotation(str(path)).features)
    codes = Counter(int(one.value("transl_table") or 1) for one in known)
    code = codes.most_common(1)[0][0]
    (genome,) = genomes_of([path])
    (contig,) = genome.contigs
    ways = {"models of many species": (genome, True)}
    if len(contig.sequence) >= LEAST_BP:
        ways = {"learned from it": (genome, False), **ways}
    if code == VERTEBRATES:
        others = tuple(one for one in pool.contigs if one.name.split(".")[0] != contig.name.split(".")[0])
        ways = {"learned from the pool": (Genome("pool", (*others, contig), str(path)), False), **ways}
    print(f"\n{path.name}: {len(contig.sequence):,} bp, {len(known)} CDS, code {code}")
    for name, (given, meta) in ways.items():
        found = [one for one in coding(labels_of([given], code, meta).features) if one.contig == contig.name]
        print_scores(name, found, known, contig)


def print_scores(name: str, found: Sequence[Feature], known: Sequence[Feature], contig: Contig) -> None:
    true = [replace(one, contig=contig.name) for one in known]
    scores = score(found, true)
    ends = [
        {(one.end if one.strand == "+" else one.start, one.strand) for one in own} for own in (found, true)
    ]
    genes = scores.genes
    print(
        f"  {name}: {len(found)} found, {genes.both} exact (recall {genes.recall:.1%}, precision {genes.precision:.1%}), "
        f"{len(ends[0] & ends[1])} by the stop; {scores.paired} share half, mean errors 5' {scores.start_error:.1f} "
        f"and 3' {scores.end_error:.1f} bp; base F1 {scores.bases['CDS'].f1:.1%}"
    )


def print_model(path: Path, annotator: Annotator) -> None:
    """A model's genes of a record beside its CDS."""
    annotation = read_annotation(str(path))
    (genome,) = genomes_of([path])
    (contig,) = genome.contigs
    found = annotate(genome.contigs, annotator, annotator.plan(), circular=bool(annotation.circular))
    print(f"\n{path.name}: {len(contig.sequence):,} bp, {len(coding(annotation.features))} CDS")
    print_scores("model", coding(found), coding(annotation.features), contig)


def main(out: Path, records: Sequence[Path]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    fasta = mitogenomes(out)
    (pool,) = genomes_of([fasta])
    found = labels_of([pool], VERTEBRATES)
    write_gff3(found, out / "mito.gff3")
    print_labels("mitogenomes", found)
    print_per_genome(found)
    baked([fasta], [out / "mito.gff3"], out / "mito", "record", SplitPlan())

    chosen = bacteria()
    files: list[Path] = []
    for code in (MYCOPLASMA, BACTERIA):
        own = [path for species, path in chosen.items() if ("Mycoplasma" in species) == (code == MYCOPLASMA)]
        found = labels_of(genomes_of(own), code)
        files.append(out / f"bacteria_code_{code}.gff3")
        write_gff3(found, files[-1])
        print_labels(f"bacteria of code {code}", found)
    print("\n".join(f"  {species}: {path.name}" for species, path in chosen.items()))
    baked(list(chosen.values()), files, out / "bacteria", "file", SplitPlan(validation=0.1))
    for record in records:
        print_agreement(record, pool)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("records", type=Path, nargs="*")
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    if given.model is None:
        main(given.out, given.records)
    else:
        for record in given.records:
            print_model(record, open_annotator(given.model))
