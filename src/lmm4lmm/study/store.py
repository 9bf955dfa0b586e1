"""The store of human studies: everything that pages and command line may ask of a study's database.

One ``Store`` serves many threads; several may share one database, on SQLite as on PostgreSQL. A change is committed
before its method returns. Times come from the server's clock only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from lmm4lmm.study import (
    assignment,
    creating,
    database,
    examples,
    inviting,
    monitoring,
    passwords,
    rating,
    stages,
    supervising,
)
from lmm4lmm.study.design import StudyDesign
from lmm4lmm.study.records import (
    AuditRow,
    Example,
    ImageFile,
    Invitation,
    Next,
    Progress,
    Rated,
    Rater,
    RatingRow,
    Step,
    StudyInfo,
    StudyItem,
    Values,
    ViewingCheck,
)

Clock = Callable[[], datetime]


def open_store(url: str, *, clock: Clock | None = None) -> Store:
    """Opens a study database, making or migrating its tables where need be.

    Args:
        url: ``sqlite:///file``, a path alone, or ``postgresql://user@host/name``.
        clock: where the time comes from, for tests.

    Raises:
        StudyError: the URL is of no known kind, the database can't be reached, or it was written by a newer lmm4lmm.
        MissingExtraError: the extra ``[study]`` is not installed.
    """
    return Store(database.connect(url), clock or _utc_now)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Store:
    """One open study database; close it, or use it in a ``with``."""

    def __init__(self, link: database.Database, clock: Clock) -> None:
        self._db, self._clock = link, clock

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.dispose()

    def dispose(self) -> None:
        """Closes all connections."""
        self._db.dispose()

    # Studies

    def create(self, design: StudyDesign, items: Sequence[StudyItem], images_folder: Path) -> StudyInfo:
        """Creates a study with its slots, in one transaction.

        Args:
            design: what is asked, of how many.
            items: all images, those of training, gold and traps among them (``items.study_items`` reads them).
            images_folder: what relative image paths start from.

        Raises:
            StudyError: the name is taken; an id stands twice; a training, gold or trap item that nobody knows; an
                image that is missing, empty or of a kind that browsers don't show; no item left to rate.
        """
        return creating.create(self._db, self._now(), design, items, images_folder)

    def studies(self) -> list[StudyInfo]:
        """All studies of this database, by name."""
        with self._db.read() as connection:
            return monitoring.studies_of(connection)

    def study(self, name: str) -> StudyInfo:
        """One study.

        Raises:
            UnknownNameError: no study has this name.
        """
        with self._db.read() as connection:
            return monitoring.study_info(connection, name)

    def set_password(self, name: str, password: str) -> None:
        """Sets the researcher's password of a study; kept as salted scrypt.

        Raises:
            StudyError: shorter than 8 characters, or no such study.
        """
        passwords.set_password(self._db, self._now(), name, password)

    def check_password(self, name: str, password: str) -> bool:
        """Whether it is the researcher's password; False, after as long, where there is no study or none is set."""
        return passwords.check_password(self._db, name, password)

    def password_mark(self, name: str) -> str:
        """Another text after each ``set_password``, the same in between; it tells nothing of the password."""
        return passwords.password_mark(self._db, name)

    # Raters

    def invite(self, name: str, count: int, days: float | None = None) -> list[Invitation]:
        """Makes raters, one a link; ``days`` None: as the design says. Tokens can't be shown again."""
        return inviting.invite(self._db, self._now(), name, count, days)

    def rater_by_token(self, token: str) -> Rater | None:
        """Whose link this is; None for a token that was never given. An expired one gives stage ``expired``."""
        return inviting.rater_by_token(self._db, self._now(), token)

    def rater(self, rater_id: int) -> Rater:
        """A rater as they stand now.

        Raises:
            StudyError: no such rater.
        """
        return stages.rater(self._db, self._now(), rater_id)

    def consent(self, rater_id: int, language: str) -> Rater:
        """Records consent and language; again, it changes the language only.

        Raises:
            StudyError: a language that the design does not offer.
        """
        return stages.consent(self._db, self._now(), rater_id, language)

    def instructed(self, rater_id: int) -> Rater:
        """Records that the instructions were read; without consent nothing happens."""
        return stages.instructed(self._db, self._now(), rater_id)

    def viewing(self, rater_id: int, check: ViewingCheck) -> tuple[str, ...]:
        """Records the screen; returns what it falls short of: of ``width``, ``height``, ``zoom``, ``plates``.

        Nothing means that it passed and the stage moves on; otherwise it stays, to be tried again.
        """
        return stages.viewing(self._db, self._now(), rater_id, check)

    # Rating

    def next(self, rater_id: int) -> Next:
        """What this rater does now; asking again gives the same. Takes a session's slots where none are left.

        Raises:
            StudyError: the rater is not yet at training or rating (consent, instructions, viewing).
        """
        return assignment.next_step(self._db, self._now(), rater_id)

    def pause(self, rater_id: int) -> None:
        """Records that the rater has stopped for a while: the clock of the step at hand starts anew with ``next``."""
        assignment.pause(self._db, self._now(), rater_id)

    def rate(self, rater_id: int, step_id: str, values: Values, client_ms: int | None = None) -> Rated:
        """Stores an answer, committed before this returns; the same submission again gives ``repeated``.

        Args:
            rater_id: whose answer it is.
            step_id: from ``Step.id``.
            values: one value for each of the step's dimensions.
            client_ms: time on task as the browser measured it; kept beside the server's own.

        Raises:
            StudyError: not a step of this rater, a dimension missing or unknown, a value that is not on its scale.
        """
        return rating.rate(self._db, self._now(), rater_id, step_id, values, client_ms)

    def undo(self, rater_id: int) -> Step | None:
        """Takes the last answer back (it stays in the trail) and reopens its step; None if there is none.

        One step back only, never a training step.
        """
        return rating.undo(self._db, self._now(), rater_id)

    def image(self, opaque_id: str) -> ImageFile | None:
        """The file behind an opaque id: one of the manifest's, or None."""
        return monitoring.image(self._db, opaque_id)

    def examples(self, name: str, language: str) -> tuple[Example, ...]:
        """What the instructions show: training images with the design's words on them, at most four.

        None where training decides who may rate: it would give the answers away.
        """
        return examples.examples(self._db, name, language)

    # The researcher's view

    def image_ids(self, name: str) -> dict[str, str]:
        """An image's id in the manifest to its opaque id; for the researcher's eyes only."""
        return monitoring.image_ids(self._db, name)

    def progress(self, name: str) -> Progress:
        """Items by ratings got and wanted, raters with how they work."""
        return monitoring.progress(self._db, self._now(), name)

    def exclude(self, name: str, rater_id: int, reason: str, who: str) -> None:
        """Takes a rater out: their ratings no longer count and their slots open again for others.

        Raises:
            StudyError: no reason given, no such rater in this study, or excluded already.
        """
        supervising.exclude(self._db, self._now(), name, rater_id, reason, who)

    def restore(self, name: str, rater_id: int, reason: str, who: str) -> None:
        """Brings an excluded rater back. Ratings whose slots others have filled since stay uncounted."""
        supervising.restore(self._db, self._now(), name, rater_id, reason, who)

    def close(self, name: str, who: str) -> None:
        """Ends a study for good: raters are thanked, nothing is accepted any more. Again: no effect."""
        supervising.close(self._db, self._now(), name, who)

    def audit(self, name: str) -> list[AuditRow]:
        """All that happened, oldest first: events of people and store, and every answer with what became of it."""
        return monitoring.audit(self._db, name)

    def ratings(self, name: str, *, with_excluded: bool = False) -> list[RatingRow]:
        """All answers that stand, one row a dimension, by rater and order of rating.

        Training is left out. Without ``with_excluded``: no excluded raters, and only ``rated`` answers that count
        beside gold, traps and repeats.
        """
        return monitoring.ratings(self._db, name, with_excluded=with_excluded)

    def _now(self) -> int:
        return round(self._clock().timestamp() * 1000)
