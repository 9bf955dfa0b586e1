"""A study's design from a YAML or JSON file; every mistake with its file, field, value and what would be right."""

from __future__ import annotations

import difflib
import json
import re
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from lmm4lmm.core.errors import InputError, MissingExtraError, StudyError
from lmm4lmm.core.text import open_text
from lmm4lmm.study.design import StudyDesign, faults

SUFFIXES = (".yaml", ".yml", ".json")
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "fields with values",
    "null": "nothing",
}
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+|\.\.\.)\]")
_LIMIT = 80


def read_design(path: Path | None = None, *, name: str | None = None) -> StudyDesign:
    """Reads a design.

    Args:
        path: a ``.yaml``, ``.yml`` or ``.json`` file; None: defaults throughout, ``name`` is all there is.
        name: the study's name; it wins over the file's, so that one file may serve several studies.

    Raises:
        InputError: no such file, or one of another kind.
        StudyError: unreadable, a field unknown, missing, of the wrong kind or out of its range, or a rule broken
            that no field can break alone; names file, field, value and what would be right.
        MissingExtraError: YAML without PyYAML.
    """
    place = "the design" if path is None else str(path)
    plain = {} if path is None else _load(path)
    if not isinstance(plain, dict):
        raise StudyError(f"{place}: a design is fields with values, such as 'ratings_per_item: 15'")
    if name is not None:
        plain = {**plain, "name": name}
    elif "name" not in plain:
        raise StudyError(f"{place}: the study needs a name, such as 'name: pilot-1'")
    try:
        design = msgspec.convert(plain, StudyDesign)
    except msgspec.ValidationError as error:
        said = _explained(str(error), plain)
        raise StudyError(f"{place}{', ' if said.startswith('field ') else ': '}{said}") from None
    found = faults(design)
    if found:
        lines = [f"{place}, field '{one.field}': {one.problem} (found {_short(one.found)})" for one in found]
        raise StudyError("\n".join(lines))
    return design


def _load(path: Path) -> object:
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: a design is a .yaml or .json file, not '{path.suffix or path.name}'")
    with open_text(path) as stream:
        text = stream.read()
    return _json(path, text) if path.suffix.lower() == ".json" else _yaml(path, text)


def _json(path: Path, text: str) -> object:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        _check_once(path, [key for key, _ in pairs])
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise StudyError(f"{path}, line {error.lineno}: not JSON ({error.msg})") from None
    except RecursionError:
        raise StudyError(f"{path}: nested too deeply to be a design") from None


def _yaml(path: Path, text: str) -> object:
    try:
        import yaml
    except ImportError:
        raise MissingExtraError("a design in YAML (JSON needs nothing)", "study") from None

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """YAML that refuses a field twice: the standard loader silently takes the last."""

    def once(loader: Any, node: Any, deep: bool = False) -> dict[object, object]:
        keys = [
            key.value if "merge" in key.tag else loader.construct_object(key, deep=True)
            for key, _ in node.value
        ]
        _check_once(path, [str(key) for key in keys], node.start_mark.line + 1)
        loader.flatten_mapping(node)  # merge keys, "<<", are no fields
        keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
        values = [loader.construct_object(value, deep=True) for _, value in node.value]
        return dict(zip([str(key) for key in keys], values, strict=True))

    Loader.add_constructor("tag:yaml.org,2002:map", once)
    try:
        loaded: object = yaml.load(text, Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise StudyError(f"{path}{line}: not YAML ({getattr(error, 'problem', None) or error})") from None
    except RecursionError:
        raise StudyError(f"{path}: nested too deeply to be a design") from None
    return {} if loaded is None else loaded


def _check_once(path: Path, keys: Sequence[str], line: int | None = None) -> None:
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        where = f", block at line {line}" if line else ""
        raise StudyError(f"{path}{where}: the field '{twice[0]}' stands twice; keep one of them")


def _explained(message: str, plain: Mapping[str, object]) -> str:
    """msgspec's words in ours: the field, what would be right, and what is there."""
    problem, _, where = message.partition(" - at `")
    where = where.rstrip("`")
    is_key = where.startswith("key` in `")
    steps = [name or index for name, index in _STEP.findall(where.removeprefix("key` in `"))]
    field = _shown(steps)
    kind, value = _at(steps, plain)
    if unknown := re.search(r"unknown field `(.*)`", problem):
        known = _fields(kind)
        return (
            f"no field is called '{unknown[1]}'{f' in {field}' if field else ''}; {_near(unknown[1], known)}"
        )
    if missing := re.search(r"required field `(.*)`", problem):
        return f"field '{field}' lacks '{missing[1]}' (it has {_short(value)})"
    if invalid := re.search(r"Invalid enum value (.*)", problem):
        allowed = _choices(kind, key=is_key)
        wrong = invalid[1].strip("'")
        return f"field '{field}': {_near(wrong, allowed)} (found {wrong!r})"
    inside = f"field '{field}': " if field else ""
    return f"{inside}{_readable(problem)} (found {_short(value)})"


def _readable(problem: str) -> str:
    """``Expected `int` >= 1`` as ``a whole number >= 1 is expected``."""
    found = re.match(r"Expected `([^`]*)`\s*(.*)", problem)
    if not found:
        return f"something else is expected: {problem}"
    kinds = " or ".join(_WORDS.get(kind, kind) for kind in found[1].split(" | "))
    rest = re.sub(r",? got .*", "", found[2])
    return f"{kinds}{f' {rest}' if rest else ''} is expected"


def _shown(steps: Sequence[str]) -> str:
    text = ""
    for step in steps:
        text += f"[{step}]" if step.isdigit() else "" if step == "..." else f".{step}" if text else step
    return text


def _at(steps: Sequence[str], plain: object) -> tuple[Any, object]:
    """The type that belongs to a place of a design, and the value that is there (as far as one can go)."""
    kind: Any = StudyDesign
    value: Any = plain
    for step in steps:
        kind = _bare(kind)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            kind = {one.name: one.type for one in msgspec.structs.fields(kind)}.get(step)
        elif get_args(kind):
            kind = get_args(kind)[-1 if get_origin(kind) is dict else 0]
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, Sequence) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
    return _bare(kind), value


def _bare(kind: Any) -> Any:
    """A type without its limits and without None."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        inner = [one for one in get_args(kind) if one is not type(None)]
        return _bare(inner[0])
    return kind


def _choices(kind: Any, *, key: bool) -> list[str]:
    if get_origin(kind) is (dict if key else list):
        kind = _bare(get_args(kind)[0])
    return [str(one) for one in get_args(kind)] if get_origin(kind) is Literal else []


def _fields(kind: Any) -> list[str]:
    is_part = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    return [one.name for one in msgspec.structs.fields(kind)] if is_part else []


def _near(wrong: str, known: Sequence[str]) -> str:
    """The nearest of what there is, then all of it."""
    near = difflib.get_close_matches(wrong, known, n=1, cutoff=0.6)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{hint}known are {', '.join(known)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LIMIT else text[: _LIMIT - 1] + "…"
