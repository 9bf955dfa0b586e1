"""The tables of a study's database, the same for SQLite and PostgreSQL.

Exactness rests on constraints, not on care: an item that wants N ratings has N rows in ``slots``; a slot is held or
rated by one rater at most; a rater meets an item once (``steps``: one row an item and kind); a step has one answer
that stands (``answers``: one row without ``superseded``). Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

BIG = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the key's type is INTEGER (which holds 64 bits there)."""


def _key() -> Column[int]:
    return Column("id", BIG, primary_key=True, autoincrement=True)


def _study() -> Column[int]:
    return Column("study_id", BIG, ForeignKey("studies.id"), nullable=False)


studies = Table(
    "studies",
    metadata,
    _key(),
    Column("name", String(64), nullable=False, unique=True),
    Column("design", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Column("password", Text),
    Column("created", BigInteger, nullable=False),
    Column("closed", BigInteger),
)

images = Table(
    "images",
    metadata,
    _key(),
    _study(),
    Column("opaque", String(43), nullable=False, unique=True),
    Column("path", Text, nullable=False),
    Column("media_type", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("generator", Text),
)

items = Table(
    "items",
    metadata,
    _key(),
    _study(),
    Column("name", Text, nullable=False),
    Column("purpose", String(8), nullable=False),
    Column("image_id", BIG, ForeignKey("images.id"), nullable=False),
    Column("second_id", BIG, ForeignKey("images.id")),
    Column("content", Text, nullable=False),
    Column("generator", Text),
    Column("wanted", Integer, nullable=False),
    # How many slots are held or rated, and how many there are: what assignment sorts by without counting.
    Column("filled", Integer, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("shuffle", Float, nullable=False),
    # Running sum of where in its raters' sessions the item stood, -0.5 first to 0.5 last.
    Column("lean", Float, nullable=False),
    UniqueConstraint("study_id", "name"),
    CheckConstraint("filled >= 0 AND filled <= slots", name="filled_within_slots"),
)
Index(
    "items_to_fill",
    items.c.study_id,
    items.c.filled,
    items.c.shuffle,
    postgresql_where=text("filled < slots"),
    sqlite_where=text("filled < slots"),
)

raters = Table(
    "raters",
    metadata,
    _key(),
    _study(),
    Column("number", Integer, nullable=False),
    Column("token", String(64), nullable=False, unique=True),
    Column("expires", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("language", String(8), nullable=False),
    Column("consented", BigInteger),
    Column("instructed", BigInteger),
    Column("viewed", BigInteger),
    Column("viewing", Text),
    Column("trained", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("sessions", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("session_done", Integer, nullable=False),
    Column("lease", BigInteger, nullable=False),
    Column("break_until", BigInteger),
    Column("session_over", Boolean, nullable=False),
    # When the step at hand began, as far as the server knows; and the step that an undo would reopen.
    Column("clock", BigInteger),
    Column("undoable", BIG),
    Column("last_seen", BigInteger),
    Column("finished", BigInteger),
    Column("excluded", BigInteger),
    Column("excluded_reason", Text),
    Column("ending", String(16)),
    Column("code", String(16), nullable=False),
    UniqueConstraint("study_id", "number"),
)
Index("raters_by_lease", raters.c.study_id, raters.c.lease)

slots = Table(
    "slots",
    metadata,
    _key(),
    Column("item_id", BIG, ForeignKey("items.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("swapped", Boolean, nullable=False),
    Column("state", String(5), nullable=False),
    Column("rater_id", BIG, ForeignKey("raters.id")),
    UniqueConstraint("item_id", "number"),
    CheckConstraint("(state = 'open') = (rater_id IS NULL)", name="open_means_nobody"),
    CheckConstraint("state IN ('open', 'held', 'rated')", name="known_state"),
)
Index(
    "slots_one_a_rater_and_item",
    slots.c.rater_id,
    slots.c.item_id,
    unique=True,
    postgresql_where=text("rater_id IS NOT NULL"),
    sqlite_where=text("rater_id IS NOT NULL"),
)

steps = Table(
    "steps",
    metadata,
    _key(),
    Column("rater_id", BIG, ForeignKey("raters.id"), nullable=False),
    Column("item_id", BIG, ForeignKey("items.id"), nullable=False),
    Column("slot_id", BIG, ForeignKey("slots.id")),
    Column("kind", String(8), nullable=False),
    # 0 is training, 1 the first session, and so on; a second try at training is a new attempt, not new steps.
    Column("session", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("swapped", Boolean, nullable=False),
    # open, done, lost (its slot went to another)
    Column("state", String(5), nullable=False),
    UniqueConstraint("rater_id", "item_id", "kind"),
    UniqueConstraint("rater_id", "session", "position"),
    CheckConstraint("state IN ('open', 'done', 'lost')", name="known_state"),
)
Index("steps_by_item", steps.c.item_id)
Index(
    "steps_to_do",
    steps.c.rater_id,
    steps.c.session,
    steps.c.position,
    postgresql_where=text("state = 'open'"),
    sqlite_where=text("state = 'open'"),
)

answers = Table(
    "answers",
    metadata,
    _key(),
    Column("step_id", BIG, ForeignKey("steps.id"), nullable=False),
    Column("item_id", BIG, ForeignKey("items.id"), nullable=False),
    Column("rater_id", BIG, ForeignKey("raters.id"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("values", Text, nullable=False),
    Column("milliseconds", Integer),
    Column("client_ms", Integer),
    Column("rated", BigInteger, nullable=False),
    Column("superseded", BigInteger),
    # Whether it is one of the item's N: true only while its slot is 'rated' by its rater.
    Column("counted", Boolean, nullable=False),
    UniqueConstraint("step_id", "attempt"),
)
Index(
    "answers_one_stands",
    answers.c.step_id,
    unique=True,
    postgresql_where=text("superseded IS NULL"),
    sqlite_where=text("superseded IS NULL"),
)
Index("answers_by_item", answers.c.item_id)
Index("answers_by_rater", answers.c.rater_id)

events = Table(
    "events",
    metadata,
    _key(),
    _study(),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", String(32), nullable=False),
    Column("rater_id", BIG, ForeignKey("raters.id")),
    Column("item_id", BIG, ForeignKey("items.id")),
    Column("detail", Text, nullable=False),
)
Index("events_by_study", events.c.study_id, events.c.id)
