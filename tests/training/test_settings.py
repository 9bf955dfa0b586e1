"""A recipe by name, file and assignments: what is asked is what is trained, and mistakes are named."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmm4lmm.core.errors import InputError, UnknownNameError
from lmm4lmm.training.recipe_rules import OUTPUTS, check_recipe, faults
from lmm4lmm.training.recipes import RECIPES, STAGE2, UNIFIED, Lora, Losses, Recipe
from lmm4lmm.training.settings import settled, to_yaml


def _yaml(folder: Path, text: str) -> Path:
    path = folder / "my.yaml"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_without_changes_is_itself(name: str) -> None:
    assert settled(name) is RECIPES[name]
    assert list(faults(RECIPES[name])) == []


def test_a_file_then_assignments_in_their_order(tmp_path: Path) -> None:
    config = _yaml(
        tmp_path, "# mine\nrate: 1e-4\nlora:\n  rank: 4\n  alpha: 8\nlosses.rank: 0.2\nsteps: 10\n"
    )
    recipe = settled("stage2", config, ["lora.rank=16", "steps=20", "steps=30", "bf16=true", "seed = 7"])
    assert recipe == replace(
        STAGE2,
        rate=1e-4,
        lora=Lora(rank=16, alpha=8.0),
        losses=Losses(l1=1.0, rank=0.2),
        steps=30,
        bf16=True,
        seed=7,
    )


@pytest.mark.parametrize(
    ("assignment", "changes"),
    [
        ("outputs=perception", {"outputs": ("perception",)}),
        ("outputs=correspondence, perception", {"outputs": ("correspondence", "perception")}),
        ("outputs=[perception]", {"outputs": ("perception",)}),
        ("lora=none", {"lora": None}),
        ("lora.vision=no", {"lora": Lora(vision=False)}),
        ("lora={rank: 2, dropout: 0}", {"lora": Lora(rank=2, dropout=0.0)}),
        ("validate_every=none", {"validate_every": None}),
        ("epochs=2", {"epochs": 2.0}),
        ("name=stage2", {}),
    ],
)
def test_assignments(assignment: str, changes: dict[str, object]) -> None:
    recipe = settled("stage2", None, [assignment])
    assert recipe == replace(STAGE2, **changes)
    assert isinstance(recipe.epochs, float)


def test_a_group_that_was_none_starts_from_its_defaults(tmp_path: Path) -> None:
    assert settled("stage1", None, ["lora.rank=4"]).lora == Lora(rank=4)
    assert settled("stage1", _yaml(tmp_path, "lora: {}"), ()).lora == Lora()
    assert settled("stage2", None, ["lora=none", "lora.rank=4"]).lora == Lora(rank=4)


def test_a_head_with_its_loss() -> None:
    recipe = settled("stage2", None, ["head=gaussian", "losses.gaussian=1", "losses.l1=0"])
    assert (recipe.head, recipe.losses) == ("gaussian", Losses(gaussian=1.0))


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["stpes=3"], r"'stpes=3': no field of a recipe is called 'stpes'; did you mean steps"),
        (["rank=3"], r"'rank=3': .*did you mean lora\.rank"),
        (["lora.rnak=3"], r"did you mean lora\.rank"),
        (["steps.x=3"], r"no field of a recipe is called 'steps\.x'"),
        (["lora.rank.x=3"], r"no field of a recipe is called 'lora\.rank\.x'"),
        (["steps"], r"'steps': key=value is expected"),
        (["=3"], r"'=3': key=value is expected"),
        (["steps=many"], r"'steps=many': 'steps' must be a whole number, or none, not 'many'"),
        (["steps=1.5"], r"whole number"),
        (["batch=none"], r"'batch' must be a whole number, not 'none'"),
        (["rate=nan"], r"'rate' must be a finite number"),
        (["rate=1e999"], r"finite number"),
        (["bf16=maybe"], r"'bf16' must be true or false, not 'maybe'"),
        (["head=linear"], r"'head' must be one of relu, gaussian, or none, not 'linear'"),
        (["outputs=beauty"], r"'outputs' must be one of perception, correspondence, answer, not 'beauty'"),
        (["lora=16"], r"'lora' is a group: set its fields, such as lora\.rank=8, or none"),
        (["losses=none"], r"'losses' is a group: set its fields, such as losses\.l1=0\.0$"),
        (["lora={rank: 2"], r"starts like YAML"),
        (["lora={rnk: 2}"], r"'lora\.rnk'; did you mean lora\.rank"),
        (["name=mine"], r"'name=mine': this is for the recipe mine, not for stage2"),
        (["batch=2"], r"'batch=2': batch \(2\) must be at least rows_at_once \(4\)"),
        (["rate=0"], r"'rate=0': rate must be more than 0"),
        (["warmup=1"], r"warmup must be at least 0 and less than 1"),
        (["lora.dropout=1"], r"lora\.dropout must be"),
        (["steps=0"], r"steps must be 1 or more"),
        (["seed=-1"], r"seed must be 0 to"),
        (["losses.rank=-1"], r"losses\.rank must be 0 or more"),
        (["outputs=answer"], r"'outputs=answer': the form scores can't give answer"),
        (["outputs="], r"must name at least one"),
        (["outputs=perception,perception"], r"must name each once"),
        (["head=none"], r"'head=none': the form scores needs a head"),
        (["head=none", "lora=none"], r"needs a head"),
        (["lora.vision=false", "lora.language=false"], r"'lora\.vision=false'.*neither vision nor language"),
        (["losses.gaussian=1"], r"'losses\.gaussian=1': losses\.gaussian needs head=gaussian"),
        (["head=gaussian"], r"'head=gaussian': head=gaussian gives a deviation that only losses\.gaussian"),
        (["losses.tokens=1"], r"losses\.tokens is about the levels' words"),
        (["losses.soft_levels=true"], r"losses\.soft_levels is about levels"),
        (["losses.answer=1"], r"losses\.answer needs the answer among outputs"),
        (["losses.l1=0"], r"nothing sets the scale of the scores"),
        (["losses.l1=0", "losses.rank=1"], r"beside losses\.rank, which knows order only"),
    ],
)
def test_mistakes_in_assignments_are_named(assignments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        settled("stage2", None, assignments)


@pytest.mark.parametrize(
    ("recipe", "assignment", "message"),
    [
        ("stage1", "head=relu", "has no head"),
        ("stage1", "projector=false", "nothing is trained"),
        ("stage1", "losses.tokens=0", "learns from losses.tokens alone"),
        ("stage1", "losses.rank=1", "there is no head"),
        ("answer", "losses.answer=0", "losses.answer must be more than 0"),
        ("unified", "losses.answer=0", "losses.answer must be more than 0"),
        ("unified", "outputs=answer", "outputs names none: head must be none"),
        ("unified", "outputs=perception", "losses.answer needs the answer"),
    ],
)
def test_each_form_has_what_it_needs(recipe: str, assignment: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        settled(recipe, None, [assignment])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: 5\nstpes: 3\n", r"my\.yaml, line 2: no field .*did you mean steps"),
        ("lora:\n  rank: 4\n  rnk: 3\n", r"my\.yaml, line 3: .*'lora\.rnk'; did you mean lora\.rank"),
        ("steps: 5\nsteps: 6\n", r"line 2: 'steps' stands in line 1 already"),
        ("lora: {rank: 5, rank: 6}\n", r"'lora\.rank' stands in line 1 already"),
        ("steps: true\n", r"'steps' must be a whole number, or none, not True"),
        ("bf16: 1\n", r"'bf16' must be true or false, not 1"),
        ("outputs: 3\n", r"'outputs' must be a list"),
        ("outputs: [3]\n", r"'outputs' must be one of perception"),
        ("head: [relu]\n", r"'head' must be one of"),
        ("rate: 0\n", r"my\.yaml, line 1: rate must be more than 0"),
        ("lora:\n  rank: 0\n", r"my\.yaml, line 2: lora\.rank must be 1 or more"),
        ("name: stage1\n", r"this is for the recipe stage1, not for stage2"),
        ("- steps\n", r"fields of a recipe are expected"),
        ("steps\n", r"fields of a recipe are expected"),
        ("? [a]\n: 3\n", r"a field's name is expected"),
        ("steps: [1\n", r"my\.yaml, line 2: no YAML"),
        ("steps: 1\n---\nsteps: 2\n", r"no YAML"),
        ("lora: !!python/object:os.system {}\n", r"no YAML"),
        ("steps: !!python/name:os.system\n", r"line 1: no YAML"),
        ("lora: &a\n  rank: *a\n", r"nests without end"),
    ],
)
def test_mistakes_in_a_file_are_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        settled("stage2", _yaml(tmp_path, text))


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.yaml: no such file"):
        settled("stage2", tmp_path / "absent.yaml")
    (tmp_path / "latin.yaml").write_bytes("# größer\n".encode("latin-1"))
    with pytest.raises(InputError, match="save it as UTF-8"):
        settled("stage2", tmp_path / "latin.yaml")


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_changes_nothing(text: str, tmp_path: Path) -> None:
    assert settled("stage2", _yaml(tmp_path, text)) == STAGE2


def test_an_unknown_recipe() -> None:
    with pytest.raises(UnknownNameError, match="did you mean stage2 or stage1"):
        settled("stage")


def test_faults_of_a_recipe_made_in_python() -> None:
    check_recipe(UNIFIED)
    with pytest.raises(InputError, match="recipe unified: rate must be more than 0, not -1"):
        check_recipe(replace(UNIFIED, rate=-1.0))


POSITIVE = st.floats(1e-12, 1e12)
SHARES = st.floats(0, 1, exclude_max=True)
LORAS = st.builds(Lora, st.integers(1, 999), POSITIVE, SHARES, st.booleans(), st.booleans())


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Sound recipes of every kind."""
    base = draw(st.sampled_from(list(RECIPES.values())))
    rows = draw(st.integers(1, 64))
    recipe = replace(
        base,
        lora=draw(st.none() | LORAS),
        losses=replace(base.losses, rank=draw(POSITIVE) if base.head else 0.0),
        epochs=draw(POSITIVE),
        steps=draw(st.none() | st.integers(1, 10**9)),
        batch=rows + draw(st.integers(0, 64)),
        rows_at_once=rows,
        rate=draw(POSITIVE),
        warmup=draw(SHARES),
        bf16=draw(st.booleans()),
        validate_every=draw(st.none() | st.integers(1, 10**6)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )
    return replace(recipe, lora=Lora()) if list(faults(recipe)) else recipe


@given(recipes())
def test_a_recipe_survives_its_file(recipe: Recipe) -> None:
    with tempfile.TemporaryDirectory() as folder:
        again = settled(recipe.name, _yaml(Path(folder), to_yaml(recipe)))
    assert again == recipe
    assert repr(again) == repr(recipe)  # 1 == 1.0 == True, so equality alone would hide a type


@given(st.sampled_from(list(RECIPES.values())), st.data())
def test_a_sound_recipe_loses_on_every_output_and_on_nothing_else(
    recipe: Recipe, data: st.DataObject
) -> None:
    """Held against a table written here, not against the rules' own code."""
    weight = st.sampled_from([0.0, 1.0])
    changed = replace(
        recipe,
        head=data.draw(st.sampled_from([None, "relu", "gaussian"])),
        losses=Losses(*(data.draw(weight) for _ in range(5))),
        outputs=data.draw(st.sampled_from([("perception",), ("answer",), ("perception", "answer")])),
        projector=True,
    )
    on = {name for name in ("l1", "gaussian", "rank", "tokens", "answer") if getattr(changed.losses, name)}
    scored, answered = "perception" in changed.outputs, "answer" in changed.outputs
    scale = {None: [set()], "relu": [{"l1"}], "gaussian": [{"gaussian"}, {"gaussian", "l1"}]}[changed.head]
    with_rank = [one | extra for one, extra in product(scale, [set(), {"rank"}] if changed.head else [set()])]
    sound = {
        "levels": scored and not answered and changed.head is None and on == {"tokens"},
        "scores": scored and not answered and changed.head is not None and on in with_rank,
        "answer": answered and not scored and changed.head is None and on == {"answer"},
        "unified": (changed.head is not None) == scored
        and on - {"answer"} in with_rank
        and ("answer" in on) == answered,
    }[recipe.form]
    assert (not list(faults(changed))) == sound


def test_every_form_says_what_it_can_give() -> None:
    assert {recipe.form for recipe in RECIPES.values()} == set(OUTPUTS)
