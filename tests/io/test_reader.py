"""The reader returns the bases in a file, however it is compressed and wrapped, or the reason why not."""

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from unittest import mock

import pytest
import zstandard
from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord
from helpers.ncbi_server import dna
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.errors import UsageError
from genome_index.io import compression as streams
from genome_index.io import reader
from genome_index.io.inputs import Input, file_stem, read_list, sequence_files
from genome_index.io.reader import first_names, iter_genomes
from genome_index.records import Contig, Failure, Genome, Lineage, Taxon
from genome_index.taxonomy.input_plan import plan

PACKERS = {
    "gz": lambda text: gzip.compress(text, 1),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
}
EACH_PACKER = pytest.mark.parametrize("packer", PACKERS.values(), ids=PACKERS)
CUT = (
    "the compressed file is cut short or damaged "
    "(Compressed file ended before the end-of-stream marker was reached); download or copy it again"
)
HALF_MEGABASE = dna(7, 500_000)
TWO = b">a one\nACGTN\nACG\n>b\nTTTT\n"
TWO_CONTIGS = [("a", b"ACGTNACG"), ("b", b"TTTT")]


def plain_records(text, stem):
    """The oracle: line by line, the whole file in memory."""
    records = []
    for line in text.split(b"\n"):
        if line.startswith(b">"):
            name = line[1:].split()[0].decode("utf-8", "replace") if line[1:].split() else ""
            records.append([name or f"{stem}_{len(records) + 1}", b""])
        elif records:
            records[-1][1] += b"".join(line.split()).replace(b"-", b"N").replace(b".", b"N")
    return [(name, sequence) for name, sequence in records]


def contigs(path, per="file"):
    """Names and residues of a readable file's records."""
    found = list(iter_genomes([path], per))
    assert not [item.reason for item in found if isinstance(item, Failure)]
    return [(contig.name, contig.sequence) for genome in found for contig in genome.contigs]


def reason(path, per="file"):
    """The reason why a file gives no genome."""
    (only,) = iter_genomes([path], per)
    assert isinstance(only, Failure), only
    return only.reason


@pytest.fixture
def write(tmp_path):
    def write(content, name="x.fa"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def stdin(monkeypatch):
    def give(content, raw=io.BytesIO):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(raw(content))))

    return give


class Drip(io.BytesIO):
    """A pipe whose writer sends one byte at a time."""

    def seekable(self):
        return False

    def readinto(self, buffer):
        return super().readinto(memoryview(buffer)[:1])


