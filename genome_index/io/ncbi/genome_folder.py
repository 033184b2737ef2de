"""The folder of fetched genomes: a FASTA file for each, and their taxonomy.tsv."""

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

COLUMNS = ("genome_id", *RANKS, "taxid", "organism")


class GenomeFolder:
    """The files, and taxonomy.tsv with one row for every genome whose file is complete."""

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
        ids = (genome_id for genome_id in self._rows if matches(accession, genome_id))
        return next((genome_id for genome_id in ids if self.genome_path(genome_id).is_file()), None)

    def add(self, genome: DeclaredGenome, lineage: Lineage, fasta: Iterable[bytes]) -> Path:
        """Write a genome's file, then its row, and return the path of the file.

        Raises
        ------
        StorageError
        """
        path = self.genome_path(genome.id)
        with disk_errors(path):
            _write_genome(path, fasta)
        self._add_row(genome, lineage)
        return path

    def _add_row(self, genome: DeclaredGenome, lineage: Lineage) -> None:
        names = [lineage.name(rank) or "" for rank in RANKS]
        cells = [" ".join(cell.split()) for cell in (genome.id, *names, genome.taxid, genome.organism)]
        self._rows[genome.id] = tsv.row(cells).removesuffix("\n")
        text = "\n".join(["\t".join(COLUMNS), *self._rows.values()]) + "\n"
        write_file(self._path, text.encode())


def _write_genome(path: Path, fasta: Iterable[bytes]) -> None:
    """Write the genome to a temporary file, and rename that once it is complete and on the disk."""
    for left_over in path.parent.glob(f"{path.name}.*.part"):  # of a killed run
        left_over.unlink(missing_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")  # two runs at once never share it
    try:
        # Without a name and a time in its header, the same genome is the same file, byte for byte.
        with part.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
            for text in fasta:
                file.write(text)
        sync(part)
        os.replace(part, path)
        sync(path.parent)
    finally:
        part.unlink(missing_ok=True)
