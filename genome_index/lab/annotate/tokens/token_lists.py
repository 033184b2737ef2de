r"""Lists of tokens for targets: the one that gindex has, and files with a token on each line.

In a file, `\t` is a tab, `\n` a line break and `\\` a backslash; spaces belong to a token, and empty lines
are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from genome_index.errors import UsageError
from genome_index.io.atomic import write_file

BOS, EOS = "<bos>", "<eos>"  # around a target
TASK, HIT = "[ATT]", "[HIT]"  # annotation is asked for; a hint follows
TAB, NEWLINE, NONE = "\t", "\n", "."  # between fields, after each line, and for an empty field
CUT_START, CUT_END = "<", ">"  # before a coordinate: the feature begins before the window, ends after it
LONGEST_N = 6  # N in one token
NUMBERS = 1000  # 0 to 999

# Types of features and of genes, with those of the recipe that this follows; each in lower case as well.
TYPES = (
    "gene", "mRNA", "CDS", "exon", "intron", "five_prime_UTR", "three_prime_UTR", "protein_coding",
    "pseudogene", "transcript", "ncRNA", "lncRNA", "tRNA", "rRNA", "tmRNA", "sRNA", "misc_RNA",
    "antisense_RNA", "RNase_P_RNA", "SRP_RNA", "snoRNA", "snRNA", "miRNA", "origin_of_replication",
    "mobile_genetic_element", "transposable_element", "riboswitch", "repeat_region",
)  # fmt: skip

BASES = re.compile(r"[ACGTN]+")
RUN_OF_N = re.compile(rf"N{{1,{LONGEST_N}}}")
ESCAPES = (("\\", "\\\\"), (TAB, "\\t"), (NEWLINE, "\\n"))


def first_tokens() -> list[str]:
    """The tokens that a new annotation model adds to those of its encoder, in this order."""
    casings = dict.fromkeys(casing for name in TYPES for casing in (name, name.lower()))
    runs = ("N" * length for length in range(1, LONGEST_N + 1))
    return [
        BOS, EOS, *casings, TASK, HIT, "+", "-", "?", TAB, NEWLINE, NONE, CUT_START, CUT_END, *runs,
        *map(str, range(NUMBERS)),
    ]  # fmt: skip


def read_tokens(path: Path) -> list[str]:
    """The tokens of a file, each once.

    Raises
    ------
    UsageError
        The file cannot be read, or a line is no token.
    """
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the list of tokens cannot be read ({error}); give a text file") from error
    tokens: dict[str, None] = {}
    for number, line in enumerate(lines, 1):
        if line.rstrip("\r"):
            tokens[_checked(_unescaped(line.rstrip("\r")), path, number)] = None
    return list(tokens)


def write_tokens(path: Path, tokens: Iterable[str]) -> None:
    """Write a file that `read_tokens` reads."""
    write_file(path, "".join(f"{escaped(token)}\n" for token in tokens).encode())


def escaped(token: str) -> str:
    r"""A token on one line.

    >>> escaped("\t"), escaped("+")
    ('\\t', '+')
    """
    for character, written in ESCAPES:
        token = token.replace(character, written)
    return token


def _unescaped(line: str) -> str:
    table = {written: character for character, written in ESCAPES}
    return re.sub(r"\\[\\tn]", lambda found: table[found.group()], line)


def _checked(token: str, path: Path, number: int) -> str:
    """The token; UsageError where it would cut sequences or join fields."""
    if BASES.fullmatch(token) and not RUN_OF_N.fullmatch(token):
        raise UsageError(
            f"{path}, line {number}: {token!r} is a sequence of bases, which would cut every sequence at it; "
            "take it out of the list"
        )
    if len(token) > 1 and (TAB in token or NEWLINE in token):
        raise UsageError(
            f"{path}, line {number}: {token!r} holds a tab or a line break, which stand between fields; "
            "take it out of the list"
        )
    return token
