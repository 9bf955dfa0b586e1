"""An analysis of ratings as tables in the terminal, from the same document that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmm4lmm.cli.output import interval, note, number, print_table
from lmm4lmm.core.counting import counted

MOST_ROWS = 20
MOST_RATERS = 40
"""Panels up to this size are shown whole."""
KINDS = {
    "rating": "score",
    "yes_no": "share of yes",
    "pairwise": "score (logits)",
}
COEFFICIENTS = {
    "krippendorff_alpha_interval": "Krippendorff's alpha, interval",
    "krippendorff_alpha_ordinal": "Krippendorff's alpha, ordinal",
    "fleiss_kappa": "Fleiss' kappa",
}
FORMS = {
    "ICC(A,1)": "ICC(A,1), one rating",
    "ICC(A,k)": "ICC(A,k), mean of all raters",
    "ICC(C,1)": "ICC(C,1), one rating, severity aside",
    "ICC(C,k)": "ICC(C,k), mean of all, severity aside",
}


def print_analysis(document: Mapping[str, Any]) -> None:
    """Per dimension: items (the best, and how many more), raters, agreement; notes and warnings on stderr."""
    for part in document.get("dimensions", {"": document}).values():
        _print_items(part)
        _print_raters(part)
        if "agreement" in part:
            _print_agreement(part)
        for text in part["warnings"]:
            note(f"{part['dimension']}: {text}")
    for text in document["notes"]:
        note(text)


def _print_items(part: Mapping[str, Any]) -> None:
    rows = part["items"]
    ordered = sorted(rows, key=lambda row: (row["score"] is None, -(row["score"] or 0.0)))
    how = f", {part['method']}" if "method" in part else ""
    answers = part["kind"] == "yes_no"
    print_table(
        (
            "item",
            KINDS[part["kind"]],
            "se",
            "95 %" if part.get("confidence", 0.95) == 0.95 else "interval",
            "n",
        )
        + (("answer",) if answers else ()),
        (
            (
                row["item"],
                number(row["score"], 3),
                number(row["se"], 3),
                interval(row["low"], row["high"], 3),
                str(row["n"]),
                *((_word(row["answer"]),) if answers else ()),
            )
            for row in ordered[:MOST_ROWS]
        ),
        title=f"{part['dimension']}{how}: {counted(len(rows), 'item')}, highest first",
        left=("answer",),
    )
    if len(rows) > MOST_ROWS:
        note(f"{len(rows) - MOST_ROWS:,} more items: --json or -o FILE has them all")


def _word(answer: int | None) -> str:
    return "tie" if answer is None else ("yes" if answer else "no")


def _print_raters(part: Mapping[str, Any]) -> None:
    """All raters of a small panel by name; of a large one those who are rejected or flagged."""
    rows = sorted(part["raters"], key=lambda row: str(row["rater"]))
    shown: Sequence[Mapping[str, Any]] = rows
    if len(rows) > MOST_RATERS:
        shown = [row for row in rows if row["reason"]]
    gone = sum(row["rejected"] for row in rows)
    flagged = sum(bool(row["reason"]) for row in rows) - gone
    told = f"{gone} rejected" + (f", {flagged} flagged" if flagged else "")
    if not shown:
        note(f"{part['dimension']}: {counted(len(rows), 'rater')}, {told}")
        return
    print_table(
        ("rater", "bias", "inconsistency", "rejected", "reason"),
        (
            (
                row["rater"] or "(unnamed)",
                _near_zero(row["bias"]),
                number(row["inconsistency"], 3),
                "yes" if row["rejected"] else "no",
                row["reason"] or "",
            )
            for row in shown[:MOST_RATERS]
        ),
        title=f"{part['dimension']}: {counted(len(rows), 'rater')}, {told}",
        left=("reason",),
    )
    if len(shown) > MOST_RATERS:
        note(f"{len(shown) - MOST_RATERS:,} more such raters: --json has them all")


def _near_zero(value: float | None) -> str:
    """A bias; what rounds to 0 has no sign."""
    return number(None if value is None else round(value, 3) + 0.0, 3)


def _print_agreement(part: Mapping[str, Any]) -> None:
    found = part["agreement"]
    rows = [_row(title, found[key]) for key, title in COEFFICIENTS.items() if key in found]
    if found["icc_n"]:
        rows += [_row(title, found["icc"][form]) for form, title in FORMS.items()]
    gaps = found["icc_with_gaps"]
    rows.append(_row("ICC(1,1), gaps allowed", gaps["ICC(1,1)"]))
    of_mean = f"ICC(1,k), k = {gaps['k']:.1f}" if gaps["k"] else "ICC(1,k), gaps allowed"
    rows.append(_row(of_mean, gaps["ICC(1,k)"]))
    halves, rest, ceiling = found["split_half"]["srcc"], found["one_against_rest"], found["noise_ceiling"]
    rows.append(("split halves, SRCC", number(halves["halves"], 3), ""))
    rows.append(("split halves, stepped up (Spearman-Brown)", number(halves["spearman_brown"], 3), ""))
    rows.append(("one rater against the rest, SRCC", number(rest["srcc"], 3), ""))
    rows.append(("noise ceiling of any metric, SRCC", number(ceiling["srcc"], 3), ""))
    rejected = sum(row["rejected"] for row in part["raters"])
    kept = len(part["raters"]) - rejected
    of = "the only rater" if kept == 1 else f"the {kept:,} raters"
    title = f"{part['dimension']}: agreement of {of} who {'is' if kept == 1 else 'are'} kept, raw ratings"
    print_table(("agreement", "value", "95 %"), rows, title=title)
    reasons = {key: (found.get(key) or {}).get("reason") for key in COEFFICIENTS}
    reasons["ICC"] = found["icc"]["ICC(A,1)"]["reason"] if found["icc_n"] else None
    reasons["ICC, gaps allowed"] = gaps["ICC(1,1)"]["reason"]
    reasons["noise ceiling"] = ceiling["reason"]
    reasons["split halves"] = halves["reason"]
    for key, reason in reasons.items():
        if reason:
            note(f"{part['dimension']}, {COEFFICIENTS.get(key, key)}: {reason}")
    for text in found["notes"]:
        note(f"{part['dimension']}: {text}")


def _row(title: str, found: Mapping[str, Any]) -> tuple[str, str, str]:
    return title, number(found["value"], 3), interval(found["low"], found["high"], 3)