TEXTS = {
    "plain": (TWO, TWO_CONTIGS),
    "no line end at the end": (TWO[:-1], TWO_CONTIGS),
    "crlf": (TWO.replace(b"\n", b"\r\n"), TWO_CONTIGS),
    "crlf, no line end at the end": (TWO.replace(b"\n", b"\r\n")[:-2], TWO_CONTIGS),
    "lower case is kept": (b">a\nacgtnNAC\n", [("a", b"acgtnNAC")]),
    "IUPAC is kept": (
        b">a\nACGTUNRYSWKMBDHV\nacgtunryswkmbdhv\n",
        [("a", b"ACGTUNRYSWKMBDHVacgtunryswkmbdhv")],
    ),
    "U is kept": (b">a\nACGU\nuuuu\n", [("a", b"ACGUuuuu")]),
    "gaps become N, their flanks are not joined": (b">a\nAC--GT-\n.ACG\n", [("a", b"ACNNGTNNACG")]),
    "white space is no residue": (b">a\nAC GT\t\nA\x0bC\x0c \n  GT\n", [("a", b"ACGTACGT")]),
    "blank lines": (b">a\n\nACGT\n\n\nAC\n\n>b\n\nTT\n\n", [("a", b"ACGTAC"), ("b", b"TT")]),
    "blank lines first": (b"\n\r\n\n>a\nACGT\n", [("a", b"ACGT")]),
    "'>' inside a header": (b">a x>y >z\nACGT\n>b>c >\nTT\n", [("a", b"ACGT"), ("b>c", b"TT")]),
    "'>' doubled": (b">>a\nACGT\n>>>b\nTT\n", [(">a", b"ACGT"), (">>b", b"TT")]),
    "header without a name": (
        b">\nAC\n>  \nGG\n>b\nTT\n>\t\nAA\n",
        [("x_1", b"AC"), ("x_2", b"GG"), ("b", b"TT"), ("x_4", b"AA")],
    ),
    "space before the name": (b"> a b\nACGT\n", [("a", b"ACGT")]),
    "name ended by a tab": (b">a\tb c\nACGT\n", [("a", b"ACGT")]),
    "a name that is not UTF-8": (b">\xe9a\nACGT\n", [("\ufffda", b"ACGT")]),
    "one name for two records": (b">a\nAC\n>a\nGG\n", [("a", b"AC"), ("a", b"GG")]),
    "empty records": (b">e\n>a\nACGT\n>f\n\n>b\nTT\n>g\n", [("a", b"ACGT"), ("b", b"TT")]),
    "a lone '>' at the end": (b">a\nACGT\n>", [("a", b"ACGT")]),
    "one letter": (b">a\nA", [("a", b"A")]),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_fasta_means(write, text, expected):
    assert contigs(write(text)) == expected


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_the_plain_parser_agrees(text, expected):
    assert [record for record in plain_records(text, "x") if record[1]] == expected


@pytest.mark.parametrize(
    "start",
    [b"\xef\xbb\xbf", b" ", b"\n", b"\xef\xbb\xbf\r\n\t ", b"\n" * 1000, b" " * 2 * reader.BLOCK_BYTES],
    ids=["byte order mark", "space", "line end", "all of them", "blank lines", "blocks of blanks"],
)
def test_a_byte_order_mark_and_blank_lines_come_before_the_first_record(write, start):
    assert contigs(write(start + TWO)) == TWO_CONTIGS
    assert first_names(str(write(start[:1000] + TWO))) == ["a", "b"]


@EACH_PACKER
@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_compressed_reads_as_plain(write, packer, text, expected):
    assert contigs(write(packer(text))) == expected


@EACH_PACKER
@pytest.mark.parametrize("name", ["x.fa", "x.fa.gz", "x.fa.zst", "x.txt", "x"])
def test_content_decides_the_compression_not_the_name(write, packer, name):
    assert contigs(write(packer(TWO), name)) == TWO_CONTIGS


@pytest.mark.parametrize("name", ["x.fa.gz", "x.fna.bz2", "x.fa.xz", "x.fa.zst", "x.gb"])
def test_plain_reads_whatever_the_name(write, name):
    assert contigs(write(TWO, name)) == TWO_CONTIGS


@EACH_PACKER
@pytest.mark.parametrize("cut", [1, 4, 7, 14, 24])
def test_consecutive_frames_are_one_file(write, packer, cut):
    assert contigs(write(packer(TWO[:cut]) + packer(TWO[cut:]))) == TWO_CONTIGS


@EACH_PACKER
def test_an_empty_first_frame_is_not_an_empty_file(write, packer):
    assert contigs(write(packer(b"") + packer(TWO))) == TWO_CONTIGS


@EACH_PACKER
def test_many_frames(write, packer):
    text = b">a\n" + HALF_MEGABASE[:60_000].encode() + b"\n"
    packed = b"".join(packer(text[at : at + 999]) for at in range(0, len(text), 999))
    assert contigs(write(packed)) == [("a", HALF_MEGABASE[:60_000].encode())]


SKIPPED = b"\x50\x2a\x4d\x18\x04\0\0\0size"  # a skippable frame, as pzstd writes before each of its frames


def test_a_skippable_zstd_frame_is_skipped(write):
    packed = zstandard.compress(TWO[:14]) + SKIPPED + zstandard.compress(TWO[14:])
    assert contigs(write(packed)) == TWO_CONTIGS


def test_a_skippable_zstd_frame_may_come_first(write):
    assert contigs(write(SKIPPED + zstandard.compress(TWO))) == TWO_CONTIGS


def test_a_zstd_window_of_a_gigabyte_is_unpacked(write):
    """As `zstd --long=30 < FASTA` writes it; the library by default refuses more than 128 MB."""
    parameters = zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    assert contigs(write(packer.compress(TWO) + packer.flush())) == TWO_CONTIGS


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9, 0.9999])
@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("per", ["file", "record"])
def test_a_truncated_archive_is_a_failure_with_a_cure(write, kind, share, per):
    packed = PACKERS[kind](f">a\n{HALF_MEGABASE[:200_000]}\n".encode())
    path = write(packed[: int(len(packed) * share)])
    assert reason(path, per) == CUT


