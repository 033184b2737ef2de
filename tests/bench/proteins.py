"""Protein evidence: names of the nearest references by amino acid k-mers of six frames, of pyrodigal's genes and of a model's, beside nucleotide 21-mers.

    PYTHONPATH=.:tests/bench python tests/bench/proteins.py mito|bacteria|model [--python PYTHON] [--model DIR] [--most N]

--python is an interpreter that has pyrodigal; without one its rows are left out, with words. A query is answered by
the references of other species (is the genus right?) and by those of other genera (is the family right?).
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from common import GENOMES, machine, rows

from genome_index.index.store.sketches import hash_sketch
from genome_index.io.reader import iter_genomes
from genome_index.lab.annotate.prediction.annotate import annotate, open_annotator
from genome_index.lab.annotate.silver.labels import Finder, silver_labels
from genome_index.lab.proteins.comparison import Answer, Hit, Member, ProteinReferences, members
from genome_index.lab.proteins.gene_finding import GeneSettings, protein_finder
from genome_index.lab.proteins.kmers import KmerSettings, ProteinSketch
from genome_index.records import Genome
from genome_index.spec import IndexSpec

K, NUCLEOTIDES = 7, 21
CLADES = {
    "vertebrates": ("Vertebrata", 2, 40),
    "arthropods": ("Arthropoda", 5, 24),
}  # in lineages; code; queries
PER_FAMILY, PER_GENUS = 8, 3  # most references
BACTERIAL_SCALED = 20

Row = dict[str, str]
Sketched = tuple[dict[str, Member], float]  # by id, and seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("mito", "bacteria", "model"))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--most", type=int, default=0, help="most families or genomes; 0: all")
    options = parser.parse_args()
    print(machine(), flush=True)
    {"mito": mito, "bacteria": bacteria, "model": model}[options.part](options)


# -- mitogenomes ---------------------------------------------------------------------------------------------


def mito(options: argparse.Namespace) -> None:
    for clade, (name, code, queries) in CLADES.items():
        chosen = families(name, options.most or queries)
        genomes = read(chosen)
        asked = one_each(chosen, "family")
        print(f"\n{clade}, code {code}: {len(asked)} queries of as many families, {len(chosen)} references")
        compare(genomes, {row["genome_id"]: row for row in chosen}, asked, code, 1, options.python)


def families(clade: str, most: int) -> list[Row]:
    """Genomes of families with at least two genera, of which one has two species."""
    draws = random.Random(20)
    by_family: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows("mito"):
        if clade in row["lineage"] and row["kind"] == "organelle:Metazoa" and row["family"] and row["genus"]:
            by_family[row["family"]][row["genus"]].append(row)
    fit = sorted(
        f
        for f, genera in by_family.items()
        if len(genera) > 1 and any(species(own) > 1 for own in genera.values())
    )
    chosen: list[Row] = []
    for family in sorted(draws.sample(fit, min(most, len(fit)))):
        genera = sorted(by_family[family].values(), key=lambda own: -species(own))
        chosen += [row for own in genera for row in own[:PER_GENUS]][:PER_FAMILY]
    return chosen


def species(own: Sequence[Row]) -> int:
    return len({row["species"] for row in own})


def one_each(chosen: Sequence[Row], rank: str) -> list[str]:
    """The first genome of each name, whose genus has another species."""
    first: dict[str, str] = {}
    for row in chosen:
        if any(o["genus"] == row["genus"] and o["species"] != row["species"] for o in chosen):
            first.setdefault(row[rank], row["genome_id"])
    return list(first.values())


def read(chosen: Sequence[Row]) -> list[Genome]:
    """The genomes of rows of `mito`, in the order of the file."""
    wanted = {row["record"]: row["genome_id"] for row in chosen}
    genomes = iter_genomes([str(GENOMES / "mito.fa.gz")], "record")
    return [genome for genome in genomes if isinstance(genome, Genome) and genome.id in wanted]


# -- bacteria ------------------------------------------------------------------------------------------------


def bacteria(options: argparse.Namespace) -> None:
    table = [row for row in rows("bacteria") if row["genus"] != "Candidatus"]
    table = table[: options.most or None]
    asked = one_each(table, "species")
    genomes = [
        g for g in iter_genomes([str(GENOMES / row["file"]) for row in table]) if isinstance(g, Genome)
    ]
    print(
        f"\nbacteria, code 11: {len(asked)} queries, one of each species, {len(table)} references, 1 of {BACTERIAL_SCALED} k-mers"
    )
    compare(genomes, {row["genome_id"]: row for row in table}, asked, 11, BACTERIAL_SCALED, options.python)


# -- comparison ----------------------------------------------------------------------------------------------


def compare(
    genomes: Sequence[Genome],
    labels: dict[str, Row],
    asked: Sequence[str],
    code: int,
    scaled: int,
    python: str,
) -> None:
    ways: dict[str, Callable[[], Sketched]] = {
        "21-mers": lambda: nucleotides(genomes, scaled),
        "six-frames": lambda: proteins(genomes, GeneSettings(code=code), scaled),
    }
    if has_pyrodigal(python):
        ways["pyrodigal"] = lambda: proteins(genomes, GeneSettings("pyrodigal", code, python), scaled)
    heading = f"{'':12} {'genus':>8} {'family':>8} {'no AAI':>7} {'AAI genus':>10} {'AAI family':>11} {'k-mers':>10} {'genes':>7} {'CPU s each':>10}"
    print(heading, flush=True)
    for way, sketched in ways.items():
        sketches, seconds = sketched()
        k = NUCLEOTIDES if way == "21-mers" else K
        print(
            f"{way:12} {figures(sketches, labels, asked, KmerSettings(min(k, 12), scaled))} {seconds / len(genomes):>10.3f}",
            flush=True,
        )


def figures(
    sketches: dict[str, Member], labels: dict[str, Row], asked: Sequence[str], settings: KmerSettings
) -> str:
    """Right genus with the species out, right family with the genus out, and AAI of these nearest references."""
    references = ProteinReferences(list(sketches.values()), settings)
    answers = [references.answer(sketches[name], len(sketches)) for name in asked if name in sketches]
    of_species = [nearest(answer, labels, "species") for answer in answers]
    answerable = [
        a
        for a in answers
        if labels[a.query.id]["family"]
        and any(
            labels[name]["family"] == labels[a.query.id]["family"]
            and labels[name]["genus"] != labels[a.query.id]["genus"]
            for name in sketches
        )
    ]
    of_genus = [nearest(answer, labels, "genus") for answer in answerable]
    genus = sum(right(hit, labels, "genus") for hit in of_species)
    family = sum(right(hit, labels, "family") for hit in of_genus)
    none = sum(hit is None or hit.aai is None for hit in of_species)
    aai = [
        median([h.aai for h in hits if h and h.aai and right(h, labels, rank)])
        for hits, rank in ((of_species, "genus"), (of_genus, "family"))
    ]
    kmers = statistics.mean(len(member.sketch.hashes) for member in sketches.values())
    genes = statistics.mean(member.sketch.genes for member in sketches.values())
    return f"{f'{genus}/{len(of_species)}':>8} {f'{family}/{len(of_genus)}':>8} {none:>7} {aai[0]:>10} {aai[1]:>11} {kmers:>10,.0f} {genes:>7,.0f}"


def nearest(answer: Answer, labels: dict[str, Row], rank: str) -> Hit | None:
    """The first hit that has not the query's own name of this rank."""
    own = labels[answer.query.id][rank]
    return next((hit for hit in answer.hits if labels[hit.reference.id][rank] != own), None)


