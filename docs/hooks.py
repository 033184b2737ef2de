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
    has_title = re.search(r"^# ", markdown, re.MULTILINE) is not None
    markdown = INCLUDE.sub(lambda match: included(ROOT / match[1], has_title), markdown)
    return NOTEBOOK.sub(lambda match: rendered(ROOT / match[1]), markdown)


def included(path: Path, demoted: bool) -> str:
    """A file's text; its links to other files become text, because those files are not on the site.

    `demoted` makes its headings one level lower.
    """
    text = LINK.sub(r"\1", path.read_text(encoding="utf-8"))
    return re.sub(r"^(#+ )", r"#\1", text, flags=re.MULTILINE) if demoted else text


def rendered(path: Path) -> str:
    sys.path.insert(0, str(ROOT / "docs"))
    from notebook import as_markdown

    return str(as_markdown(json.loads(path.read_text(encoding="utf-8"))))
