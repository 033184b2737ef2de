"""`gindex fetch`: genomes and their taxonomy from NCBI, in a folder that `gindex build` reads.

accession or taxon -> summary with the declared length -> lineage -> FASTA of that length
-> OUT/<accession>.fa.gz and a row of OUT/taxonomy.tsv

With the format genbank, OUT/<accession>.gb.gz, and the papers that it cites in OUT/abstracts.nbib.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from genome_index.errors import FetchError, StorageError, UsageError
from genome_index.io.ncbi.accessions import complete_genomes, find_genome
from genome_index.io.ncbi.entrez import Ncbi
from genome_index.io.ncbi.genome_folder import GenomeFolder
from genome_index.io.ncbi.requests import EntrezSettings

Format = Literal["fasta", "genbank"]
PUBMED = re.compile(rb"^   PUBMED   (\d+)", re.MULTILINE)
Status = Literal["fetched", "already present", "failed"]


@dataclass(frozen=True)
class FetchRequest:
    """What to fetch, and into which folder: accessions, or the complete genomes of a taxon, never both."""

    accessions: tuple[str, ...] = ()
    taxon: str | None = None
    limit: int = 10  # genomes of the taxon
    out: Path = Path("genomes")
    format: Format = "fasta"  # genbank: flat files, and the abstracts of the papers they cite
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
    folder = GenomeFolder(request.out, request.format)
    rows = []
    for row in _iter_rows(request, folder, Ncbi(request.settings)):
        rows.append(row)
        on_done(row)
    return FetchSummary(tuple(rows))


def _iter_rows(request: FetchRequest, folder: GenomeFolder, ncbi: Ncbi) -> Iterator[FetchRow]:
    accessions: Sequence[str] = [accession.strip().upper() for accession in request.accessions]
    if request.taxon:
        try:
            accessions = complete_genomes(ncbi, request.taxon, request.limit)
        except FetchError as error:
            yield FetchRow(request.taxon, "failed", reason=error.reason)
    for accession in dict.fromkeys(accessions):
        try:
            yield _fetch(accession, folder, ncbi, request.format)
        except FetchError as error:
            yield FetchRow(accession, "failed", reason=error.reason)


def _fetch(accession: str, folder: GenomeFolder, ncbi: Ncbi, format: Format) -> FetchRow:
    genome_id = folder.find(accession)
    if genome_id:
        return FetchRow(accession, "already present", folder.genome_path(genome_id))
    genome = find_genome(ncbi, accession)
    cited: list[str] = []
    texts = ncbi.iter_fasta if format == "fasta" else ncbi.iter_genbank
    lineage = ncbi.lineage(genome.taxid)
    try:
        path = folder.write(genome, _noting_papers(texts(genome.records), cited))
        if lacking := folder.lacking_papers(cited):
            folder.add_papers(ncbi.papers(lacking))
        folder.add_row(genome, lineage)  # last: a genome without its papers is fetched again
    except StorageError as error:
        raise FetchError(accession, f"{error}; make room, or choose another --out") from error
    length_bp = sum(record.length_bp for record in genome.records)
    return FetchRow(accession, "fetched", path, length_bp, genome.organism)


def _noting_papers(texts: Iterable[bytes], cited: list[str]) -> Iterator[bytes]:
    """The texts as they come; the PubMed ids in them are added to `cited`. FASTA has none."""
    for text in texts:
        cited += [found.decode() for found in PUBMED.findall(text)]
        yield text
