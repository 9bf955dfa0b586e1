"""The command line: scores over HTTP. ``serve``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from lmm4lmm.cli import output
from lmm4lmm.cli.guard import guarded
from lmm4lmm.cli.hosts import LOOPBACK, to_open
from lmm4lmm.cli.options import Weights, parse_dimensions, parse_dtype, parse_options
from lmm4lmm.core.errors import InputError, MissingExtraError

MEGA = 1_000_000


def add_to(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("serve")(serve)


@guarded
def serve(
    metric: Annotated[str, typer.Option(metavar="NAME", help="See `lmm4lmm models list`.")] = "nano",
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="0.0.0.0 for the whole network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    token_env: Annotated[
        str | None,
        typer.Option(metavar="VAR", help="Environment variable with the token that clients must send."),
    ] = None,
    weights: Weights = None,
    dimensions: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Of perception,correspondence,answer; default: all."),
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, mps; or several.")] = "auto",
    dtype: Annotated[str, typer.Option(metavar="NAME", help="auto, float32, bfloat16, float16.")] = "auto",
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="More for this metric; repeatable.")
    ] = None,
    max_batch: Annotated[
        int, typer.Option(min=1, max=1024, help="Images that the model sees together.")
    ] = 16,
    max_wait_ms: Annotated[
        int, typer.Option(min=0, max=10_000, help="Wait for images that are still being decoded, at most.")
    ] = 20,
    max_queue: Annotated[
        int, typer.Option(min=1, help="Images accepted and not yet scored; beyond, clients get 429.")
    ] = 128,
    max_items: Annotated[int, typer.Option(min=1, help="Images of one request.")] = 32,
    max_body_mb: Annotated[int, typer.Option(min=1, help="Megabytes of one request.")] = 32,
    max_image_mb: Annotated[int, typer.Option(min=1, help="Megabytes of one image.")] = 16,
    max_megapixels: Annotated[int, typer.Option(min=1, help="Megapixels of one image.")] = 25,
    max_seconds: Annotated[float, typer.Option(min=0.1, help="From a request to its answer.")] = 60.0,
    max_memory_mb: Annotated[int, typer.Option(min=1, help="Megabytes of all requests together.")] = 256,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Threads that decode images.")] = 2,
    allow_url: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Fetch images by their address from here, say https://images.example.org; repeatable. "
            "Default: nothing is fetched.",
        ),
    ] = None,
) -> None:
    """Serve a metric over HTTP: POST /v1/score, and a page at / to try it.

    /v1/metrics says what is served, /openapi.json how to ask; /healthz, /readyz and /metrics are for those who
    run it. Stop with Ctrl-C or SIGTERM: what was accepted is finished.
    """
    from lmm4lmm import api
    from lmm4lmm.core.fetching import Fetcher
    from lmm4lmm.core.records import DIMENSIONS
    from lmm4lmm.model.devices import DTYPES

    try:
        from lmm4lmm.server import serving
        from lmm4lmm.server.app import create_app
        from lmm4lmm.server.limits import Limits
        from lmm4lmm.server.service import Service
        from lmm4lmm.study.web.serving import listen
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"`lmm4lmm serve` (no module '{error.name}')", "serve") from error

    limits = Limits(
        body_bytes=max_body_mb * MEGA,
        image_bytes=max_image_mb * MEGA,
        pixels=max_megapixels * MEGA,
        items=max_items,
        seconds=max_seconds,
        queue=max_queue,
        held_bytes=max_memory_mb * MEGA,
        batch=max_batch,
        wait_seconds=max_wait_ms / 1000,
        workers=workers,
    )
    token = _token(token_env)
    fetcher = Fetcher(allow_url or (), most_bytes=limits.image_bytes)
    bound = listen(host, port)
    loaded = api.load_metric(
        metric,
        device=device,
        dimensions=DIMENSIONS if dimensions is None else parse_dimensions(dimensions),
        dtype=parse_dtype(dtype, DTYPES),
        weights=weights,
        **parse_options(option or ()),
    )
    service = Service(metric, loaded, limits=limits, token=token, fetcher=fetcher)

    def ready() -> None:
        output.note(
            f"{loaded.fingerprint} at http://{to_open(host)}:{bound.getsockname()[1]}. Stop with Ctrl-C."
        )
        if host not in LOOPBACK and token is None:
            output.note("Whoever reaches this address can use it: --token-env VAR asks for a token.")
        if host not in LOOPBACK:
            output.note("Plain http can be read on its way: put an https proxy in front (docs/serving.md).")

    serving.serve(service, create_app(service), bound, ready)


def _token(variable: str | None) -> str | None:
    """The token in an environment variable; a variable that is named and empty must not mean "no token"."""
    if variable is None:
        return None
    token = os.environ.get(variable, "").strip()
    if not token:
        raise InputError(f"--token-env {variable}: there is no such environment variable, or it is empty")
    return token