@pytest.mark.parametrize("kind", PACKERS)
def test_an_archive_without_its_last_byte_is_a_failure(write, kind):
    assert reason(write(PACKERS[kind](TWO)[:-1])) == CUT


@EACH_PACKER
def test_records_before_a_truncation_are_read_and_the_truncation_is_a_failure(write, packer):
    packed = packer("".join(f">r{at}\n{HALF_MEGABASE[:200_000]}\n" for at in range(3)).encode())
    *genomes, failure = iter_genomes([write(packed[:-1])], "record")
    assert [genome.id for genome in genomes] == ["r0", "r1"]
    assert (failure.id, failure.reason) == ("x", CUT)


@pytest.mark.parametrize("kind", PACKERS)
def test_a_damaged_archive_is_a_failure_with_a_cure(write, kind):
    packers = PACKERS | {"zst": zstandard.ZstdCompressor(write_checksum=True).compress}  # as the zstd command
    packed = bytearray(packers[kind](f">a\n{HALF_MEGABASE[:50_000]}\n".encode()))
    packed[len(packed) // 2] ^= 0xFF
    path = write(bytes(packed))
    first_names(str(path))
    assert reason(path).startswith("the compressed file is cut short or damaged (")
    assert reason(path).endswith("); download or copy it again")


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_rubbish_after_an_archive_is_a_failure(write, kind):
    why = reason(write(PACKERS[kind](TWO) + b"rubbish"))
    assert why.startswith("the compressed file is cut short or damaged (")


TRICKY = (
    b">a first>second > third\nACGTACGTAC\nGT\n\n>\nAC-GT N\n>e\n>>b\nacgtn\nRYSWK\n>" + b"long" * 20 + b" "
    b">" * 9 + b"\n" + b"ACGTT\n" * 20 + b">c\nA\n>d\n\nT"
)


@pytest.fixture(
    params=[TRICKY, TRICKY.replace(b"\n", b"\r\n"), TRICKY + b"\n>"], ids=["lf", "crlf", "open end"]
)
def tricky(request):
    return request.param


@pytest.mark.parametrize("block", range(1, 65))
def test_blocks_of_any_size_give_the_same(write, monkeypatch, tricky, block):
    monkeypatch.setattr(reader, "BLOCK_BYTES", block)
    monkeypatch.setattr(streams, "BLOCK_BYTES", block)
    expected = [record for record in plain_records(tricky, "x") if record[1]]
    assert len(expected) == 6
    assert contigs(write(tricky)) == expected
    assert contigs(write(gzip.compress(tricky))) == expected
    assert contigs(write(zstandard.compress(tricky))) == expected


@pytest.mark.parametrize("kind", ["plain", *PACKERS])
@pytest.mark.parametrize("off", [-2, -1, 0, 1, 2])
def test_a_record_may_end_where_a_block_ends(write, kind, off):
    """The block size as it is: the second header begins `off` bytes away from the end of the second block."""
    first = HALF_MEGABASE[: 2 * reader.BLOCK_BYTES - len(">a\n\n") + off]
    text = f">a\n{first}\n>b\nTTTT\n".encode()
    assert text.index(b">b") == 2 * reader.BLOCK_BYTES + off
    assert contigs(write(PACKERS.get(kind, bytes)(text))) == [("a", first.encode()), ("b", b"TTTT")]


WORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126) | st.sampled_from("äß→☃"), min_size=1, max_size=12
)
DESCRIPTIONS = st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.just("\t"), max_size=30)
LETTERS = st.text("ACGTUNRYSWKMBDHVacgtunryswkmbdhv-.", max_size=200)
RECORDS = st.lists(st.tuples(WORDS, DESCRIPTIONS, LETTERS), min_size=1, max_size=8)


