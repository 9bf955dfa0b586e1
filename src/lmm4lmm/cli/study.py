"""The command line: ``lmm4lmm study ...``, human studies. Each file that has verbs of it adds them to this group."""

from __future__ import annotations

import typer

app = typer.Typer(help="Human studies: from images to scores that stand up.", no_args_is_help=True)
