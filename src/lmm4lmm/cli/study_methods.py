"""The command line: a paper's methods section from a study. ``study methods``; the researcher's pages use it, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmm4lmm.cli import output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.options import Json
from lmm4lmm.cli.study_database import Database, check_installed, opened
from lmm4lmm.core.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    import polars as pl

    from lmm4lmm.stats.panel_intervals import PanelIntervals
    from lmm4lmm.study.facts import StudyFacts
    from lmm4lmm.study.scored import Figure, Scored

USUAL = "mos"


def add_to(app: typer.Typer) -> None:
    """Adds the verb to the group ``study``."""
    app.command("methods")(methods)


@guarded
def methods(
    study: Annotated[
        str, typer.Argument(metavar="NAME|DIR", help="A study, or a folder that `study export` wrote.")
    ],
    method: Annotated[
        str, typer.Option(metavar="NAME", help="How scores are recovered, as for `study analyse`.")
    ] = USUAL,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Write it there: .md or .txt.")
    ] = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Write a paper's methods section in Markdown, with the study's own numbers.

    What the software can't know (recruitment, payment, ethics ...) is listed as open, never filled in.
    """
    check_installed()
    from lmm4lmm.core.files import write_atomically
    from lmm4lmm.study import facts

    if out is not None and out.suffix.lower() not in (".md", ".txt"):
        raise InputError(f"{out}: the text is written as .md or .txt")
    if Path(study).is_dir():
        found = facts.of_folder(Path(study))
    else:
        with opened(study, database) as store:
            found = facts.of_store(store, study)
    text = methods_of(found, method)
    if out is not None:
        write_atomically(out, text)
        output.note(f"wrote {out}")
    if as_json:
        output.print_json({"study": found.design.name, "method": method, "text": text})
    elif out is None:
        print(text, end="")


def methods_of(facts: StudyFacts, method: str = USUAL) -> str:
    """The methods section of a study whose scores are recovered by ``method``.

    Raises:
        UnknownNameError: no such method.
    """
    from lmm4lmm import __version__
    from lmm4lmm.report.recovery_words import RECOVERY
    from lmm4lmm.study.methods import methods_section

    if method not in RECOVERY:
        raise UnknownNameError("method", method, RECOVERY)
    return methods_section(facts, list(_scored(facts, method)), f"lmm4lmm {__version__}")


def _scored(facts: StudyFacts, method: str) -> Iterator[Scored]:
    """Every dimension that has ratings, analysed."""
    from lmm4lmm.api_study import analyse_ratings, rating_document
    from lmm4lmm.cli.study_suspects import KINDS
    from lmm4lmm.study.exporting import rating_frame
    from lmm4lmm.study.scored import Scored

    rows = facts.counted()
    for one in facts.design.dimensions:
        mine = [row for row in rows if row.dimension == one.name]
        if not mine:
            continue
        kinds: Any = {one.name: KINDS[one.kind]}
        frame = rating_frame(mine, facts.design)
        document = rating_document(analyse_ratings(frame, method=method, kinds=kinds, dimension=one.name))
        counts = [item["n"] for item in document["items"]]
        scores = [item["score"] for item in document["items"]]
        how, sources = _how(document)
        figures, from_where = _figures(document, frame)
        yield Scored(
            dimension=one.name,
            least=min(counts),
            most=max(counts),
            mean=sum(counts) / len(counts),
            items=sum(score is not None for score in scores),
            unscored=sum(score is None for score in scores),
            how=how,
            sources=sources,
            left_out=tuple((r["rater"], r["reason"]) for r in document["raters"] if r["rejected"]),
            agreement=figures,
            sources_of_agreement=from_where,
            warnings=tuple(document["warnings"]),
        )


