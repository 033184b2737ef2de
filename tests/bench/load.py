"""`gindex serve` under load: many callers at once, each sending mitogenomes nobody has sent before.

    python tests/bench/load.py INDEX [--seconds 60] [--callers 16 64] [--workers 1]

Every genome has a base of its own changed, so no answer could come from a cache. A caller sends the next one
when the last is answered. The callers share the machine with the service.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.running_service import Running, running

GENOMES = Path(__file__).parents[3] / "shared" / "genomes" / "mito_newvert.fa.gz"


@dataclass
class Outcome:
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    ids: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)  # MB of all the service's processes


def genomes() -> list[bytes]:
    with gzip.open(GENOMES) as file:
        records = file.read().split(b"\n>")
    return [b">" + record.lstrip(b">") for record in records]


def changed(record: bytes, chance: random.Random) -> bytes:
    """The genome with one base of its own changed: nobody has sent it before."""
    start = record.index(b"\n") + 1
    at = chance.randrange(start, len(record) - 1)
    while record[at : at + 1] == b"\n":
        at = chance.randrange(start, len(record) - 1)
    return record[:at] + (b"A" if record[at : at + 1] in b"Cc" else b"C") + record[at + 1 :]


async def post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> tuple[int, bytes]:
    """One request on an open connection. A client library would take more of the machine than the service."""
    writer.write(
        b"POST /v1/queries?wait=true&name=g.fa HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/x-fasta\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body
    )
    await writer.drain()
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


async def caller(service: Running, records: list[bytes], until: float, outcome: Outcome, seed: int) -> None:
    chance = random.Random(seed)
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 24)
    while time.monotonic() < until:
        body = changed(chance.choice(records), chance)
        began = time.monotonic()
        status, answer = await post(reader, writer, body)
        outcome.seconds.append(time.monotonic() - began)
        outcome.statuses[status] += 1
        if status == 200:
            found = json.loads(answer)
            outcome.ids.append(found["id"])
            outcome.verdicts[found["result"][0]["verdict"]] += 1
    writer.close()


async def watch(service: Running, until: float, outcome: Outcome) -> None:
    while time.monotonic() < until:
        outcome.memory.append(memory_mb(service.process.pid))
        await asyncio.sleep(1)


def memory_mb(group: int) -> float:
    """Proportional set size of all processes of a group."""
    total = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                if os.getpgid(int(folder.name)) == group:
                    lines = (folder / "smaps_rollup").read_text().splitlines()
                    total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
            except OSError:
                continue
    return total / 1024


async def load(service: Running, callers: int, seconds: float) -> Outcome:
    records, outcome, until = genomes(), Outcome(), time.monotonic() + seconds
    watching = asyncio.create_task(watch(service, until, outcome))
    await asyncio.gather(
        *(caller(service, records, until, outcome, 1000 * callers + n) for n in range(callers))
    )
    await watching
    return outcome


def told(callers: int, outcome: Outcome, seconds: float) -> str:
    ordered = sorted(outcome.seconds)
    at = {share: 1000 * ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.95, 0.99, 1.0)}
    tenth = max(1, len(outcome.memory) // 10)
    first, last = outcome.memory[tenth : 2 * tenth], outcome.memory[-tenth:]
    return (
        f"| {callers} | {len(ordered):,} | {len(ordered) / seconds:.0f} | {at[0.5]:.0f} | {at[0.95]:.0f} | {at[0.99]:.0f} | {at[1.0]:.0f} "
        f"| {dict(outcome.statuses)} | {sum(first) / len(first):.0f} to {sum(last) / len(last):.0f} |"
    )


def lost(service: Running, outcome: Outcome) -> int:
    """Jobs that were answered and are not on the disk, or there and not done."""
    rows = dict(sqlite3.connect(service.data / "service.sqlite").execute("SELECT id, state FROM jobs"))
    return sum(rows.get(job) != "done" for job in outcome.ids) + sum(
        state != "done" for state in rows.values()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--callers", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--workers", type=int, default=0)
    given = parser.parse_args()
    print(
        "| callers | answered | a second | p50 ms | p95 | p99 | max | statuses | MB |\n|---|---|---|---|---|---|---|---|---|"
    )
    options = ["--workers", str(given.workers)] if given.workers else []
    with (
        tempfile.TemporaryDirectory() as folder,
        running(given.index, Path(folder) / "data", *options) as service,
    ):
        for callers in given.callers:
            outcome = asyncio.run(load(service, callers, given.seconds))
            print(told(callers, outcome, given.seconds), flush=True)
            print(f"lost jobs: {lost(service, outcome)}; verdicts: {dict(outcome.verdicts)}", flush=True)


if __name__ == "__main__":
    main()