@settings(deadline=None, max_examples=200)
@given(
    records=RECORDS,
    width=st.integers(1, 90),
    line_end=st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\t \n"]),
    last=st.booleans(),
    packer=st.sampled_from([bytes, *PACKERS.values()]),
    block=st.integers(1, 300),
)
def test_fasta_comes_back_as_it_was_written(tmp_path_factory, records, width, line_end, last, packer, block):
    lines = []
    for name, description, sequence in records:
        lines += [
            f">{name} {description}",
            *(sequence[at : at + width] for at in range(0, len(sequence), width)),
        ]
    text = line_end.join([line.encode() for line in lines]) + (line_end if last else b"")
    path = tmp_path_factory.getbasetemp() / "round-trip.fa"
    path.write_bytes(packer(text))
    with mock.patch.object(reader, "BLOCK_BYTES", block), mock.patch.object(streams, "BLOCK_BYTES", block):
        found = list(iter_genomes([path], "record"))
    expected = [
        (name, sequence.replace("-", "N").replace(".", "N").encode()) for name, _, sequence in records
    ]
    assert plain_records(text, "x") == expected
    assert [
        (item.contigs[0].name, item.contigs[0].sequence) if isinstance(item, Genome) else (item.id, b"")
        for item in found
    ] == expected


def test_real_genomes_read_as_by_the_plain_parser(shared_genomes):
    path = shared_genomes / "dengue.fa.gz"
    expected = plain_records(gzip.decompress(path.read_bytes()), "dengue")
    assert len(expected) == 480
    assert contigs(path, "record") == expected
    assert contigs(path, "file") == expected


def test_a_file_is_one_genome(write):
    path = write(TWO, "folder/GCF_1.2.fna")
    contigs = (Contig("a", b"ACGTNACG"), Contig("b", b"TTTT"))
    assert list(iter_genomes([path])) == [Genome("GCF_1.2", contigs, str(path))]


def test_a_record_is_one_genome_with_per_record(write):
    path = write(TWO)
    expected = [Genome(name, (Contig(name, sequence),), str(path)) for name, sequence in TWO_CONTIGS]
    assert list(iter_genomes([path], "record")) == expected


def test_an_empty_record_is_a_failure_with_per_record(write):
    path = write(b">a\nACGT\n>e\n>b\nTT\n>\n")
    a, e, b, nameless = iter_genomes([path], "record")
    assert (a.id, b.id) == ("a", "b")
    sentence = "record {!r} has a header but no sequence; remove it or complete it"
    assert e == Failure("e", str(path), sentence.format("e"))
    assert nameless == Failure("x_4", str(path), sentence.format("x_4"))


def test_a_bad_record_does_not_stop_the_others(write):
    found = list(iter_genomes([write(b">a\nACGT\n>b\nMKLE\n>c\nTTTT\n")], "record"))
    assert [(item.id, isinstance(item, Failure)) for item in found] == [
        ("a", False),
        ("b", True),
        ("c", False),
    ]


REFUSED = {
    "empty": (b"", "the file is empty; give a FASTA or GenBank file"),
    "white space": (b" \r\n\t\n", "the file is empty; give a FASTA or GenBank file"),
    "empty, packed": (gzip.compress(b""), "the file is empty; give a FASTA or GenBank file"),
    "only headers": (b">a\n>b\n", "headers but no sequence; give a complete FASTA or GenBank file"),
    "no header": (
        b"ACGTACGTACGT\n",
        "neither FASTA nor GenBank: expected '>' or 'LOCUS' at the start but found 'ACGTACGTAC'",
    ),
    "FASTQ": (
        b"@read\nACGT\n+\nIIII\n",
        "this is FASTQ, single reads; assemble them first and give the contigs as FASTA",
    ),
    "binary": (
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "this is a binary file, not FASTA or GenBank (of compressed files, gz, bz2, xz and zst are read)",
    ),
    "UTF-16": (
        ">a\nACGT\n".encode("utf-16"),
        "this is text in UTF-16, as PowerShell and Notepad write it; save it as UTF-8 or ASCII "
        "(PowerShell: Out-File -Encoding ascii)",
    ),
    "protein": (
        b">p\nMKLVINGKTLKGEITVEGPF\n",
        "record 'p' has 'E', 'F', 'I', 'L', 'P', which are not nucleotide codes; "
        "this looks like protein, gindex reads nucleotides",
    ),
    "numbered lines": (
        b">a\n1 ACGT\n5 ACGT\n",
        "record 'a' has '1', '5', which are not nucleotide codes; is it a sequence file?",
    ),
    "a header in the middle of a line": (
        b">a\nACGT >b\nACGT\n",
        "record 'a' has '>', which are not nucleotide codes; is it a sequence file?",
    ),
    "bytes over 127": (
        b">a\nAC\x80GT\n",
        "record 'a' has '\\x80', which are not nucleotide codes; is it a sequence file?",
    ),
    "broken GenBank": (
        b"LOCUS       X 4 bp DNA\n",
        "not a well-formed GenBank file (Premature end of line during sequence data); "
        "download it again, or give it as FASTA",
    ),
}


