"""Building of a training corpus: genomes checked, without duplicates, split by cluster, the same every time.

Genomes stream: one at a time is in memory, with a shard of packed bases. The metadata of each genome stays in
memory; its sketch waits on disk for the clusters. The folder appears when it is complete.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from pathlib import Path

from genome_index.errors import UsageError
from genome_index.index.index import Index
from genome_index.index.neighbours import live_rows
from genome_index.index.snapshots import current_snapshot
from genome_index.io import tsv
from genome_index.io.atomic import disk_errors, finish_folder, new_folder, write_file
from genome_index.io.checksums import described, sealed
from genome_index.io.inputs import Input, file_stem
from genome_index.io.quality import refusal
from genome_index.io.reader import iter_genomes
from genome_index.lab.corpus.manifest import MANIFEST
from genome_index.lab.corpus.packing import OTHER, canonical_digest, codes_of
from genome_index.lab.corpus.relatives import IDENTITY, SPEC, SketchFile
from genome_index.lab.corpus.shards import (
    FORMAT,
    GENOMES,
    SHARD_BP,
    SPLIT,
    CorpusGenome,
    ShardWriter,
)
from genome_index.lab.corpus.split import PARTS, SplitPlan, Subject, make_split, require_collections
from genome_index.records import Failure, Genome, Progress, Taxon, counted, quiet
from genome_index.taxonomy.input_plan import plan as plan_of
from genome_index.taxonomy.lookup import Taxonomy
from genome_index.taxonomy.names import species_genus, usable_name

LEFT_OUT = "left_out.tsv"
SKETCHES = "sketches"  # a file that exists only during the build
ROWS_MAPPED = 256  # genomes read from an index before its segments are unmapped


@dataclass(frozen=True)
class CorpusSummary:
    """The result of a build, for the user."""

    path: Path
    parts: dict[str, int]  # genomes
    base_pairs: dict[str, int]  # by part
    species: int
    clusters: int
    largest_cluster: int  # genomes
    other_bp: int  # characters that became N
    duplicates: int
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]

    def sentences(self) -> Iterator[str]:
        genomes = sum(self.parts.values())
        yield (
            f"{self.path}: {counted(genomes)}, {sum(self.base_pairs.values()):,} bp, {self.species:,} named "
            f"species; {counted(self.clusters, 'cluster')}, the largest of {counted(self.largest_cluster)}."
        )
        yield "; ".join(f"{part} {counted(self.parts[part])}" for part in PARTS) + "."
        if self.duplicates:
            yield f"{counted(self.duplicates)} left out as duplicates: {LEFT_OUT}."
        if self.other_bp:
            yield f"{self.other_bp:,} characters that are no base became N."
        yield from self.notes


@dataclass
class _Collected:
    """The inputs so far; the genomes have no part and no cluster yet."""

    taxonomy: Taxonomy | None
    licence: str
    genomes: list[CorpusGenome] = field(default_factory=list)
    first: dict[str, int] = field(default_factory=dict)  # digest -> number of its first genome
    sources: dict[str, str] = field(default_factory=dict)  # id -> source
    duplicates: list[Failure] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def build_corpus(
    inputs: Sequence[str | Input], out: Path, taxonomy: Path | None = None, per: str | None = None,
    licence: str = "", split: SplitPlan | None = None, shard_bp: int = SHARD_BP, progress: Progress = quiet,
) -> CorpusSummary:  # fmt: skip
    """Build a corpus from FASTA, GenBank and indexes; the same call gives the same bytes.

    Raises
    ------
    UsageError, TaxonomyError, StorageError, UnusableIndex
    """
    split = split or SplitPlan()
    if out.exists():
        raise UsageError(f"{out} exists; remove it, or give another folder with --out")
    require_collections(split.hold_out, {_collection(given) for given in inputs})
    indexes = {given for given in inputs if current_snapshot(Path(given)) is not None}
    plan = plan_of([given for given in inputs if given not in indexes], taxonomy, per)
    collected = _Collected(plan.taxonomy, licence)
    work = new_folder(out)
    writer = ShardWriter(work, shard_bp)
    with SketchFile(work / SKETCHES) as sketches:
        for given in inputs:
            source = _of_index(Path(given)) if given in indexes else iter_genomes([given], plan.per)
            for genome in source:
                _add(genome, _collection(given), collected, writer, sketches)
                progress.stage("genomes", len(collected.genomes), 0)
        writer.close()
        if not collected.genomes:
            raise UsageError(_no_genome(collected))
        progress.stage("relatives", 0, len(collected.genomes))
        groups, sampled = sketches.groups()
    (work / SKETCHES).unlink()
    parts = make_split([_subject(genome) for genome in collected.genomes], groups, split)
    genomes = [
        replace(genome, part=parts.parts[genome.id], cluster=parts.clusters[genome.id])
        for genome in collected.genomes
    ]
    parts.write(work / SPLIT)
    _write_tables(work, genomes, collected)
    settings = {"genome_per": plan.per, "licence": licence, "identity": IDENTITY, "sketch_k": SPEC.sketch_k,
                "words_sampled": sampled, "shard_bp": shard_bp, **_split_settings(split)}  # fmt: skip
    summary = _summary(out, genomes, collected, plan.notes)
    _write_manifest(work, settings, summary, plan.taxonomy)
    finish_folder(work, out)
    return summary


def _split_settings(split: SplitPlan) -> dict[str, object]:
    """The plan by its names in the manifest, one of which is older than the field's."""
    settings = asdict(split)
    shared = settings.pop("shared_genera")
    return {**settings, "fellow_genera": shared}