def right(hit: Hit | None, labels: dict[str, Row], rank: str) -> bool:
    return hit is not None and labels[hit.query.id][rank] == labels[hit.reference.id][rank]


def median(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} ({len(values)})" if values else "-"


def proteins(genomes: Sequence[Genome], finding: GeneSettings, scaled: int) -> Sketched:
    start = cpu_seconds()
    with protein_finder(finding) as proteins_of:
        made = list(members(genomes, proteins_of, KmerSettings(K, scaled)))
    failed = [one for one in made if not isinstance(one, Member)]
    for failure in failed:
        print(f"failed: {failure.id}: {failure.reason}")
    return {one.id: one for one in made if isinstance(one, Member)}, cpu_seconds() - start


def nucleotides(genomes: Sequence[Genome], scaled: int) -> Sketched:
    """Canonical 21-mers, at most one of two: the limit of all would be 2**64, which has no room in 64 bits."""
    start = cpu_seconds()
    spec = IndexSpec(sketch_k=NUCLEOTIDES, small_scaled=max(2, scaled), large_scaled=max(2, scaled))
    made = {
        genome.id: Member(
            genome.id,
            genome.source,
            genome.sha256,
            genome.taxon,
            ProteinSketch(hash_sketch(genome, spec), np.zeros(20, np.int64), 0),
        )
        for genome in genomes
    }
    return made, cpu_seconds() - start


