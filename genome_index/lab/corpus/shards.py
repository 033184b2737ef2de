"""Shards of a corpus on disk: whole genomes in sequence at 2 bits per base, read through memory maps.

CORPUS/manifest.json            settings, and the checksum of every file; written last
CORPUS/genomes.jsonl            one line per genome, in the order of their numbers: `CorpusGenome`
CORPUS/split.tsv                genome, part, cluster, sha256
CORPUS/left_out.tsv             the inputs that are not in the corpus, with the reason
CORPUS/contigs.npy              one row per contig: CONTIG
CORPUS/shard-00000.bases.npy    2 bits per base; each contig begins at a byte
CORPUS/shard-00000.other.npy    runs of characters that are no base: start and end within the shard, (R, 2)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from genome_index.errors import InputError, UsageError
from genome_index.io.atomic import disk_errors
from genome_index.io.checksums import damage_of
from genome_index.lab.corpus.manifest import read_manifest
from genome_index.lab.corpus.packing import (
    BASES_A_BYTE,
    OTHER,
    Codes,
    Packed,
    Runs,
    pack,
    runs_of_other,
    unpack,
)
from genome_index.lab.corpus.sampling import Fragments, Ground, Pairs, Rows
from genome_index.lab.corpus.split import Part, Split

GENOMES, SPLIT, CONTIGS = "genomes.jsonl", "split.tsv", "contigs.npy"
FORMAT = 1
SHARD_BP = 256_000_000  # 64 MB of bases in memory while a shard is written; a genome is never divided
OPEN_SHARDS = 128  # mapped at a time: each takes two of the files that a process may have open
CONTIG = np.dtype([("genome", "<u4"), ("shard", "<u4"), ("start", "<u8"), ("length", "<u8")])  # in bases


@dataclass(frozen=True)
class CorpusGenome:
    """One genome of a corpus with its origin; a line of genomes.jsonl."""

    id: str
    sha256: str  # of its canonical sequence: `packing.canonical_digest`
    source: str  # file name, or name of the index
    collection: str  # the input it came with
    species: str | None  # only a name that stands for a species
    genus: str | None
    names: Mapping[str, str]  # all ranks, as given
    labels: Mapping[str, str]
    also_named: tuple[str, ...]  # species of identical genomes that were left out
    taxonomy: str  # its release
    licence: str
    length_bp: int
    contigs: int
    other_bp: int  # characters that are no base and became N
    part: Part
    cluster: int


class ShardWriter:
    """Writer of genomes into a folder; at most one shard is in memory."""

    def __init__(self, folder: Path, shard_bp: int = SHARD_BP) -> None:
        self._folder, self._shard_bp = folder, shard_bp
        self._packed: list[Packed] = []
        self._other: list[Runs] = []
        self._rows: list[tuple[int, int, int, int]] = []
        self._genomes, self._shard, self._end = 0, 0, 0

    def add(self, contigs: Sequence[Codes]) -> None:
        if self._end and self._end + sum(len(codes) for codes in contigs) > self._shard_bp:
            self._write()
        for codes in contigs:
            self._rows.append((self._genomes, self._shard, self._end, len(codes)))
            self._packed.append(pack(codes))
            self._other.append(runs_of_other(codes) + self._end)
            self._end += len(self._packed[-1]) * BASES_A_BYTE
        self._genomes += 1

    def close(self) -> None:
        if self._end:
            self._write()
        with disk_errors(self._folder):
            np.save(self._folder / CONTIGS, np.array(self._rows, CONTIG))

    def _write(self) -> None:
        bases, other = shard_files(self._folder, self._shard)
        with disk_errors(self._folder):
            np.save(bases, np.concatenate(self._packed))
            np.save(other, np.concatenate(self._other).astype("<i8"))
        self._packed, self._other = [], []
        self._shard, self._end = self._shard + 1, 0


class Shards:
    """A corpus opened for reading. Genomes have numbers from 0 on, species have codes."""

    def __init__(self, path: Path, manifest: Mapping[str, Any], genomes: Sequence[CorpusGenome]) -> None:
        self.path, self.manifest, self._genomes = path, manifest, genomes
        rows = np.load(path / CONTIGS)
        self._shard_of, self._begins = rows["shard"], rows["start"].astype(np.int64)
        self._lengths: Rows = rows["length"].astype(np.int64)
        ends = np.cumsum([one.contigs for one in genomes], dtype=np.int64)
        self._first, self._last = np.concatenate([[0], ends[:-1]]), ends
        before = np.concatenate([[0], np.cumsum(self._lengths)])
        of = np.repeat(np.arange(len(genomes)), ends - self._first)
        self._offsets: Rows = before[:-1] - before[self._first][of]
        self._maps = lru_cache(maxsize=OPEN_SHARDS)(self._map)

    @classmethod
    def open(cls, path: str | Path) -> Shards:
        """Open a corpus. Tables are checked against their checksums, shards by their size only.

        Raises
        ------
        UsageError : the folder is no corpus
        InputError : the corpus is damaged
        """
        path = Path(path)
        manifest = _manifest(path)
        for name, expected in manifest["files"].items():
            shard = name.startswith("shard-")
            file = path / name
            if shard and file.is_file() and file.stat().st_size == expected["bytes"]:
                continue
            if complaint := damage_of(file, expected):
                raise InputError(str(file), f"{complaint}; build the corpus again, with the same command")
        lines = (path / GENOMES).read_text(encoding="utf-8").splitlines()
        return cls(path, manifest, [_genome(line) for line in lines])

    def damage(self) -> list[str]:
        """A sentence for each file that is missing or differs from its checksum."""
        files = self.manifest["files"].items()
        checked = ((name, damage_of(self.path / name, expected)) for name, expected in files)
        return [f"{self.path / name}: {complaint}" for name, complaint in checked if complaint]

    def __len__(self) -> int:
        return len(self._genomes)

    def genome(self, number: int) -> CorpusGenome:
        return self._genomes[number]

    def genomes(self, part: Part | None = None) -> list[CorpusGenome]:
        """The genomes of a part, or all, in the order of their numbers."""
        return [one for one in self._genomes if part in (None, one.part)]

    @property
    def digest(self) -> str:
        """12 hex digits of the genomes and their split."""
        return str(self.manifest["files"][SPLIT]["sha256"])[:12]

    def numbers(self, part: Part | None = None) -> Rows:
        """The numbers of the genomes of a part, or of all: (G,)."""
        return np.array([at for at, one in enumerate(self._genomes) if part in (None, one.part)], np.int64)

    @cached_property
    def split(self) -> Split:
        return Split.read(self.path / SPLIT)

    @cached_property
    def species(self) -> Rows:
        """Codes of the species: (N,). Genomes without a name have one code for each cluster."""
        codes: dict[str | int, int] = {}
        keys = (one.cluster if one.species is None else one.species for one in self._genomes)
        return np.array([codes.setdefault(key, len(codes)) for key in keys], np.int64)

    def contigs(self, number: int) -> list[Codes]:
        """A genome, contig by contig: codes 0 to 4."""
        rows = range(self._first[number], self._last[number])
        return [self.window(row, 0, int(self._lengths[row])) for row in rows]

    def sequence(self, number: int) -> Codes:
        """A genome's concatenated contigs; a k-mer across a joint is no k-mer of the genome."""
        return np.concatenate(self.contigs(number))

    def window(self, contig: int, start: int, end: int) -> Codes:
        """A stretch of a contig, by its row in the whole corpus: (end - start,) codes."""
        bases, other = self._maps(int(self._shard_of[contig]))
        begin = int(self._begins[contig])
        start, end = begin + start, begin + end
        codes = unpack(bases, start, end)
        first = int(np.searchsorted(other[:, 1], start, "right"))
        for run_start, run_end in other[first : int(np.searchsorted(other[:, 0], end))].tolist():
            codes[max(0, run_start - start) : run_end - start] = OTHER
        return codes

    def fragments(
        self, part: Part, length_bp: int, seed: int, temperature: float = 0.5, position: int = 0,
        among: Rows | None = None,
    ) -> Fragments:  # fmt: skip
        """Endless fragments of a part, or of some genomes of it, from number `position` on."""
        ground = self._ground(part)
        if among is not None:
            ground = ground.only(np.isin(ground.genomes, among))
        return Fragments(ground, self.window, length_bp, seed, temperature, position)

    def pairs(
        self, part: Part, length_bp: int, seed: int, temperature: float = 0.5, of_species: bool = False,
        position: int = 0,
    ) -> Pairs:  # fmt: skip
        """Endless pairs of fragments of one genome, or of one species: `sampling.Pairs`."""
        return Pairs(self._ground(part), self.window, length_bp, seed, temperature, of_species, position)

    def _ground(self, part: Part) -> Ground:
        own = self.numbers(part)
        if not len(own):
            raise UsageError(
                f"{self.path}: no genome is in {part}; build the corpus with a larger share for it"
            )
        return Ground(
            own, self.species[own], self._first[own], self._last[own], self._lengths, self._offsets
        )  # fmt: skip

    def _map(self, shard: int) -> tuple[Packed, Runs]:
        bases, other = shard_files(self.path, shard)
        return np.load(bases, mmap_mode="r"), np.load(other)


def shard_files(folder: Path, number: int) -> tuple[Path, Path]:
    """The files of a shard: its bases, and its runs of other characters."""
    return folder / f"shard-{number:05}.bases.npy", folder / f"shard-{number:05}.other.npy"


def _genome(line: str) -> CorpusGenome:
    values = json.loads(line)
    return CorpusGenome(**{**values, "also_named": tuple(values["also_named"])})


def _manifest(path: Path) -> dict[str, Any]:
    absent = f"no corpus at {path}; build one with `gindex lab corpus INPUT... --out {path}`"
    values = read_manifest(path, absent, "build the corpus again, with the same command")
    if values["format"] != FORMAT:
        raise InputError(
            str(path), f"it has corpus format {values['format']}, but this gindex reads format {FORMAT}"
        )
    return values
