"""Where a rater is, as the pages and the script see it: one screen, as HTML and as plain data."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.records import Break, DimensionView, Finished, Next, Rater, Step, Waiting
from lmm4lmm.study.web.pages import Pages
from lmm4lmm.study.web.sessions import Session

CHOICES = {"pairwise": ("first", "second", "tie"), "yes_no": ("1", "0"), "acr5": ("1", "2", "3", "4", "5")}
"""Values of a scale's buttons, in the order in which they are shown: yes before no."""


def choices(dimension: DimensionView, design: StudyDesign) -> tuple[tuple[str, str], ...]:
    """Buttons of a dimension as (value, word); none for a slider."""
    if dimension.scale == "slider":
        return ()
    ties: dict[str, bool] = {part.name: part.ties for part in design.dimensions}
    values = CHOICES[dimension.scale]
    words = dimension.labels[::-1] if dimension.scale == "yes_no" else dimension.labels
    pairs = tuple(zip(values, words, strict=True))
    return pairs[:2] if dimension.scale == "pairwise" and not ties.get(dimension.name, True) else pairs


def plain_value(value: Any) -> float | str:
    """A number where the text is one; anything else as text."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)[:40]
    return number if math.isfinite(number) else str(value)[:40]


def seconds_until(moment: datetime) -> int:
    """Seconds to go by the server's clock, rounded up; 0 when it is over."""
    return max(0, math.ceil((moment - datetime.now(UTC)).total_seconds()))


def step_html(pages: Pages, design: StudyDesign, session: Session, rater: Rater, step: Step) -> str:
    """The part of the page that changes from image to image."""
    shown = [(dimension, choices(dimension, design)) for dimension in step.dimensions]
    return pages.fragment("step.html", rater.language, step=step, shown=shown, session=session)


def screen(pages: Pages, design: StudyDesign, session: Session, rater: Rater, now: Next) -> dict[str, Any]:
    """What the script gets: the step with its HTML, or the name of the page to load instead."""
    if not isinstance(now, Step):
        return {"stage": stage_of(now)}
    return {
        "stage": now.kind_shown,
        "step": {
            "id": now.id,
            "position": now.position,
            "total": now.total,
            "images": now.images,
            "prompt": now.prompt,
            "question": now.question,
            "dimensions": [
                {"name": d.name, "scale": d.scale, "low": d.low, "high": d.high} for d in now.dimensions
            ],
            "can_undo": now.can_undo,
        },
        "preload": now.preload,
        "html": step_html(pages, design, session, rater, now),
    }


def stage_of(now: Next) -> str:
    """The page that stands for what is next."""
    if isinstance(now, Break):
        return "break"
    if isinstance(now, Waiting):
        return "waiting"
    if isinstance(now, Finished):
        return "finished"
    return now.kind_shown