@pytest.mark.parametrize(("content", "sentence"), REFUSED.values(), ids=REFUSED)
def test_other_content_is_refused_with_a_reason(write, content, sentence):
    path = write(content)
    assert list(iter_genomes([path])) == [Failure("x", str(path), sentence)]


# GenBank ----------------------------------------------------------------------------------------------------

FROG = ["Eukaryota", "Metazoa", "Chordata", "Anura", "Hylidae", "Hyla"]
FROG_TAXON = Taxon(
    Lineage({"superkingdom": "Eukaryota", "family": "Hylidae", "genus": "Hyla", "species": "Hyla arborea"}),
    {"lineage": "; ".join(FROG)},
)


def flat_file(*ids, organism="Hyla arborea", lineage=FROG, bp=600, kind="genbank"):
    text = io.StringIO()
    for number, record_id in enumerate(ids):
        record = SeqRecord(Seq(dna(number, bp)), record_id, record_id.split(".")[0], "a record")
        record.annotations = {"molecule_type": "DNA", "organism": organism, "taxonomy": lineage}
        SeqIO.write(record, text, kind)
    return text.getvalue().encode()


def lower(number, bp=600):
    return dna(number, bp).lower().encode()


@pytest.mark.parametrize("kind", ["genbank", "embl"])
def test_flat_files_are_read_with_their_taxonomy(write, kind):
    path = write(flat_file("NC_1.1", "NC_2.1", kind=kind), "frog.gb")
    (genome,) = iter_genomes([path])
    assert (genome.id, genome.source) == ("frog", str(path))
    assert [(one.name, one.sequence.lower()) for one in genome.contigs] == [
        ("NC_1.1", lower(0)),
        ("NC_2.1", lower(1)),
    ]
    assert genome.taxon == FROG_TAXON


def test_a_genbank_record_is_one_genome_with_per_record(write):
    path = write(flat_file("NC_1.1") + flat_file("NC_2.1", organism="Rana sp.", lineage=[]))
    one, other = iter_genomes([path], "record")
    assert (one.id, one.taxon) == ("NC_1.1", FROG_TAXON)
    assert (other.id, other.taxon) == ("NC_2.1", Taxon(Lineage({"species": "Rana sp."})))


@EACH_PACKER
def test_compressed_genbank_reads_as_plain(write, packer):
    assert [name for name, _ in contigs(write(packer(flat_file("NC_1.1", "NC_2.1"))))] == ["NC_1.1", "NC_2.1"]


ORGANISMS = {
    "virus": (
        "Dengue virus 2",
        ["Viruses", "Amarillovirales", "Flaviviridae", "Orthoflavivirus"],
        {
            "superkingdom": "Viruses",
            "order": "Amarillovirales",
            "family": "Flaviviridae",
            "species": "Dengue virus 2",
        },
    ),
    "bacterium": (
        "Escherichia coli K-12",
        ["Bacteria", "Enterobacterales", "Enterobacteriaceae", "Escherichia"],
        {
            "superkingdom": "Bacteria",
            "order": "Enterobacterales",
            "family": "Enterobacteriaceae",
            "genus": "Escherichia",
            "species": "Escherichia coli K-12",
        },
    ),
    "nothing": ("", [], {}),
}


@pytest.mark.parametrize(("organism", "lineage", "names"), ORGANISMS.values(), ids=ORGANISMS)
def test_ranks_are_read_off_a_lineage_without_ranks(write, organism, lineage, names):
    (genome,) = iter_genomes([write(flat_file("NC_1.1", organism=organism, lineage=lineage))])
    assert dict(genome.taxon.lineage.names) == names


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: b"\n\n" + text,
        lambda text: b"\xef\xbb\xbf" + text,
    ],
    ids=["crlf", "blank lines first", "byte order mark"],
)
def test_genbank_survives(write, change):
    text = flat_file("NC_1.1", "NC_2.1")
    assert contigs(write(change(text))) == contigs(write(text))


