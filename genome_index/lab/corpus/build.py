"""Genomes -> a corpus to train on: checked, without repeats, split by cluster, reproducible to the byte.

Genomes stream by: one is held at a time, with a shard of packed bases. What is kept in memory of each genome
is its metadata; its sketch waits on disk for the clusters. The folder appears when all of it is there.
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
from genome_index.io.quality import complaint, given_before
from genome_index.io.reader import file_stem, iter_genomes
from genome_index.lab.corpus.packing import OTHER, canonical_digest, codes_of
from genome_index.lab.corpus.relatives import IDENTITY, SPEC, SketchFile
from genome_index.lab.corpus.shards import (
    FORMAT,
    GENOMES,
    MANIFEST,
    SHARD_BP,
    SPLIT,
    CorpusGenome,
    ShardWriter,
)
from genome_index.lab.corpus.split import PARTS, SplitPlan, Subject, make_split, require_collections
from genome_index.records import Failure, Genome, Progress, Taxon, counted, quiet
from genome_index.taxonomy.input_plan import plan as plan_of
from genome_index.taxonomy.names import species_genus, usable_name
from genome_index.taxonomy.lookup import Taxonomy

LEFT_OUT = "left_out.tsv"
SKETCHES = "sketches"  # while a corpus is made
ROWS_HELD = 256  # genomes read from an index before its segments are unmapped


@dataclass(frozen=True)
class CorpusSummary:
    """What came of some inputs, for the user."""

    path: Path
    parts: dict[str, int]  # genomes
    base_pairs: dict[str, int]  # by part
    species: int
    clusters: int
    largest_cluster: int  # genomes
    other_bp: int  # letters that became N
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
            yield f"{counted(self.duplicates)} left out, being another one's exact sequence: {LEFT_OUT}."
        if self.other_bp:
            yield f"{self.other_bp:,} letters that are no base became N."
        yield from self.notes


@dataclass
class _Intake:
    """A corpus while it is read; its genomes have no part and no cluster yet."""

    taxonomy: Taxonomy | None
    licence: str
    genomes: list[CorpusGenome] = field(default_factory=list)
    first: dict[str, int] = field(default_factory=dict)  # digest -> number of the genome that has it
    sources: dict[str, str] = field(default_factory=dict)  # id -> source
    duplicates: list[Failure] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def build_corpus(
    inputs: Sequence[str], out: Path, taxonomy: Path | None = None, per: str | None = None,
    licence: str = "", split: SplitPlan | None = None, shard_bp: int = SHARD_BP, progress: Progress = quiet,
) -> CorpusSummary:  # fmt: skip
    """Make a corpus of FASTA, GenBank and indexes; the same call gives the same bytes.

    Raises
    ------
    UsageError, TaxonomyError, StorageError, UnusableIndex
    """
    split = split or SplitPlan()
    if out.exists():
        raise UsageError(f"{out} is there already; remove it, or give another folder by --out")
    require_collections(split.hold_out, {_collection(given) for given in inputs})
    indexes = {given for given in inputs if current_snapshot(Path(given)) is not None}
    asked = plan_of([given for given in inputs if given not in indexes], taxonomy, per)
    intake = _Intake(asked.taxonomy, licence)
    work = new_folder(out)
    writer = ShardWriter(work, shard_bp)
    with SketchFile(work / SKETCHES) as sketches:
        for given in inputs:
            source = _of_index(Path(given)) if given in indexes else iter_genomes([given], asked.per)
            for genome in source:
                _take(genome, _collection(given), intake, writer, sketches)
                progress.stage("genomes", len(intake.genomes), 0)
        writer.close()
        if not intake.genomes:
            raise UsageError(_nothing(intake))
        progress.stage("relatives", 0, len(intake.genomes))
        groups, sampled = sketches.groups()
    (work / SKETCHES).unlink()
    made = make_split([_subject(one) for one in intake.genomes], groups, split)
    genomes = [replace(one, part=made.parts[one.id], cluster=made.clusters[one.id]) for one in intake.genomes]
    made.write(work / SPLIT)
    _write_tables(work, genomes, intake)
    settings = {"genome_per": asked.per, "licence": licence, "identity": IDENTITY, "sketch_k": SPEC.sketch_k,
                "words_sampled": sampled, "shard_bp": shard_bp, **_split_settings(split)}  # fmt: skip
    summary = _summary(out, genomes, intake, asked.notes)
    _write_manifest(work, settings, summary, asked.taxonomy)
    finish_folder(work, out)
    return summary


def _split_settings(split: SplitPlan) -> dict[str, object]:
    """The plan by its names in the manifest, one of which is older than the field's."""
    settings = asdict(split)
    return {**settings, "fellow_genera": settings.pop("shared_genera")}