def _how(document: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    from lmm4lmm.report import recovery_words as words
    from lmm4lmm.study.writing import percent

    if document["kind"] == "yes_no":
        return words.VOTES, (words.WILSON,)
    if document["kind"] == "pairwise":
        sentence, ties = words.PAIRS
        said, sources = ties["davidson"]
        return sentence.format(ties=said), sources
    what, sources = words.RECOVERY[document["method"]]
    kind = "Student's t" if document["interval"] == "t" else "the normal distribution"
    return (
        f"Scores are {what}. Intervals of scores are {percent(document['confidence'])}, by {kind}.",
        sources,
    )


def _figures(document: Mapping[str, Any], frame: pl.DataFrame) -> tuple[tuple[Figure, ...], tuple[str, ...]]:
    """Agreement in the order in which papers report it; an ICC by whether all rated all."""
    from lmm4lmm.report import recovery_words as words
    from lmm4lmm.study.scored import Figure

    found = document.get("agreement")
    if found is None:
        return (), ()

    def with_interval(name: str, part: Mapping[str, Any]) -> Figure:
        return Figure(name, part["value"], part["low"], part["high"], part["reason"])

    figures = [
        with_interval(title, found[key])
        for key, title in {
            "krippendorff_alpha_interval": "Krippendorff's alpha, interval",
            "krippendorff_alpha_ordinal": "Krippendorff's alpha, ordinal",
        }.items()
        if key in found
    ]
    if found["icc_n"] == len(document["items"]):
        k = len(document["raters"]) - sum(one["rejected"] for one in document["raters"])
        figures += [
            with_interval("ICC(A,1), one rating", found["icc"]["ICC(A,1)"]),
            with_interval(f"ICC(A,k), mean of {k} ratings", found["icc"]["ICC(A,k)"]),
        ]
        sources = [words.KRIPPENDORFF, words.ICC]
    else:
        gaps = found["icc_with_gaps"]
        figures += [
            with_interval("ICC(1,1), one rating", gaps["ICC(1,1)"]),
            with_interval(f"ICC(1,k), mean of {gaps['k']:.1f} ratings", gaps["ICC(1,k)"]),
        ]
        sources = [words.KRIPPENDORFF, words.DONNER]
    halves, rest, ceiling = found["split_half"]["srcc"], found["one_against_rest"], found["noise_ceiling"]
    ends = _by_images(document, frame)
    (low, high), (least, most) = ends.halves or (None, None), ends.ceiling or (None, None)
    stepped, reached = "split halves, SRCC, stepped up", "noise ceiling: SRCC of a perfect metric"
    figures += [
        Figure(stepped, halves["spearman_brown"], low, high, halves["reason"]),
        _one_against_rest(rest),
        Figure(reached, ceiling["srcc"], least, most, ceiling["reason"]),
    ]
    return tuple(figures), (*sources, words.SPEARMAN_BROWN)


def _by_images(document: Mapping[str, Any], frame: pl.DataFrame) -> PanelIntervals:
    """Intervals over images, of the raters who are kept."""
    import numpy as np

    from lmm4lmm.cli.study_suspects import matrix
    from lmm4lmm.stats.mos import PLAIN_MEANS
    from lmm4lmm.stats.panel_intervals import panel_intervals

    gone = [one["rater"] for one in document["raters"] if one["rejected"]]
    kept = frame.filter(~frame["rater"].is_in(gone))
    severity = document.get("method", "mos") in PLAIN_MEANS
    return panel_intervals(matrix(kept)[1], rng=np.random.default_rng(0), severity=severity)


def _one_against_rest(rest: Mapping[str, Any]) -> Figure:
    """With an interval from the raters' own spread; they share the others' means, so it is rough."""
    from lmm4lmm.study.scored import Figure

    name = "one rater against the rest, SRCC (interval over raters, rough)"
    value, error = rest["srcc"], rest["srcc_se"]
    if value is None or error is None:
        return Figure(name, value, reason="too few raters or images")
    return Figure(name, value, value - 1.96 * error, value + 1.96 * error)
