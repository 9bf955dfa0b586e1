"""The check that runs before any training: nothing that a held-out row has was seen in training.

Written apart from ``splitting`` on purpose, down to what counts as the same prompt: it judges that module's work, and
splits that users bring.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lmm4lmm.core.errors import InputError
from lmm4lmm.training.examples import Example
from lmm4lmm.training.splitting import By, Split

_BLANKS = re.compile(r"\s+")
_Of = Callable[[int], Iterable[str]]


@dataclass(frozen=True)
class _Place:
    row: int
    side: str


def check_leaks(examples: Sequence[Example], split: Split, hashes: Sequence[str], by: By = "prompt") -> None:
    """Refuses a split of which two sides share what they must not.

    These are, between any two sides: a row, an image's bytes, a text of ``together``, and a prompt, or in place of
    the prompt a generator where the split is ``by`` generator.

    Args:
        examples: the rows.
        split: their sides.
        hashes: [len(examples)] what tells the images' bytes apart; "" where that is not known.
        by: how the split was made; for one that a user brings, what it is to be held to.

    Raises:
        InputError: names two rows, their sides and what they share, and counts the rest; or a row is on two sides,
            or train or validation is empty.
    """
    if len(hashes) != len(examples):
        raise InputError(f"{len(hashes)} image hashes for {len(examples)} rows")
    places = _places(examples, split)
    _refuse_shared(examples, places, "image, byte for byte,", lambda row: [hashes[row]])
    _refuse_shared(examples, places, "text that keeps rows together,", lambda row: examples[row].together)
    if by == "generator":
        _refuse_shared(examples, places, "generator", lambda row: [examples[row].item.generator or ""])
    else:
        _refuse_shared(examples, places, "prompt", lambda row: [_plain(examples[row].item.prompt)])


def _places(examples: Sequence[Example], split: Split) -> list[_Place]:
    sides = {"train": split.train, "validation": split.validation, "test": split.test}
    for side in ("train", "validation"):
        if not sides[side]:
            raise InputError(f"the split leaves no row in {side}")
    places = [_Place(row, side) for side, rows in sides.items() for row in rows]
    beyond = [place.row for place in places if not 0 <= place.row < len(examples)]
    if beyond:
        raise InputError(f"the split has a row {beyond[0]}; there are {len(examples)}")
    row, times = Counter(place.row for place in places).most_common(1)[0]
    if times > 1:
        found = " and ".join(place.side for place in places if place.row == row)
        raise InputError(f"leak: row '{examples[row].item.id}' is in {found}")
    _refuse_shared(examples, places, "id", lambda row: [examples[row].item.id])
    return places


def _refuse_shared(examples: Sequence[Example], places: Sequence[_Place], what: str, of: _Of) -> None:
    """Two passes over the rows: who has a text first, then who has it on another side; "" is nothing to share."""
    first: dict[str, _Place] = {}
    leaks: dict[str, tuple[_Place, _Place]] = {}
    for place in places:
        for text in of(place.row):
            if text and first.setdefault(text, place).side != place.side:
                leaks.setdefault(text, (first[text], place))
    if not leaks:
        return
    text, (one, other) = next(iter(leaks.items()))
    more = f" ({len(leaks) - 1:,} more are shared like this)" if len(leaks) > 1 else ""
    raise InputError(
        f"leak: '{examples[one.row].item.id}' ({one.side}) and '{examples[other.row].item.id}' ({other.side}) "
        f"have the same {what} {_shown(text)}{more}; put both on one side, or leave the split to us"
    )


def _plain(prompt: str) -> str:
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", prompt).casefold())
    return re.sub(r"[.。 ]+$", "", _BLANKS.sub(" ", text).strip())


def _shown(text: str, limit: int = 60) -> str:
    return repr(text if len(text) <= limit else f"{text[: limit - 1]}…")
