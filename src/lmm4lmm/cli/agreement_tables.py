"""Agreement with people as tables in the terminal, from the same documents that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lmm4lmm.cli.output import interval, note, number, print_table
from lmm4lmm.core.counting import counted
from lmm4lmm.stats.ceiling import SHARE_DEFINITION

STATISTICS = {"srcc": "SRCC", "krcc": "KRCC (tau-b)", "plcc": "PLCC", "plcc_fitted": "PLCC, logistic fit"}
ANSWER_STATISTICS = {
    "accuracy": "accuracy at 0.5",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1 of yes",
    "auc": "AUC",
    "brier": "Brier score (lower is better)",
}
CORRELATIONS = {"srcc": "SRCC", "krcc": "KRCC", "plcc": "PLCC"}
ANSWERS = {"accuracy": "accuracy", "balanced_accuracy": "balanced", "f1": "F1", "auc": "AUC", "srcc": "SRCC"}
"""Columns of tables by task, generator and so on; the first has its interval beside it."""
ERRORS = {
    "rmse": "RMSE after the fit",
    "rmse_star": "RMSE* (beyond people's 95 %)",
    "outlier_ratio": "outlier ratio (P.1401)",
}
KRASULA = {
    "auc_different": "Krasula: different or similar, AUC",
    "auc_better": "Krasula: better or worse, AUC",
}
NO_PIXEL = "A predictor without a pixel knows only what is named."


def print_evaluation(document: Mapping[str, Any], *, crossed: bool = False) -> None:
    """A table a dimension, no-pixel baselines under the metric and the ceiling last; then one a grouping."""
    for dimension, found in document["dimensions"].items():
        _print_agreement(dimension, found)
    for grouping, groups in document.get("by", {}).items():
        for dimension in document["dimensions"]:
            _print_groups(grouping, dimension, groups)
    _note_unmatched(document)
    if crossed:
        note("SRCC, KRCC and PLCC over images: 95 % intervals from resampling prompts and generators.")
    note(f"{'Other i' if crossed else 'I'}ntervals are 95 %, from resampling prompts. {NO_PIXEL}")
    if any(found.get("reachable_share") is not None for found in document["dimensions"].values()):
        note(SHARE_DEFINITION)


def _print_agreement(dimension: str, found: Mapping[str, Any]) -> None:
    shown = STATISTICS | {key: title for key, title in ANSWER_STATISTICS.items() if key in found}
    rows = [(title, number(_value(found, key), 3), _interval(found, key)) for key, title in shown.items()]
    rows += _level_rows(found)
    rows += [
        (f"SRCC, no pixel: {name}", number(value, 3), "")
        for name, value in (found.get("baselines") or {}).items()
    ]
    if ceiling := found.get("ceiling"):
        rows.append(("SRCC, noise ceiling", number(ceiling["srcc"], 3), ""))
    if (share := found.get("reachable_share")) is not None:
        rows.append(("share of the reachable range", f"{share:.0%}", ""))
    prompts = f", {found['n_prompts']:,} prompts" if "n_prompts" in found else ""
    print_table(
        ("agreement with people", "value", "95 %"), rows, title=f"{dimension}: n = {found['n']:,}{prompts}"
    )
    for key, title in shown.items():
        if reason := (found.get(key) or {}).get("reason"):
            note(f"{dimension}, {title}: {reason}")
    for text in _level_notes(found):
        note(f"{dimension}, {text}")
    if dropped := found.get("n_dropped"):
        one, many = (
            "matched row lacks a score on one side and is",
            "matched rows lack a score on one side and are",
        )
        note(f"{dimension}: {counted(dropped, one, many)} left out.")


def _level_rows(found: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    rows = []
    if (fitted := found.get("plcc_fitted5")) is not None:
        rows.append(("PLCC, five-parameter fit", number(fitted, 3), ""))
    for part, titles in (("errors", ERRORS), ("krasula", KRASULA)):
        values = found.get(part) or {}
        rows += [
            (title, number(values[key], 3), "")
            for key, title in titles.items()
            if values.get(key) is not None
        ]
    if (calibration := found.get("reliability")) is not None:
        rows.append(("calibration error (ECE, 10 bins)", number(calibration["expected_error"], 3), ""))
    if within := found.get("within_prompt"):
        named = {"accuracy": f"pairs right ({within['n_pairs']:,}, ties up to {within['epsilon']:.3g})"}
        rows += _interval_rows("within a prompt", within, named | {"srcc": "mean SRCC"})
    if systems := found.get("generators"):
        rows += _interval_rows(
            f"over {systems['n']} generators", systems, {"srcc": "SRCC", "accuracy": "pairs right"}
        )
    return rows


def _interval_rows(
    level: str, found: Mapping[str, Any], titles: Mapping[str, str]
) -> Iterable[tuple[str, str, str]]:
    for key, title in titles.items():
        if _value(found, key) is not None:
            yield f"{level}: {title}", number(_value(found, key), 3), _interval(found, key)


def _level_notes(found: Mapping[str, Any]) -> Iterable[str]:
    for part, level in (("within_prompt", "within a prompt"), ("generators", "over generators")):
        values = found.get(part) or {}
        reasons = [v["reason"] for v in values.values() if isinstance(v, Mapping) and v.get("reason")]
        yield from (f"{level}: {reason}" for reason in dict.fromkeys(reasons))
    if ceiling := found.get("ceiling"):
        yield f"noise ceiling: {ceiling['source']}"
    yield from found.get("notes", ())


def _print_groups(grouping: str, dimension: str, groups: Mapping[str, Any]) -> None:
    """Correlations; of yes/no answers what is right of them, which correlations with 0 and 1 say badly."""
    measured = {name: found for name, of in groups.items() if (found := of.get(dimension)) is not None}
    shown = ANSWERS if any("accuracy" in found for found in measured.values()) else CORRELATIONS
    first, *others = shown
    rows = [
        (
            name,
            str(found["n"]),
            number(_value(found, first), 3),
            _interval(found, first),
            *(number(_value(found, key), 3) for key in others),
        )
        for name, found in measured.items()
    ]
    head = (grouping, "n", shown[first], "95 %", *(shown[key] for key in others))
    print_table(head, rows, title=f"{dimension} by {grouping}")


def _note_unmatched(document: Mapping[str, Any], prefix: str = "") -> None:
    if failed := document.get("failed"):
        note(f"{prefix}{failed:,} rows of the scores carry an error and are left out.")
    for key, what in (("only_scores", "scores"), ("only_human", "human scores")):
        if count := document.get(key):
            note(f"{prefix}{count:,} ids of the {what} are not in the other table.")


def print_metrics(document: Mapping[str, Any]) -> None:
    """A table a dimension: no-pixel predictors first, then the metrics, best first and bold, the ceiling last."""
    for dimension, found in document["dimensions"].items():
        _print_contest(dimension, found)
    for name, counts in document["files"].items():
        _note_unmatched(counts, f"{name}: ")
    for text in document["notes"]:
        note(text)
    note("PLCC: after a logistic fit. within: pairs of one prompt right. gen.: SRCC over generators.")
    note(
        "Metrics that share a letter can't be told apart (SRCC; resampled prompts, Holm). Intervals are 95 %. "
        f"{NO_PIXEL}"
    )
    if any(found["ceiling"] for found in document["dimensions"].values()):
        note(SHARE_DEFINITION)


def _print_contest(dimension: str, found: Mapping[str, Any]) -> None:
    metrics = found["metrics"]
    of_answers = any("accuracy" in figures for figures in metrics.values())
    # few and short columns: the table has to fit a terminal of 80; --json has all figures
    extra = {"balanced_accuracy": "b.acc", "auc": "AUC"} if of_answers else {"plcc_fitted": "PLCC"}
    columns = ("predictor", "SRCC", "95 %", *extra.values(), "within", "gen.", "share", "")
    blank = ("",) * (len(columns) - 2)
    rows = [(f"no pixel: {name}", number(value, 3), *blank) for name, value in found["baselines"].items()]
    first = len(rows)
    rows += [(name, *_metric_cells(figures, tuple(extra))) for name, figures in metrics.items()]
    if ceiling := found["ceiling"]:
        rows.append(("noise ceiling", number(ceiling["srcc"], 3), *blank))
    best = {first} if metrics and _value(next(iter(metrics.values())), "srcc") is not None else set()
    print_table(
        columns,
        rows,
        title=f"{dimension}: n = {found['n']:,} images that all scored, {found['n_prompts']:,} prompts",
        left=("",),
        bold=best,
    )
    if ceiling:
        note(f"{dimension}, noise ceiling: {ceiling['source']}")
    if left_out := found["n_left_out"]:
        note(f"{dimension}: {left_out:,} images that some metric did not score are left out for all.")
    for name, figures in metrics.items():
        if reason := figures["srcc"].get("reason"):
            note(f"{dimension}, {name}: {reason}")
    for test in found["mcnemar"]:
        only_a, only_b = test["table"][0][1], test["table"][1][0]
        note(
            f"{dimension}, McNemar: {test['a']} alone right {only_a:,} times, {test['b']} alone {only_b:,} times, "
            f"p = {test['p_exact']:.2g} ({test['p_adjusted']:.2g} after Holm)"
        )


def _metric_cells(figures: Mapping[str, Any], extra: tuple[str, ...]) -> tuple[str, ...]:
    within, systems = figures.get("within_prompt") or {}, figures.get("generators") or {}
    share = figures.get("reachable_share")
    return (
        number(_value(figures, "srcc"), 3),
        _interval(figures, "srcc"),
        *(number(_value(figures, key), 3) for key in extra),
        number(_value(within, "accuracy"), 3),
        number(_value(systems, "srcc"), 3),
        "-" if share is None else f"{share:.0%}",
        figures["group"],
    )


def _value(found: Mapping[str, Any], key: str) -> float | None:
    value: float | None = (found.get(key) or {}).get("value")
    return value


def _interval(found: Mapping[str, Any], key: str) -> str:
    ends = found.get(key) or {}
    return interval(ends.get("low"), ends.get("high"), 3)
