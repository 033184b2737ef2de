"""What the benchmarks share: where the genomes are, plain FASTA files of them, running commands with the clock on."""

from __future__ import annotations

import csv
import gzip
import json
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

GENOMES = Path(__file__).resolve().parents[3] / "shared" / "genomes"
GINDEX = str(Path(sys.executable).with_name("gindex"))


def need(tool: str, package: str) -> str:
    """The path of a rival's program, or the end of the benchmark with the cure."""
    found = shutil.which(tool)
    if found is None:
        sys.exit(f"{tool} is not installed: apt-get install {package}")
    return found


def rows(name: str) -> list[dict[str, str]]:
    """A table of the collection."""
    with (GENOMES / f"{name}.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def plain(name: str, folder: Path) -> Path:
    """An uncompressed FASTA of one set; of bacteria, all files in one."""
    target = folder / f"{name}.fa"
    sources = [GENOMES / f"{name}.fa.gz"] if name != "bacteria" else sorted((GENOMES / name).glob("*.gz"))
    with target.open("wb") as out:
        for source in sources:
            with gzip.open(source) as file:
                shutil.copyfileobj(file, out)
    return target


def records(path: Path) -> Iterator[tuple[str, str]]:
    """Id and FASTA text of each record of a plain FASTA file."""
    for part in path.read_text().split(">")[1:]:
        yield part.split(None, 1)[0], ">" + part


def clock(command: Sequence[str], repeats: int = 1) -> float:
    """Least wall time of some runs, in seconds."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        best = min(best, time.perf_counter() - start)
    return best


def peak_mb(command: Sequence[str]) -> float:
    """Peak resident memory of a command, in MB; it may exit with 1 (some inputs failed)."""
    code = f"import subprocess,resource,sys; subprocess.run({list(command)!r}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(done.stdout) / 1024


def gindex(*words: str, ok: Sequence[int] = (0, 1)) -> str:
    """Standard output of a gindex command."""
    done = subprocess.run([GINDEX, *words], capture_output=True, text=True)
    if done.returncode not in ok:
        sys.exit(f"gindex {' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def built(index: Path, name: str) -> Path:
    """An index of one set of the collection."""
    genomes = GENOMES / name if name == "bacteria" else GENOMES / f"{name}.fa.gz"
    gindex("build", str(genomes), "--taxonomy", str(GENOMES / f"{name}.tsv"), "--index", str(index))
    return index


def evaluated(index: Path, *words: str) -> dict:
    return json.loads(gindex("evaluate", "--index", str(index), "--format", "json", *words))


def machine() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next(
            (line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine()
        )
    return f"{time.strftime('%Y-%m-%d')}, {model}, {len(__import__('os').sched_getaffinity(0))} cores, Python {platform.python_version()}"


def own_peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
