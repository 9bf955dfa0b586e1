"""The leak check lets every split of ours pass and finds every row that is moved to the wrong side."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from split_rows import row, worlds
from test_splitting import PLANS, made, shares

from lmm4lmm.core.errors import InputError
from lmm4lmm.training.leaks import _plain, check_leaks
from lmm4lmm.training.splitting import SIDES, Split, normal_prompt


@given(worlds(), PLANS)
def test_splits_of_ours_do_not_leak(world, plan) -> None:
    rows, hashes = world
    check_leaks(rows, made(world, plan), hashes, plan.by)


@given(worlds(), PLANS, st.data())
def test_a_moved_row_leaks_where_it_leaves_kin_behind(world, plan, data) -> None:
    rows, hashes = world
    found = made(world, plan)
    moved = data.draw(st.integers(0, len(rows) - 1))
    home = next(side for side in SIDES if moved in getattr(found, side))
    away = data.draw(st.sampled_from([side for side in SIDES if side != home]))
    stay = tuple(n for n in getattr(found, home) if n != moved)
    assume(home == "test" or stay)
    changed = replace(found, **{home: stay, away: (*getattr(found, away), moved)})
    kin = any(shares(rows[moved], rows[n], hashes[moved], hashes[n], plan.by) for n in stay)
    if kin:
        with pytest.raises(InputError, match=f"leak: .*'{rows[moved].item.id}' \\({away}\\)"):
            check_leaks(rows, changed, hashes, plan.by)
    else:
        check_leaks(rows, changed, hashes, plan.by)


A, B, C = row("a", "A cat.", "g", "source: 1"), row("b", "a dog", "h"), row("c", "a cow", "i")
APART = Split((0,), (1,), (2,))


@pytest.mark.parametrize(
    ("other", "hashes", "by", "message"),
    [
        (
            row("c", "a  CAT"),
            "xyz",
            "prompt",
            r"'a' \(train\) and 'c' \(test\) have the same prompt 'a cat'; ",
        ),
        (
            row("c", "a Dog"),
            "xyz",
            "fold",
            r"'b' \(validation\) and 'c' \(test\) have the same prompt 'a dog'",
        ),
        (
            row("c", "cow"),
            "xyx",
            "prompt",
            r"'a' \(train\) and 'c' \(test\) have the same image, byte for byte, 'x'",
        ),
        (row("c", "a cat", "i"), "xyx", "generator", r"the same image, byte for byte,"),
        (
            row("c", "cow", "g", "source: 1"),
            "xyz",
            "source",
            r"the same text that keeps rows together, 'source: 1'",
        ),
        (row("c", "cow", "i", "source: 1"), "xyz", "generator", r"'source: 1'"),
        (
            row("c", "cow", "g"),
            "xyz",
            "generator",
            r"'a' \(train\) and 'c' \(test\) have the same generator 'g'",
        ),
        (row("a", "cow"), "xyz", "prompt", r"'a' \(train\) and 'a' \(test\) have the same id"),
    ],
)
def test_what_is_shared_is_named(other, hashes, by, message) -> None:
    check_leaks([A, B, C], APART, "xyz", by)
    with pytest.raises(InputError, match=f"leak: .*{message}"):
        check_leaks([A, B, other], APART, hashes, by)


def test_validation_and_test_may_not_share_either() -> None:
    with pytest.raises(InputError, match=r"'b' \(validation\) and 'c' \(test\)"):
        check_leaks([A, B, row("c", "cow")], APART, "xyy")


def test_prompts_straddle_generators_and_generators_prompts() -> None:
    check_leaks([A, row("b", "a cat", "h"), C], APART, "xyz", "generator")
    check_leaks([A, row("b", "a dog", "g"), C], APART, "xyz", "prompt")


def test_one_side_may_hold_the_same_twice() -> None:
    check_leaks(
        [A, replace(A, item=row("twin", "A cat.", "g").item), B, C], Split((0, 1), (2,), (3,)), "xxyz"
    )


def test_the_rest_is_counted() -> None:
    rows = [row(f"{side}{n}", f"prompt {n}") for side in "ab" for n in range(5)]
    with pytest.raises(InputError, match=r"'prompt 0' \(4 more are shared like this\)"):
        check_leaks(rows, Split(tuple(range(5)), tuple(range(5, 10)), ()), [""] * 10)


def test_what_is_unknown_is_not_shared() -> None:
    check_leaks([row("a"), row("b"), row("c")], APART, ["", "", ""], "generator")


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (Split((0, 1), (1,), (2,)), "leak: row 'b' is in train and validation"),
        (Split((0, 0), (1,), (2,)), "row 'a' is in train and train"),
        (Split((), (1,), (2,)), "no row in train"),
        (Split((0, 1), (), (2,)), "no row in validation"),
        (Split((0,), (1,), (3,)), "the split has a row 3; there are 3"),
    ],
)
def test_a_split_that_is_none(split, message) -> None:
    with pytest.raises(InputError, match=message):
        check_leaks([A, B, C], split, "xyz")
    with pytest.raises(InputError, match="2 image hashes for 3 rows"):
        check_leaks([A, B, C], split, "xy")


@given(st.text() | st.text("aA. 。\u00a0\u3000\t\x1c\u2028Éß\ufb01\u0345"))
def test_both_modules_mean_the_same_by_a_prompt(text: str) -> None:
    """They are written apart; a difference would be a false alarm or a leak that nobody sees."""
    assert _plain(text) == normal_prompt(text)
