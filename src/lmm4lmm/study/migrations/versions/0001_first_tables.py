"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes them."""
    op.create_table(
        "studies",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("design", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "images",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("study_id", BIG, nullable=False),
        sa.Column("opaque", sa.String(length=43), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("generator", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["study_id"],
            ["studies.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("opaque"),
    )
    op.create_table(
        "raters",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("study_id", BIG, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("consented", sa.BigInteger(), nullable=True),
        sa.Column("instructed", sa.BigInteger(), nullable=True),
        sa.Column("viewed", sa.BigInteger(), nullable=True),
        sa.Column("viewing", sa.Text(), nullable=True),
        sa.Column("trained", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("session_done", sa.Integer(), nullable=False),
        sa.Column("lease", sa.BigInteger(), nullable=False),
        sa.Column("break_until", sa.BigInteger(), nullable=True),
        sa.Column("session_over", sa.Boolean(), nullable=False),
        sa.Column("clock", sa.BigInteger(), nullable=True),
        sa.Column("undoable", BIG, nullable=True),
        sa.Column("last_seen", sa.BigInteger(), nullable=True),
        sa.Column("finished", sa.BigInteger(), nullable=True),
        sa.Column("excluded", sa.BigInteger(), nullable=True),
        sa.Column("excluded_reason", sa.Text(), nullable=True),
        sa.Column("ending", sa.String(length=16), nullable=True),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"],
            ["studies.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("study_id", "number"),
        sa.UniqueConstraint("token"),
    )
    op.create_index("raters_by_lease", "raters", ["study_id", "lease"], unique=False)
    op.create_table(
        "items",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("study_id", BIG, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("image_id", BIG, nullable=False),
        sa.Column("second_id", BIG, nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("generator", sa.Text(), nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("filled", sa.Integer(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("shuffle", sa.Float(), nullable=False),
        sa.Column("lean", sa.Float(), nullable=False),
        sa.CheckConstraint("filled >= 0 AND filled <= slots", name="filled_within_slots"),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["images.id"],
        ),
        sa.ForeignKeyConstraint(
            ["second_id"],
            ["images.id"],
        ),
        sa.ForeignKeyConstraint(
            ["study_id"],
            ["studies.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("study_id", "name"),
    )
    op.create_index(
        "items_to_fill",
        "items",
        ["study_id", "filled", "shuffle"],
        unique=False,
        postgresql_where=sa.text("filled < slots"),
        sqlite_where=sa.text("filled < slots"),
    )
    op.create_table(
        "events",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("study_id", BIG, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("rater_id", BIG, nullable=True),
        sa.Column("item_id", BIG, nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"],
            ["items.id"],
        ),
        sa.ForeignKeyConstraint(
            ["rater_id"],
            ["raters.id"],
        ),
        sa.ForeignKeyConstraint(
            ["study_id"],
            ["studies.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("events_by_study", "events", ["study_id", "id"], unique=False)
    op.create_table(
        "slots",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("item_id", BIG, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("swapped", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=5), nullable=False),
        sa.Column("rater_id", BIG, nullable=True),
        sa.CheckConstraint("(state = 'open') = (rater_id IS NULL)", name="open_means_nobody"),
        sa.CheckConstraint("state IN ('open', 'held', 'rated')", name="known_state"),
        sa.ForeignKeyConstraint(
            ["item_id"],
            ["items.id"],
        ),
        sa.ForeignKeyConstraint(
            ["rater_id"],
            ["raters.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("item_id", "number"),
    )
    op.create_index(
        "slots_one_a_rater_and_item",
        "slots",
        ["rater_id", "item_id"],
        unique=True,
        postgresql_where=sa.text("rater_id IS NOT NULL"),
        sqlite_where=sa.text("rater_id IS NOT NULL"),
    )
    op.create_table(
        "steps",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("rater_id", BIG, nullable=False),
        sa.Column("item_id", BIG, nullable=False),
        sa.Column("slot_id", BIG, nullable=True),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("swapped", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=5), nullable=False),
        sa.CheckConstraint("state IN ('open', 'done', 'lost')", name="known_state"),
        sa.ForeignKeyConstraint(
            ["item_id"],
            ["items.id"],
        ),
        sa.ForeignKeyConstraint(
            ["rater_id"],
            ["raters.id"],
        ),
        sa.ForeignKeyConstraint(
            ["slot_id"],
            ["slots.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("rater_id", "item_id", "kind"),
        sa.UniqueConstraint("rater_id", "session", "position"),
    )
    op.create_index("steps_by_item", "steps", ["item_id"], unique=False)
    op.create_index(
        "steps_to_do",
        "steps",
        ["rater_id", "session", "position"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "answers",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("step_id", BIG, nullable=False),
        sa.Column("item_id", BIG, nullable=False),
        sa.Column("rater_id", BIG, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("values", sa.Text(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=True),
        sa.Column("client_ms", sa.Integer(), nullable=True),
        sa.Column("rated", sa.BigInteger(), nullable=False),
        sa.Column("superseded", sa.BigInteger(), nullable=True),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"],
            ["items.id"],
        ),
        sa.ForeignKeyConstraint(
            ["rater_id"],
            ["raters.id"],
        ),
        sa.ForeignKeyConstraint(
            ["step_id"],
            ["steps.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("step_id", "attempt"),
    )
    op.create_index("answers_by_item", "answers", ["item_id"], unique=False)
    op.create_index("answers_by_rater", "answers", ["rater_id"], unique=False)
    op.create_index(
        "answers_one_stands",
        "answers",
        ["step_id"],
        unique=True,
        postgresql_where=sa.text("superseded IS NULL"),
        sqlite_where=sa.text("superseded IS NULL"),
    )


def downgrade() -> None:
    """Drops them."""
    for name in ("answers", "steps", "slots", "events", "items", "raters", "images", "studies"):
        op.drop_table(name)
