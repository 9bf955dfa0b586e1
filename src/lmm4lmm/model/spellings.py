"""How yes and no may be spelt where a model answers: an answer counts whichever of them it takes."""

from __future__ import annotations

from collections.abc import Sequence

YES: Sequence[str] = ("Yes", "yes", " Yes", " yes", "YES", " YES")
NO: Sequence[str] = ("No", "no", " No", " no", "NO", " NO")
