"""The folder of fetched genomes: a FASTA or GenBank file for each, taxonomy.tsv, and the papers cited."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from pathlib import Path

from genome_index.errors import UsageError
from genome_index.io import tsv
from genome_index.io.atomic import disk_errors, sync, write_file
from genome_index.io.ncbi.accessions import DeclaredGenome, matches
from genome_index.records import RANKS, Lineage

SUFFIXES = {"fasta": ".fa.gz", "genbank": ".gb.gz"}
"""Of the files, by the format that was asked for."""
PAPERS = "abstracts.nbib"
COLUMNS = ("genome_id", *RANKS, "taxid", "organism")


class GenomeFolder:
    """The files, and taxonomy.tsv with one row for every genome whose file is complete."""

    def __init__(self, out: Path, format: str = "fasta") -> None:
        self._out, self._path, self._suffix = out, out / "taxonomy.tsv", SUFFIXES[format]
        try:
            out.mkdir(parents=True, exist_ok=True)
            text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot keep genomes in {out} ({error}); choose another --out") from error
        header, *rows = text.splitlines() or ["\t".join(COLUMNS)]
        if header != "\t".join(COLUMNS):
            raise UsageError(f"{self._path} is not a table of gindex fetch; choose another --out")
        for other in set(SUFFIXES.values()) - {self._suffix}:
            if next(out.glob(f"*{other}"), None):
                why = f"{out} has genomes as {other}, which would be in it twice"
                raise UsageError(f"{why}; choose another --out for --format {format}")
        self._rows = {row.split("\t", 1)[0]: row for row in rows}

    def genome_path(self, genome_id: str) -> Path:
        return self._out / f"{genome_id}{self._suffix}"

    def find(self, accession: str) -> str | None:
        """The id of a genome of this accession that has both its file and its row; None without one."""
        ids = (genome_id for genome_id in self._rows if matches(accession, genome_id))
        return next((genome_id for genome_id in ids if self.genome_path(genome_id).is_file()), None)

    def write(self, genome: DeclaredGenome, texts: Iterable[bytes]) -> Path:
        """Write a genome's file, and return its path; `add_row` makes it one of the folder.

        Raises
        ------
        StorageError
        """
        path = self.genome_path(genome.id)
        with disk_errors(path):
            _write_genome(path, texts)
        return path

    def lacking_papers(self, pubmed: Iterable[str]) -> list[str]:
        """The PubMed ids whose papers the folder does not have."""
        path = self._out / PAPERS
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        present = {line[6:].strip() for line in text.splitlines() if line.startswith("PMID-")}
        return [one for one in dict.fromkeys(pubmed) if one not in present]

    def add_papers(self, papers: bytes) -> None:
        """Add papers as MEDLINE text; raises StorageError."""
        path = self._out / PAPERS
        write_file(path, (path.read_bytes() if path.exists() else b"") + papers)

    def add_row(self, genome: DeclaredGenome, lineage: Lineage) -> None:
        names = [lineage.name(rank) or "" for rank in RANKS]
        cells = [" ".join(cell.split()) for cell in (genome.id, *names, genome.taxid, genome.organism)]
        self._rows[genome.id] = tsv.row(cells).removesuffix("\n")
        text = "\n".join(["\t".join(COLUMNS), *self._rows.values()]) + "\n"
        write_file(self._path, text.encode())


def _write_genome(path: Path, texts: Iterable[bytes]) -> None:
    """Write the genome to a temporary file, and rename that once it is complete and on the disk."""
    for left_over in path.parent.glob(f"{path.name}.*.part"):  # of a killed run
        left_over.unlink(missing_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")  # two runs at once never share it
    try:
        # Without a name and a time in its header, the same genome is the same file, byte for byte.
        with part.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
            for text in texts:
                file.write(text)
        sync(part)
        os.replace(part, path)
        sync(path.parent)
    finally:
        part.unlink(missing_ok=True)
