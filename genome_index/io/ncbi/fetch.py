"""`gindex fetch`: genomes and their taxonomy from NCBI, in a folder that `gindex build` reads.

accession or taxon -> summary with the declared length -> lineage -> FASTA of that length
-> OUT/<accession>.fa.gz and a row of OUT/taxonomy.tsv
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from genome_index.errors import FetchError, StorageError, UsageError
from genome_index.io import tsv
from genome_index.io.atomic import disk_errors, sync, write_file
from genome_index.io.ncbi.entrez import Assembly, Ncbi, Record
from genome_index.io.ncbi.requests import NOT_FOUND, EntrezSettings
from genome_index.records import RANKS, Lineage

Status = Literal["fetched", "already present", "failed"]

COLUMNS = ("genome_id", *RANKS, "taxid", "organism")
ACCESSION = re.compile(r"(GC[AF]_\d{9}|([A-Z]{2}_[A-Z]{0,6}|[A-Z]{1,6})\d{5,12})(\.\d+)?")
MASTER_RECORD = re.compile(r"([A-Z]{2}_)?[A-Z]{4}([A-Z]{2})?\d{2}0{6,}(\.\d+)?")
"""The accession of a draft genome's master record, which lists the contigs and has no sequence of its own."""


@dataclass(frozen=True)
class FetchRequest:
    """What to fetch, and into which folder: accessions, or the complete genomes of a taxon, never both."""

    accessions: tuple[str, ...] = ()
    taxon: str | None = None
    limit: int = 10  # genomes of the taxon
    out: Path = Path("genomes")
    settings: EntrezSettings = field(default_factory=EntrezSettings.from_environment)

    def __post_init__(self) -> None:
        if bool(self.accessions) == bool((self.taxon or "").strip()):
            raise UsageError("give accessions, or one taxon (--taxon NAME), and not both")
        if self.limit < 1:
            raise UsageError(f"--limit is {self.limit}; give 1 or more")


@dataclass(frozen=True)
class FetchRow:
    """The result for one accession."""

    accession: str  # as given, or from the search for a taxon; the taxon itself where that search failed
    status: Status
    path: Path | None = None  # the genome's file; its name is the accession with version
    length_bp: int = 0  # fetched in this run; 0 if already present
    organism: str = ""
    reason: str = ""  # why it failed, and the cure


@dataclass(frozen=True)
class FetchSummary:
    """One row for every accession, in the order given."""

    rows: tuple[FetchRow, ...]

    def count(self, status: Status) -> int:
        return sum(row.status == status for row in self.rows)


@dataclass(frozen=True)
class _Genome:
    """A genome as NCBI's summaries declare it, before its sequence is requested."""

    id: str  # accession with version
    records: tuple[Record, ...]
    taxid: str
    organism: str


def fetch_genomes(
    request: FetchRequest, on_done: Callable[[FetchRow], None] = lambda row: None
) -> FetchSummary:
    """Fetch every genome that the folder lacks; `on_done` is called with each row as it is finished.

    The folder has an accession if it has its file and its row in taxonomy.tsv; an accession without version
    matches any version. A genome that cannot be fetched becomes a row with the reason; the others go on.

    Raises
    ------
    UsageError
        `request.out` cannot be a folder of fetched genomes.
    """
    table = _Table(request.out)
    rows = []
    for row in _iter_rows(request, table, Ncbi(request.settings)):
        rows.append(row)
        on_done(row)
    return FetchSummary(tuple(rows))


def _iter_rows(request: FetchRequest, table: _Table, ncbi: Ncbi) -> Iterator[FetchRow]:
    accessions: Sequence[str] = [accession.strip().upper() for accession in request.accessions]
    if request.taxon:
        try:
            accessions = _search(ncbi, request.taxon, request.limit)
        except FetchError as error:
            yield FetchRow(request.taxon, "failed", reason=error.reason)
    for accession in dict.fromkeys(accessions):
        try:
            yield _fetch(accession, table, ncbi)
        except FetchError as error:
            yield FetchRow(accession, "failed", reason=error.reason)


def _search(ncbi: Ncbi, taxon: str, limit: int) -> list[str]:
    name = " ".join(taxon.replace('"', " ").split())
    term = f'"{name}"[Organism] AND complete genome[Title]'
    # GenBank has RefSeq's genomes a second time, so it is searched only where RefSeq has none.
    for source in (" AND srcdb_refseq[PROP]", ""):
        accessions = ncbi.search("nuccore", term + source, limit)
        if accessions:
            return accessions
    raise FetchError(taxon, "NCBI has no complete genome under this name; check its spelling")


