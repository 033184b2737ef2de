"""Files that are not quite FASTA: slips are read with a warning, others are named for what they are."""

from __future__ import annotations

import gzip
import io
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.ncbi_server import dna

from genome_index.io.compression import BGZF_EOF, BLOCK_BYTES
from genome_index.io.quality import warnings_of
from genome_index.io.reader import GenomePer, first_names, iter_genomes
from genome_index.records import Failure, Genome

BASES = dna(21, 6000)
Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: bytes) -> Path:
        (tmp_path / "x.fa").write_bytes(content)
        return tmp_path / "x.fa"

    return write


def genome_of(path: Path, per: GenomePer = "file") -> Genome:
    (genome,) = iter_genomes([path], per)
    assert isinstance(genome, Genome), genome
    return genome


def reason_of(path: Path) -> str:
    (failure,) = iter_genomes([path])
    assert isinstance(failure, Failure), failure
    return failure.reason


# Line ends --------------------------------------------------------------------------------------------------

CR = f">x first\r{BASES[:3000]}\r{BASES[3000:]}\r>y\r\rACGT"
LINE_ENDS = {
    "CR alone": CR,
    "CR CR LF": CR.replace("\r", "\r\r\n"),
    "CR, then LF": CR[:3010] + CR[3010:].replace("\r", "\n"),
    "a CR behind a header": CR.replace("\r", "\n").replace(">x first\n", ">x first\r"),
}


