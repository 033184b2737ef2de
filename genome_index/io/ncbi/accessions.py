"""Accessions at NCBI: the genomes of a taxon, and the records of a genome or assembly."""

from __future__ import annotations

import re
from dataclasses import dataclass

from genome_index.errors import FetchError
from genome_index.io.ncbi.entrez import Assembly, Ncbi, Record
from genome_index.io.ncbi.requests import NOT_FOUND

ACCESSION = re.compile(r"(GC[AF]_\d{9}|([A-Z]{2}_[A-Z]{0,6}|[A-Z]{1,6})\d{5,12})(\.\d+)?")
MASTER_RECORD = re.compile(r"([A-Z]{2}_)?[A-Z]{4}([A-Z]{2})?\d{2}0{6,}(\.\d+)?")
"""The accession of a draft genome's master record, which lists the contigs and has no sequence of its own."""


@dataclass(frozen=True)
class DeclaredGenome:
    """A genome as NCBI's summaries declare it, before its sequence is requested."""

    id: str  # accession with version
    records: tuple[Record, ...]
    taxid: str
    organism: str


def complete_genomes(ncbi: Ncbi, taxon: str, limit: int) -> list[str]:
    """Accessions of a taxon's complete genomes, from RefSeq, else from GenBank; FetchError without any."""
    name = " ".join(taxon.replace('"', " ").split())
    term = f'"{name}"[Organism] AND complete genome[Title]'
    # GenBank has RefSeq's genomes a second time, so it is searched only where RefSeq has none.
    for source in (" AND srcdb_refseq[PROP]", ""):
        accessions = ncbi.search("nuccore", term + source, limit)
        if accessions:
            return accessions
    raise FetchError(taxon, "NCBI has no complete genome under this name; check its spelling")


def find_genome(ncbi: Ncbi, accession: str) -> DeclaredGenome:
    """The genome of an accession; an accession without version means the newest one.

    Raises
    ------
    FetchError
        It is malformed, NCBI does not have it, or not its complete sequence.
    """
    if not ACCESSION.fullmatch(accession):
        raise FetchError(accession, "not an accession; give one like NC_001422.1, U00096 or GCF_000005845.2")
    is_assembly = accession.startswith(("GCF_", "GCA_"))
    return _find_assembly(ncbi, accession) if is_assembly else _find_record(ncbi, accession)


def matches(accession: str, versioned: str) -> bool:
    """Whether `versioned` is this accession; an accession without version matches every version.

    >>> [matches("NC_001422", each) for each in ("NC_001422.1", "NC_0014221.1", "NC_001422./x")]
    [True, False, False]
    """
    name, _, version = versioned.rpartition(".")
    return version.isdecimal() and accession in (versioned, name)


def _find_record(ncbi: Ncbi, accession: str) -> DeclaredGenome:
    records = ncbi.records([accession])
    record = next((record for record in records if matches(accession, record.accession)), None)
    if record is None:
        others = ", ".join(record.accession for record in records)
        raise FetchError(accession, f"NCBI answers with {others}; ask for that" if others else NOT_FOUND)
    if MASTER_RECORD.fullmatch(record.accession):
        raise FetchError(accession, "it lists contigs and has no sequence; ask for its assembly, GCF_...")
    return DeclaredGenome(record.accession, (record,), record.taxid, record.organism)


def _find_assembly(ncbi: Ncbi, accession: str) -> DeclaredGenome:
    uids = ncbi.search("assembly", f"{accession}[Assembly Accession]", limit=20)
    named = [(name, assembly) for assembly in ncbi.assemblies(uids) for name in assembly.accessions]
    versions = [(name, assembly) for name, assembly in named if matches(accession, name)]
    if not versions:
        raise FetchError(accession, NOT_FOUND)
    name, assembly = max(versions, key=lambda pair: int(pair[0].rpartition(".")[2]))  # the newest version
    records = _records_of(ncbi, assembly, "refseq" if name.startswith("GCF") else "insdc")
    length_bp = sum(record.length_bp for record in records)
    if not records or length_bp < assembly.length_bp:  # contigs of many drafts have no record of their own
        part = f"NCBI's nucleotide records hold {length_bp:,} of its {assembly.length_bp:,} bp"
        raise FetchError(accession, f"{part}; take its FASTA from NCBI Datasets for gindex build")
    return DeclaredGenome(name, tuple(records), assembly.taxid, assembly.organism)


def _records_of(ncbi: Ncbi, assembly: Assembly, kind: str) -> list[Record]:
    records = ncbi.records(ncbi.sequences_of(assembly, f"assembly_nuccore_{kind}"))
    return [record for record in records if not MASTER_RECORD.fullmatch(record.accession)]
