"""Baking of a corpus: FASTA and annotation to windows with target text, split by relatives.

Genomes stream: one at a time is in memory, beside the annotations. Windows wait in one file until the
clusters are known, and are then copied to their part. The same inputs give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import BinaryIO

from genome_index.errors import InputError, UsageError
from genome_index.io.atomic import disk_errors, finish_folder, new_folder, write_file
from genome_index.io.checksums import described, sealed
from genome_index.io.inputs import Input
from genome_index.io.quality import refusal
from genome_index.io.reader import iter_genomes
from genome_index.lab.annotate.corpus.examples import (
    FORMAT,
    GENE_TOKEN,
    SPLIT,
    example_of,
    json_line,
    part_file,
)
from genome_index.lab.annotate.corpus.report import (
    COMPLAINTS,
    Findings,
    GenomeCounts,
    part_table,
    write_report,
)
from genome_index.lab.annotate.corpus.sources import Sources
from genome_index.lab.annotate.corpus.windows import WindowPlan, is_known, windows_of
from genome_index.lab.annotate.files.features import Complaint
from genome_index.lab.annotate.tokens.token_lists import escaped
from genome_index.lab.corpus.manifest import MANIFEST
from genome_index.lab.corpus.packing import canonical_digest, codes_of
from genome_index.lab.corpus.relatives import IDENTITY, SPEC, SketchFile
from genome_index.lab.corpus.split import PARTS, Split, SplitPlan, Subject, make_split
from genome_index.records import Contig, Failure, Genome, Progress, counted, quiet
from genome_index.taxonomy.input_plan import plan as plan_of
from genome_index.taxonomy.names import species_genus, usable_name

SPOOL, SKETCHES = "windows", "sketches"  # files that exist only while a corpus is baked
MAX_LINES = 1_000  # in a window; `--max_gff_lines` of GeneT5
COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class BakePlan:
    """How a corpus is baked."""

    windows: WindowPlan = field(default_factory=WindowPlan)
    split: SplitPlan = field(default_factory=SplitPlan)
    max_lines: int = MAX_LINES  # windows with more are left out
    gene_token: str = GENE_TOKEN
    per: str | None = None  # what one genome is: file or record; None: as in `lab corpus`


@dataclass(frozen=True)
class BakeSummary:
    """The result, for the user."""

    path: Path
    parts: dict[str, dict[str, int]]  # genomes, windows, empty, bases, lines
    clusters: int
    complaints: tuple[Complaint, ...]
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]

    def sentences(self) -> Iterator[str]:
        windows, lines = (sum(row[name] for row in self.parts.values()) for name in ("windows", "lines"))
        clusters = counted(self.clusters, "cluster")
        yield f"{self.path}: {counted(windows, 'window')}, {counted(lines, 'line')}, {clusters}."
        of_parts = (
            f"{part} {counted(row['genomes'])}, {counted(row['windows'], 'window')}"
            for part, row in self.parts.items()
        )
        yield "; ".join(of_parts) + "."
        if self.complaints:
            complaints = counted(len(self.complaints), "complaint")
            yield f"{complaints} about lines of annotation files: {COMPLAINTS}."
        yield from self.notes


@dataclass
class _Baking:
    """The state while genomes are read."""

    sources: Sources
    plan: BakePlan
    spool: BinaryIO
    sketches: SketchFile
    findings: Findings = field(default_factory=Findings)
    subjects: list[Subject] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)  # of each genome's windows in the spool, in bytes
    digests: dict[str, str] = field(default_factory=dict)  # of a sequence -> its first genome
    given: dict[str, str] = field(default_factory=dict)  # id -> source
    failures: list[Failure] = field(default_factory=list)


def bake(
    fasta: Sequence[str | Input], annotations: Sequence[str], out: Path, plan: BakePlan | None = None,
    tokens: Path | None = None, progress: Progress = quiet,
) -> BakeSummary:  # fmt: skip
    """Bake a corpus into a new folder; the same inputs give the same bytes.

    Parameters
    ----------
    fasta : sequences, in any format that gindex reads
    annotations : their annotation, as GFF3, GTF, GenBank or EMBL, in any number of files
    tokens : file to which the names are added that a tokenizer must have

    Raises
    ------
    UsageError, InputError, StorageError
    """
    plan = plan or BakePlan()
    if out.exists():
        raise UsageError(f"{out} exists; remove it, or give another folder with --out")
    sources = Sources(annotations)
    read = plan_of(fasta, None, plan.per)
    work = new_folder(out)
    with (work / SPOOL).open("wb") as spool, SketchFile(work / SKETCHES) as sketches, disk_errors(out):
        baking = _Baking(sources, plan, spool, sketches)
        for genome in iter_genomes(read.inputs, read.per):
            _add(genome, baking)
            progress.stage("genomes", len(baking.subjects), 0)
        if not baking.subjects:
            raise UsageError(_nothing(baking.failures))
        groups, sampled = sketches.groups()
    (work / SKETCHES).unlink()
    split = make_split(baking.subjects, groups, plan.split)
    with disk_errors(out):
        _share_out(work, baking, split)
    _count_what_was_not_found(baking)
    baking.findings.notes += _empty_parts(split, plan.split)
    complaints = tuple(sources.complaints())
    write_report(work, baking.findings, split.parts, complaints, _command(fasta, annotations, plan))
    table = part_table(baking.findings, split.parts)
    settings = {**_settings(plan), "genome_per": read.per, "kmers_sampled": sampled}
    clusters = len(set(split.clusters.values()))
    _write_manifest(work, settings, table, clusters, [source.name for source in sources.all])
    finish_folder(work, out)
    if tokens is not None:
        add_tokens(tokens, baking.findings.tokens())
    notes = (*read.notes, *baking.findings.notes)
    return BakeSummary(out, table, clusters, complaints, tuple(baking.failures), notes)


def _add(genome: Genome | Failure, baking: _Baking) -> None:
    """Add the windows of a genome, or the reason why it is left out."""
    failure = genome if isinstance(genome, Failure) else refusal(genome, baking.given)
    if isinstance(genome, Failure) or failure is not None:
        if failure is not None:
            baking.failures.append(failure)
            baking.findings.left_out["genome", failure.id, failure.reason] += 1
        return
    baking.given[genome.id] = genome.source
    digest = canonical_digest([codes_of(contig.sequence) for contig in genome.contigs])
    numbers = baking.sources.of(genome)
    if reason := _same_as(digest, baking) or baking.sources.claim(genome, numbers):
        baking.findings.left_out["genome", genome.id, reason] += 1
        if not reason.startswith("the same sequence"):
            baking.failures.append(Failure(genome.id, genome.source, reason))
        return
    baking.digests[digest] = genome.id
    baking.findings.genomes[genome.id] = GenomeCounts()
    for contig in genome.contigs:
        _add_contig(contig, genome.id, numbers, baking)
    baking.sketches.add(genome)
    baking.subjects.append(_subject(genome, digest))
    baking.ends.append(baking.spool.tell())


def _same_as(digest: str, baking: _Baking) -> str:
    first = baking.digests.get(digest)
    return f"the same sequence as {first}" if first else ""


def _add_contig(contig: Contig, genome_id: str, numbers: Sequence[int], baking: _Baking) -> None:
    findings, placed = baking.findings, baking.sources.placed(contig, numbers)
    if placed is None:
        findings.left_out["contig", contig.name, "no annotation names it"] += 1
        return
    findings.notes += baking.sources.notes(contig, numbers)
    findings.add_pieces(placed.pieces)
    for (kind, reason), number in placed.left_out.items():
        findings.left_out["feature", kind, reason] += number
    for window in windows_of(contig, placed.pieces, baking.plan.windows, placed.is_circular):
        if not is_known(window):
            findings.left_out["window", contig.name, "more than half of it is N"] += 1
        elif len(window.lines) > baking.plan.max_lines:
            findings.left_out["window", contig.name, f"more than {baking.plan.max_lines:,} lines"] += 1
        else:
            findings.genomes[genome_id].add(window.lines, window.end - window.start)
            baking.spool.write(json_line(example_of(window, genome_id, baking.plan.gene_token)).encode())


def _subject(genome: Genome, digest: str) -> Subject:
    names = {rank: genome.taxon.lineage.name(rank) for rank in ("species", "genus")}
    species, genus = (name if name and usable_name(rank, name) else None for rank, name in names.items())
    genus = genus or (species_genus(species) if species else None)
    return Subject(genome.id, digest, "", (species,) if species else (), (genus,) if genus else ())


def _share_out(work: Path, baking: _Baking, split: Split) -> None:
    """Copy the windows of each genome from the spool to the file of its part."""
    split.write(work / SPLIT)
    files = {part: part_file(work, part).open("wb") for part in PARTS}
    try:
        with (work / SPOOL).open("rb") as spool:
            for subject, end in zip(baking.subjects, baking.ends, strict=True):
                _copy(spool, files[split.parts[subject.id]], end)
    finally:
        for file in files.values():
            file.close()
    (work / SPOOL).unlink()


def _copy(source: BinaryIO, target: BinaryIO, end: int) -> None:
    while (left := end - source.tell()) > 0:
        target.write(source.read(min(left, COPY_BYTES)))


def _count_what_was_not_found(baking: _Baking) -> None:
    for file, contig, number in baking.sources.not_found():
        reason = f"its contig {contig} of {file} is in no genome that is used"
        baking.findings.left_out["feature", "all", reason] += number


def _empty_parts(split: Split, plan: SplitPlan) -> Iterator[str]:
    """A note where a part that has a share of the genomes has none of them."""
    shares = {"validation": plan.validation, "test": plan.test}
    empty = [part for part in PARTS if shares.get(part) and not split.of_part(part)]
    if empty:
        clusters = counted(len(set(split.clusters.values())), "cluster")
        yield f"no genome is in {' and '.join(empty)}: {clusters} of relatives; give more, or larger shares"


def _command(fasta: Sequence[str | Input], annotations: Sequence[str], plan: BakePlan) -> str:
    """The command that bakes the same, with names of files for paths."""
    names = " ".join(Path(given).name for given in (*fasta, *annotations))
    windows, split = plan.windows, plan.split
    strands = "" if windows.both_strands else " --forward-only"
    return (
        f"gindex lab annotate bake {names} --window {windows.window_bp} --stride {windows.stride_bp} "
        f"--flank {windows.flank_bp}{strands} --max-lines {plan.max_lines} --seed {split.seed} "
        f"--test-share {split.test:g} --validation-share {split.validation:g}"
        f"{f' --genome-per {plan.per}' if plan.per else ''}"
    )


def _nothing(failures: Sequence[Failure]) -> str:
    reason = f": {failures[0].source}: {failures[0].reason}" if failures else ""
    return f"no genome with annotation could be read{reason}"


def _settings(plan: BakePlan) -> dict[str, object]:
    return {
        **asdict(plan.windows), "max_lines": plan.max_lines, "gene_token": plan.gene_token,
        "identity": IDENTITY, "sketch_k": SPEC.sketch_k, "split": asdict(plan.split),
    }  # fmt: skip


def _write_manifest(
    work: Path, settings: dict[str, object], parts: dict[str, dict[str, int]], clusters: int, files: list[str]
) -> None:
    values = {
        "kind": "annotation", "format": FORMAT, "gindex": metadata.version("gindex"), "settings": settings,
        "annotations": files, "parts": parts, "clusters": clusters, "files": described(work),
    }  # fmt: skip
    write_file(work / MANIFEST, sealed(values))


def add_tokens(path: Path, tokens: Sequence[str]) -> None:
    """Add tokens to a list, one a line; those that it has already stay where they are.

    Raises
    ------
    InputError, StorageError
    """
    try:
        known = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            str(path), f"the list of tokens cannot be read ({error}); give another file"
        ) from error
    new = [line for line in map(escaped, tokens) if line not in set(known)]
    write_file(path, "".join(f"{token}\n" for token in (*known, *new)).encode())
