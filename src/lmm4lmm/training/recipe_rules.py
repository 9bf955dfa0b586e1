"""What makes a recipe sound: ranges of its numbers, and a form, a head and losses that go together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.records import Dimension
from lmm4lmm.training.recipes import Form, Recipe

OUTPUTS: Mapping[Form, tuple[Dimension, ...]] = {
    "levels": ("perception", "correspondence"),
    "scores": ("perception", "correspondence"),
    "answer": ("answer",),
    "unified": ("perception", "correspondence", "answer"),
}
"""What each form can ask for."""

LARGEST_SEED = 2**32 - 1
"""numpy's legacy generator, which the Trainer seeds too, takes no more."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a recipe.

    Attributes:
        fields: which fields it is about, dotted where nested.
        problem: what is wrong and what would be right.
    """

    fields: tuple[str, ...]
    problem: str


_Range = tuple[Callable[[float], bool], str]
_POSITIVE: _Range = (lambda value: value > 0, "more than 0")
_COUNT: _Range = (lambda value: value >= 1, "1 or more")
_NOT_NEGATIVE: _Range = (lambda value: value >= 0, "0 or more")
_SHARE: _Range = (lambda value: 0 <= value < 1, "at least 0 and less than 1")
_SEED: _Range = (lambda value: 0 <= value <= LARGEST_SEED, f"0 to {LARGEST_SEED}")

_RANGES: Mapping[str, _Range] = {
    "epochs": _POSITIVE,
    "steps": _COUNT,
    "batch": _COUNT,
    "rows_at_once": _COUNT,
    "rate": _POSITIVE,
    "lora_rate": _POSITIVE,
    "warmup": _SHARE,
    "weight_decay": _NOT_NEGATIVE,
    "clip": _POSITIVE,
    "validate_every": _COUNT,
    "seed": _SEED,
    "workers": _NOT_NEGATIVE,
    "lora.rank": _COUNT,
    "lora.alpha": _POSITIVE,
    "lora.dropout": _SHARE,
    **{f"losses.{name}": _NOT_NEGATIVE for name in ("l1", "gaussian", "rank", "tokens", "answer")},
}


def check_recipe(recipe: Recipe) -> None:
    """Refuses a recipe that can't be trained as it stands.

    Raises:
        InputError: a number outside its range, or parts that don't go together; says what would be right.
    """
    for fault in faults(recipe):
        raise InputError(f"recipe {recipe.name}: {fault.problem}")


def faults(recipe: Recipe) -> Iterator[Fault]:
    """What is wrong with a recipe, the simplest first; nothing where it can be trained."""
    yield from _out_of_range(recipe)
    if recipe.batch < recipe.rows_at_once:
        problem = f"batch ({recipe.batch}) must be at least rows_at_once ({recipe.rows_at_once})"
        yield Fault(("batch", "rows_at_once"), problem)
    yield from _outputs(recipe)
    yield from _head(recipe)
    yield from _nothing_trained(recipe)
    yield from _losses_out_of_place(recipe)
    yield from _losses_missing(recipe)


def _out_of_range(recipe: Recipe) -> Iterator[Fault]:
    for name, (allowed, words) in _RANGES.items():
        if name.startswith("lora.") and recipe.lora is None:
            continue
        value = attrgetter(name)(recipe)
        if value is not None and not allowed(value):
            yield Fault((name,), f"{name} must be {words}, not {value:g}")


def _outputs(recipe: Recipe) -> Iterator[Fault]:
    allowed = OUTPUTS[recipe.form]
    if not recipe.outputs:
        yield Fault(("outputs",), f"outputs must name at least one of {', '.join(allowed)}")
    if len(set(recipe.outputs)) < len(recipe.outputs):
        yield Fault(("outputs",), f"outputs must name each once, not {', '.join(recipe.outputs)}")
    for output in recipe.outputs:
        if output not in allowed:
            problem = f"the form {recipe.form} can't give {output}; it gives {', '.join(allowed)}"
            yield Fault(("outputs", "form"), problem)


def _head(recipe: Recipe) -> Iterator[Fault]:
    if recipe.form in ("levels", "answer"):
        if recipe.head is not None:
            problem = f"the form {recipe.form} reads words and has no head: head must be none"
            yield Fault(("head", "form"), problem)
    elif _scored(recipe) and recipe.head is None:
        yield Fault(("head", "form"), f"the form {recipe.form} needs a head: relu or gaussian")
    elif not _scored(recipe) and recipe.head is not None:
        yield Fault(("head", "outputs"), "a head gives scores, but outputs names none: head must be none")


def _nothing_trained(recipe: Recipe) -> Iterator[Fault]:
    lora = recipe.lora
    if lora is not None and not (lora.vision or lora.language):
        yield Fault(
            ("lora.vision", "lora.language"), "lora is on neither vision nor language; lora=none says so"
        )
    if not recipe.projector and recipe.head is None and lora is None:
        yield Fault(("projector", "head", "lora"), "nothing is trained: no projector, no head, no lora")


def _losses_out_of_place(recipe: Recipe) -> Iterator[Fault]:
    """A weight on a term that the form can't have would be ignored in silence."""
    losses = recipe.losses
    for name in ("l1", "gaussian", "rank"):
        if getattr(losses, name) and recipe.head is None:
            yield Fault(
                (f"losses.{name}", "head"), f"losses.{name} is about a head's scores; there is no head"
            )
    if losses.gaussian and recipe.head == "relu":
        yield Fault(
            ("losses.gaussian", "head"), "losses.gaussian needs head=gaussian: relu gives no deviation"
        )
    if losses.tokens and recipe.form != "levels":
        problem = f"losses.tokens is about the levels' words; the form {recipe.form} has none"
        yield Fault(("losses.tokens", "form"), problem)
    if losses.answer and "answer" not in recipe.outputs:
        yield Fault(("losses.answer", "outputs"), "losses.answer needs the answer among outputs")
    if losses.soft_levels and recipe.form != "levels":
        problem = f"losses.soft_levels is about levels; the form {recipe.form} has none"
        yield Fault(("losses.soft_levels", "form"), problem)


def _losses_missing(recipe: Recipe) -> Iterator[Fault]:
    losses = recipe.losses
    if recipe.form == "levels" and not losses.tokens:
        yield Fault(
            ("losses.tokens",), "the form levels learns from losses.tokens alone; it must be more than 0"
        )
    if "answer" in recipe.outputs and not losses.answer:
        yield Fault(
            ("losses.answer", "outputs"), "outputs has the answer, so losses.answer must be more than 0"
        )
    if recipe.head is None:
        return
    if not (losses.l1 or losses.gaussian):
        problem = "nothing sets the scale of the scores: losses.l1 or losses.gaussian must be more than 0"
        if losses.rank:
            problem += " beside losses.rank, which knows order only"
        yield Fault(("losses.l1", "losses.gaussian"), problem)
    elif recipe.head == "gaussian" and not losses.gaussian:
        problem = "head=gaussian gives a deviation that only losses.gaussian teaches; it must be more than 0"
        yield Fault(("head", "losses.gaussian"), problem)


def _scored(recipe: Recipe) -> bool:
    return any(output != "answer" for output in recipe.outputs)
