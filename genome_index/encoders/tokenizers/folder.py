"""The tokenizer of a model folder in the layout of the Hugging Face hub: its kind, and its ids."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genome_index.encoders.checkpoint import SAVED_TOKENIZER, SIX_MERS
from genome_index.encoders.protocol import Ids, Layout, Tokenizer
from genome_index.encoders.tokenizers.fixed_tokens import FixedTokens
from genome_index.encoders.tokenizers.library import NEW_PIECE_BP, LibraryTokenizer
from genome_index.encoders.tokenizers.saved import open_saved_tokenizer
from genome_index.encoders.tokenizers.sixmers import SixMers, sixmer_version
from genome_index.errors import ModelError

if TYPE_CHECKING:
    import tokenizers

PADDED = 128  # rows that a table of embeddings may have beyond the tokens, to make it a round number
SAMPLE = "ACGT" * 100  # longer than the 100 characters that WordPiece reads of a word


class JsonTokenizer(LibraryTokenizer):
    """A tokenizer that comes as `tokenizer.json`, read by the library `tokenizers`.

    The truncation and padding that the file sets are switched off: chunks are cut later.
    """

    def __init__(self, folder: Path, piece_bp: int = 0) -> None:
        super().__init__(_from_file(folder / "tokenizer.json"), piece_bp)
        self.pad = _pad(self._library, folder)
        self._library.no_truncation()
        self._library.no_padding()
        sample = self._library.encode(SAMPLE)
        tokens = [at for at, special in enumerate(sample.special_tokens_mask) if not special]
        _check_reads_dna(self._library, [(sample.ids[at], sample.offsets[at]) for at in tokens], folder)
        self.before: tuple[int, ...] = tuple(sample.ids[: tokens[0]])
        self.after: tuple[int, ...] = tuple(sample.ids[tokens[-1] + 1 :])
        self.vocabulary = 1 + max(self.pad, *self._library.get_vocab(with_added_tokens=True).values())


class CharacterTokenizer(FixedTokens):
    """One token a character, by a `vocab.txt` as ESM has; a character that is not in it is `<unk>`."""

    def __init__(self, lines: Sequence[str]) -> None:
        at = {token: number for number, token in enumerate(lines)}
        self.vocabulary, self._lines, self.layout = len(lines), tuple(lines), Layout(1)
        self.pad = at.get("<pad>", 0)  # as in `_pad`
        self.before: tuple[int, ...] = (at["<cls>"],) if "<cls>" in at else ()
        self.after: tuple[int, ...] = (at["<eos>"],) if "<eos>" in at else ()
        self._ids = np.full(256, at.get("<unk>", self.pad), np.int64)
        for token, number in at.items():
            if len(token) == 1 and token.isascii():
                self._ids[ord(token)] = number

    def token_ids(self, sequence: bytes) -> Ids:
        """Ids without special ones: (L,) bases -> (L,)."""
        return self._ids[np.frombuffer(sequence, np.uint8)]

    def names(self, ids: Ids) -> list[str]:
        """The tokens as text: (T,) -> T."""
        return [self._lines[number] for number in ids.tolist()]


def open_tokenizer(folder: Path, vocabulary: int, piece_bp: int = 0) -> Tokenizer:
    """The tokenizer of a model folder; `vocabulary` is the number of rows in the model's embedding table.

    Raises
    ------
    ModelError
        The folder has no tokenizer, one of an unknown kind, one that cannot read DNA, or one of another
        model.
    """
    tokenizer = _tokenizer_in(folder, piece_bp)
    # Other tables may be padded to a round number; that of the six-mers has two sizes, whose ids differ.
    exact = isinstance(tokenizer, SixMers) or vocabulary in SIX_MERS
    if tokenizer.vocabulary > vocabulary or (exact and tokenizer.vocabulary < vocabulary):
        raise ModelError(
            str(folder),
            f"its tokenizer has {tokenizer.vocabulary:,} tokens, but the model has {vocabulary:,} "
            "embeddings, so they do not belong together; download the whole model again, all files from one "
            "place",
        )
    return tokenizer


def new_piece_bp(folder: Path) -> int:
    """The `piece_bp` of a new index: NEW_PIECE_BP where the library reads, else 0, for it decides nothing.

    Raises
    ------
    ModelError
    """
    return NEW_PIECE_BP if isinstance(_tokenizer_in(folder), LibraryTokenizer) else 0


def rows_without_token(tokenizer: Tokenizer, vocabulary: int, where: str) -> list[str]:
    """A warning where a model has many more embeddings than its tokenizer has tokens."""
    if vocabulary - tokenizer.vocabulary <= PADDED:
        return []
    return [
        f"{where}: its tokenizer has {tokenizer.vocabulary:,} tokens, but the model {vocabulary:,} "
        "embeddings; if the two are not of one model, the vectors mean nothing"
    ]


def _tokenizer_in(folder: Path, piece_bp: int = 0) -> Tokenizer:
    """A list of six-mers first, because there a `tokenizer.json` could only be a slower copy of it."""
    if (folder / SAVED_TOKENIZER).is_file():
        return open_saved_tokenizer(folder / SAVED_TOKENIZER, piece_bp)
    lines = _lines(folder / "vocab.txt")
    version = sixmer_version(lines)
    if version:
        return SixMers(version)
    if (folder / "tokenizer.json").is_file():
        return JsonTokenizer(folder, piece_bp)
    if _is_characters(lines):
        return CharacterTokenizer(lines)
    if lines:
        reason = (
            f"its vocab.txt ({len(lines):,} tokens) is neither the six-mers of the Nucleotide Transformer "
            "nor single characters with A, C, G and T, and there is no tokenizer.json beside it"
        )
    else:
        reason = "it holds no tokenizer, neither vocab.txt nor tokenizer.json"
    raise ModelError(
        str(folder),
        f"{reason}; download the model's tokenizer.json into it, or choose a model that has one",
    )


def _is_characters(lines: Sequence[str]) -> bool:
    """Whether a vocabulary is single characters, the bases among them, and otherwise `<special>` tokens."""
    plain = [line for line in lines if not line.startswith("<")]
    return set("ACGT") <= set(plain) and all(len(line) == 1 for line in plain)


def _check_reads_dna(
    tokenizer: tokenizers.Tokenizer, tokens: Sequence[tuple[int, tuple[int, int]]], folder: Path
) -> None:
    """Raise ModelError where a tokenizer drops some bases, or reads them as unknown: (T,) ids with spans.

    Models of lower-case DNA, or of k-mers with spaces between them, would otherwise be fed nonsense.
    """
    name = getattr(tokenizer.model, "unk_token", None)
    unknown = tokenizer.token_to_id(name) if name else None
    read = {at for id_, (start, end) in tokens if id_ != unknown for at in range(start, end)}
    if len(read) < len(SAMPLE):
        raise ModelError(
            str(folder),
            f"its tokenizer.json knows only {len(read):,} of the {len(SAMPLE):,} bases of "
            f"{SAMPLE[:12]}..., so it is not one for plain upper-case DNA; choose another model",
        )


def _from_file(path: Path) -> tokenizers.Tokenizer:
    from tokenizers import Tokenizer as Library

    try:
        return Library.from_file(str(path))
    except Exception as error:  # the library raises nothing more exact
        raise ModelError(
            str(path), f"not a tokenizer that the library `tokenizers` can read ({error}); download it again"
        ) from error


def _pad(tokenizer: tokenizers.Tokenizer, folder: Path) -> int:
    """The id of padding: the one that is set, the one that is named, or the usual name's."""
    settings: dict[str, Any] | None = tokenizer.padding
    if settings:
        return int(settings["pad_id"])
    named = [_pad_token(folder / f"{name}.json") for name in ("special_tokens_map", "tokenizer_config")]
    for token in (*named, "[PAD]", "<pad>"):
        number = tokenizer.token_to_id(token)
        if number is not None:
            return number
    return 0  # any id does no harm: every batch comes with a mask, and masked tokens change nothing


def _pad_token(path: Path) -> str:
    """The padding token in a settings file, given as text or as an entry with its content; '' if missing."""
    try:
        settings = json.loads(path.read_bytes()) if path.is_file() else {}
    except ValueError as error:
        raise ModelError(str(path), f"not a JSON file ({error}); download it again") from error
    if not isinstance(settings, dict):
        raise ModelError(str(path), "not a JSON object of settings; download it again")
    token = settings.get("pad_token") or ""
    return str(token["content"] if isinstance(token, dict) else token)


def _lines(path: Path) -> list[str]:
    """Tokens of a vocabulary, one a line; [] where the file is missing."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return [line.strip() for line in text.rstrip().splitlines()]
