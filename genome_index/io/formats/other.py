"""Formats that gindex does not read, by their first bytes: what a file is and what to do, in one sentence."""

from __future__ import annotations

import re

from genome_index.io.encodings import is_utf_16

ZIP_MAGIC = b"PK\x03\x04"
TAR_MAGIC = slice(257, 262)  # where a tar archive has the word ustar
BINARY = "this is a binary file, not FASTA or GenBank (of compressed files, gz, bz2, xz and zst are read)"
FASTQ = "this is FASTQ, single reads; assemble them first and give the contigs as FASTA"
UTF_16 = (
    "this is text in UTF-16, as PowerShell and Notepad write it; save it as UTF-8 or ASCII "
    "(PowerShell: Out-File -Encoding ascii)"
)
TAR = "this is a tar archive; unpack it (`tar xf FILE`) and give the folder"
SAVE_AS_FASTA = "save the sequences as plain text, in FASTA"
ZIP = "this is a zip archive; unpack it (`unzip FILE`) and give the folder"
NO_FASTA_SECTION = "this is GFF without a ##FASTA section; give the FASTA file of the genome"

KNOWN: tuple[tuple[tuple[bytes, ...], str], ...] = (
    ((b"@HD\t", b"@SQ\t", b"@RG\t", b"@PG\t", b"BAM\1", b"CRAM"),
     "this is SAM, BAM or CRAM, aligned reads; assemble them first and give the contigs as FASTA"),
    ((b"@",), FASTQ),
    ((b"7z\xbc\xaf\x27\x1c",), "this is a 7z archive; unpack it (`7z x FILE`) and give the folder"),
    ((b"Rar!\x1a\x07",), "this is a rar archive; unpack it (`unrar x FILE`) and give the folder"),
    ((b"\x1f\x9d",), "this is compressed by `compress` (.Z); unpack it (`uncompress FILE`)"),
    ((b"\x04\x22\x4d\x18",), "this is compressed by lz4; unpack it (`lz4 -d FILE`)"),
    ((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"), "it is compressed twice; unpack it once"),
    ((b"\0\x05\x16\x07", b"\0\x05\x16\0"),
     "this is a file of macOS about another file (its name begins with ._), not a genome; delete it"),
    ((b"%PDF",), "this is a PDF; save the sequences as plain text, in FASTA"),
    ((b"{\\rtf",), "this is rich text (RTF); save the sequences as plain text, in FASTA"),
    ((b"\x43\x27\x41\x1a", b"\x1a\x41\x27\x43"), "this is 2bit; convert it (`twoBitToFa FILE OUT.fa`)"),
    ((b"NCBI.sra",), "this is SRA, reads; assemble them first and give the contigs as FASTA"),
    ((b"version https://git-lfs",), "this is a pointer of Git LFS, not the file; get it with `git lfs pull`"),
    ((b"##fileformat=VCF", b"BCF\2"), "this is VCF, variants; give the FASTA file of the genome"),
    ((b"H\tVN:Z:", b"S\t"), "this is GFA, an assembly graph; give its contigs as FASTA"),
    ((b"##gff-version", b"##sequence-region"), NO_FASTA_SECTION),
    ((b"#NEXUS", b"CLUSTAL", b"# STOCKHOLM"), "this is an alignment; give each genome as FASTA"),
)  # fmt: skip
WEB_PAGE = re.compile(rb"<(!doctype|html|head|\?xml)", re.IGNORECASE)


def not_sequence(start: bytes) -> str:
    """Why a file that is neither FASTA nor a flat file cannot be read, from its first bytes, and the cure."""
    if not start:
        return "the file is empty; give a FASTA or GenBank file"
    if name := office_document(start):
        return f"this is {name}; {SAVE_AS_FASTA}"
    if start.startswith(ZIP_MAGIC):
        return ZIP
    if start[TAR_MAGIC] == b"ustar":
        return TAR
    if is_utf_16(start):
        return UTF_16
    if WEB_PAGE.match(start):
        return "this is a web page or XML, not FASTA or GenBank; download the sequence file itself"
    return next((sentence for magics, sentence in KNOWN if start.startswith(magics)), "") or _other(start)


def office_document(start: bytes) -> str:
    r"""What kind of document of an office program a file is, from its first block; empty for other files.

    >>> office_document(b"\xd0\xcf\x11\xe0"), office_document(b">contig_1")
    ('a document of an old Office (.xls, .doc)', '')
    """
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        return "a document of an old Office (.xls, .doc)"
    if not start.startswith(ZIP_MAGIC):
        return ""
    if b"mimetypeapplication/vnd.oasis" in start[:200]:
        return "a document of LibreOffice (.ods, .odt)"
    names = ((b"xl/", "an Excel workbook (.xlsx)"), (b"word/", "a Word document (.docx)"))
    return next((name for folder, name in names if folder in start), "")


def _other(start: bytes) -> str:
    if b"\0" in start or not start[:64].isascii():
        return BINARY
    return (
        f"neither FASTA nor GenBank: expected '>' or 'LOCUS' at the start but found {start[:10].decode()!r}"
    )