def test_genbank_without_sequence_is_a_failure(write):
    text = flat_file("NC_1.1")
    text = text[: text.index(b"ORIGIN")] + b"CONTIG      join(CP1.1:1..600)\n//\n"
    assert reason(write(text)) == "a record without its sequence (no ORIGIN); download it with the sequence"


def test_a_protein_record_is_a_failure(write):
    text = io.StringIO()
    SeqIO.write(
        SeqRecord(Seq("MKLVEE"), "P1", "P1", annotations={"molecule_type": "protein"}), text, "genbank"
    )
    assert reason(write(text.getvalue().encode())) == (
        "record 'P1' has 'E', 'L', which are not nucleotide codes; "
        "this looks like protein, gindex reads nucleotides"
    )


@pytest.mark.parametrize("share", [0.4, 0.7, 0.95])
def test_genbank_cut_inside_its_sequence_is_a_failure(write, share):
    text = flat_file("NC_1.1")
    start = text.index(b"ORIGIN")
    cut = text[: start + int((len(text) - start) * share)]
    why = reason(write(cut))
    assert why.startswith("record 'NC_1.1' has ")
    assert why.endswith(
        " bp, but its length is given as 600; it was cut or changed: download it again, or correct the length"
    )


@pytest.mark.parametrize("kind", ["genbank", "embl"])
def test_a_bad_record_of_a_flat_file_does_not_stop_the_others(write, kind):
    a, b, c = (flat_file(name, bp=300 + number, kind=kind) for number, name in enumerate(["a", "b", "c"]))
    b = b.replace(b"301 bp", b"999 bp").replace(b"301 BP", b"999 BP")
    found = list(iter_genomes([write(a + b + c)], "record"))
    assert [(item.id, isinstance(item, Failure)) for item in found] == [
        ("a", False),
        ("b", True),
        ("c", False),
    ]
    assert found[1].reason.startswith("record 'b' has 301 bp, but its length is given as 999; ")


def test_genbank_leaves_no_file_open(write, monkeypatch):
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        assert len(list(iter_genomes([write(flat_file("NC_1.1", "NC_2.1"))]))) == 1
    assert [one.exc_value for one in unraisable] == []


# Standard input and pipes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", *PACKERS])
def test_standard_input(stdin, kind):
    stdin(PACKERS.get(kind, bytes)(TWO))
    expected = Genome("stdin", tuple(Contig(name, sequence) for name, sequence in TWO_CONTIGS), "-")
    assert list(iter_genomes(["-"])) == [expected]


def test_records_of_standard_input(stdin):
    stdin(b">a\nACGT\n>\nTT\n")
    assert [(genome.id, genome.source) for genome in iter_genomes(["-"], "record")] == [
        ("a", "-"),
        ("stdin_2", "-"),
    ]


def test_empty_standard_input_is_a_failure(stdin):
    stdin(b"")
    assert reason("-") == "the file is empty; give a FASTA or GenBank file"


@pytest.mark.parametrize(
    "kind",
    [
        "plain",
        *PACKERS,
        "blank line first",
        "GenBank",
    ],
)
def test_a_slow_pipe_reads_as_a_file(stdin, kind):
    texts = {"blank line first": b"\n" + TWO, "GenBank": flat_file("a", "b")}
    stdin(PACKERS.get(kind, bytes)(texts.get(kind, TWO)), Drip)
    assert [name for name, _ in contigs("-")] == ["a", "b"]


def test_a_pipe_given_by_its_path_is_read_completely():
    """As a shell makes of <(command): a first look at it would take bytes that come only once."""
    out, into = os.pipe()
    try:
        threading.Thread(target=lambda: (os.write(into, TWO), os.close(into))).start()
        path = f"/dev/fd/{out}"
        planned = plan([path], None, None)
        assert contigs(planned.inputs[0]) == TWO_CONTIGS
    finally:
        os.close(out)


# Folders and lists ------------------------------------------------------------------------------------------


