"""A recipe as the user wants it: by name, changed by a YAML file, then by ``key=value`` assignments.

The file nests (``lora:`` with ``rank: 16`` below it) or uses dots (``lora.rank: 16``), as assignments do. Which
type a value has is decided by the field and not by YAML, to which ``1e-4`` is text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from lmm4lmm.core.errors import InputError, MissingExtraError, UnknownNameError
from lmm4lmm.core.text import open_text
from lmm4lmm.training.recipe_rules import faults
from lmm4lmm.training.recipes import RECIPES, Recipe

_NONE = ("none", "null", "~", "")
_YES, _NO = ("true", "yes", "on"), ("false", "no", "off")
_Data = TypeVar("_Data")


class _Unfit(Exception):
    """A value or key that does not fit; its message says why, the caller adds where."""


def settled(
    recipe_name: str,
    config: Path | None = None,
    assignments: Sequence[str] = (),
    *,
    recipes: Mapping[str, Recipe] = RECIPES,
) -> Recipe:
    """The recipe to train by.

    Args:
        recipe_name: one of ``recipes.RECIPES``.
        config: a YAML file with the fields to change.
        assignments: ``key=value``, applied in their order after the file: ``steps=200``, ``bf16=true``,
            ``lora.rank=16``, ``lora=none``, ``outputs=perception,answer``.
        recipes: what there is by name.

    Raises:
        UnknownNameError: no recipe has this name.
        InputError: an unknown key, a value of a wrong type or outside its range, parts that don't go together;
            names the file with its line, or the assignment.
        MissingExtraError: PyYAML is needed and not installed.
    """
    if recipe_name not in recipes:
        raise UnknownNameError("recipe", recipe_name, recipes)
    recipe = recipes[recipe_name]
    origins: dict[str, str] = {}
    changes = [*(_from_file(config) if config is not None else ()), *map(_from_assignment, assignments)]
    for where, key, value in changes:
        try:
            recipe = _put(recipe, key.split("."), value, key)
        except _Unfit as error:
            raise InputError(f"{where}: {error}") from None
        origins[key] = where
    for fault in faults(recipe):
        raise InputError(f"{_blamed(recipe, fault.fields, origins)}: {fault.problem}")
    return recipe


def to_yaml(recipe: Recipe) -> str:
    """A recipe as a file for ``settled``; read back with the recipe's name it gives an equal one."""
    plain = asdict(recipe)
    plain["outputs"] = list(recipe.outputs)
    text: str = _yaml().safe_dump(plain, sort_keys=False, allow_unicode=True)
    return text


_Change = tuple[str, str, Any]
"""Where it comes from, for messages; the dotted key; the value as it was read."""


def _from_assignment(text: str) -> _Change:
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise InputError(f"setting '{text}': key=value is expected, such as lora.rank=16")
    value = value.strip()
    inline = value[:1] in ("{", "[")
    return f"setting '{text}'", key.strip(), _inline(text, value) if inline else value


def _inline(text: str, value: str) -> Any:
    yaml = _yaml()
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise InputError(f"setting '{text}': the value starts like YAML and is none") from None


def _from_file(path: Path) -> Iterator[_Change]:
    yaml = _yaml()
    with open_text(path) as stream:
        text = stream.read()
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None or root.value in _NONE:  # an empty file, or nothing but comments
            return
        if not isinstance(root, yaml.MappingNode):
            raise InputError(f"{path}: fields of a recipe are expected, such as 'steps: 200'")
        yield from _pairs(path, root, "", yaml)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}, line {mark.line + 1}" if mark is not None else str(path)
        raise InputError(f"{place}: no YAML: {getattr(error, 'problem', None) or error}") from None
    except RecursionError:  # an anchor that holds itself
        raise InputError(f"{path}: it nests without end") from None


def _pairs(path: Path, mapping: Any, prefix: str, yaml: ModuleType) -> Iterator[_Change]:
    seen: dict[str, int] = {}
    for name, node in mapping.value:
        line = name.start_mark.line + 1
        where = f"{path}, line {line}"
        if not isinstance(name, yaml.ScalarNode):
            raise InputError(f"{where}: a field's name is expected")
        key = f"{prefix}{name.value}"
        if key in seen:  # YAML readers take the last one without a word
            raise InputError(f"{where}: '{key}' stands in line {seen[key]} already")
        seen[key] = line
        if isinstance(node, yaml.MappingNode) and node.value:
            yield from _pairs(path, node, f"{key}.", yaml)
        else:
            yield where, key, yaml.SafeLoader("").construct_object(node, deep=True)


