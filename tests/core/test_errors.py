from __future__ import annotations

import pytest

from lmm4lmm.core import errors
from lmm4lmm.core.errors import ItemError, Lmm4lmmError, ManifestError, MissingExtraError, UnknownNameError


def test_every_error_is_in_the_tree_and_in_its_drawing() -> None:
    found = [o for o in vars(errors).values() if isinstance(o, type) and issubclass(o, Exception)]
    assert all(issubclass(one, Lmm4lmmError) for one in found)
    assert all(one.__name__ in (errors.__doc__ or "") for one in found)


def test_a_manifest_error_says_where_and_what() -> None:
    error = ManifestError("m.csv", "a number is expected", row=7, column="perception", value="abc")
    assert str(error) == "m.csv, row 7, column 'perception': a number is expected (found 'abc')"
    assert (error.row, error.column, error.value) == (7, "perception", "abc")


def test_a_long_value_is_shortened() -> None:
    assert len(str(ManifestError("m.csv", "too long", value="x" * 10_000))) < 200


@pytest.mark.parametrize(
    ("name", "expected"), [("nanno", "did you mean nano?"), ("zzz", "known: clip, nano")]
)
def test_an_unknown_name_lists_the_nearest_or_all(name: str, expected: str) -> None:
    assert expected in str(UnknownNameError("metric", name, ["nano", "clip"]))


def test_a_missing_extra_says_what_to_install() -> None:
    assert "pip install 'lmm4lmm[lmm]'" in str(MissingExtraError("scoring", "lmm"))


def test_item_errors_are_no_input_errors() -> None:
    """The engine goes on after the first kind and stops at the second."""
    assert not issubclass(ItemError, errors.InputError)
