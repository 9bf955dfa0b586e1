"""What the researcher takes home: ratings, scores and the trail, as CSV or Parquet."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl
from fastapi import APIRouter, Request
from fastapi.responses import Response

from lmm4lmm.study.records import AuditRow, RatingRow
from lmm4lmm.study.web.analysis import Analysis
from lmm4lmm.study.web.researcher_pages import signed_in
from lmm4lmm.study.web.server import Refused, Server

KINDS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def data_routes(server: Server) -> APIRouter:
    """The page of downloads and the downloads."""
    routes = APIRouter(prefix="/admin")

    def scores() -> pl.DataFrame:
        if server.analyse is None:
            raise Refused(404, "not_found")
        return mos_table(server.analyse(server.info(), server.store.ratings(server.study)))

    tables: dict[str, Callable[[], pl.DataFrame]] = {
        "ratings": lambda: ratings_table(server.store.ratings(server.study, with_excluded=True)),
        "mos": scores,
        "trail": lambda: trail_table(server.store.audit(server.study)),
    }

    @routes.get("/data")
    def data(request: Request) -> Response:
        session = signed_in(server, request)
        return server.pages.page(
            "data.html",
            "en",
            session=session,
            here="data",
            info=server.info(),
            scored=server.analyse is not None,
        )

    @routes.get("/data/{name}.{kind}")
    def download(request: Request, name: str, kind: str) -> Response:
        signed_in(server, request)
        if name not in tables or kind not in KINDS:
            raise Refused(404, "not_found")
        table = tables[name]()
        out = io.BytesIO()
        if kind == "csv":
            harmless(table).write_csv(out)
        else:
            table.write_parquet(out)
        # The study's name is made of letters, digits, dots and dashes (design.NAME).
        attached = {"Content-Disposition": f'attachment; filename="{server.study}-{name}.{kind}"'}
        return Response(out.getvalue(), media_type=KINDS[kind], headers=attached)

    return routes


def harmless(table: pl.DataFrame) -> pl.DataFrame:
    """Cells that a spreadsheet would take for a formula, with an apostrophe in front; for CSV only.

    Prompts and reasons may begin with ``=``, ``+``, ``-``, ``@``, a tab or a line break (OWASP, CSV injection).
    """
    text = pl.col(pl.String)
    return table.with_columns(
        pl.when(text.str.contains(r"^[=+\-@\t\r\n]")).then(pl.lit("'") + text).otherwise(text).name.keep()
    )


def ratings_table(rows: Sequence[RatingRow]) -> pl.DataFrame:
    """Long format: ``rater, item, dimension, rating``, what ``study analyse`` takes, and all else behind them."""
    columns: dict[str, Any] = {
        "rater": pl.String, "item": pl.String, "dimension": pl.String, "rating": pl.Float64, "kind": pl.String,
        "counted": pl.Boolean, "excluded": pl.Boolean, "milliseconds": pl.Int64, "client_ms": pl.Int64,
        "rated_at": pl.Datetime("ms", "UTC"), "session": pl.Int64, "position": pl.Int64, "generator": pl.String,
        "task": pl.String, "prompt": pl.String, "item_b": pl.String, "generator_b": pl.String, "swapped": pl.Boolean,
    }  # fmt: skip
    return pl.DataFrame([asdict(row) for row in rows], schema=columns)


def trail_table(rows: Sequence[AuditRow]) -> pl.DataFrame:
    """Everything that happened, oldest first."""
    names = ("who", "action", "rater", "item", "detail")
    columns: dict[str, Any] = {"at": pl.Datetime("ms", "UTC"), **dict.fromkeys(names, pl.String)}
    return pl.DataFrame([asdict(row) for row in rows], schema=columns)


def mos_table(analysis: Analysis) -> pl.DataFrame:
    """One row an item: ``id``, and for each dimension its score, interval and number of ratings.

    ``evaluate --human`` takes it as it is.
    """
    rows: dict[str, dict[str, Any]] = {}
    columns: dict[str, Any] = {"id": pl.String, "generator": pl.String}
    for found in analysis.dimensions:
        name = found.dimension
        columns |= {
            name: pl.Float64,
            f"{name}_low": pl.Float64,
            f"{name}_high": pl.Float64,
            f"{name}_n": pl.Int64,
        }
        for mean in found.items:
            row = rows.setdefault(mean.name, {"id": mean.name, "generator": mean.generator})
            row |= {
                name: mean.score,
                f"{name}_low": mean.low,
                f"{name}_high": mean.high,
                f"{name}_n": mean.ratings,
            }
    return pl.DataFrame([dict.fromkeys(columns) | row for row in rows.values()], schema=columns)