def cpu_seconds() -> float:
    """Of this process and of those that it started and that ended: wall time says little on a shared machine."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def has_pyrodigal(python: str) -> bool:
    done = subprocess.run([python, "-c", "import pyrodigal"], capture_output=True)
    if done.returncode:
        print(f"pyrodigal left out: {python} does not have it; give another interpreter with --python")
    return not done.returncode


# -- a model's genes -----------------------------------------------------------------------------------------

MODEL_BP = 60_000  # of each genome: a model writes a few kb/s


def model(options: argparse.Namespace) -> None:
    """Plasmids in pairs of one species: genes beside pyrodigal's, and the AAI of the pair by all ways."""
    if options.model is None:
        sys.exit("--model is missing: give a folder of `gindex lab annotate train`")
    genomes = plasmids(options.most or 6)
    bases = sum(genome.length_bp for genome in genomes)
    print(f"\n{len(genomes)} plasmids, {bases:,} bp, at most {MODEL_BP:,} of each")
    shared_genes(genomes, options)
    found = {
        "six-frames": GeneSettings(),
        "pyrodigal": GeneSettings("pyrodigal", python=options.python),
        "model": GeneSettings("model", model=options.model),
    }
    for way, finding in found.items():
        sketches, seconds = proteins(genomes, finding, 1)
        references = ProteinReferences(list(sketches.values()), KmerSettings(K))
        print(f"{way}: {seconds:,.1f} CPU s, {bases / 1000 / seconds:,.1f} kb/s")
        for first, second in zip(genomes[::2], genomes[1::2], strict=True):
            hits = references.answer(sketches[first.id], len(sketches)).hits
            hit = next((hit for hit in hits if hit.reference.id == second.id), None)
            best = next((hit.reference.id for hit in hits if hit.reference.id != first.id), "none")
            sketch = sketches[first.id].sketch
            shown = (
                f"containment {hit.containment:.4f}, Jaccard {hit.jaccard:.4f}, AAI {hit.aai or float('nan'):.1f}, {hit.shared} shared ({hit.by_chance:.1f} by chance)"
                if hit
                else "no shared k-mer"
            )
            print(
                f"  {first.id} to {second.id}: {shown}; {sketch.genes} genes, {sketch.residues:,} residues; nearest {best}",
                flush=True,
            )


def plasmids(number: int) -> list[Genome]:
    """The first two of each of some species, cut to MODEL_BP, in pairs of nearest nucleotide k-mers."""
    by_species: dict[str, list[str]] = defaultdict(list)
    for row in rows("plasmid"):
        if int(row["length"]) <= MODEL_BP and row["species"]:
            by_species[row["species"]].append(row["genome_id"])
    known = {
        g.id: g for g in iter_genomes([str(GENOMES / "plasmid.fa.gz")], "record") if isinstance(g, Genome)
    }
    pairs = []
    for own in by_species.values():
        sketches, _ = nucleotides([known[name] for name in own], 1)
        references = ProteinReferences(list(sketches.values()), KmerSettings(12))
        hits = [
            hit
            for one in sketches.values()
            for hit in references.answer(one, 5).hits
            if hit.reference.id != hit.query.id
        ]
        pairs += [(hit.jaccard, hit.query.id, hit.reference.id) for hit in hits if hit.jaccard < 0.5]
    best: dict[str, tuple[float, str, str]] = {}
    for pair in sorted(pairs, reverse=True):
        if not any(name in used[1:] for used in best.values() for name in pair[1:]):
            best[pair[1]] = pair
    return [known[name] for pair in list(best.values())[: number // 2] for name in pair[1:]]


def shared_genes(genomes: Sequence[Genome], options: argparse.Namespace) -> None:
    """Of pyrodigal's CDS, those with the same ends, and the same stop, among the model's."""
    annotator = open_annotator(options.model)
    silver = silver_labels(genomes, Finder(options.python)).annotation.features
    theirs = {(f.contig, f.start, f.end, f.strand) for f in silver if f.type == "CDS"}
    written = [
        f for g in genomes for f in annotate(g.contigs, annotator, annotator.plan()) if f.type == "CDS"
    ]
    own = {(f.contig, f.start, f.end, f.strand) for f in written}
    stops = [
        {(c, end if strand == "+" else start, strand) for c, start, end, strand in genes}
        for genes in (theirs, own)
    ]
    print(
        f"pyrodigal {len(theirs)} CDS, model {len(own)}; same ends {len(own & theirs)}, same stop {len(stops[0] & stops[1])}",
        flush=True,
    )


if __name__ == "__main__":
    main()
