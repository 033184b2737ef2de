"""Uploads: file names, bodies without sequence, decompression bombs, limits."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import json
import lzma
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from helpers.event_loop import finished
from helpers.running_service import Running

from genome_index.io.reader import GenomePer, iter_genomes
from genome_index.service.jobs.queue import Upload
from genome_index.service.jobs.uploads import checked, genomes_of, limited, path_of, receiving, shown_name
from genome_index.service.problems import Problem
from genome_index.service.settings import Limits

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress,
}  # fmt: skip


@given(st.text(max_size=300))
def test_a_shown_name_is_never_a_path(name: str) -> None:
    shown = shown_name(name)
    assert shown.strip(".")
    assert shown.isprintable()
    assert len(shown) <= 200
    assert not {"/", "\\", "\0", "\n"} & set(shown)


def accept(data: Path, body: bytes, per: GenomePer = "file", limits: Limits | None = None) -> Upload:
    with receiving(data, "job") as raw:
        raw.write_bytes(body)
        return checked(raw, "job", "x.fa", per, data, limits or Limits())


@pytest.mark.parametrize("how", PACKERS)
def test_the_stored_file_is_plain_text(tmp_path: Path, how: str) -> None:
    text = b">a\n" + b"ACGTTGCA" * 50_000 + b"\n>b\nACGT\n"
    found = accept(
        tmp_path, PACKERS[how](text) * 2, "record"
    )  # two archives in one file, as `cat` makes them
    assert path_of(tmp_path, "job").read_bytes() == text * 2
    assert (found.size_bytes, found.inputs) == (2 * len(text), 4)
    assert [path.name for path in (tmp_path / "uploads").iterdir()] == ["job"]


def test_genomes_have_the_file_name_of_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "u3Fq-abc"
    path.write_bytes(b">\nACGT\n>named\nACGT\n")
    assert [genome.id for genome in genomes_of(path, "sample.fa.gz", "file")] == ["sample"]
    records = list(genomes_of(path, "sample.fa.gz", "record"))
    assert [genome.id for genome in records] == ["sample_1", "named"]
    assert {genome.source for genome in records} == {"sample.fa.gz"}


def test_records_are_counted_as_the_reader_counts_them(tmp_path: Path) -> None:
    chance = random.Random(3)
    for _ in range(50):
        lines = chance.choices([b">a", b">", b"ACGT", b"", b"NN"], k=chance.randrange(1, 400))
        text = b">first\nACGT\n" + b"\n".join(lines)
        found = accept(tmp_path, text, "record")
        assert found.inputs == len(list(iter_genomes([path_of(tmp_path, "job")], "record")))


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [(Limits(unpacked_bytes=1_000_000), "it unpacks to more than 1 MB, the limit"),
     (Limits(records=10), "it has more than 10 records, the limit")],
)  # fmt: skip
def test_limits_are_reported_with_their_numbers(tmp_path: Path, limits: Limits, sentence: str) -> None:
    text = b"".join(b">%d\n%s\n" % (number, b"ACGT" * 300) for number in range(2_000))
    with pytest.raises(Problem, match=sentence) as refused:
        accept(tmp_path, gzip.compress(text), "record", limits)
    assert refused.value.status == 413
    assert list((tmp_path / "uploads").iterdir()) == []


@pytest.mark.long
@pytest.mark.parametrize("limit_mb", [20, 100])
@pytest.mark.parametrize("how", ["gz", "xz", "zst"])
def test_a_decompression_bomb_takes_little_memory(tmp_path: Path, how: str, limit_mb: int) -> None:
    import tracemalloc

    size = limit_mb * 1_000_000
    bomb = PACKERS[how](b"\0" * 10 * size if how == "zst" else b">a\n" + b"A" * 3 * size)
    assert len(bomb) < 1_000_000
    tracemalloc.start()
    with pytest.raises(Problem, match=f"it unpacks to more than {limit_mb} MB, the limit"):
        accept(tmp_path, bomb, limits=Limits(unpacked_bytes=size))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 300_000_000


def test_an_archive_that_needs_much_memory_is_refused(tmp_path: Path) -> None:
    window = zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=window).compressobj()
    body = packer.compress(b">a\n" + b"ACGT" * 1_000) + packer.flush()
    with pytest.raises(Problem, match="unpacking takes more than 128 MB of memory, the limit"):
        accept(tmp_path, body)


def test_a_slow_upload_times_out() -> None:
    async def receive() -> dict[str, object]:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"A", "more_body": True}

    async def read_all() -> int:
        bounded, size = limited(receive, Limits(upload_s=0.5)), 0
        while True:
            size += len((await bounded())["body"])
            assert size < 100

    with pytest.raises(Problem, match="it was incomplete after") as refused:
        finished(read_all())
    assert refused.value.status == 408


def malformed(chance: random.Random, sample: bytes) -> tuple[str, bytes, str]:
    """Kind, body and content type of an upload that is no sequence."""
    start = chance.randrange(len(sample) - 4_000)
    text = b">real\n" + sample[start : start + 3_000].replace(b"\n", b"").replace(b">", b"N")
    plain = "application/octet-stream"
    match chance.randrange(12):
        case 0:
            return "bytes", b"\x80" + chance.randbytes(chance.randrange(1, 3_000)), plain
        case 1:
            letters = bytes(chance.choices(b"EFILPQZ*", k=chance.randrange(1, 500)))
            return "protein", b">protein\n" + letters, plain
        case 2:
            return "fastq", b"@read\n" + text[6:200] + b"\n+\n" + b"I" * 194, plain
        case 3:
            return "html", b"<!doctype html><html>" + chance.randbytes(50).hex().encode(), "text/html"
        case 4:
            return "json", json.dumps({"sequence": text.decode()}).encode(), "application/json"
        case 5:
            return (
                "headers",
                b"".join(b">only a header %d\n" % n for n in range(chance.randrange(1, 50))),
                plain,
            )
        case 6 | 7 | 8:
            how = chance.choice(sorted(PACKERS))
            packed = PACKERS[how](text)
            return f"cut {how}", packed[: chance.randrange(7, len(packed) - 8)], plain
        case 9:
            packed = bytearray(gzip.compress(text))
            at = chance.randrange(30, len(packed) - 10)
            packed[at] ^= 1 << chance.randrange(8)
            return "damaged gz", bytes(packed), plain
        case 10:
            genbank = b"LOCUS       X 3000 bp DNA linear BCT 01-JAN-2026\nDEFINITION  x.\nACCESSION   X\n"
            return "cut GenBank", genbank[: chance.randrange(8, len(genbank))], plain
        case _:
            part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.fa"\r\n\r\n'
            return (
                "cut form",
                (part + text)[: chance.randrange(1, len(part) - 1)],
                "multipart/form-data; boundary=b",
            )


@pytest.mark.long
@pytest.mark.parametrize("number", [100, 1_000])
def test_malformed_uploads_are_refused_with_a_sentence(service: Running, demo: Path, number: int) -> None:
    sample, chance = (demo / "sample.fasta").read_bytes(), random.Random(11)
    kinds: Counter[str] = Counter()
    with service.client() as client:
        for _ in range(number):
            kind, body, content_type = malformed(chance, sample)
            answer = client.post("/v1/queries", content=body, headers={"Content-Type": content_type})
            kinds[kind] += 1
            assert 400 <= answer.status_code < 500, (kind, answer.text)
            problem = answer.json()
            assert problem["status"] == answer.status_code
            assert len(problem["detail"].split()) >= 4, (kind, problem)
            assert str(service.data) not in answer.text
        assert len(kinds) == 13
    assert service.query(sample)["state"] == "done"
    assert [path for path in (service.data / "uploads").iterdir() if path.name.startswith(".")] == []
