"""The tokeniser of a model folder as the Hugging Face hub lays it out: which one it is, and its ids."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genome_index.encoders.checkpoint import LAB_TOKENISER, SIX_MERS
from genome_index.encoders.protocol import PIECE_BP as PIECE_BP
from genome_index.encoders.protocol import Ids, Tokenizer
from genome_index.encoders.tokenizers.lab import open_lab_words
from genome_index.encoders.tokenizers.sixmers import SixMers, is_sixmers
from genome_index.errors import ModelError

if TYPE_CHECKING:
    import tokenizers

PADDED = 128  # rows that a table of embeddings may have beyond the tokens, to make it a round number
PROBE = "ACGT" * 100  # longer than the 100 letters that WordPiece reads of a word


class Trained:
    """A tokeniser that comes as `tokenizer.json`, read by the library `tokenizers`.

    Whatever that file says of truncation and padding is switched off: chunks are cut later.
    """

    def __init__(self, folder: Path) -> None:
        self._tokenizer = _from_file(folder / "tokenizer.json")
        self.pad = _pad(self._tokenizer, folder)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        probe = self._tokenizer.encode(PROBE)
        words = [at for at, special in enumerate(probe.special_tokens_mask) if not special]
        _check_reads_dna(self._tokenizer, [(probe.ids[at], probe.offsets[at]) for at in words], folder)
        self.before: tuple[int, ...] = tuple(probe.ids[: words[0]])
        self.after: tuple[int, ...] = tuple(probe.ids[words[-1] + 1 :])
        self.vocabulary = 1 + max(self.pad, *self._tokenizer.get_vocab(with_added_tokens=True).values())

    def words(self, sequence: bytes) -> Ids:
        """Ids of a sequence, piece by piece, without special ones: (L,) letters -> (T,)."""
        letters = sequence.decode("ascii")
        pieces = [letters[start : start + PIECE_BP] for start in range(0, len(letters), PIECE_BP)]
        ids = [self._tokenizer.encode(piece, add_special_tokens=False).ids for piece in pieces]
        return np.concatenate([np.empty(0, np.int64), *(np.array(some, np.int64) for some in ids)])


class Letters:
    """One token a letter, by a `vocab.txt` as ESM has; a letter that is not in it is `<unk>`."""

    def __init__(self, lines: Sequence[str]) -> None:
        at = {token: number for number, token in enumerate(lines)}
        self.vocabulary = len(lines)
        self.pad = at.get("<pad>", 0)  # as in `_pad`
        self.before: tuple[int, ...] = (at["<cls>"],) if "<cls>" in at else ()
        self.after: tuple[int, ...] = (at["<eos>"],) if "<eos>" in at else ()
        self._ids = np.full(256, at.get("<unk>", self.pad), np.int64)
        for token, number in at.items():
            if len(token) == 1 and token.isascii():
                self._ids[ord(token)] = number

    def words(self, sequence: bytes) -> Ids:
        """Ids without special ones: (L,) letters -> (L,)."""
        return self._ids[np.frombuffer(sequence, np.uint8)]


def open_tokenizer(folder: Path, vocabulary: int) -> Tokenizer:
    """The tokeniser of a model folder, for a model with so many rows in its embedding table.

    Raises
    ------
    ModelError
        There is none, it is of a kind that cannot be read here, it cannot read DNA, or it is not this
        model's.
    """
    tokenizer = _found(folder)
    # Other tables may be padded to a round number; that of the six-mers has two sizes, whose ids differ.
    exact = isinstance(tokenizer, SixMers) or vocabulary in SIX_MERS
    if tokenizer.vocabulary > vocabulary or (exact and tokenizer.vocabulary < vocabulary):
        raise ModelError(
            str(folder),
            f"its tokeniser has {tokenizer.vocabulary:,} tokens, but the model has {vocabulary:,} "
            "embeddings, so they do not belong together; download the whole model again, all files from one "
            "place",
        )
    return tokenizer


def rows_without_token(tokenizer: Tokenizer, vocabulary: int, where: str) -> list[str]:
    """A sentence where a model has many more embeddings than its tokeniser has tokens."""
    if vocabulary - tokenizer.vocabulary <= PADDED:
        return []
    return [
        f"{where}: its tokeniser has {tokenizer.vocabulary:,} tokens, but the model {vocabulary:,} "
        "embeddings; if the two are not of one model, the vectors mean nothing"
    ]


def _found(folder: Path) -> Tokenizer:
    """A list of six-mers first, because there a `tokenizer.json` could only be a slower copy of it."""
    if (folder / LAB_TOKENISER).is_file():
        return open_lab_words(folder / LAB_TOKENISER)
    lines = _lines(folder / "vocab.txt")
    version = is_sixmers(lines)
    if version:
        return SixMers(version)
    if (folder / "tokenizer.json").is_file():
        return Trained(folder)
    if _is_letters(lines):
        return Letters(lines)
    if lines:
        reason = (
            f"its vocab.txt ({len(lines):,} tokens) is neither the six-mers of the Nucleotide Transformer "
            "nor single letters with A, C, G and T, and there is no tokenizer.json beside it"
        )
    else:
        reason = "it holds no tokeniser, neither vocab.txt nor tokenizer.json"
    raise ModelError(
        str(folder),
        f"{reason}; download the model's tokenizer.json into it, or choose a model that has one",
    )


def _is_letters(lines: Sequence[str]) -> bool:
    """Whether a vocabulary is single letters, the bases among them, and otherwise `<special>` tokens."""
    plain = [line for line in lines if not line.startswith("<")]
    return set("ACGT") <= set(plain) and all(len(line) == 1 for line in plain)


def _check_reads_dna(
    tokenizer: tokenizers.Tokenizer, words: Sequence[tuple[int, tuple[int, int]]], folder: Path
) -> None:
    """Raise where a tokeniser drops some bases, or reads them as unknown: (T,) ids and where they stand.

    Models of lower-case DNA, or of k-mers with spaces between them, would otherwise be fed nonsense.
    """
    name = getattr(tokenizer.model, "unk_token", None)
    unknown = tokenizer.token_to_id(name) if name else None
    read = {at for id_, (start, end) in words if id_ != unknown for at in range(start, end)}
    if len(read) < len(PROBE):
        raise ModelError(
            str(folder),
            f"its tokenizer.json knows only {len(read):,} of the {len(PROBE):,} bases of "
            f"{PROBE[:12]}..., so it is not one for plain upper-case DNA; choose another model",
        )


def _from_file(path: Path) -> tokenizers.Tokenizer:
    from tokenizers import Tokenizer as Library

    try:
        return Library.from_file(str(path))
    except Exception as error:  # the library raises nothing more exact
        raise ModelError(
            str(path), f"not a tokeniser that the library `tokenizers` can read ({error}); download it again"
        ) from error


def _pad(tokenizer: tokenizers.Tokenizer, folder: Path) -> int:
    """The id that fills batches up: as set, as named, or as usually called."""
    settings: dict[str, Any] | None = tokenizer.padding
    if settings:
        return int(settings["pad_id"])
    named = [_pad_token(folder / f"{name}.json") for name in ("special_tokens_map", "tokenizer_config")]
    for token in (*named, "[PAD]", "<pad>"):
        found = tokenizer.token_to_id(token)
        if found is not None:
            return found
    return 0  # any id does no harm: every batch goes with a mask, and what is masked changes nothing


def _pad_token(path: Path) -> str:
    """The padding token that a settings file names, as text or as an entry with its content; or ''."""
    try:
        settings = json.loads(path.read_bytes()) if path.is_file() else {}
    except ValueError as error:
        raise ModelError(str(path), f"not a JSON file ({error}); download it again") from error
    if not isinstance(settings, dict):
        raise ModelError(str(path), "not a table of settings; download it again")
    token = settings.get("pad_token") or ""
    return str(token["content"] if isinstance(token, dict) else token)


def _lines(path: Path) -> list[str]:
    """Tokens of a vocabulary, one a line; none where there is no such file."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return [line.strip() for line in text.rstrip().splitlines()]
