"""A new checkpoint against an old one: which rows are compared, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import ttest_ind, ttest_rel

from lmm4lmm.core.errors import InputError, UnknownNameError
from lmm4lmm.report.checkpoint_words import headline, markdown, sentences, verdict_words
from lmm4lmm.report.checkpoints import compare_checkpoints

Table = Callable[..., pl.DataFrame]


def _rows(rng, generator: str, shift: float, n: int = 60, **more: Any) -> list[dict[str, Any]]:
    """Prompts that differ far more than generators do."""
    hard = np.random.default_rng(9).normal(50, 10, 1000)
    return [
        {
            "id": f"{generator}/{i}",
            "prompt": f"prompt {i}",
            "generator": generator,
            "task": f"task {i % 3}",
            "perception": hard[i] + shift + rng.normal(0, 2),
            "correspondence": hard[i] + rng.normal(0, 2),
        }
        | more
        for i in range(n)
    ]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.fixture
def pair(table: Table, rng) -> tuple[pl.DataFrame, pl.DataFrame]:
    return table(_rows(rng, "fresh", 2.0)), table(_rows(rng, "stale", 0.0))


def test_it_is_the_paired_test_of_per_prompt_means(pair):
    new, old = pair
    found = compare_checkpoints(new, old).dimensions["perception"]
    joined = new.join(old, on="prompt", suffix="_old")
    expected = ttest_rel(joined["perception"], joined["perception_old"])
    assert found.overall.p == pytest.approx(expected.pvalue)
    assert found.overall.verdict == "better"
    assert sorted(found.tasks) == ["task 0", "task 1", "task 2"]
    of_task = joined.filter(task="task 1")
    plain = ttest_rel(of_task["perception"], of_task["perception_old"]).pvalue
    assert found.tasks["task 1"].p == pytest.approx(plain)
    assert found.tasks["task 1"].p_adjusted >= plain


def test_several_images_of_a_prompt_are_averaged_first(pair, rng):
    new, old = pair
    thrice = pl.concat(
        [
            new.with_columns(pl.col("id") + f"#{k}", pl.col("perception") + pl.Series(rng.normal(0, 9, 60)))
            for k in range(3)
        ]
    )
    found = compare_checkpoints(thrice, old).dimensions["perception"]
    means = thrice.group_by("prompt").agg(pl.col("perception").mean()).join(old, on="prompt", suffix="_old")
    assert found.overall.p == pytest.approx(ttest_rel(means["perception"], means["perception_old"]).pvalue)
    assert found.images == (180, 60)
    assert found.overall.n_shared == 60


def test_only_shared_prompts_count_and_the_rest_is_told(pair):
    new, old = pair
    found = compare_checkpoints(new.head(50), old.tail(30))
    assert found.dimensions["perception"].overall.n_shared == 20
    assert "20 prompts in both; 30 only in fresh and 10 only in stale are left out" in found.notes


@pytest.mark.parametrize("how", ["disjoint", "without"])
def test_without_shared_prompts_it_is_unpaired_and_says_so(pair, how):
    new, old = pair
    if how == "disjoint":
        new, old = new.head(30), old.tail(30)
    else:  # the same ids in both tables: they name images, not prompts
        new, old = (frame.with_columns(prompt=pl.lit(None, pl.String), id=old["id"]) for frame in pair)
    found = compare_checkpoints(new, old)
    overall = found.dimensions["perception"].overall
    expected = ttest_ind(new["perception"].to_numpy(), old["perception"].to_numpy(), equal_var=False)
    assert not overall.paired
    assert overall.p == pytest.approx(expected.pvalue)
    told = "only 0 prompts in both" if how == "disjoint" else "fresh and stale without prompts"
    assert any(note.startswith(told) for note in found.notes)


def test_rows_with_errors_are_left_out_and_counted(pair):
    new, old = pair
    broken = new.with_columns(error=pl.when(pl.int_range(60) < 10).then(pl.lit("broken")))
    found = compare_checkpoints(broken, old)
    assert (found.new.rows, found.new.failed) == (60, 10)
    assert found.dimensions["perception"].overall.n_shared == 50
    assert "fresh: 10 of 60 rows carry an error and are left out" in found.notes


def test_one_table_with_both_generators(pair):
    both = pl.concat(pair)
    found = compare_checkpoints(both, both, generators=("fresh", "stale"))
    alone = compare_checkpoints(*pair)
    assert found.dimensions["perception"] == alone.dimensions["perception"]
    with pytest.raises(InputError, match="2 generators \\(fresh, stale\\); say which two"):
        compare_checkpoints(both, both)
    with pytest.raises(UnknownNameError, match="did you mean fresh"):
        compare_checkpoints(both, both, generators=("frsh", "stale"))


def test_a_table_that_names_no_generator_can_not_be_chosen_from(pair):
    silent = pair[0].with_columns(generator=pl.lit(None, pl.String))
    with pytest.raises(InputError, match="new names no generator, so 'fresh' can't be chosen"):
        compare_checkpoints(silent, pair[1], generators=("fresh", "stale"))
    assert compare_checkpoints(silent, pair[1]).new.generator == "(unnamed)"


def test_a_task_that_one_side_lacks_is_that_of_its_prompt(pair):
    new, old = pair
    found = compare_checkpoints(new, old.with_columns(task=pl.lit(None, pl.String)))
    assert (
        found.dimensions["perception"].tasks == compare_checkpoints(new, old).dimensions["perception"].tasks
    )


def test_prompt_groups_count_only_where_both_have_them(pair):
    grouped = [frame.with_columns(prompt_group=pl.int_range(60) // 2) for frame in pair]
    assert compare_checkpoints(*grouped).dimensions["perception"].overall.n_shared == 30
    assert compare_checkpoints(grouped[0], pair[1]).dimensions["perception"].overall.n_shared == 60


def test_scores_of_different_metrics_are_refused(pair):
    new, old = pair
    other = new.with_columns(metric=pl.lit("fake-2"))
    with pytest.raises(
        InputError, match=r"fresh \(new\) from fake-2, stale \(old\) from fake-1.*--any-metric"
    ):
        compare_checkpoints(other, old)
    assert compare_checkpoints(other, old, any_metric=True).dimensions
    silent = new.with_columns(metric=pl.lit(None, pl.String))
    assert "does not say which metric" in compare_checkpoints(silent, old).notes[-1]


def test_dimensions_that_one_side_lacks(pair):
    new, old = pair
    no_correspondence = new.with_columns(correspondence=pl.lit(None, pl.Float64))
    assert list(compare_checkpoints(no_correspondence, old).dimensions) == ["perception"]
    with pytest.raises(InputError, match="new: no row of fresh has a score in correspondence"):
        compare_checkpoints(no_correspondence, old, dimensions=["correspondence"])
    with pytest.raises(InputError, match=r"no dimension that both .* fresh \(new\) has correspondence"):
        compare_checkpoints(new.drop("perception"), old.drop("correspondence"))


def test_margins_are_points_of_a_hundred(pair):
    new, old = (frame.with_columns(answer=pl.lit(0.5)) for frame in pair)
    found = compare_checkpoints(new, old, margin=2.0)
    assert {name: one.overall.margin for name, one in found.dimensions.items()} == {
        "perception": 2.0,
        "correspondence": 2.0,
        "answer": 0.02,
    }
    named = compare_checkpoints(new, old, margin={"answer": 0.1})
    assert [one.overall.margin for one in named.dimensions.values()] == [0.0, 0.0, 0.1]


def test_worse_and_inferior_are_told_by_dimension(pair):
    new, old = pair
    found = compare_checkpoints(old, new, margin=0.5)
    assert found.worse == ("perception",)
    assert "perception" in found.maybe_inferior
    assert found.to_json()["worse_beyond_margin"] == ["perception"]


def test_the_same_table_twice_is_noticed(pair):
    found = compare_checkpoints(pair[0], pair[0])
    assert (found.new.name, found.old.name) == ("new", "old")
    assert any("are they the same images?" in note for note in found.notes)


def test_a_table_made_by_hand_may_number_generators_and_tasks():
    frame = pl.DataFrame(
        {
            "generator": [1, 1, 1, 2, 2, 2],
            "prompt": ["a", "b", "c"] * 2,
            "task": [1, 1, 2] * 2,
            "perception": [5.0, 6.0, 9.0, 1.0, 2.5, 4.0],
        }
    )
    found = compare_checkpoints(frame, frame, generators=("1", "2")).dimensions["perception"]
    assert found.overall.difference == pytest.approx(12.5 / 3)
    assert list(found.tasks) == ["1", "2"]
    assert found.tasks["2"].verdict == "not testable"


def test_names_are_the_files_where_generators_are_called_alike(pair):
    new, old = (frame.with_columns(generator=pl.lit("sd")) for frame in pair)
    found = compare_checkpoints(new, old, sources=("v2.jsonl", "v1.jsonl"))
    assert (found.new.name, found.old.name) == ("v2.jsonl", "v1.jsonl")


def test_sentences_claim_what_was_shown(pair):
    new, old = pair
    better, unclear = sentences(compare_checkpoints(new, old))
    assert better.startswith("perception: fresh is better than stale: +")
    assert "60 shared prompts" in better
    assert unclear.startswith("correspondence: no difference found")
    assert "is not ruled out" in unclear
    assert sentences(compare_checkpoints(new, old, margin=9.0))[0].endswith(
        "by less than the margin of 9.00."
    )
    assert "equivalent within 9.00" in headline(compare_checkpoints(new, old, margin=9.0))
    assert "can't be compared" in sentences(compare_checkpoints(new.head(1), old.head(1)))[0]
    assert "worse by more than 0.50" in headline(compare_checkpoints(old, new, margin=0.5))


def test_a_task_is_worse_beyond_the_margin_only_where_its_adjusted_p_agrees(pair):
    """An interval of one task alone may lie beyond the margin by luck; of twenty, one does."""
    found = compare_checkpoints(pair[1], pair[0], margin=0.1).dimensions["perception"].overall
    assert verdict_words("perception", found) == "worse by more than 0.10"
    among_many = replace(found, p_adjusted=0.2)
    assert among_many.worse_beyond_margin
    assert verdict_words("perception", among_many) == "no difference found"


def test_markdown_is_short_and_shows_names_as_they_are(pair, table, rng):
    strange = table(_rows(rng, "a|b<i>\n*c*", 3.0))
    text = markdown(compare_checkpoints(strange, pair[1]))
    assert text.startswith("### a\\|b\\<i\\> \\*c\\* against stale\n\n**Perception better; correspondence")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert {line.replace("\\|", "").count("|") for line in rows} == {8}
    assert "task" in text
    assert len(text.splitlines()) < 30
