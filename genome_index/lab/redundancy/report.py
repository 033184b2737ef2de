"""Redundancy of a corpus: how much of it is the same again, and what its parts share.

clusters      genomes connected by an identity (k-mers shared, to 1 / k) of 90 to 99.9 %; their Hill numbers
semantic      duplicates by an encoder's vectors (semantic.py), and what k-mers say of them
diversity     species by Hill numbers, and the Vendi score of k-mer spectra
growth        unique k-mers by genomes (growth.py)
compression   bits a base by zstd, of the whole corpus
leakage       of each part, the share of k-mers that the training part has
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import zstandard

from genome_index.encoders import SPECTRUM
from genome_index.encoders.spectrum import Spectrum
from genome_index.io.atomic import disk_errors, write_file
from genome_index.lab.corpus.genomes import genomes_of
from genome_index.lab.corpus.packing import bases_of
from genome_index.lab.corpus.relatives import SPEC, SketchFile
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.corpus.split import PARTS, Part
from genome_index.lab.corpus.vectors import spec_of
from genome_index.lab.markdown import markdown_table
from genome_index.lab.redundancy.diversity import hill_number, vendi_score
from genome_index.lab.redundancy.growth import Growth, Hashes, growth_of
from genome_index.lab.redundancy.semantic_table import semantic_section
from genome_index.records import Progress, quiet

IDENTITIES = (0.90, 0.95, 0.99, 0.995, 0.999)
ORDERS = (1, 2)  # of Hill numbers
COMPARED = 1_000  # genomes of the Vendi score, by chance
LEVEL, WINDOW_LOG = 19, 27  # of zstd: matches up to 128 MB back

Rows = npt.NDArray[np.int64]


def report_redundancy(
    corpus: Path, folder: Path, seed: int = 0, encoder: str = SPECTRUM, progress: Progress = quiet
) -> str:
    """Write redundancy.md and growth.png, and return the text.

    Raises
    ------
    UsageError, InputError, StorageError
    """
    spec_of(encoder)  # a wrong name is told before the corpus is read
    shards = Shards.open(corpus)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as work, SketchFile(Path(work) / "sketches") as file:
        sketches = [_coarse(file.add(genome)) for genome in genomes_of(shards, progress=progress)]
        clusters = {identity: file.groups(identity=identity)[0] for identity in IDENTITIES}
    growth = growth_of(sketches, seed=seed)
    tables = {
        "Clusters": _cluster_table(clusters),
        "Semantic duplicates": semantic_section(shards, clusters, encoder, seed, progress),
        "Diversity": f"{_species_table(shards)}\n\n{_vendi_sentence(shards, seed)}",
        "Growth": _growth_sentence(growth, len(shards)),
        "Compression": _compression_sentence(shards),
        "Leakage": _leakage_table(shards, sketches),
    }
    parts = [f"## {name}\n\n{content}" for name, content in tables.items()]
    text = "\n\n".join(["# Redundancy", *parts, "![growth](growth.png)"])
    write_file(folder / "redundancy.md", f"{text}\n".encode())
    _draw(growth, folder / "growth.png")
    return text


def _coarse(hashes: Hashes) -> Hashes:
    """The hashes that a large genome's sketch has too, so that all genomes have one sampling."""
    return hashes[: np.searchsorted(hashes, np.uint64(2**64 // SPEC.large_scaled))]


def _cluster_table(clusters: Mapping[float, Rows]) -> str:
    head = ["identity, %", "clusters", "largest", *(f"clusters of order {order}" for order in ORDERS)]
    rows = []
    for identity, groups in clusters.items():
        counts = np.unique(groups, return_counts=True)[1].tolist()
        rows.append([f"{100 * identity:g}", f"{len(counts):,}", f"{max(counts):,}", *_hills(counts)])
    return markdown_table(head, rows)


def _species_table(shards: Shards) -> str:
    counts = list(Counter(shards.species.tolist()).values())
    return markdown_table(
        ["species", *(f"species of order {order}" for order in ORDERS)],
        [[f"{len(counts):,}", *_hills(counts)]],
    )


def _hills(counts: Sequence[int]) -> list[str]:
    return [f"{hill_number(counts, order):,.1f}" for order in ORDERS]


def _vendi_sentence(shards: Shards, seed: int) -> str:
    chosen = np.sort(np.random.default_rng(seed).permutation(len(shards))[:COMPARED])
    spectrum = Spectrum()
    genomes = list(genomes_of(shards, chosen.tolist()))
    score = vendi_score(spectrum.features(spectrum.encode(genomes)))
    return f"Vendi score of the k-mer spectra of {len(chosen):,} genomes by chance: {score:,.1f}."


def _growth_sentence(growth: Growth, genomes: int) -> str:
    unseen = f"{100 * growth.unseen:.0f} %"
    return (
        f"{growth.curve[-1]:,.0f} unique sampled k-mers in {genomes:,} genomes; over the second half they "
        f"grow as the genomes to the power {growth.power:.3f}. At least {unseen} as many are not seen yet."
    )


def _compression_sentence(shards: Shards) -> str:
    settings = zstandard.ZstdCompressionParameters.from_level(LEVEL, window_log=WINDOW_LOG, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=settings).compressobj()
    size, bases = 0, 0
    for number in range(len(shards)):
        for codes in shards.contigs(number):
            size, bases = size + len(compressor.compress(bases_of(codes))), bases + len(codes)
    size += len(compressor.flush())
    bits, saved = 8 * size / bases, max(0.0, 1 - 4 * size / bases)
    return (
        f"zstd (level {LEVEL}, matches up to {2**WINDOW_LOG / 1e6:,.0f} MB back) needs {bits:.3f} bits "
        f"a base for {bases:,} bases; of 2 bits {100 * saved:.1f} % are saved."
    )


def _leakage_table(shards: Shards, sketches: Sequence[Hashes]) -> str:
    training, rows = _joined(shards, "train", sketches), []
    for part in PARTS[1:]:
        own = _joined(shards, part, sketches)
        share = f"{100 * np.isin(own, training).mean():.1f}" if len(own) else "-"
        rows.append([part, f"{len(shards.numbers(part)):,}", share])
    return markdown_table(["part", "genomes", "k-mers that training has, %"], rows)


def _joined(shards: Shards, part: Part, sketches: Sequence[Hashes]) -> Hashes:
    own = [sketches[number] for number in shards.numbers(part).tolist()]
    return np.concatenate([np.empty(0, np.uint64), *own])


def _draw(growth: Growth, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained", facecolor="white")
    axes = figure.subplots()
    axes.loglog(np.arange(1, len(growth.curve) + 1), growth.curve, color="#0072B2")
    axes.set(xlabel="genomes", ylabel="unique sampled k-mers", title=f"power {growth.power:.3f}")
    axes.spines[["top", "right"]].set_visible(False)
    with disk_errors(path):
        figure.savefig(path, dpi=150)
