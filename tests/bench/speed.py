"""Speed, side by side in one run with mash and sourmash, one thread each.

python tests/bench/speed.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import GENOMES, GINDEX, clock, gindex, machine, need, plain, records

REPEATS = 3

EMBED = """
import sys, time
from genome_index.encoders import open_encoder
from genome_index.spec import IndexSpec
from genome_index.io.reader import Failure, iter_genomes
encoder = open_encoder(IndexSpec("spectrum"))
def embed(path, per):
    batch, bases = [], 0
    for genome in iter_genomes([path], per):
        if isinstance(genome, Failure): continue
        bases += genome.length_bp
        batch.append(genome)
        if len(batch) == 8 or genome.length_bp > 1_000_000:
            encoder.encode(batch); batch = []
    if batch: encoder.encode(batch)
    return bases
embed(sys.argv[2], "record")  # compile
best = 9e9
for _ in range(5):
    start = time.perf_counter(); bases = embed(sys.argv[1], sys.argv[3]); best = min(best, time.perf_counter() - start)
print(bases, best)
"""

SKETCH = """
import sys, tempfile, time
from pathlib import Path
from genome_index.index.ingest import ingest
from genome_index.io.reader import iter_genomes
from genome_index.spec import IndexSpec
best = 9e9
for _ in range(3):
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        ingest(iter_genomes([sys.argv[1]], sys.argv[2]), IndexSpec(), Path(folder), {}, 1, lambda intake: None)
        best = min(best, time.perf_counter() - start)
print(best)
"""


def run(code: str, *words: str) -> list[float]:
    done = subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    mash, sourmash = need("mash", "mash"), str(Path(sys.executable).with_name("sourmash"))
    print(machine())
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        small = folder / "small.fa"
        small.write_text(">a\n" + "ACGTACGTTGCA" * 50 + "\n")
        for name, least in (("mito", 20), ("bacteria", 12)):
            fasta = plain(name, folder)
            start = time.perf_counter()
            with fasta.open("rb", buffering=0) as file:
                while file.read(1 << 17):
                    pass
            reading = time.perf_counter() - start
            per = ["-i"] if name == "mito" else []
            inputs = [str(fasta)]
            if name == "bacteria":  # one genome a file, as mash expects it
                inputs = [str(split) for split in split_bacteria(folder)]
            mash_s = clock([mash, "sketch", "-p", "1", *per, "-o", str(folder / "m"), *inputs], REPEATS)
            sour = [
                sourmash,
                "sketch",
                "dna",
                "-p",
                "k=21,scaled=1000",
                "-o",
                str(folder / "s.zip"),
                *(["--singleton"] if per else []),
                *inputs,
            ]
            sour_s = clock(sour, 1)
            given = (str(fasta), "record") if per else (str(folder / "split"), "file")
            bases, embed_s = run(EMBED, given[0], str(small), given[1])
            (sketch_s,) = run(SKETCH, *given)
            print(f"\n{name}, {bases / 1e6:,.0f} Mbp, one thread, seconds")
            print(f"  reading the file alone            {reading:7.3f}   {bases / reading / 1e6:8,.0f} Mbp/s")
            print(
                f"  gindex: parse and embed           {embed_s:7.3f}   {bases / embed_s / 1e6:8,.0f} Mbp/s   {mash_s / embed_s:.1f} x mash (wanted {least})   {embed_s / reading:.1f} x reading alone"
            )
            print(
                f"  gindex: read, embed, sketch, keep {sketch_s:7.3f}   {bases / sketch_s / 1e6:8,.0f} Mbp/s   {mash_s / sketch_s:.2f} x mash (wanted 1)"
            )
            print(f"  mash sketch (k=21, s=1000)        {mash_s:7.3f}   {bases / mash_s / 1e6:8,.0f} Mbp/s")
            print(f"  sourmash sketch (k=21, scaled=1000){sour_s:6.3f}   {bases / sour_s / 1e6:8,.0f} Mbp/s")
        queries(folder, mash)


def split_bacteria(folder: Path) -> list[Path]:
    import gzip

    out = folder / "split"
    out.mkdir(exist_ok=True)
    files = []
    for source in sorted((GENOMES / "bacteria").glob("*.gz")):
        target = out / source.name.removesuffix(".gz")
        target.write_bytes(gzip.decompress(source.read_bytes()))
        files.append(target)
    return files


def queries(folder: Path, mash: str) -> None:
    fasta, index = folder / "mito.fa", folder / "index"
    start = time.perf_counter()
    gindex("build", str(fasta), "--taxonomy", str(GENOMES / "mito.tsv"), "--index", str(index))
    print(f"\nbuild of mito, whole command, all cores: {time.perf_counter() - start:.1f} s")
    start = time.perf_counter()
    gindex("refit", "--index", str(index))
    print(
        f"projection and calibration of mito (gindex refit, all cores): {time.perf_counter() - start:.1f} s (wanted 120)"
    )
    some = list(records(plain("mito_newvert", folder)))
    one, thousand = folder / "one.fa", folder / "thousand.fa"
    one.write_text(some[0][1])
    mito = list(records(fasta))
    thousand.write_text("".join(text for _, text in (some + mito)[:1000]))
    print(
        f"cold query of one mitogenome against 7,378: {clock([GINDEX, 'query', str(one), '--index', str(index)], REPEATS):.2f} s (wanted 1.5)"
    )
    seconds = clock(
        [GINDEX, "query", str(thousand), "--genome-per", "record", "--format", "tsv", "--index", str(index)],
        REPEATS,
    )
    print(f"1,000 mitogenomes in one command: {seconds:.1f} s, {1000 / seconds:.0f} a second (wanted 200)")
    bacteria = folder / "bacteria-index"
    gindex(
        "build", str(folder / "split"), "--taxonomy", str(GENOMES / "bacteria.tsv"), "--index", str(bacteria)
    )
    large = max((folder / "split").iterdir(), key=lambda path: path.stat().st_size)
    seconds = clock([GINDEX, "query", str(large), "--index", str(bacteria)], REPEATS)
    print(
        f"cold query of a {large.stat().st_size / 1e6:.1f} Mbp genome against 68: {seconds:.2f} s (wanted 3)"
    )
    subprocess.run(
        [mash, "sketch", "-i", "-o", str(folder / "m"), str(fasta)], check=True, capture_output=True
    )
    seconds = clock([mash, "dist", str(folder / "m.msh"), str(one)], REPEATS)
    print(f"mash dist of the same mitogenome against the same references: {seconds:.2f} s (no verdict)")


if __name__ == "__main__":
    main()
