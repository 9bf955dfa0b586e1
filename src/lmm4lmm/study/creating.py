"""A new study: its images, its items, and for each item the slots that its N ratings will fill."""

from __future__ import annotations

import random
import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import combinations
from pathlib import Path

import msgspec
from sqlalchemy import Connection, Table, insert, select

from lmm4lmm.core.errors import StudyError
from lmm4lmm.study.database import Database
from lmm4lmm.study.design import StudyDesign, faults
from lmm4lmm.study.media import media_type
from lmm4lmm.study.records import StudyInfo, StudyItem
from lmm4lmm.study.seats import moment, tell
from lmm4lmm.study.tables import images, items, slots, studies

CHUNK = 5_000


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What an item shows beside its images, by language where there is more than one."""

    prompts: dict[str, str]
    questions: dict[str, str]
    task: str = ""

    def prompt(self, language: str) -> str:
        """The prompt in this language, or in the one that it was written in."""
        return self.prompts.get(language) or self.prompts.get("", "")

    def question(self, language: str) -> str:
        """The question in this language, or in the one that it was written in."""
        return self.questions.get(language) or self.questions.get("", "")


@dataclass(frozen=True)
class Unit:
    """What a rater judges at a time: one image, or a pair of them (``second``)."""

    name: str
    first: StudyItem
    second: StudyItem | None
    wanted: int
    purpose: str


def create(
    db: Database, now: int, design: StudyDesign, given: Sequence[StudyItem], folder: Path
) -> StudyInfo:
    """See ``Store.create``."""
    for fault in faults(design):
        raise StudyError(f"design, {fault.field}: {fault.problem} (found {fault.found!r})")
    units = units_of(design, given)
    kinds = {item.id: media_type(folder / item.image) for item in given}
    return db.write(lambda connection: _insert(connection, now, design, given, kinds, units, folder))


def units_of(design: StudyDesign, given: Sequence[StudyItem]) -> list[Unit]:
    """Images or pairs with what each is for and how many raters it wants.

    Raises:
        StudyError: an id twice, one that the design names and nobody knows, or nothing left to rate.
    """
    seen: set[str] = set()
    for item in given:
        if item.id in seen:
            raise StudyError(f"item '{item.id}' stands twice; ids must be unique")
        seen.add(item.id)
    purposes = purposes_of(design)
    singles = (
        _pairs(design, given, purposes) if design.pairwise else [(item.id, item, None) for item in given]
    )
    names = {name for name, _, _ in singles}
    for name, purpose in purposes.items():
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise StudyError(
                f"the design's {purpose} item '{name}' is not among the {len(names)} items{hint}"
            )
    units = []
    for name, first, second in singles:
        purpose = purposes.get(name, "rated")
        wanted = 0 if purpose != "rated" else _wanted(design, first)
        units.append(Unit(name, first, second, wanted, purpose))
    if not any(unit.wanted for unit in units):
        raise StudyError("no item is left to rate: training, gold and trap items are not rated themselves")
    return units


def purposes_of(design: StudyDesign) -> dict[str, str]:
    """Items that are not rated themselves, by id: training, gold or trap."""
    return (
        {one.item: "training" for one in design.training}
        | {one.item: "gold" for one in design.gold}
        | {one.item: "trap" for one in design.traps}
    )


def _wanted(design: StudyDesign, item: StudyItem) -> int:
    wanted = item.wanted if item.wanted is not None else design.ratings_per_item
    if isinstance(wanted, str):
        raise StudyError(f"item '{item.id}' does not say how many ratings it wants (column '{wanted}')")
    if wanted < 0:
        raise StudyError(f"item '{item.id}' wants {wanted} ratings; give 0 or more")
    return wanted


def _pairs(
    design: StudyDesign, given: Sequence[StudyItem], purposes: Mapping[str, str]
) -> list[tuple[str, StudyItem, StudyItem | None]]:
    """Images of one prompt by different generators, in pairs; those that the design names are always there."""
    by_prompt: dict[str, list[StudyItem]] = defaultdict(list)
    for item in given:
        by_prompt[item.prompt].append(item)
    rng = random.Random(f"{design.seed}:pairs")
    found: list[tuple[str, StudyItem, StudyItem | None]] = []
    for group in by_prompt.values():
        pairs = [(f"{a.id}|{b.id}", a, b) for a, b in combinations(group, 2) if a.generator != b.generator]
        named = [pair for pair in pairs if pair[0] in purposes]
        free = [pair for pair in pairs if pair[0] not in purposes]
        if design.pairs_per_prompt is not None and len(free) > design.pairs_per_prompt:
            free = rng.sample(free, design.pairs_per_prompt)
        found += [*named, *free]
    if not found:
        raise StudyError("no pairs: a pairwise study needs images of one prompt by different generators")
    return found


def _insert(
    connection: Connection,
    now: int,
    design: StudyDesign,
    given: Sequence[StudyItem],
    kinds: Mapping[str, str],
    units: Sequence[Unit],
    folder: Path,
) -> StudyInfo:
    if connection.scalar(select(studies.c.id).where(studies.c.name == design.name)) is not None:
        raise StudyError(f"a study called '{design.name}' is in this database already; choose another name")
    text = msgspec.json.encode(design).decode()
    row = {"name": design.name, "design": text, "folder": str(folder.resolve()), "created": now}
    study_id = connection.scalar(insert(studies).values(row).returning(studies.c.id))
    assert study_id is not None
    _insert_many(
        connection,
        images,
        [
            {
                "study_id": study_id,
                "opaque": secrets.token_urlsafe(18),
                "path": item.image,
                "media_type": kinds[item.id],
                "name": item.id,
                "generator": item.generator,
            }
            for item in given
        ],
    )
    keys = connection.execute(select(images.c.name, images.c.id).where(images.c.study_id == study_id))
    known = {row.name: row.id for row in keys}
    rng = random.Random(f"{design.seed}:{design.name}")
    _insert_many(connection, items, [_item_row(study_id, unit, known, rng) for unit in units])
    _insert_slots(connection, study_id, rng)
    rated = sum(unit.wanted > 0 for unit in units)
    tell(
        connection,
        study_id,
        now,
        "created",
        who="researcher",
        detail=f"{rated} items to rate, seed {design.seed}",
    )
    return StudyInfo(design.name, design, moment(now), None, rated, False)


def _item_row(study_id: int, unit: Unit, known: Mapping[str, int], rng: random.Random) -> dict[str, object]:
    first, second = unit.first, unit.second
    content = Content(
        prompts={"": first.prompt, **first.prompts},
        questions={**({"": first.question} if first.question else {}), **first.questions},
        task=first.task or "",
    )
    return {
        "study_id": study_id,
        "name": unit.name,
        "purpose": unit.purpose,
        "image_id": known[first.id],
        "second_id": known[second.id] if second else None,
        "content": msgspec.json.encode(content).decode(),
        # What balance means for a pair: every pair of generators alike.
        "generator": first.generator
        if second is None
        else " / ".join(sorted((first.generator or "", second.generator or ""))),
        "wanted": unit.wanted,
        "filled": 0,
        "slots": unit.wanted,
        "shuffle": rng.random(),
        "lean": 0.0,
    }


def _insert_slots(connection: Connection, study_id: int, rng: random.Random) -> None:
    found = connection.execute(
        select(items.c.id, items.c.wanted, items.c.second_id)
        .where(items.c.study_id == study_id, items.c.wanted > 0)
        .order_by(items.c.id)
    ).all()

    def rows() -> Iterator[dict[str, object]]:
        for item_id, wanted, second in found:
            start = rng.randrange(2)  # which side comes first alternates from slot to slot
            for number in range(1, wanted + 1):
                swapped = second is not None and (number + start) % 2 == 1
                yield {"item_id": item_id, "number": number, "swapped": swapped, "state": "open"}

    _insert_many(connection, slots, list(rows()))


def _insert_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    for start in range(0, len(rows), CHUNK):
        connection.execute(insert(table), rows[start : start + CHUNK])
