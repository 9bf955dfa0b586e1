from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from lmm4lmm.core.errors import ManifestError
from lmm4lmm.core.json_rows import Shape
from lmm4lmm.core.jsonl import jsonl_line, read_json, read_jsonl, read_rows

SHAPE = Shape(text=("id", "prompt"), required={"prompt": "the prompt"}, nested=("perception",))


def _write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_blank_lines_and_a_byte_order_mark_are_passed_over(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.jsonl", b'\xef\xbb\xbf\r\n{"prompt":"a"}\r\n  \r\n{"prompt":"\xe7\x8c\xab"}')
    assert read_jsonl(path, SHAPE)["prompt"].to_list() == ["a", "猫"]
    assert [jsonl_line(path, row) for row in (0, 1)] == [2, 4]


def test_nested_and_plain_values_may_mix(tmp_path: Path) -> None:
    lines = [{"perception": {"score": 5, "std": 0.5}}, {"perception": 7}, {"perception": None}]
    path = _write(tmp_path / "t.jsonl", "\n".join(map(json.dumps, lines)))
    frame = read_jsonl(path, Shape(nested=("perception",)))
    assert frame["perception.score"].to_list() == [5, None, None]
    assert frame["perception.std"].to_list() == [0.5, None, None]
    assert frame["perception"].to_list() == [None, 7, None]


def test_other_objects_and_mixed_values_are_kept_as_text(tmp_path: Path) -> None:
    lines = [{"a": {"b": [1]}, "n": 10**30, "m": True}, {"a": [2], "n": 1, "m": "x"}]
    frame = read_jsonl(_write(tmp_path / "t.jsonl", "\n".join(map(json.dumps, lines))))
    assert frame["a"].to_list() == ['{"b":[1]}', "[2]"]
    assert frame["n"].to_list() == [str(10**30), "1"]
    assert frame["m"].to_list() == ["true", "x"]


def test_types_and_keys_may_change_between_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmm4lmm.core.jsonl.BLOCK", 2)
    lines = [{"a": 1, "b": 1, "c": None}, {"a": 2}, {"a": 1.5, "b": "x", "c": "y"}, {"a": 2, "d": True}]
    frame = read_jsonl(_write(tmp_path / "t.jsonl", "\n".join(map(json.dumps, lines))))
    assert frame["a"].to_list() == [1.0, 2.0, 1.5, 2.0]
    assert frame["b"].to_list() == ["1", None, "x", None]
    assert frame["c"].to_list() == [None, None, "y", None]
    assert frame["d"].to_list() == [None, None, None, True]


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ('{"prompt": x}', None, "not a JSON object"),
        ('{"prompt": "a"', None, "not a JSON object"),
        ('{"prompt": "a", "n": NaN}', None, "write null where there is no number"),
        ('{"Prompt": "a"}', "prompt", "is 'Prompt' meant"),
        ('{"prompt": 5}', "prompt", "not a number"),
        ('{"prompt": ["a"]}', "prompt", "not a list"),
        ('{"prompt": {"a": 1}}', "prompt", "not an object"),
        ('{"prompt": "a", "id": true}', "id", "not true or false"),
        ('["a"]', None, "every line must be a JSON object"),
        ('"a"', None, "every line must be a JSON object"),
        ("{", None, "spread over several lines"),
        ("[" * 100_000, None, "not a JSON object"),
        (b'{"prompt": "caf\xe9"}', None, "byte 0xe9 at position 16"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    line: str | bytes, column: str | None, message: str, tmp_path: Path
) -> None:
    bad = line.encode() if isinstance(line, str) else line
    path = _write(tmp_path / "t.jsonl", b'{"prompt":"fine"}\n\n' + bad + b'\n{"prompt":"fine"}\n')
    with pytest.raises(ManifestError, match=message) as caught:
        read_jsonl(path, SHAPE)
    assert (caught.value.row, caught.value.column) == (3, column)


def test_integer_ids_become_text(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.jsonl", '{"id":7,"prompt":"a"}\n{"id":8,"prompt":"b"}')
    assert read_jsonl(path, SHAPE)["id"].to_list() == ["7", "8"]


@pytest.mark.parametrize(
    "content",
    [
        '[{"id":"a","n":1},{"id":"b","n":2}]',
        '{"a":{"n":1},"b":{"n":2}}',
        '{"id":"a","n":1}\n{"id":"b","n":2}',
    ],
)
def test_json_documents(content: str, tmp_path: Path) -> None:
    frame = read_json(_write(tmp_path / "t.json", content))
    assert frame.select("id", "n").rows() == [("a", 1), ("b", 2)]


def test_a_document_of_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="a list of objects is expected"):
        read_json(_write(tmp_path / "t.json", "[1, 2]"))


def test_rows_are_as_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmm4lmm.core.jsonl.BLOCK", 2)
    rows = [{"id": 1, "parts": ["a", {"b": None}]}, {"id": "2"}, {"deep": {"n": 1.5}}]
    path = _write(tmp_path / "t.jsonl", "\ufeff" + "\n\n".join(map(json.dumps, rows)))
    assert list(read_rows(path)) == rows
    assert list(read_rows(path, limit=1)) == rows[:1]
    with pytest.raises(
        ManifestError, match=r"""row 3: not a JSON object on one line: .* \(found '\{"a"'\)"""
    ):
        list(read_rows(_write(path, '{}\n{}\n{"a"\n')))


def test_an_empty_file_has_no_columns(tmp_path: Path) -> None:
    assert read_jsonl(_write(tmp_path / "t.jsonl", "")).equals(pl.DataFrame())
