"""Tokenizer files of an annotation model: tokenizer.json, and the manifest of the tokens that were added.

The manifest, `added-tokens.json`, has the SHA-256 of the tokenizer before, and for each addition its number,
the list that it came from with its SHA-256, and the tokens with their ids. It holds no dates: the same
additions give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genome_index.encoders.tokenizers.library import TOKENIZER_FILE, library_of
from genome_index.errors import ModelError, need_installed
from genome_index.io.atomic import write_file

MANIFEST = "added-tokens.json"
AGAIN = "give a tokenizer.json of the library `tokenizers`, as of DNABERT-2"
RESIZE = "run `gindex lab annotate resize MODEL TOKENIZER`"
BUILT_IN = "gindex"  # the name of the list that gindex has


@dataclass(frozen=True)
class Addition:
    """Tokens that were added together."""

    source: str  # the list's file name, or `BUILT_IN`
    sha256: str  # of the list, its tokens one a line
    ids: Mapping[str, int]  # token -> id


@dataclass(frozen=True)
class TokenizerFiles:
    """The text of tokenizer.json, and what was added to it."""

    text: str
    base: str  # SHA-256 of the text before the first addition
    additions: tuple[Addition, ...] = ()

    def added(self) -> int:
        """Tokens that were added."""
        return sum(len(addition.ids) for addition in self.additions)

    def vocabulary(self) -> dict[str, int]:
        """All tokens with their ids."""
        return library_of(self.text).get_vocab(with_added_tokens=True)

    def check_rows(self, rows: int, where: Path) -> None:
        """Refuse a model that has no row for a token."""
        needed = 1 + max(self.vocabulary().values())
        if needed > rows:
            raise ModelError(
                str(where),
                f"its {TOKENIZER_FILE} has ids up to {needed - 1:,}, but the model only {rows:,} rows; "
                f"{RESIZE}",
            )

    def with_tokens(self, tokens: Sequence[str], source: str, where: str) -> TokenizerFiles:
        """The files with those tokens added that are not there; the ids of all others stay.

        A new id is one above the highest. The library finds an added token before it splits the text and
        leaves it unchanged: so a tab or a line break survives the pre-tokenizer, which drops them.

        Raises
        ------
        ModelError
            The library would give a token another id, which is so where ids are missing between others.
        """
        ids = self.vocabulary()
        first = 1 + max(ids.values())
        fresh = [token for token in dict.fromkeys(tokens) if token not in ids]
        if not fresh:
            return self
        new = {token: first + at for at, token in enumerate(fresh)}
        layout = json.loads(self.text)
        layout["added_tokens"] = [*(layout.get("added_tokens") or []), *map(_entry, new, new.values())]
        files = TokenizerFiles(
            _json(layout), self.base, (*self.additions, Addition(source, sha256_of(tokens), new))
        )
        if files.vocabulary() != {**ids, **new}:
            raise ModelError(
                where, f"ids are missing below {first:,}, so new tokens would get ids of others; {AGAIN}"
            )
        return files

    def write(self, folder: Path) -> None:
        """Write both files into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / TOKENIZER_FILE, self.text.encode())
        write_file(folder / MANIFEST, self._manifest().encode())

    def _manifest(self) -> str:
        steps = [
            {"addition": number, "source": each.source, "sha256": each.sha256, "tokens": dict(each.ids)}
            for number, each in enumerate(self.additions, 1)
        ]
        return _json({"base_sha256": self.base, "additions": steps})


def open_tokenizer_files(path: Path) -> TokenizerFiles:
    """The files in a folder, or a tokenizer.json with the manifest beside it, if there is one.

    Raises
    ------
    ModelError
        There is no tokenizer.json, or one of the files cannot be read.
    """
    need_installed("the tokenizer of an annotation model", "tokenizers", extra="neural")
    file = path / TOKENIZER_FILE if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
        library_of(text)
    except FileNotFoundError as error:
        raise ModelError(str(file), f"there is no such file; {AGAIN}") from error
    except (OSError, ValueError) as error:
        raise ModelError(str(file), f"it cannot be read ({error}); {AGAIN}") from error
    manifest = file.with_name(MANIFEST)
    if not manifest.is_file():
        return files_of(text)
    return _with_manifest(text, manifest)


def files_of(text: str) -> TokenizerFiles:
    """The files of a tokenizer to which nothing was added yet."""
    return TokenizerFiles(text, hashlib.sha256(text.encode()).hexdigest())


def sha256_of(tokens: Sequence[str]) -> str:
    """The SHA-256 of a list, whatever the form of its file."""
    return hashlib.sha256("\n".join(json.dumps(token) for token in tokens).encode()).hexdigest()


def _with_manifest(text: str, manifest: Path) -> TokenizerFiles:
    try:
        told: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        additions = tuple(
            Addition(str(each["source"]), str(each["sha256"]), dict(each["tokens"]))
            for each in told["additions"]
        )
        return TokenizerFiles(text, str(told["base_sha256"]), additions)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ModelError(
            str(manifest), f"the manifest cannot be read ({error}); remove it, and additions begin anew"
        ) from error


def _entry(token: str, number: int) -> dict[str, object]:
    return {
        "id": number, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
        "normalized": False, "special": False,
    }  # fmt: skip


def _json(layout: object) -> str:
    return json.dumps(layout, indent=2, ensure_ascii=False) + "\n"
