"""MkDocs hook: pages may include a file of the repository by `<!-- include: PATH -->`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
INCLUDE = re.compile(r"<!-- include: (\S+) -->")
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?://|#|mailto:)[^)]+\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    return INCLUDE.sub(lambda match: included(ROOT / match[1]), markdown)


def included(path: Path) -> str:
    """A file's text; its links to other files become text, because those files are not on the site."""
    return LINK.sub(r"\1", path.read_text(encoding="utf-8"))
