"""What every generator of the catalogue must keep to; a new one is tested by being in the table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_pipeline
from image_service import KEY, running
from PIL import Image

from lmm4lmm.core.drawing import Draw, Drawn
from lmm4lmm.core.errors import InputError, UnknownNameError
from lmm4lmm.core.records import Prompt
from lmm4lmm.datasets.evalmi50k_names import MODELS
from lmm4lmm.generation import GENERATORS
from lmm4lmm.generation.loading import open_generator, parse_spec
from lmm4lmm.generation.published import PUBLISHED

PROMPTS = [
    Prompt(id=f"{n:03}", text=text) for n, text in enumerate(("a cat 🐈", "一只猫", "a dog " * 50), start=1)
]


@pytest.fixture(scope="module", params=GENERATORS.names())
def generator(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    with running() as service, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", KEY)
        spec, options = of(request.param, service, tmp_path_factory.mktemp("source"))
        yield open_generator(spec, options=options, run=folder)


def of(kind, service, folder: Path):
    """A spec with options for a source that a test can have."""
    if kind == "diffusers":
        pytest.importorskip("diffusers")
        return f"diffusers:{tiny_pipeline.build(folder)}", {"steps": 1}
    if kind == "openai":
        return "openai:tiny-1", {"base_url": service.base_url}
    for prompt in PROMPTS:
        (folder / "mine").mkdir(exist_ok=True)
        Image.new("RGB", (4, 4)).save(folder / "mine" / f"{prompt.id}.png")
    return f"folder:{folder}", {}


@pytest.fixture(scope="module")
def draws(generator):
    if hasattr(generator, "existing"):
        return generator.existing(PROMPTS)[0]
    return [
        Draw(id=f"x/{one.id}", prompt=one, generator="x", seed=2**32 - 1 - n) for n, one in enumerate(PROMPTS)
    ]


def test_names_are_short_and_settings_are_plain(generator):
    assert 0 < len(generator.fingerprint) <= 60
    assert generator.name
    assert json.loads(json.dumps(dict(generator.settings))) == dict(generator.settings)
    assert KEY not in json.dumps(dict(generator.settings)) + generator.fingerprint
    assert generator.at_once >= 1


def test_every_draw_gives_one_image_the_same_in_any_batch(generator, draws):
    together = generator.generate(draws)
    assert len(together) == len(draws)
    for draw, found in zip(draws, together, strict=True):
        assert isinstance(found, Drawn)
        (alone,) = generator.generate([draw])
        assert shown(alone) == pytest.approx(shown(found), abs=1)


def shown(drawn: Drawn) -> list[int]:
    image = Image.open(drawn.image) if isinstance(drawn.image, Path) else drawn.image
    return list(image.convert("RGB").resize((2, 2)).tobytes())


def test_no_draws_give_no_images(generator):
    assert list(generator.generate([])) == []


# --- names and specs ----------------------------------------------------------------------------------------


def test_every_published_model_has_a_recipe_and_says_why_not_and_what_confirms_it():
    assert set(PUBLISHED) == set(MODELS)
    for name, recipe in PUBLISHED.items():
        assert recipe.run or recipe.note, name
        assert recipe.checked, name
        assert "://" not in recipe.note + recipe.checked, name
        assert recipe.run in (None, f"diffusers:{recipe.hub}"), name
        if recipe.run is not None:
            kind, target, options = parse_spec(name)
            assert recipe.run == f"{kind}:{target}"
            assert options == recipe.options
        if recipe.run is None:
            with pytest.raises(InputError, match="can't be run by lmm4lmm"):
                parse_spec(name)


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        ("difusers:x", UnknownNameError, "did you mean diffusers"),
        ("diffusers", InputError, "DIR_OR_HUB_ID"),
        ("openai:", InputError, "nothing stands after the colon"),
        ("folder: ", InputError, "nothing stands after the colon"),
        ("", UnknownNameError, "no generator is called"),
    ],
)
def test_wrong_specs_are_said(spec, error, words):
    with pytest.raises(error, match=words):
        parse_spec(spec)


def test_options_go_to_who_takes_them(tmp_path):
    with pytest.raises(InputError, match=r"takes no option 'stepps'; .*did you mean steps"):
        open_generator("diffusers:x", options={"stepps": 3}, run=tmp_path)
    with pytest.raises(
        InputError, match="generator 'folder' takes no option 'steps'; it has no options of its own"
    ):
        open_generator(f"folder:{tmp_path}", options={"steps": 3}, run=tmp_path)
    with pytest.raises(InputError, match="takes no option 'colour'"):
        open_generator("openai:x", options={"colour": 3}, run=tmp_path)
