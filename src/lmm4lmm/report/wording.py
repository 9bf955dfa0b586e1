"""What the report says in words: names of dimensions, numbers at the right precision, and verdicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from lmm4lmm.core.counting import counted
from lmm4lmm.core.records import Dimension
from lmm4lmm.stats.leaderboard import Leaderboard, Standing


@dataclass(frozen=True)
class DimensionWords:
    """How one dimension is called and explained.

    Attributes:
        title: its heading.
        short: its name where space is scarce.
        what: what it says of an image.
        scale: range and direction.
        limits: the range that the contract gives it; None where it has none.
        digits: decimals that its means have at least.
    """

    title: str
    short: str
    what: str
    scale: str
    limits: tuple[float, float] | None
    digits: int = 1


WORDS: dict[Dimension, DimensionWords] = {
    "perception": DimensionWords(
        "Perception", "Perc.", "how good the image looks", "0 to 100, higher is better", (0, 100)
    ),
    "correspondence": DimensionWords(
        "Correspondence", "Corr.", "how well it matches its prompt", "0 to 100, higher is better", (0, 100)
    ),
    "answer": DimensionWords(
        "Answer", "Yes", "how likely its task question is answered yes", "0 to 1, higher is better", (0, 1)
    ),
}

COMBINED = DimensionWords(
    "Combined",
    "All",
    "all dimensions together: the mean of the generators' z-scores",
    "0 is the middle of these generators, 1 a standard deviation of theirs above it",
    None,
    digits=2,
)

CONTROLS = {chr(c): chr(0x2400 + c) for c in range(0x20) if chr(c) not in "\t\n\r"}
"""Control characters, which HTML can't hold, and their pictures in Unicode."""


def tidy(text: str) -> str:
    """A text with control characters replaced by their pictures."""
    return text.translate({ord(control): picture for control, picture in CONTROLS.items()})


def digits_for(values: Collection[float]) -> int:
    """Decimals that show how far the values differ: 61.2 where they span 20, 0.63 where they span 0.4."""
    finite = [v for v in values if math.isfinite(v)]
    spread = max(finite) - min(finite) if finite else 0.0
    spread = spread or max((abs(v) for v in finite), default=0.0) or 1.0
    if spread >= 1000:
        return 0
    return min(6, max(1, 1 - math.floor(math.log10(spread / 2) + 1e-9)))


def number(value: float | None, digits: int) -> str:
    """A number with a true minus sign; an en dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:.{digits}f}"
    return text.replace("-", "−" if float(text) else "")  # what rounds to zero has no sign


def listed(names: Sequence[str], limit: int = 4) -> str:
    """Names as English lists them: "A", "A and B", "A, B and 7 others".

    Names may be ``Markup``; so is the result then, and what is not Markup gets escaped.
    """
    shown = list(names) if len(names) <= limit else [*names[: limit - 1], f"{len(names) - limit + 1} others"]
    if len(shown) == 1:
        return shown[0]
    kind = Markup if any(isinstance(name, Markup) for name in shown) else str
    return kind(" and ").join([kind(", ").join(shown[:-1]), shown[-1]])


def sentence(text: str) -> str:
    """A note as a sentence: a capital at its start, a full stop at its end."""
    return text[:1].upper() + text[1:].removesuffix(".") + "."


def by_reason(missing: Iterable[tuple[str, str]]) -> list[str]:
    """What is missing, (what, why) each, as one note for each reason."""
    found: dict[str, list[str]] = {}
    for what, why in missing:
        found.setdefault(why, []).append(what)
    return [f"{listed(list(dict.fromkeys(names)))}: {why}" for why, names in found.items()]


_ENOUGH = 10
"""Images from which on a generator is spoken of at a glance."""


def verdict(board: Leaderboard, *, name: Callable[[str], Markup] = escape) -> Markup:
    """The answer of one leaderboard in one sentence; it claims no more than the pairwise tests do.

    Args:
        board: at least one standing. Generators with a handful of images are left aside, and that is said: no test
            can set them apart from anything, so they would hide what the others show.
        name: how a generator's name is set off; must escape it.
    """
    standings = [s for s in board.standings if s.n >= _ENOUGH] or list(board.standings)
    if few := len(board.standings) - len(standings):
        aside = f" Left aside: {counted(few, 'generator')} with fewer than {_ENOUGH} images."
        return _verdict(board, standings, name) + aside
    return _verdict(board, standings, name)


def _verdict(board: Leaderboard, standings: Sequence[Standing], name: Callable[[str], Markup]) -> Markup:
    first, *others = standings
    best = name(first.generator)
    if not others:
        of_them = (
            "only one generator" if len(board.standings) == 1 else "only one generator with enough images"
        )
        return Markup("There is {}, {}: {}.").format(of_them, best, _mean(first))
    tied = [name(s.generator) for s in others if set(s.groups) & set(first.groups)]
    behind = [name(s.generator) for s in others if not set(s.groups) & set(first.groups)]
    kept = {s.generator for s in standings}
    if not any(pair.different for pair in board.comparisons if {pair.a, pair.b} <= kept):
        if len(tied) > 3:
            return Markup("No two of the {} generators can be told apart.").format(len(standings))
        return Markup("{} can't be told apart.").format(listed([best, *tied]))
    if not behind:
        return Markup("No generator can be told apart from {}, which has the highest mean.").format(best)
    lower = Markup("{} {} lower").format(listed(behind, 3), "scores" if len(behind) == 1 else "score")
    if not tied:
        return Markup("{} is ahead; {}.").format(best, lower)
    return Markup("{} has the highest mean, but can't be told apart from {}; {}.").format(
        best, listed(tied), lower
    )


def _mean(only: Standing) -> str:
    digits = digits_for([v for v in (only.mean, only.low, only.high) if v is not None])
    span = (
        f", interval {number(only.low, digits)} to {number(only.high, digits)}"
        if only.low is not None
        else ""
    )
    return f"its mean is {number(only.mean, digits)}{span}"