@pytest.mark.parametrize("text", LINE_ENDS.values(), ids=LINE_ENDS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_line_end_is_read(write: Write, text: str, pack: Callable[[bytes], bytes]) -> None:
    path = write(pack(text.encode()))
    contigs = [(contig.name, contig.sequence) for contig in genome_of(path).contigs]
    assert contigs == [("x", BASES.encode()), ("y", b"ACGT")]
    assert first_names(str(path)) == ["x", "y"]


def test_comments_before_the_first_record_are_left(write: Write) -> None:
    path = write(f"; from the core\n; 2026\n>x\n{BASES}\n".encode())
    assert [contig.sequence for contig in genome_of(path).contigs] == [BASES.encode()]


COMMENTS = {
    "in the sequence": f">x\n{BASES[:60]}\n; TTTT\n;\n{BASES[60:]}\n",
    "after the header": f">x;size=5;\n;TTTT\n{BASES}\n",
    "at the end": f">x\n{BASES}\n;TTTT",
    "with CR alone": f">x\r{BASES[:60]}\r;TTTT\r{BASES[60:]}\r",
    "longer than a block": f">x\n{BASES[:60]}\n;{'ACGT' * 80_000}\n;{'T' * 200_000}\n{BASES[60:]}\n",
    "Ctrl-Z of DOS": f">x\r\n{BASES}\r\n\x1a",
}


@pytest.mark.parametrize("text", COMMENTS.values(), ids=COMMENTS)
def test_comments_are_no_sequence(write: Write, text: str) -> None:
    genome = genome_of(write(text.encode()))
    assert [contig.sequence for contig in genome.contigs] == [BASES.encode()]
    assert genome.notes == ()


def test_a_comment_may_begin_anywhere_in_a_block(write: Write) -> None:
    for before in range(BLOCK_BYTES - 12, BLOCK_BYTES + 4):
        lines = f">x\n{'A' * (before - 3)}\n;TTTT\n>y\nACGT\n"
        contigs = genome_of(write(lines.encode())).contigs
        assert [(contig.name, len(contig.sequence)) for contig in contigs] == [("x", before - 3), ("y", 4)]
        assert b"T" not in contigs[0].sequence


# Characters that are no nucleotide codes --------------------------------------------------------------------

ONE = "1 character is no nucleotide code and was read as N ({})"
FOREIGN = {
    "one X": (f"{BASES[:3000]}X{BASES[3001:]}", ONE.format("'X'")),
    "a stop at the end": (f"{BASES}*", ONE.format("'*'")),
    "a question mark": (f"{BASES[:3000]}?{BASES[3001:]}", ONE.format("'?'")),
    "a letter of protein": (f"{BASES[:3000]}e{BASES[3001:]}", ONE.format("'e'")),
    "a masked half": (
        f"{BASES[:2000]}{'X' * 2900}{BASES[4900:]}",
        "2,900 characters are no nucleotide codes and were read as N ('X')",
    ),
    "one in a hundred": (
        f"{BASES[:3000]}{'E' * 30}{'*' * 29}?{BASES[3060:]}",
        "60 characters are no nucleotide codes and were read as N ('*', '?', 'E')",
    ),
}


@pytest.mark.parametrize(("bases", "warning"), FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("per", ["file", "record"])
def test_a_foreign_character_is_n_with_a_warning(
    write: Write, bases: str, warning: str, per: GenomePer
) -> None:
    genome = genome_of(write(f">x\n{bases}\n".encode()), per)
    expected = "".join(base if base in "ACGT" else "N" for base in bases)
    assert genome.contigs[0].sequence == expected.encode()
    assert genome.notes == (warning,)
    assert warnings_of(genome)[0] == warning


def test_a_short_contig_with_a_foreign_character_does_not_fail_its_genome(write: Write) -> None:
    genome = genome_of(write(f">x\n{BASES}\n>y\nACGTQ\n>z\n{BASES[:99]}*\n".encode()))
    assert [contig.sequence[-2:] for contig in genome.contigs[1:]] == [b"TN", f"{BASES[98]}N".encode()]
    assert genome.notes == ("2 characters are no nucleotide codes and were read as N ('*', 'Q')",)


NOT_CODES = "record 'x' has {}, which are not nucleotide codes; {}"
PROTEIN, OTHER = "this looks like protein, gindex reads nucleotides", "is it a sequence file?"
TOO_MANY = {
    "more than one in a hundred": (
        f">x\n{BASES[:3000]}{'E' * 61}{BASES[3061:]}\n".encode(),
        NOT_CODES.format("'E'", PROTEIN),
    ),
    "a protein among contigs": (
        f">g\n{BASES}\n>x\n{'MKELVINGKTLKGEITVEGPF' * 3}\n".encode(),
        NOT_CODES.format("'E', 'F', 'I', 'L', 'P'", PROTEIN),
    ),
    "a header without its line end": (
        f">y\n{BASES}>x 2\n{BASES}\n".encode(),
        "record 'y' has '2', '>', 'x', which are not nucleotide codes; is it a sequence file?",
    ),
    "zeros of a damaged disk": (
        f">x\n{BASES[:3000]}\0{BASES}\n".encode(),
        NOT_CODES.format("'\\x00'", OTHER),
    ),
}


@pytest.mark.parametrize(("content", "sentence"), TOO_MANY.values(), ids=TOO_MANY)
def test_many_foreign_characters_are_a_failure(write: Write, content: bytes, sentence: str) -> None:
    assert reason_of(write(content)) == sentence


# BGZF -------------------------------------------------------------------------------------------------------


def bgzf(text: bytes, block_bytes: int = 2000) -> bytes:
    """As bgzip writes it, by the SAM specification, 4.1; without the end-of-file block."""
    out = b""
    for start in range(0, len(text), block_bytes):
        plain = text[start : start + block_bytes]
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed = packer.compress(plain) + packer.flush()
        out += struct.pack("<4BI2BH2B2H", 31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, len(packed) + 25)
        out += packed + struct.pack("<2I", zlib.crc32(plain), len(plain))
    return out


CUT = (
    "the compressed file is cut short or damaged (BGZF without its end-of-file block); "
    "download or copy it again"
)
TEXT = f">x\n{BASES}\n".encode()


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("blocks", [1, 2, 3])
@pytest.mark.parametrize("through", ["file", "pipe"])
def test_bgzf_cut_between_two_blocks_is_a_failure(
    write: Write, monkeypatch: pytest.MonkeyPatch, blocks: int, through: str
) -> None:
    packed = bgzf(TEXT[: blocks * 2000])
    if through == "file":
        path = write(packed)
        assert (first_names(str(path)), reason_of(path)) == ([], CUT)
    else:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Pipe(packed))))
        assert reason_of(Path("-")) == CUT


