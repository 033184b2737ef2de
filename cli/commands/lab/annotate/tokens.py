"""gindex lab annotate tokens: the tokens of targets, and what was added to a tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from gindex_cli.group import Command, Group
from gindex_cli.run import guarded, out, say

app = typer.Typer(
    name="tokens", cls=Group, help="List and add the tokens of annotation models.", rich_markup_mode=None
)

TokenizerPath = Annotated[
    Path, typer.Argument(metavar="TOKENIZER", help="tokenizer.json, or the folder that it is in.")
]


@app.command("init", cls=Command)
@guarded
def init(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="New file for the list.")],
    also: Annotated[
        list[Path] | None,
        typer.Option(
            "--tokens", metavar="FILE", help="List to join, as of `bake --extract-tokens`; may be repeated."
        ),
    ] = None,
) -> None:
    r"""Write the list of tokens that a new model has, one a line.

    Tab and line break are written as \t and \n.
    """
    from genome_index.lab.annotate.tokens.token_lists import first_tokens, read_tokens, write_tokens

    joined = dict.fromkeys([*first_tokens(), *(token for each in also or () for token in read_tokens(each))])
    write_tokens(path, joined)
    say(f"wrote {path}: {len(joined):,} tokens")


@app.command("append", cls=Command)
@guarded
def append(
    tokens: Annotated[Path, typer.Argument(metavar="FILE", help="List of tokens, one a line.")],
    tokenizer: TokenizerPath,
) -> None:
    """Add the tokens of a list to a tokenizer; ids that are there stay.

    A new id is one above the highest. added-tokens.json beside the tokenizer says what was added, and from
    which list.
    """
    from genome_index.lab.annotate.tokens.files import RESIZE, open_tokenizer_files
    from genome_index.lab.annotate.tokens.token_lists import read_tokens

    listed, before = read_tokens(tokens), open_tokenizer_files(tokenizer)
    after = before.with_tokens(listed, tokens.name, str(tokenizer))
    added = after.added() - before.added()
    if added:
        after.write(tokenizer if tokenizer.is_dir() else tokenizer.parent)
    say(f"{tokenizer}: {added:,} tokens added, {len(listed) - added:,} were there")
    if added:
        say(f"a model with this tokenizer needs a row for each: {RESIZE}")


@app.command("list", cls=Command)
@guarded
def list_tokens(tokenizer: TokenizerPath) -> None:
    r"""Print the tokens that were added, as TSV.

    Columns: id, token (tab and line break as \t and \n), number of the addition, name of its list.
    """
    from genome_index.io import tsv
    from genome_index.lab.annotate.tokens.files import open_tokenizer_files
    from genome_index.lab.annotate.tokens.token_lists import escaped

    additions = open_tokenizer_files(tokenizer).additions
    out([tsv.row(("id", "token", "addition", "source"))])
    out(
        tsv.rows(
            (row_id, escaped(token), number, addition.source)
            for number, addition in enumerate(additions, 1)
            for token, row_id in addition.ids.items()
        )
    )
