"""The work behind ``lmm4lmm score --executor ray``: places by path or URL, a cluster, Parquet parts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lmm4lmm.cli.scoring import SUFFIXES, Request, Run, check_target, choose_metric
from lmm4lmm.core.errors import InputError
from lmm4lmm.core.files import sweep
from lmm4lmm.core.records import DIMENSIONS, ScoreRow

if TYPE_CHECKING:
    from lmm4lmm.core.manifest import Manifest
    from lmm4lmm.running.locations import Location
    from lmm4lmm.running.parquet_store import PartStore

EXECUTORS = ("local", "ray")


@dataclass(frozen=True)
class Spread:
    """What the user said of the cluster, as typed."""

    executor: str
    address: str | None
    replicas: int | None


def check_spread(spread: Spread, source: str, out: str) -> None:
    """Refuses what does not go together.

    Raises:
        InputError: an executor that there is not, or options and places that only a cluster has.
    """
    if spread.executor not in EXECUTORS:
        raise InputError(f"--executor is '{spread.executor}'; it must be {' or '.join(EXECUTORS)}")
    if spread.executor == "ray":
        return
    for name, value in (("--address", spread.address), ("--replicas", spread.replicas)):
        if value is not None:
            raise InputError(f"{name} is for a cluster: add --executor ray")
    for text in (source, out):
        if "://" in text:
            raise InputError(
                f"{text}: only --executor ray opens addresses of a store; here, a path is needed"
            )


def score_on_cluster(
    request: Request, source: str, out: str, spread: Spread, tell: Callable[[str], None], *, quiet: bool
) -> Run:
    """Scores what was asked for on a cluster.

    Args:
        source, out: as typed: paths or URLs.

    Raises:
        Lmm4lmmError: the input, the output, the cluster or the metric can't be used.
    """
    from lmm4lmm import api
    from lmm4lmm.running.locations import is_url, locate
    from lmm4lmm.running.parquet_store import PartStore
    from lmm4lmm.running.progress import progress_for
    from lmm4lmm.running.ray_data import Cluster, cluster_run

    if request.journal is not None:
        raise InputError("--journal: on a cluster, the output itself says what is done; leave the option out")
    file = None if is_url(out) or request.out.suffix.lower() not in SUFFIXES else request.out
    if file is not None and not file.is_dir():
        check_target(file, *([] if is_url(source) else [request.source]), request.prompts)
    else:
        file = None
    name = choose_metric(request.metric, request.weights, tell)
    manifest, root = read_items(source, request)
    for remark in manifest.notes:
        tell(remark)
    opener = partial(
        api.load_metric,
        _absolute(name) if "/" in name else name,
        device=request.device,
        dimensions=request.dimensions or DIMENSIONS,
        dtype=request.dtype,
        weights=None if request.weights is None else _absolute(request.weights),
        **request.options,
    )
    parts = locate(str(file) + ".parts" if file is not None else out)
    cluster = Cluster(spread.address, spread.replicas, request.workers, request.device)
    with PartStore(parts) as store, cluster_run(cluster, opener, request.dimensions) as run:
        facts = run.facts
        tell(
            f"{len(manifest):,} items; {facts.fingerprint} on {run.replicas} replica{'s' * (run.replicas > 1)} "
            f"({facts.place or 'no device named'}); {', '.join(facts.dimensions)}"
        )
        progress = progress_for("Scoring", quiet=quiet)
        tally = run.score(manifest.frame, root, store, batch_size=request.batch_size, progress=progress)
        if file is not None:
            gather(store, manifest, file)
    return Run(
        out=file if file is not None else Path(out) if not is_url(out) else out,
        journal=parts.local or str(parts),
        fingerprint=facts.fingerprint,
        items=len(manifest),
        failed=tally.failed,
        cached=tally.cached,
        errors=tuple(tally.errors),
    )


def read_items(source: str, request: Request) -> tuple[Manifest, Location]:
    """The items, and what relative images start from.

    A manifest in a store is copied here first; its errors then name the address.

    Raises:
        InputError: it can't be read.
    """
    from lmm4lmm.core.manifest import read_manifest
    from lmm4lmm.running.locations import is_url, locate

    if not is_url(source):
        manifest = read_manifest(request.source, prompts=request.prompts, limit=request.limit, urls=True)
        return manifest, locate(str(manifest.root))
    if request.prompts is not None:
        raise InputError(f"{source}: --prompts is for folders of images here; a store needs a manifest")
    place = locate(source)
    with tempfile.TemporaryDirectory(prefix="lmm4lmm-manifest-") as folder:
        copy, root = _fetched(place, Path(folder))
        try:
            return read_manifest(copy, limit=request.limit, urls=True), root
        except InputError as error:
            raise InputError(str(error).replace(str(copy), source)) from error


def _fetched(place: Location, folder: Path) -> tuple[Path, Location]:
    """A manifest's copy in ``folder``: a file, or a folder with one or with parts; and where its images start."""
    from pyarrow import fs as arrow

    from lmm4lmm.core.manifest import NAMES

    found = place.filesystem.get_file_info(place.path)
    if found.type == arrow.FileType.NotFound:
        raise InputError(f"{place}: no such file or folder")
    if found.type == arrow.FileType.File:
        return _copied(place, folder), place.parent()
    inside = [one.base_name for one in place.filesystem.get_file_info(arrow.FileSelector(place.path))]
    for name in (one for one in NAMES if one in inside):
        return _copied(place.child(name), folder), place
    parts = [name for name in inside if name.endswith(".parquet") and not name.startswith((".", "_"))]
    if not parts:
        raise InputError(f"{place}: a folder of a store needs {', '.join(NAMES)} or Parquet parts")
    for name in parts:
        _copied(place.child(name), folder / "parts")
    return folder / "parts", place


def _copied(place: Location, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    copy = folder / place.name
    with place.filesystem.open_input_stream(place.path) as stream, copy.open("wb") as sink:
        while piece := stream.read(2**20):
            sink.write(piece)
    return copy


def gather(store: PartStore, manifest: Manifest, file: Path) -> None:
    """One file in the manifest's order, from the parts."""
    import polars as pl

    from lmm4lmm.core.score_rows import SCORE_COLUMNS, row_from_flat, write_scores

    tables = [pl.DataFrame(pl.from_arrow(table)).select(list(SCORE_COLUMNS)) for table in store.tables()]
    rows = manifest.frame.select("id").join(pl.concat(tables), on="id", how="left", maintain_order="left")
    sweep(file)
    found: Iterator[ScoreRow] = map(row_from_flat, rows.iter_rows(named=True))
    write_scores(found, file)


def _absolute(text: str) -> str:
    """A folder's whole path, since a worker may start elsewhere; other names as they are."""
    path = Path(text).expanduser()
    return str(path.absolute()) if path.exists() else text