def _fetch(accession: str, table: _Table, ncbi: Ncbi) -> FetchRow:
    if not ACCESSION.fullmatch(accession):
        raise FetchError(accession, "not an accession; give one like NC_001422.1, U00096 or GCF_000005845.2")
    genome_id = table.find(accession)
    if genome_id:
        return FetchRow(accession, "already present", table.genome_path(genome_id))
    genome = (_find_assembly if accession.startswith(("GCF_", "GCA_")) else _find_record)(ncbi, accession)
    lineage = ncbi.lineage(genome.taxid)
    path = table.genome_path(genome.id)
    try:
        with disk_errors(path):
            _write_genome(path, genome, ncbi)
        table.add(genome, lineage)
    except StorageError as error:
        raise FetchError(accession, f"{error}; make room, or choose another --out") from error
    length_bp = sum(record.length_bp for record in genome.records)
    return FetchRow(accession, "fetched", path, length_bp, genome.organism)


def _matches(accession: str, versioned: str) -> bool:
    """Whether `versioned` is this accession; an accession without version matches every version.

    >>> [_matches("NC_001422", each) for each in ("NC_001422.1", "NC_0014221.1", "NC_001422./x")]
    [True, False, False]
    """
    name, _, version = versioned.rpartition(".")
    return version.isdecimal() and accession in (versioned, name)


def _find_record(ncbi: Ncbi, accession: str) -> _Genome:
    records = ncbi.records([accession])
    record = next((record for record in records if _matches(accession, record.accession)), None)
    if record is None:
        others = ", ".join(record.accession for record in records)
        raise FetchError(accession, f"NCBI answers with {others}; ask for that" if others else NOT_FOUND)
    if MASTER_RECORD.fullmatch(record.accession):
        raise FetchError(accession, "it lists contigs and has no sequence; ask for its assembly, GCF_...")
    return _Genome(record.accession, (record,), record.taxid, record.organism)


def _find_assembly(ncbi: Ncbi, accession: str) -> _Genome:
    uids = ncbi.search("assembly", f"{accession}[Assembly Accession]", limit=20)
    named = [(name, assembly) for assembly in ncbi.assemblies(uids) for name in assembly.accessions]
    versions = [(name, assembly) for name, assembly in named if _matches(accession, name)]
    if not versions:
        raise FetchError(accession, NOT_FOUND)
    name, assembly = max(versions, key=lambda pair: int(pair[0].rpartition(".")[2]))  # the newest version
    records = _records_of(ncbi, assembly, "refseq" if name.startswith("GCF") else "insdc")
    length_bp = sum(record.length_bp for record in records)
    if not records or length_bp < assembly.length_bp:  # contigs of many drafts have no record of their own
        part = f"NCBI's nucleotide records hold {length_bp:,} of its {assembly.length_bp:,} bp"
        raise FetchError(accession, f"{part}; take its FASTA from NCBI Datasets for gindex build")
    return _Genome(name, tuple(records), assembly.taxid, assembly.organism)


def _records_of(ncbi: Ncbi, assembly: Assembly, kind: str) -> list[Record]:
    records = ncbi.records(ncbi.sequences_of(assembly, f"assembly_nuccore_{kind}"))
    return [record for record in records if not MASTER_RECORD.fullmatch(record.accession)]


class _Table:
    """The folder's taxonomy.tsv: one row for every genome whose file is complete."""

    def __init__(self, out: Path) -> None:
        self._out, self._path = out, out / "taxonomy.tsv"
        try:
            out.mkdir(parents=True, exist_ok=True)
            text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot keep genomes in {out} ({error}); choose another --out") from error
        header, *rows = text.splitlines() or ["\t".join(COLUMNS)]
        if header != "\t".join(COLUMNS):
            raise UsageError(f"{self._path} is not a table of gindex fetch; choose another --out")
        self._rows = {row.split("\t", 1)[0]: row for row in rows}

    def genome_path(self, genome_id: str) -> Path:
        return self._out / f"{genome_id}.fa.gz"

    def find(self, accession: str) -> str | None:
        """The id of a genome of this accession that has both its file and its row; None without one."""
        ids = (genome_id for genome_id in self._rows if _matches(accession, genome_id))
        return next((genome_id for genome_id in ids if self.genome_path(genome_id).is_file()), None)

    def add(self, genome: _Genome, lineage: Lineage) -> None:
        names = [lineage.name(rank) or "" for rank in RANKS]
        cells = [" ".join(cell.split()) for cell in (genome.id, *names, genome.taxid, genome.organism)]
        self._rows[genome.id] = tsv.row(cells).removesuffix("\n")
        text = "\n".join(["\t".join(COLUMNS), *self._rows.values()]) + "\n"
        write_file(self._path, text.encode())


def _write_genome(path: Path, genome: _Genome, ncbi: Ncbi) -> None:
    """Write the genome to a temporary file, and rename that once it is complete and on the disk."""
    for left_over in path.parent.glob(f"{path.name}.*.part"):  # of a killed run
        left_over.unlink(missing_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")  # two runs at once never share it
    try:
        # Without a name and a time in its header, the same genome is the same file, byte for byte.
        with part.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
            for fasta in ncbi.iter_fasta(genome.records):
                file.write(fasta)
        sync(part)
        os.replace(part, path)
        sync(path.parent)
    finally:
        part.unlink(missing_ok=True)