def _yaml() -> ModuleType:
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError("a recipe in YAML", "train") from error
    return cast(ModuleType, yaml)


def _put(data: _Data, path: Sequence[str], raw: Any, key: str) -> _Data:
    """The dataclass with one field changed; ``path`` leads to it, ``key`` is all of it for messages."""
    name, rest = path[0], path[1:]
    kind = get_type_hints(type(data)).get(name)
    nested = _nested(kind)
    if kind is None or (rest and nested is None):
        known = (*_keys(Recipe),)
        raise _Unfit(str(UnknownNameError("field of a recipe", key, known)))
    old = getattr(data, name)
    if rest and nested is not None:
        new = _put(nested() if old is None else old, rest, raw, key)
    elif nested is not None and isinstance(raw, Mapping):
        new = nested() if old is None else old
        for below, value in raw.items():
            new = _put(new, [str(below)], value, f"{key}.{below}")
    else:
        new = _converted(kind, raw, key)
    if key == "name" and new != old:
        raise _Unfit(f"this is for the recipe {new}, not for {old}")
    return cast(_Data, replace(cast(Any, data), **{name: new}))


def _keys(kind: type, prefix: str = "") -> Iterator[str]:
    for field in fields(cast(Any, kind)):
        yield prefix + field.name
        nested = _nested(get_type_hints(kind)[field.name])
        if nested is not None:
            yield from _keys(nested, f"{prefix}{field.name}.")


def _nested(kind: Any) -> type | None:
    """The dataclass that a field holds, where it holds one."""
    return next((one for one in _alternatives(kind) if isinstance(one, type) and is_dataclass(one)), None)


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _converted(kind: Any, raw: Any, key: str) -> Any:
    alternatives = _alternatives(kind)
    if NoneType in alternatives and (raw is None or (isinstance(raw, str) and raw.lower() in _NONE)):
        return None
    plain = next(one for one in alternatives if one is not NoneType)
    hint = ", or none" if NoneType in alternatives else ""
    if is_dataclass(plain):
        raise _Unfit(f"'{key}' is a group: set its fields, such as {_example(plain, key)}{hint}")
    if get_origin(plain) is tuple:
        return tuple(_one_of(get_args(get_args(plain)[0]), part, key, "") for part in _parts(raw, key))
    if get_origin(plain) is Literal:
        return _one_of(get_args(plain), raw, key, hint)
    return _scalar(plain, raw, key, hint)


def _example(kind: Any, key: str) -> str:
    first = fields(kind)[0]
    return f"{key}.{first.name}={first.default}"


def _parts(raw: Any, key: str) -> list[Any]:
    if isinstance(raw, str):
        return [part.strip() for part in raw.split(",")] if raw.strip() else []
    if isinstance(raw, list):
        return raw
    raise _Unfit(f"'{key}' must be a list, such as perception,answer, not {raw!r}")


def _one_of(options: Sequence[str], raw: Any, key: str, hint: str) -> str:
    if not isinstance(raw, str) or raw not in options:
        raise _Unfit(f"'{key}' must be one of {', '.join(options)}{hint}, not {raw!r}")
    return raw


def _scalar(kind: type, raw: Any, key: str, hint: str) -> Any:
    value = {bool: _bool, int: _int, float: _float, str: _str}[kind](raw)
    if value is None:
        words = {bool: "true or false", int: "a whole number", float: "a finite number", str: "text"}[kind]
        raise _Unfit(f"'{key}' must be {words}{hint}, not {raw!r}")
    return value


def _bool(raw: Any) -> bool | None:
    if isinstance(raw, str) and raw.lower() in (*_YES, *_NO):
        return raw.lower() in _YES
    return raw if isinstance(raw, bool) else None


def _int(raw: Any) -> int | None:
    try:
        return int(raw) if isinstance(raw, str | int) and not isinstance(raw, bool) else None
    except ValueError:
        return None


def _float(raw: Any) -> float | None:
    try:
        value = float(raw) if isinstance(raw, str | int | float) and not isinstance(raw, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _str(raw: Any) -> str | None:
    return raw if isinstance(raw, str) else None


def _blamed(recipe: Recipe, names: Sequence[str], origins: Mapping[str, str]) -> str:
    """Who brought in a fault: the changes of the fields concerned, else all there were."""
    near = [where for key, where in origins.items() if any(_touches(key, name) for name in names)]
    return ", ".join(dict.fromkeys(near or origins.values())) or f"recipe {recipe.name}"


def _touches(key: str, name: str) -> bool:
    return key == name or name.startswith(f"{key}.") or key.startswith(f"{name}.")
