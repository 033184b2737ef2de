"""MkDocs hook: pages may include a file of the repository, or a notebook with its results."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
INCLUDE = re.compile(r"<!-- include: (\S+) -->")
NOTEBOOK = re.compile(r"<!-- notebook: (\S+) -->")
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?://|#|mailto:)[^)]+\)")


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace the two kinds of comments by what they name."""
    markdown = INCLUDE.sub(lambda match: included(ROOT / match[1]), markdown)
    return NOTEBOOK.sub(lambda match: rendered(ROOT / match[1]), markdown)


def included(path: Path) -> str:
    """A file's text; its links to other files become text, because those files are not on the site."""
    return LINK.sub(r"\1", path.read_text(encoding="utf-8"))


def rendered(path: Path) -> str:
    sys.path.insert(0, str(ROOT / "docs"))
    from notebook import as_markdown

    return str(as_markdown(json.loads(path.read_text(encoding="utf-8"))))
