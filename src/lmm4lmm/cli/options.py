"""Options that several verbs share, and the readers of their little languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

import typer

from lmm4lmm.core.errors import InputError, UnknownNameError
from lmm4lmm.core.records import DIMENSIONS, Dimension

Weights = Annotated[
    str | None,
    typer.Option(metavar="DIR|HUB_ID", help="Other weights: a folder, or OWNER/NAME[@REVISION]."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]

Value: TypeAlias = bool | int | float | str | None
"""What an option of a metric may be."""

_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "none": None}
METRIC_IS = {"name": "metric", "metric": "metric", "device": "device", "weights": "weights"}
_ELSEWHERE = {**METRIC_IS, "dimensions": "dimensions", "dtype": "dtype"}
"""What a metric takes under an option of its own: the loader's name for it -> the option's."""


def split_names(text: str) -> tuple[str, ...]:
    """Names separated by commas, each once; blanks around them don't matter."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def parse_list(text: str, kind: str, known: Sequence[str]) -> tuple[str, ...]:
    """Names separated by commas, each one known; blanks around them don't matter.

    Raises:
        UnknownNameError: a name that is not in ``known``, with the nearest names.
    """
    names = split_names(text)
    for name in names:
        if name not in known:
            raise UnknownNameError(kind, name, known)
    return names


def parse_one(text: str, kind: str, known: Sequence[str]) -> str:
    """One of a few words.

    Raises:
        InputError: none, or several.
    """
    names = parse_list(text, kind, known)
    if len(names) != 1:
        raise InputError(f"--{kind}: one of {', '.join(known)} is expected, not {text!r}")
    return names[0]


def parse_dimensions(text: str) -> tuple[Dimension, ...]:
    """Dimensions in the order of ``DIMENSIONS``, whatever the order in which they were typed."""
    names = parse_list(text, "dimension", DIMENSIONS)
    if not names:
        raise InputError(f"--dimensions is empty; choose from {', '.join(DIMENSIONS)}")
    return tuple(dimension for dimension in DIMENSIONS if dimension in names)


def parse_by(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """What to break results down by."""
    return parse_list(text, "grouping", known)


def parse_batch_size(text: str) -> int | Literal["auto"]:
    """``auto``, or a number of images from 1 up."""
    if text == "auto":
        return "auto"
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise InputError(f"--batch-size is '{text}'; it must be auto or a whole number from 1 up")
    return int(text)


def parse_columns(text: str | None) -> Mapping[str, str] | Literal["auto"] | None:
    """``auto``, or pairs ``ours=theirs`` separated by commas.

    Raises:
        InputError: a part that is no such pair, or one of our names twice.
    """
    if text is None or text == "auto":
        return "auto" if text else None
    pairs: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        ours, equals, theirs = (piece.strip() for piece in part.partition("="))
        if not (ours and equals and theirs) or ours in pairs:
            raise InputError(
                f"--columns: '{part}' should be OURS=THEIRS, each of ours once, "
                "for instance id=name,perception=mos_quality; or auto"
            )
        pairs[ours] = theirs
    return pairs


def parse_dtype(text: str, known: Sequence[str]) -> str:
    """A dtype's name, or ``auto``."""
    if text not in known:
        raise UnknownNameError("dtype", text, known)
    return text


def parse_scale(text: str | None) -> tuple[float, float] | None:
    """``LOW,HIGH``: the ends of a scale, worst first.

    Raises:
        InputError: no two numbers.
    """
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--scale is '{text}'; two numbers are expected, worst first, such as 1,5") from None
    return low, high


def parse_options(
    pairs: Sequence[str], *, option: str = "--option", elsewhere: Mapping[str, str] = _ELSEWHERE
) -> dict[str, Value]:
    """A metric's own options, from ``KEY=VALUE`` each; ``true``, ``false``, ``none`` and numbers are not text.

    Args:
        pairs: as typed.
        option: what the command calls them.
        elsewhere: keys that have an option of their own in this command -> that option.

    Raises:
        InputError: no such pair, a key twice, or one that has an option of its own.
    """
    options: dict[str, Value] = {}
    for pair in pairs:
        key, equals, value = (part.strip() for part in pair.partition("="))
        name = key.replace("-", "_")
        if not (equals and value and name.isidentifier()):
            raise InputError(f"{option} '{pair}' should be KEY=VALUE, for instance attention=sdpa")
        if name in elsewhere:
            raise InputError(f"{option} '{pair}': that is --{elsewhere[name]} {value}")
        if name in options:
            raise InputError(f"{option} {name} is given twice")
        options[name] = _value(value)
    return options


def _value(text: str) -> Value:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
