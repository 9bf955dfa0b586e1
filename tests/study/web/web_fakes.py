"""A store that keeps a study in memory: what the pages need of ``study.store.Store``, and no more."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from lmm4lmm.core.errors import InputError
from lmm4lmm.study import wording
from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.records import (
    AuditRow,
    Example,
    Finished,
    ImageFile,
    Invitation,
    ItemProgress,
    Next,
    Progress,
    Rated,
    Rater,
    RaterProgress,
    RatingRow,
    Step,
    StudyInfo,
    ViewingCheck,
)

SECRET_NAME = "secret-generator-xl"
PASSWORD = "correct horse battery"
SCRIPT = '<script>alert(1)</script> a cat & a "dog"'


class FakeStore:
    """Every rater rates all images in order; the first ``training`` of them are for practice."""

    def __init__(self, folder: Path, design: StudyDesign, images: int = 6, training: int = 1) -> None:
        self.design, self.training, self.total = design, training, images
        self.raters: dict[int, Rater] = {}
        self.tokens: dict[str, int] = {}
        self.answers: dict[int, list[tuple[str, Mapping[str, float | str]]]] = {}
        self.opened: dict[str, int] = {}
        self.checks: list[ViewingCheck] = []
        self.paused: list[int] = []
        self.reasons: dict[int, str] = {}
        self.events: list[AuditRow] = []
        self.closed: datetime | None = None
        self.lock = threading.RLock()
        rng = np.random.default_rng(0)
        self.files = {}
        for n in range(images + training):
            path = folder / f"{SECRET_NAME}-{n}.png"
            low, high = rng.integers(0, 255, (2, 3))
            ramp = np.linspace(0, 1, 96)[None, :, None] * np.linspace(0.4, 1, 96)[:, None, None]
            info = PngImagePlugin.PngInfo()
            info.add_text("parameters", SECRET_NAME)
            Image.fromarray((low + (high - low) * ramp).astype(np.uint8)).save(path, pnginfo=info)
            self.files[f"opaque{n:02d}"] = ImageFile(path, "image/png")

    def study(self, name: str) -> StudyInfo:
        return StudyInfo(name, self.design, datetime.now(UTC), self.closed, self.total, True)

    def check_password(self, name: str, password: str) -> bool:
        return password == PASSWORD

    def password_mark(self, name: str) -> str:
        return "mark"

    def invite(self, name: str, count: int, days: float | None = None) -> list[Invitation]:
        made = []
        for _ in range(count):
            number = len(self.raters) + 1
            token = f"token{number:03d}"
            self.tokens[token] = number
            language = self.design.languages[0]
            self.raters[number] = Rater(
                number, name, f"R{number:03d}", "consent", language, 0, self.total, None
            )
            self.answers[number] = []
            made.append(Invitation(token, f"R{number:03d}", datetime.now(UTC)))
        return made

    def rater_by_token(self, token: str) -> Rater | None:
        return self.raters.get(self.tokens.get(token, 0))

    def rater(self, rater_id: int) -> Rater:
        if rater_id not in self.raters:
            raise InputError("no such rater")
        return self.raters[rater_id]

    def consent(self, rater_id: int, language: str) -> Rater:
        if language not in self.design.languages:
            raise InputError("no such language")
        return self._set(rater_id, stage="instructions", language=language)

    def instructed(self, rater_id: int) -> Rater:
        return self._set(rater_id, stage="viewing")

    def viewing(self, rater_id: int, check: ViewingCheck) -> tuple[str, ...]:
        self.checks.append(check)
        if check.plates_right < (self.design.viewing_check.plates_right if self.design.viewing_check else 0):
            return ("plates",)
        self._set(rater_id, stage="training" if self.training else "rating")
        return ()

    def _set(self, rater_id: int, **what: Any) -> Rater:
        self.raters[rater_id] = replace(self.raters[rater_id], **what)
        return self.raters[rater_id]

    def next(self, rater_id: int) -> Next:
        rater = self.raters[rater_id]
        if rater.stage in {"consent", "instructions", "viewing"}:
            raise InputError("not yet")
        if rater.stage == "excluded":
            return Finished(None, "excluded")
        if self.closed:
            return Finished(None, "closed")
        done = len(self.answers[rater_id])
        if done == self.total + self.training:
            self._set(rater_id, stage="finished")
            return Finished("CODE-7QX2", "done", can_undo=True)
        practice = done < self.training
        return Step(
            id=f"{rater_id}-{done}-{self.opened.get(f'{rater_id}-{done}', 0)}",
            position=done + 1 if practice else done - self.training + 1,
            total=self.training if practice else self.total,
            kind_shown="training" if practice else "rating",
            images=(f"opaque{done:02d}",),
            prompt=SCRIPT,
            question="",
            task="",
            dimensions=tuple(wording.view(d, rater.language) for d in self.design.dimensions),
            preload=tuple(f"opaque{n:02d}" for n in range(done + 1, min(done + 3, len(self.files)))),
            can_undo=done > self.training,
        )

    def pause(self, rater_id: int) -> None:
        self.paused.append(rater_id)

    def rate(
        self, rater_id: int, step_id: str, values: Mapping[str, Any], client_ms: int | None = None
    ) -> Rated:
        with self.lock:
            if any(step_id == before for before, _ in self.answers[rater_id]):
                return Rated("repeated")
            now = self.next(rater_id)
            if not isinstance(now, Step) or now.id != step_id:
                raise InputError("not a step of this rater")
            if set(values) != {d.name for d in now.dimensions}:
                raise InputError("a dimension is missing")
            self.answers[rater_id].append((step_id, values))
            done = len(self.answers[rater_id]) - self.training
            self._set(rater_id, done=max(0, done), stage="rating")
            if now.kind_shown == "training":
                return Rated("accepted", wording.feedback(True, self.raters[rater_id].language), True)
            return Rated("accepted")

    def undo(self, rater_id: int) -> Step | None:
        with self.lock:
            if len(self.answers[rater_id]) <= self.training:
                return None
            self.answers[rater_id].pop()
            key = f"{rater_id}-{len(self.answers[rater_id])}"
            self.opened[key] = self.opened.get(key, 0) + 1
            self._set(rater_id, stage="rating")
            now = self.next(rater_id)
            return now if isinstance(now, Step) else None

    def image(self, opaque_id: str) -> ImageFile | None:
        return self.files.get(opaque_id)

    def image_ids(self, name: str) -> dict[str, str]:
        return {f"item{n}": f"opaque{n:02d}" for n in range(len(self.files))}

    def examples(self, name: str, language: str) -> list[Example]:
        return [Example("opaque00", SCRIPT, "Colours are fine")]

    def progress(self, name: str) -> Progress:
        items = tuple(ItemProgress(f"item{n}", SECRET_NAME, n % 4, 0, 3) for n in range(self.total))
        raters = tuple(
            RaterProgress(
                r.id,
                r.name,
                r.stage,
                r.language,
                r.done,
                r.total,
                r.done,
                1200.0,
                1,
                4,
                0.1,
                3,
                0.4,
                datetime.now(UTC),
                self.reasons.get(r.id),
            )
            for r in self.raters.values()
        )
        return Progress(name, 20, 2, 60, self.closed, items, raters)

    def exclude(self, name: str, rater_id: int, reason: str, who: str) -> None:
        self.reasons[rater_id] = reason
        self._set(rater_id, stage="excluded")
        self.events.append(
            AuditRow(datetime.now(UTC), who, "exclude", self.raters[rater_id].name, None, reason)
        )

    def restore(self, name: str, rater_id: int, reason: str, who: str) -> None:
        del self.reasons[rater_id]
        self._set(rater_id, stage="rating")

    def close(self, name: str, who: str) -> None:
        self.closed = datetime.now(UTC)

    def audit(self, name: str) -> list[AuditRow]:
        return self.events

    def ratings(self, name: str, *, with_excluded: bool = False) -> list[RatingRow]:
        return [
            RatingRow(
                self.raters[r].name,
                f"item{n}",
                d,
                float(v),
                "rated",
                1000,
                datetime.now(UTC),
                False,
                True,
                1,
                n,
                900,
                SECRET_NAME,
                SCRIPT,
                None,
            )
            for r, given in self.answers.items()
            for n, (_, values) in enumerate(given)
            for d, v in values.items()
        ]
