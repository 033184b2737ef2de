"""Building of pairs of sequence and text from flat files: without duplicates, split, written as Parquet.

Records stream: a batch of them is in memory. Of each record its names, papers and part stay; its sketch waits
on disk for the relatives. The folder appears when it is complete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from genome_index.errors import InputError, UsageError
from genome_index.io import tsv
from genome_index.io.atomic import disk_errors, finish_folder, new_folder
from genome_index.io.inputs import Input, files_of
from genome_index.io.ncbi.accessions import ACCESSION
from genome_index.lab.corpus.packing import canonical_digest, codes_of
from genome_index.lab.corpus.relatives import Rows, SketchFile
from genome_index.lab.corpus.split import PARTS, Split, SplitPlan, Subject, make_split
from genome_index.lab.describe.abstracts import Abstract
from genome_index.lab.describe.card import CARD, Quality, data_card
from genome_index.lab.describe.papers import joined_by_paper
from genome_index.lab.describe.records import ReadRecord, RecordDescription, iter_records
from genome_index.lab.describe.tables import Pair, PairWriter
from genome_index.lab.describe.texts import feature_counts, raw_text, template_text
from genome_index.records import Contig, Failure, Genome, Progress, counted, quiet
from genome_index.taxonomy.names import species_genus, usable_name

RECORDS, DESCRIPTIONS, SKETCHES = "records.tsv", "descriptions.tsv", "sketches"
INSDC = "INSDC record: the databases restrict no use; submitters may hold rights"
"""What GenBank, ENA and DDBJ say of every record, on their pages about data use."""
UNKNOWN_LICENCE = "unknown: no accession of a public database"


@dataclass(frozen=True)
class DescribeSummary:
    """The result, for the user."""

    path: Path
    parts: Mapping[str, int]  # pairs
    clusters: int
    largest_cluster: int
    reasons: Mapping[str, int]  # kind of reason -> records dropped
    failures: tuple[Failure, ...]  # files that could not be read

    def sentences(self) -> Iterator[str]:
        parts = ", ".join(f"{part} {self.parts[part]:,}" for part in PARTS)
        yield (
            f"{self.path}: {counted(sum(self.parts.values()), 'pair')} ({parts}) in "
            f"{counted(self.clusters, 'cluster')} by relatives and papers, the largest of "
            f"{self.largest_cluster:,}"
        )
        if self.reasons:
            dropped = ", ".join(f"{count:,} {reason}" for reason, count in self.reasons.items())
            yield f"dropped: {dropped}; each with its reason in {RECORDS}"
        yield f"next: gindex relabel {self.path / DESCRIPTIONS} --index INDEX, then gindex find TEXT"


@dataclass
class _Collected:
    """The records so far."""

    abstracts: Mapping[str, Abstract]
    licence: str
    subjects: list[Subject] = field(default_factory=list)
    papers: list[list[str]] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)  # id -> file
    by_digest: dict[str, str] = field(default_factory=dict)  # -> id of its first record
    dropped: list[tuple[str, str, str, str]] = field(default_factory=list)  # id, file, kind, reason
    failures: list[Failure] = field(default_factory=list)
    quality: Quality = field(default_factory=Quality)


def build_pairs(
    inputs: Sequence[str | Input], out: Path, abstracts: Mapping[str, Abstract] | None = None,
    licence: str = "", split: SplitPlan | None = None, progress: Progress = quiet,
) -> DescribeSummary:  # fmt: skip
    """Build pairs from GenBank and EMBL files; the same call gives the same rows.

    Parameters
    ----------
    abstracts : mapping
        PubMed id -> abstract, for the records that cite it.
    licence : str
        Licence of all records; by default what the public databases say, by accession.

    Raises
    ------
    UsageError, StorageError
    """
    plan = split or SplitPlan()
    if out.exists():
        raise UsageError(f"{out} exists; remove it, or give another folder with --out")
    collected, work = _Collected(abstracts or {}, licence), new_folder(out)
    writer = PairWriter(work)
    groups = _read_all(inputs, collected, writer, work, progress)
    parts = make_split(collected.subjects, joined_by_paper(groups, collected.papers), plan)
    writer.finish(parts)
    summary = _summary(out, parts, collected)
    _write_texts(work, parts, collected, summary, plan)
    finish_folder(work, out)
    return summary


def _read_all(
    inputs: Sequence[str | Input], collected: _Collected, writer: PairWriter, work: Path, progress: Progress
) -> Rows:
    """Write the pairs and descriptions of all records, and return the groups of relatives, (N,)."""
    with (
        SketchFile(work / SKETCHES) as sketches,
        disk_errors(work),
        (work / DESCRIPTIONS).open("w", encoding="utf-8") as texts,
    ):
        texts.write(tsv.row(("genome_id", "description")))
        for record in _all_records(inputs, collected):
            if pair := _pair_of(record, collected):
                writer.add(pair)
                sketches.add(Genome(pair.id, (Contig(pair.id, record.sequence),), record.source))
                texts.write(tsv.row((pair.id, " ".join((pair.text, *pair.abstracts)))))
            progress.stage("records", len(collected.kept) + len(collected.dropped), 0)
        if not collected.subjects:
            raise UsageError(_no_record(collected))
        groups, _ = sketches.groups()
    (work / SKETCHES).unlink()
    return groups


def _all_records(inputs: Sequence[str | Input], collected: _Collected) -> Iterator[ReadRecord]:
    for given in inputs:
        for path in files_of(given):
            try:
                if isinstance(path, Failure):
                    raise InputError(path.source, path.reason)
                yield from iter_records(path)
            except InputError as error:
                collected.failures.append(Failure(error.path, error.path, error.reason))


def _pair_of(record: ReadRecord, collected: _Collected) -> Pair | None:
    """The row of a record; None, with the reason kept, where it is dropped."""
    description, digest = record.description, ""
    kind, reason = "unusable", record.reason
    if not reason and description.id in collected.kept:
        kind, reason = "given twice", f"its id was given before, in {collected.kept[description.id]}"
    if not reason:
        digest = canonical_digest([codes_of(record.sequence)])
        if first := collected.by_digest.get(digest):
            kind, reason = "duplicates", f"the same sequence as {first}"
    if reason:
        collected.dropped.append((description.id, Path(record.source).name, kind, reason))
        return None
    collected.kept[description.id] = Path(record.source).name
    collected.by_digest[digest] = description.id
    collected.papers.append([reference.key for reference in description.references])
    collected.subjects.append(_subject(description, digest))
    pair = _row(record, digest, collected)
    collected.quality.add(pair)
    return pair


def _subject(description: RecordDescription, digest: str) -> Subject:
    species = description.names.name("species") or ""
    usable = (species,) if species and usable_name("species", species) else ()
    genus = description.names.name("genus") or (species_genus(species) if usable else "")
    return Subject(description.id, digest, "", usable, (genus,) if genus else ())


def _row(record: ReadRecord, digest: str, collected: _Collected) -> Pair:
    says = record.description
    ids = [reference.pubmed for reference in says.references]
    abstracts = [collected.abstracts[one] for one in ids if one in collected.abstracts]
    return Pair(
        says.id, template_text(says), raw_text(says, abstracts), record.sequence.decode("ascii"),
        says.organism, says.common_name, list(says.lineage), says.molecule, says.organelle,
        "circular" if says.is_circular else "linear", says.length_bp, says.strain, says.host, says.country,
        says.isolation_source, says.collection_date, feature_counts(says.features), list(says.genes),
        list(says.products), [reference.title for reference in says.references], ids,
        [one.text for one in abstracts], collected.licence or _licence_of(says.id),
        [one.licence for one in abstracts], Path(record.source).name, says.date, digest,
    )  # fmt: skip


def _licence_of(record_id: str) -> str:
    return INSDC if ACCESSION.fullmatch(record_id) else UNKNOWN_LICENCE


def _no_record(collected: _Collected) -> str:
    first = next(iter(collected.failures), None)
    reason = f"{first.source}: {first.reason}" if first else next((one[3] for one in collected.dropped), "")
    return f"no record could be used: {reason}" if reason else "no record could be used"


def _summary(out: Path, parts: Split, collected: _Collected) -> DescribeSummary:
    sizes = Counter(parts.clusters.values())
    return DescribeSummary(
        out, {part: len(parts.of_part(part)) for part in PARTS}, len(sizes), max(sizes.values()),
        Counter(kind for _, _, kind, _ in collected.dropped), tuple(collected.failures),
    )  # fmt: skip


def _write_texts(
    work: Path, parts: Split, collected: _Collected, summary: DescribeSummary, plan: SplitPlan
) -> None:
    """Write the row of every record and file, and the data card."""
    rows: list[tuple[object, ...]] = [("record", "file", "part", "reason")]
    rows += [(one, file, parts.parts[one], "") for one, file in collected.kept.items()]
    rows += [(one, file, "dropped", reason) for one, file, _, reason in collected.dropped]
    rows += [("", failure.source, "failed", failure.reason) for failure in collected.failures]
    card = data_card(collected.quality, summary.parts, parts, collected.papers, summary.reasons, plan)
    with disk_errors(work):
        (work / RECORDS).write_text("".join(tsv.rows(rows)), encoding="utf-8")
        (work / CARD).write_text(card, encoding="utf-8")