def _collection(given: str) -> str:
    """What an input is called when it is held out: its file's or folder's name."""
    return "stdin" if given == "-" else file_stem(Path(given).absolute())


def _of_index(path: Path) -> Iterator[Genome | Failure]:
    """The genomes of an index whose bases are kept in it."""
    index, name = Index.open(path), path.absolute().name
    for done, row in enumerate(live_rows(index).tolist(), 1):
        entry, genome = index.entry(row), index.references.genome(row)
        if genome is None:
            reason = "the index keeps no bases of it; give its FASTA, or build with --keep-sequence"
            yield Failure(entry.id, name, reason)
        else:
            yield Genome(entry.id, genome.contigs, name, entry.taxon)
        if done % ROWS_HELD == 0:
            index.references.let_go()


def _take(
    genome: Genome | Failure, collection: str, intake: _Intake, writer: ShardWriter, sketches: SketchFile
) -> None:
    """Put one genome into the corpus, or say why it is left out."""
    failure = genome if isinstance(genome, Failure) else _refusal(genome, intake)
    if isinstance(genome, Failure) or failure is not None:
        intake.failures += [failure] if failure is not None else []
        return
    intake.sources[genome.id] = genome.source
    taxon = (intake.taxonomy.find(genome.id) if intake.taxonomy else None) or genome.taxon
    contigs = [codes_of(contig.sequence) for contig in genome.contigs]
    digest = canonical_digest(contigs)
    number = intake.first.setdefault(digest, len(intake.genomes))
    if number < len(intake.genomes):
        twin = intake.genomes[number]
        intake.duplicates.append(Failure(genome.id, genome.source, f"the same sequence as {twin.id}"))
        names = {*twin.also_named, *_usable(taxon, "species")} - {twin.species}
        intake.genomes[number] = replace(twin, also_named=tuple(sorted(filter(None, names))))
        return
    writer.add(contigs)
    sketches.add(genome)
    species, genus = (next(iter(_usable(taxon, rank)), None) for rank in ("species", "genus"))
    intake.genomes.append(
        CorpusGenome(
            genome.id, digest, Path(genome.source).name, collection, species,
            genus or (species_genus(species) if species else None),
            dict(taxon.lineage.names), dict(taxon.labels), (),
            intake.taxonomy.release if intake.taxonomy else "", intake.licence,
            genome.length_bp, len(contigs), sum(int((codes == OTHER).sum()) for codes in contigs), "train", 0,
        )
    )  # fmt: skip


def _refusal(genome: Genome, intake: _Intake) -> Failure | None:
    reason = complaint(genome)
    if genome.id in intake.sources:
        reason = given_before(genome.id, intake.sources[genome.id])
    return Failure(genome.id, genome.source, reason) if reason else None


def _usable(taxon: Taxon, rank: str) -> list[str]:
    name = taxon.lineage.name(rank)
    return [name] if name and usable_name(rank, name) else []


def _subject(one: CorpusGenome) -> Subject:
    own = (one.species,) if one.species else ()
    return Subject(
        one.id, one.sha256, one.collection, (*own, *one.also_named), (one.genus,) if one.genus else ()
    )


def _nothing(intake: _Intake) -> str:
    why = f": {intake.failures[0].source}: {intake.failures[0].reason}" if intake.failures else ""
    return f"no genome could be read{why}"


def _write_tables(work: Path, genomes: Sequence[CorpusGenome], intake: _Intake) -> None:
    lines = (json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in genomes)
    out = [("genome_id", "source", "reason")]
    out += [(one.id, Path(one.source).name, one.reason) for one in (*intake.duplicates, *intake.failures)]
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
    out: Path, genomes: Sequence[CorpusGenome], intake: _Intake, notes: tuple[str, ...]
) -> CorpusSummary:
    sizes = Counter(one.cluster for one in genomes)
    if intake.taxonomy is not None:
        notes = (*notes, *intake.taxonomy.warnings)
    return CorpusSummary(
        out, {part: sum(one.part == part for one in genomes) for part in PARTS},
        {part: sum(one.length_bp for one in genomes if one.part == part) for part in PARTS},
        len({one.species for one in genomes if one.species}), len(sizes), max(sizes.values()),
        sum(one.other_bp for one in genomes), len(intake.duplicates), tuple(intake.failures), notes,
    )  # fmt: skip