def _collection(given: str | Input) -> str:
    """The name of an input for --hold-out: that of its file or folder."""
    return "stdin" if str(given) == "-" else file_stem(Path(given).absolute())


def _of_index(path: Path) -> Iterator[Genome | Failure]:
    """The genomes of an index that stores their bases; a failure for each of the others."""
    index, name = Index.open(path), path.absolute().name
    for done, row in enumerate(live_rows(index).tolist(), 1):
        entry, genome = index.entry(row), index.references.genome(row)
        if genome is None:
            reason = "the index does not store its bases; give its FASTA, or build with --keep-sequence"
            yield Failure(entry.id, name, reason)
        else:
            yield Genome(entry.id, genome.contigs, name, entry.taxon)
        if done % ROWS_MAPPED == 0:
            index.references.let_go()


def _add(
    genome: Genome | Failure, collection: str, collected: _Collected, writer: ShardWriter,
    sketches: SketchFile,
) -> None:  # fmt: skip
    """Add one genome to the corpus, or the reason why it is left out."""
    failure = genome if isinstance(genome, Failure) else refusal(genome, collected.sources)
    if isinstance(genome, Failure) or failure is not None:
        collected.failures += [failure] if failure is not None else []
        return
    collected.sources[genome.id] = genome.source
    taxon = (collected.taxonomy.find(genome.id) if collected.taxonomy else None) or genome.taxon
    contigs = [codes_of(contig.sequence) for contig in genome.contigs]
    digest = canonical_digest(contigs)
    number = collected.first.setdefault(digest, len(collected.genomes))
    if number < len(collected.genomes):
        first = collected.genomes[number]
        collected.duplicates.append(Failure(genome.id, genome.source, f"the same sequence as {first.id}"))
        names = {*first.also_named, *_usable(taxon, "species")} - {first.species}
        collected.genomes[number] = replace(first, also_named=tuple(sorted(filter(None, names))))
        return
    writer.add(contigs)
    sketches.add(genome)
    species, genus = (next(iter(_usable(taxon, rank)), None) for rank in ("species", "genus"))
    collected.genomes.append(
        CorpusGenome(
            genome.id, digest, Path(genome.source).name, collection, species,
            genus or (species_genus(species) if species else None),
            dict(taxon.lineage.names), dict(taxon.labels), (),
            collected.taxonomy.release if collected.taxonomy else "", collected.licence,
            genome.length_bp, len(contigs), sum(int((codes == OTHER).sum()) for codes in contigs), "train", 0,
        )
    )  # fmt: skip


def _usable(taxon: Taxon, rank: str) -> list[str]:
    name = taxon.lineage.name(rank)
    return [name] if name and usable_name(rank, name) else []


def _subject(genome: CorpusGenome) -> Subject:
    species = (genome.species,) if genome.species else ()
    genera = (genome.genus,) if genome.genus else ()
    return Subject(genome.id, genome.sha256, genome.collection, (*species, *genome.also_named), genera)


def _no_genome(collected: _Collected) -> str:
    failures = collected.failures
    reason = f": {failures[0].source}: {failures[0].reason}" if failures else ""
    return f"no genome could be read{reason}"


def _write_tables(work: Path, genomes: Sequence[CorpusGenome], collected: _Collected) -> None:
    lines = (json.dumps(asdict(genome), ensure_ascii=False) + "\n" for genome in genomes)
    out = [("genome_id", "source", "reason")]
    left_out = (*collected.duplicates, *collected.failures)
    out += [(failure.id, Path(failure.source).name, failure.reason) for failure in left_out]
    with disk_errors(work):
        with (work / GENOMES).open("w", encoding="utf-8") as file:
            file.writelines(lines)
        (work / LEFT_OUT).write_text("".join(tsv.rows(out)), encoding="utf-8")


def _write_manifest(
    work: Path, settings: Mapping[str, object], summary: CorpusSummary, taxonomy: Taxonomy | None
) -> None:
    values = {
        "format": FORMAT,
        "gindex": metadata.version("gindex"),
        "taxonomy": taxonomy.release if taxonomy else "",
        "settings": settings,
        "genomes": summary.parts,
        "base_pairs": summary.base_pairs,
        "clusters": summary.clusters,
        "files": described(work),
    }
    write_file(work / MANIFEST, sealed(values))


def _summary(
    out: Path, genomes: Sequence[CorpusGenome], collected: _Collected, notes: tuple[str, ...]
) -> CorpusSummary:
    sizes = Counter(one.cluster for one in genomes)
    if collected.taxonomy is not None:
        notes = (*notes, *collected.taxonomy.warnings)
    return CorpusSummary(
        out, {part: sum(one.part == part for one in genomes) for part in PARTS},
        {part: sum(one.length_bp for one in genomes if one.part == part) for part in PARTS},
        len({one.species for one in genomes if one.species}), len(sizes), max(sizes.values()),
        sum(one.other_bp for one in genomes), len(collected.duplicates), tuple(collected.failures), notes,
    )  # fmt: skip