@pytest.mark.parametrize("block_bytes", [1, 7, 2000, 65_280])
def test_whole_bgzf_is_read(write: Write, block_bytes: int) -> None:
    text = TEXT[:500] if block_bytes == 1 else TEXT
    path = write(bgzf(text, block_bytes) + BGZF_EOF)
    assert genome_of(path).contigs[0].sequence == text[3:].strip()
    assert first_names(str(path)) == ["x"]


def test_joined_bgzf_is_read(write: Write) -> None:
    whole = bgzf(TEXT) + BGZF_EOF
    assert [len(contig.sequence) for contig in genome_of(write(whole + whole)).contigs] == [6000, 6000]
    assert reason_of(write(whole + bgzf(TEXT)[:-1])).startswith("the compressed file is cut short or damaged")
    assert reason_of(write(whole + bgzf(TEXT))) == CUT


# What it is -------------------------------------------------------------------------------------------------

FASTA = TEXT.decode()
UTF_16 = (
    "this is text in UTF-16, as PowerShell and Notepad write it; save it as UTF-8 or ASCII "
    "(PowerShell: Out-File -Encoding ascii)"
)


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, FASTA)
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo("genomes/x.fa")
        entry.size = len(TEXT)
        archive.addfile(entry, io.BytesIO(TEXT))
    return out.getvalue()


ALIGNED = "this is SAM, BAM or CRAM, aligned reads; assemble them first and give the contigs as FASTA"
TAR = "this is a tar archive; unpack it (`tar xf FILE`) and give the folder"
NAMED = {
    "zip": (zipped("x.fna"), "this is a zip archive; unpack it (`unzip FILE`) and give the folder"),
    "xlsx": (
        zipped("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"),
        "this is an Excel workbook (.xlsx); save the sequences as plain text, in FASTA",
    ),
    "docx": (
        zipped("[Content_Types].xml", "word/document.xml"),
        "this is a Word document (.docx); save the sequences as plain text, in FASTA",
    ),
    "xls": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "this is a document of an old Office (.xls, .doc); save the sequences as plain text, in FASTA",
    ),
    "tar": (tarred(), TAR),
    "tar.gz": (gzip.compress(tarred()), TAR),
    "UTF-16": (FASTA.encode("utf-16"), UTF_16),
    "UTF-16, big end first": (b"\xfe\xff" + FASTA.encode("utf-16-be"), UTF_16),
    "UTF-16 without a mark": (FASTA.encode("utf-16-le"), UTF_16),
    "UTF-16 without a mark, big end first": (FASTA.encode("utf-16-be"), UTF_16),
    "compressed twice": (gzip.compress(gzip.compress(TEXT)), "it is compressed twice; unpack it once"),
    "a web page": (
        b"<!DOCTYPE html><html><body>404</body></html>",
        "this is a web page or XML, not FASTA or GenBank; download the sequence file itself",
    ),
    "SAM": (b"@HD\tVN:1.6\n", ALIGNED),
    "BAM": (gzip.compress(b"BAM\1\0\0\0\0"), ALIGNED),
    "GFA": (b"H\tVN:Z:1.0\n", "this is GFA, an assembly graph; give its contigs as FASTA"),
    "AppleDouble": (
        b"\0\x05\x16\x07\0\2\0\0Mac OS X        " + bytes(200),
        "this is a file of macOS about another file (its name begins with ._), not a genome; delete it",
    ),
    "PDF": (b"%PDF-1.7\n", "this is a PDF; save the sequences as plain text, in FASTA"),
    "Git LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
        "this is a pointer of Git LFS, not the file; get it with `git lfs pull`",
    ),
}


@pytest.mark.parametrize(("content", "sentence"), NAMED.values(), ids=NAMED)
def test_other_formats_are_named_for_what_they_are(write: Write, content: bytes, sentence: str) -> None:
    assert reason_of(write(content)) == sentence