def test_a_folder_is_read_with_its_folders_by_name(write, tmp_path):
    names = [
        "b.fa",
        "a.fasta",
        "deep/er/c.fna.gz",
        "deep/a.fas",
        "Z.FA.GZ",
        "d.ffn",
        "e.gbk.bz2",
        "f.gb.xz",
        "g.gbff.zst",
        "h.genbank",
    ]
    for name in names:
        write(TWO, f"in/{name}")
    for other in (
        "readme.txt",
        "taxonomy.tsv",
        "x.fa.zip",
        "fa",
        "genomes.fa.md5",
        "reads.fastq.gz",
        "x.faa",
    ):
        write(b"no genome", f"in/{other}")
    write(b"", "in/folder.fa/readme.txt")  # a folder's name says nothing
    expected = sorted(str(tmp_path / "in" / name) for name in names)
    assert [genome.source for genome in iter_genomes([tmp_path / "in"])] == expected
    assert sequence_files([tmp_path / "in"]) == expected


def test_inputs_are_read_in_the_order_given(write, tmp_path):
    for name in ("z.fa", "in/b.fa", "in/a.fa", "a.fa"):
        write(TWO, name)
    given = [tmp_path / "z.fa", tmp_path / "in", str(tmp_path / "nowhere.fa"), tmp_path / "a.fa"]
    assert [item.id for item in iter_genomes(given)] == ["z", "a", "b", "nowhere", "a"]


def test_a_folder_without_sequence_files_is_a_failure(write, tmp_path):
    folder = write(b"hello", "in/readme.txt").parent
    assert list(iter_genomes([folder])) == [
        Failure(
            str(folder),
            str(folder),
            "no sequence file in this folder; gindex reads .fa, .fasta, .fna, .fas, .fsa, .fsa_nt, "
            ".ffn, .mfa, .gb, .gbk, .gbff, .gbf, .genbank, .embl, also with .gz .bz2 .xz .zst",
        )
    ]


def test_a_broken_link_is_a_failure(write, tmp_path):
    write(TWO, "in/a.fa")
    (tmp_path / "in" / "b.fa").symlink_to(tmp_path / "gone.fa")
    found = list(iter_genomes([tmp_path / "in"]))
    assert [(item.id, isinstance(item, Failure)) for item in found] == [("a", False), ("b", True)]
    assert found[1].reason == "no such file or folder; check the path"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_a_folder_is_not_read(write, tmp_path):
    write(TWO, "in/a.fa")
    os.mkfifo(tmp_path / "in" / "b.fa")
    assert [item.id for item in iter_genomes([tmp_path / "in"])] == ["a"]


def test_names_that_are_not_utf_8_are_spelled_out_and_stay_distinct(write, tmp_path):
    names = [os.fsdecode(b"caf\xe8.fa"), os.fsdecode(b"caf\xe9.fa.gz")]
    try:
        for name in names:
            write(TWO, f"in/{name}")
    except OSError:
        pytest.skip("names have to be UTF-8 text here")
    found = list(iter_genomes([tmp_path / "in"]))
    assert [(genome.id, Path(genome.source).name) for genome in found] == [
        ("caf\\xe8", "caf\\xe8.fa"),
        ("caf\\xe9", "caf\\xe9.fa.gz"),
    ]
    assert [len(genome.contigs) for genome in found] == [2, 2]


def test_a_missing_path_is_a_failure(tmp_path):
    path = str(tmp_path / "x.fa")
    assert list(iter_genomes([path])) == [Failure("x", path, "no such file or folder; check the path")]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("A" * 300, "cannot be read: file name too long"),
        ("a\0b", "no file can have this path (embedded null byte); check the spelling"),
        ("a\nb", "no such file or folder; check the path"),
        ("", "no such file or folder; check the path"),
    ],
    ids=["too long", "with a zero byte", "with a line end", "empty"],
)
def test_an_impossible_path_is_a_failure(path, sentence):
    assert list(iter_genomes([path])) == [Failure(path, path, sentence)]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a/b/GCF_000005845.2_ASM584v2_genomic.fna.gz", "GCF_000005845.2_ASM584v2_genomic"),
        ("x.FASTA.GZ", "x"),
        ("x.fa", "x"),
        ("x.fa.fa", "x.fa"),
        ("x", "x"),
        ("x.txt", "x.txt"),
        (".fa", ".fa"),
        (".gz", ".gz"),
        ("x.gb.xz", "x"),
        ("x.gz.fa", "x.gz"),
    ],
)
def test_stem(name, stem):
    assert file_stem(name) == stem


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_list_has_one_input_a_line(write, line_end):
    lines = ["# genomes", "a.fa", "", "  b c.fa  ", "\t", "-", "#d.fa", "é.fa"]
    assert read_list(write(line_end.join(lines).encode(), "list.txt")) == ["a.fa", "b c.fa", "-", "é.fa"]


