"""Simulated genomes with known genes: what data/README.md says of them is so, and they are reproducible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from genome_index.io.reader import iter_genomes
from genome_index.io.sequence import reverse_complement
from genome_index.lab.annotate.files.reader import read_annotation
from genome_index.records import Genome

SCRIPT = Path(__file__).parents[3] / "data" / "simulate_genes.py"
STARTS, STOPS = (b"ATG", b"GTG", b"TTG"), (b"TAA", b"TAG", b"TGA")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("genes")
    subprocess.run([sys.executable, SCRIPT, made, "--genomes", "3", "--length", "20000"], check=True)
    return made


def test_every_gene_is_a_reading_frame_behind_a_binding_site(folder: Path) -> None:
    kept = genes = 0
    for genome in iter_genomes(sorted(map(str, folder.glob("*.fa")))):
        assert isinstance(genome, Genome)
        sequence = genome.contigs[0].sequence
        annotation = read_annotation(folder / f"{genome.id}.gff")
        assert not annotation.complaints
        for feature in annotation.features:
            if feature.type != "CDS":
                continue
            start, end = feature.start, feature.end
            before, coding = sequence[start - 15 : start], sequence[start:end]
            if feature.strand == "-":
                before, coding = reverse_complement(sequence[end : end + 15]), reverse_complement(coding)
            codons = [coding[at : at + 3] for at in range(0, len(coding), 3)]
            assert codons[0] in STARTS
            assert codons[-1] in STOPS
            assert not set(codons[:-1]) & set(STOPS)
            assert 62 <= len(codons) <= 301
            sites = (before[len(before) - gap - 6 : len(before) - gap] for gap in range(5, 10))
            kept += max(sum(a == b for a, b in zip(site, b"AGGAGG", strict=True)) for site in sites) >= 4
            genes += 1
    assert genes > 80
    assert kept > 0.97 * genes


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(folder: Path, tmp_path: Path) -> None:
    for seed in ("2026", "7"):
        command = [sys.executable, SCRIPT, tmp_path / seed, "--genomes", "1", "--length", "20000"]
        subprocess.run([*command, "--seed", seed], check=True)
    first = (folder / "SIM_0001.fa").read_bytes()
    assert (tmp_path / "2026" / "SIM_0001.fa").read_bytes() == first
    assert (tmp_path / "7" / "SIM_0001.fa").read_bytes() != first
