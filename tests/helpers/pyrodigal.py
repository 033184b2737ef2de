"""A program that answers as the process that runs pyrodigal does."""

from __future__ import annotations

import sys
from pathlib import Path

ANSWERS = """\
#!{python}
import json, sys
print(json.dumps({{"version": "9.9", "least_bp": 20}}), flush=True)
for line in sys.stdin:
    wanted = json.loads(line)
    if len(wanted["contigs"]) > 2:
        print(json.dumps({{"error": "no"}}), flush=True)
    else:
        table = 4 if wanted["meta"] else wanted["code"]
        last = len(wanted["contigs"]) - 1
        first = [0, 1, 9, 1, True, False, table, "Edge", -1.5]
        genes = [first, [last, 4, 12, -1, False, True, table, "ATG", 7]]
        print(json.dumps({{"genes": genes}}), flush=True)
"""


def write_stand_in(folder: Path) -> str:
    """Write the program, and return its path."""
    path = folder / "python"
    path.write_text(ANSWERS.format(python=sys.executable))
    path.chmod(0o755)
    return str(path)