def test_a_list_may_begin_with_a_byte_order_mark(write):
    assert read_list(write(b"\xef\xbb\xbfa.fa\nb.fa\n", "list.txt")) == ["a.fa", "b.fa"]


UTF_16 = {"with a mark": "utf-16", "little end first": "utf-16-le", "big end first": "utf-16-be"}


@pytest.mark.parametrize("encoding", UTF_16.values(), ids=UTF_16)
def test_a_list_may_be_utf_16(write, encoding):
    listed = [Input("caf\xe9.fa", id="bin 1"), "b.fa"]
    path = write("bins\t\r\ncaf\xe9.fa\tbin 1\r\nb.fa\r\n".encode(encoding), "list.txt")
    assert read_list(path) == ["bins", *listed]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no such file or folder; check the path"),
        (
            b"\xffa",
            "cannot be read: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
        (
            b"\xff\xfea",
            "cannot be read: 'utf-16-le' codec can't decode byte 0x61 in position 2: truncated data",
        ),
    ],
    ids=["missing", "not UTF-8", "UTF-16, cut short"],
)
def test_a_list_that_cannot_be_read_is_a_usage_error(write, tmp_path, content, why):
    path = tmp_path / "list.txt" if content is None else write(content, "list.txt")
    with pytest.raises(UsageError) as caught:
        read_list(path)
    assert (
        str(caught.value)
        == f"{path}: cannot read the list of inputs ({why}); give a text file, one path a line"
    )


def test_first_names(write):
    text = b">a x\nAC\n>b>c\nTT\n>\nGG\n" + b"A" * 100 + b"\n>late\nAC\n"
    assert first_names(str(write(gzip.compress(text)))) == ["a", "b>c", "late"]
    assert first_names(str(write(text)), look_bytes=30) == ["a", "b>c"]
    assert first_names(str(write(b"LOCUS X\n"))) == []
    assert first_names("nowhere.fa") == []


# Size -------------------------------------------------------------------------------------------------------

MEASURE = """
import sys
from pathlib import Path
from genome_index.io.kernels.kernel import load_numba
from genome_index.io.reader import iter_genomes
def peak_mb():  # of this process alone: ru_maxrss begins with what the parent had
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
load_numba()
warm = list(iter_genomes([sys.argv[3]]))
before = peak_mb()
read = sum(genome.length_bp for genome in iter_genomes([sys.argv[1]], sys.argv[2]))
print(read, peak_mb() - before)
"""
HUNDRED_MBP = 100_000_000


def peak_growth_mb(path, per, small):
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, path, per, small],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    read, growth = done.stdout.split()
    assert int(read) == HUNDRED_MBP
    return float(growth)


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="no /proc to read the peak from"
)


@needs_proc
def test_a_record_of_100_mbp_is_read_in_three_times_its_size(write, tmp_path):
    """Blocks, blocks without line ends, and the joined record: 287 MB measured."""
    lines = "".join(f"{HALF_MEGABASE[at : at + 80]}\n" for at in range(0, 500_000, 80)).encode()
    path = tmp_path / "big.fa"
    with path.open("wb") as file:
        file.write(b">big\n")
        for _ in range(HUNDRED_MBP // 500_000):
            file.write(lines)
    assert 90 < peak_growth_mb(path, "file", write(TWO)) < 320


@needs_proc
def test_records_stream(write, tmp_path):
    """100 Mbp in a thousand records need no more than some records."""
    path = tmp_path / "many.fa"
    with path.open("w") as file:
        for number in range(1000):
            file.write(f">r{number}\n{HALF_MEGABASE[number : number + 100_000]}\n")
    assert peak_growth_mb(path, "record", write(TWO)) < 20


@pytest.mark.parametrize("packer", [bytes, PACKERS["gz"]], ids=["plain", "gz"])
def test_twenty_thousand_contigs(write, packer):
    text = "".join(
        f">c{at} a contig\n{HALF_MEGABASE[at * 20 : at * 20 + 300]}\n" for at in range(20_000)
    ).encode()
    path = write(packer(text))
    expected = plain_records(text, "x")
    assert len(expected) == 20_000
    assert contigs(path) == expected
    assert contigs(path, "record") == expected
