"""A study that simulated raters have done, straight in the store: fast, and with cheats."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

from study_people import Manner, draw_raters

from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.records import Step, StudyItem, ViewingCheck
from lmm4lmm.study.store import Store

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
DESIGN = {
    "name": "mine",
    "title": {"en": "Cats"},
    "session": {"items": 24, "break_every": 12, "break_minutes": 0},
    "repeats": 0.125,
    "training": [{"item": "practice", "feedback": {"en": "Look at the paws."}}],
    "gold": [
        {"item": "good", "dimension": "perception", "low": 4, "high": 5},
        {"item": "bad", "dimension": "perception", "low": 1, "high": 2},
    ],
    "traps": [{"item": "trap", "dimension": "perception", "low": 1, "high": 1, "prompt": {"en": "Say Bad"}}],
    "viewing_check": {"min_width": 400},
}
LEVELS = {"practice": (3.0, 3.0), "good": (5.0, 5.0), "bad": (1.0, 1.0)}


def rated_study(store: Store, folder: Path, manners: Sequence[Manner], idle: int = 0, **more: object) -> None:
    """A study of 24 images by two generators that these raters have finished; ``idle`` more never came."""
    rng = np.random.default_rng(3)
    (folder / "a.png").write_bytes(PNG)
    truth = {f"i{n:02d}": tuple(rng.uniform(1, 5, 2)) for n in range(24)}
    items = [StudyItem(name, "a.png", f"a cat, no. {name}", f"g{n % 2}") for n, name in enumerate(truth)]
    items += [StudyItem(name, "a.png", "a cat") for name in ("practice", "good", "bad", "trap")]
    design = msgspec.convert({**DESIGN, "ratings_per_item": len(manners), **more}, StudyDesign)
    store.create(design, items, folder)
    names = {opaque: item for item, opaque in store.image_ids("mine").items()}
    made = store.invite("mine", len(manners) + idle)
    for rater, invitation in zip(draw_raters(manners, rng), made, strict=False):
        who = store.rater_by_token(invitation.token)
        assert who is not None
        store.consent(who.id, "en")
        store.instructed(who.id)
        store.viewing(who.id, ViewingCheck(300, 720, 1.0, 4, 4))
        store.viewing(who.id, ViewingCheck(1280, 720, 1.0, 4, 4))
        while isinstance(step := store.next(who.id), Step):
            name = names[step.images[0]]
            given = (
                rater.obey(name)
                if step.prompt == "Say Bad"
                else rater.answer(name, {**truth, **LEVELS}.get(name, (3, 3)))
            )
            store.rate(who.id, step.id, given)
