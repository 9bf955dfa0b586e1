"""What every data set in the catalogue must offer, on small releases and, where they are here, on the real ones."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from small_releases import WRITERS

from lmm4lmm.core.errors import InputError
from lmm4lmm.core.records import DIMENSIONS
from lmm4lmm.core.scores import SCORE_SCHEMA
from lmm4lmm.datasets import DATASETS
from lmm4lmm.datasets.oddities import unknown
from lmm4lmm.datasets.released import ReleasedSet

FOLDERS = {
    "agiqa1k": "score_tables/agiqa1k",
    "agiqa3k": "score_tables/agiqa3k",
    "edges": "score_tables/intel_edges",
    "evalmi50k": "evalmi50k",
    "geneval": "score_tables/geneval",
    "tifa": "score_tables/tifa",
}
"""Where the shared data has the released files; of the others it has none (of AIGCIQA2023 no scores)."""

NAMES = sorted(DATASETS.table)
CASES = [pytest.param(name, False, id=f"{name}-small") for name in NAMES] + [
    pytest.param(name, True, id=f"{name}-released") for name in sorted(FOLDERS)
]


def _folder(name: str, released: bool, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    if released:
        shared: Path = request.getfixturevalue("shared_data")
        return shared / FOLDERS[name]
    folder = tmp_path / "release"
    folder.mkdir()
    return WRITERS[name](folder)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], pl.DataFrame]:
    """Tables that were read already: several tests look at each."""
    return {}


@pytest.fixture
def table(
    name: str,
    released: bool,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    tables: dict[tuple[str, bool], pl.DataFrame],
    empty_home: Path,
) -> pl.DataFrame:
    if (name, released) not in tables:
        tables[name, released] = DATASETS.load(name).read(_folder(name, released, tmp_path, request))
    return tables[name, released]


def test_all_have_a_small_release() -> None:
    assert sorted(WRITERS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_card_says_what_it_is(name: str) -> None:
    dataset: ReleasedSet = DATASETS.load(name)
    assert dataset.name == name
    for word in ("Source", "Licence", "Size", "Scale"):
        assert f"**{word}**" in dataset.card, f"the card of {name} does not state its {word.lower()}"
    for dimension in dataset.facts.scales:
        assert f"`{dimension}`" in dataset.card
    assert "higher is better" in dataset.card
    assert dataset.facts.read_here or "read from documentation" in dataset.card
    assert dataset.facts.read_here == (name in FOLDERS)
    assert (dataset.facts.rows is not None) == dataset.facts.read_here


@pytest.mark.parametrize("name", NAMES)
def test_a_card_speaks_of_every_known_oddity(name: str) -> None:
    facts = DATASETS.load(name).facts
    card = DATASETS.load(name).card
    assert not facts.known or "**Oddities**" in card or "**Flags**" in card


@pytest.mark.parametrize(("name", "released"), CASES)
def test_a_table_is_a_scores_table(name: str, released: bool, table: pl.DataFrame) -> None:
    frame = table
    assert dict(list(frame.schema.items())[: len(SCORE_SCHEMA)]) == SCORE_SCHEMA
    assert frame["id"].null_count() == 0
    assert frame["id"].is_unique().all()
    assert (frame["metric"] == "human").all()
    group = frame.get_column("prompt_group", default=frame["prompt"])
    assert group.null_count() == 0, "neither a prompt nor a group of prompts: intervals could not be had"
    if released:
        assert frame.height == DATASETS.load(name).facts.rows


@pytest.mark.parametrize(("name", "released"), CASES)
def test_scores_lie_on_the_scale_of_the_facts(name: str, released: bool, table: pl.DataFrame) -> None:
    dataset: ReleasedSet = DATASETS.load(name)
    frame = table
    scored = [d for d in DIMENSIONS if frame[d].null_count() < frame.height]
    assert set(scored) == set(dataset.facts.scales), "the facts name other dimensions than the table scores"
    for dimension, scale in dataset.facts.scales.items():
        assert frame[dimension].drop_nulls().is_between(scale.low, scale.high).all()
        count = frame.get_column(f"{dimension}_n", default=None)
        assert count is None or (count > 0).all()
    for name_of_std in ("perception_std", "correspondence_std"):
        assert (frame[name_of_std].drop_nulls() >= 0).all()


@pytest.mark.parametrize(("name", "released"), CASES)
def test_rows_join_to_images_by_path(name: str, released: bool, table: pl.DataFrame) -> None:
    image = table["image"]
    assert image.null_count() == 0
    assert image.is_unique().all()
    assert image.str.contains(r"\.(png|jpe?g)$").all()
    assert not image.str.contains(r"^[/~]|\\|(^|/)\.\.(/|$)|^[A-Za-z]:").any(), "relative, without a way up"


@pytest.mark.parametrize("name", NAMES)
def test_two_reads_agree_and_other_files_are_read_anew(name: str, tmp_path: Path, empty_home: Path) -> None:
    dataset: ReleasedSet = DATASETS.load(name)
    (tmp_path / "release").mkdir()
    folder = WRITERS[name](tmp_path / "release")
    first = dataset.read(folder)
    assert first.equals(dataset.read(folder))
    assert first.equals(dataset.examine(folder).table), "the cache gives what the files give"
    kept = list((empty_home / "datasets").iterdir())
    assert len(kept) == 1
    path = next(iter(dataset.locate(folder).values()))
    path.write_bytes(path.read_bytes() + (b"\n" if path.suffix not in {".xlsx", ".tfrecord"} else b""))
    if path.suffix not in {".xlsx", ".tfrecord"}:
        dataset.read(folder)
        assert len(list((empty_home / "datasets").iterdir())) == 2, "the key is of the content"


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_the_released_files_are_odd_only_as_the_card_says(name: str, shared_data: Path) -> None:
    dataset: ReleasedSet = DATASETS.load(name)
    found = dataset.oddities(shared_data / FOLDERS[name])
    assert unknown(found, dataset.facts.known) == {}
    assert not any(oddity.fatal for oddity in found)
    missing = {kind for kind in dataset.facts.known if kind not in {oddity.kind for oddity in found}}
    assert missing == set(), "the card knows what is not there"


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_folder_and_none_are_refused(name: str, tmp_path: Path) -> None:
    dataset: ReleasedSet = DATASETS.load(name)
    with pytest.raises(InputError, match=re.escape(str(tmp_path))):
        dataset.read(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        dataset.read(tmp_path / "absent")
    if dataset.hub is None:
        with pytest.raises(InputError, match="--data DIR"):
            dataset.read()


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_file_is_refused_by_name(name: str, tmp_path: Path, empty_home: Path) -> None:
    folder = tmp_path / "release"
    folder.mkdir()
    dataset: ReleasedSet = DATASETS.load(name)
    files = dataset.locate(WRITERS[name](folder))
    for path in files.values():
        content = path.read_bytes()
        path.write_bytes(b"")
        with pytest.raises(InputError, match=re.escape(path.name)):
            dataset.read(folder if name != "evalmi50k" else folder / "files")
        path.write_bytes(content)


def test_a_set_with_the_members_of_the_protocol_only_is_read_and_validated(tmp_path: Path) -> None:
    from lmm4lmm.cli.dataset_source import NamedSet

    class Own:
        name = "own"
        card = "Own scores."

        def read(self, directory: Path | None = None) -> pl.DataFrame:
            columns = {kind: [None, None] for kind in SCORE_SCHEMA} | {
                "id": ["a", "a"],
                "perception": [1.0, 2.0],
            }
            return pl.DataFrame(columns, schema=SCORE_SCHEMA)

    found = NamedSet("own", Own(), tmp_path).examine()
    assert [oddity.kind for oddity in found.oddities] == ["duplicate_id"]
