"""`python -m gindex_cli` is `gindex`."""

from gindex_cli import main

main()
