"""What the researcher takes home: ratings, scores and the trail, as CSV or Parquet."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import polars as pl
from fastapi import APIRouter, Request
from fastapi.responses import Response

from lmm4lmm.study.exporting import audit_frame, guarded, rating_frame, ratings_of
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
        "ratings": lambda: rating_frame(ratings_of(server.store, server.study)[0], server.design),
        "left_out": lambda: rating_frame(ratings_of(server.store, server.study)[1], server.design),
        "mos": scores,
        "trail": lambda: audit_frame(server.store.audit(server.study)),
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
            described=server.describe is not None,
        )

    @routes.get("/data/methods.md")
    def methods(request: Request) -> Response:
        signed_in(server, request)
        if server.describe is None:
            raise Refused(404, "not_found")
        attached = {"Content-Disposition": f'attachment; filename="{server.study}-methods.md"'}
        return Response(server.describe(), media_type="text/markdown; charset=utf-8", headers=attached)

    @routes.get("/data/{name}.{kind}")
    def download(request: Request, name: str, kind: str) -> Response:
        signed_in(server, request)
        if name not in tables or kind not in KINDS:
            raise Refused(404, "not_found")
        table = tables[name]()
        out = io.BytesIO()
        if kind == "csv":
            guarded(table).write_csv(out)
        else:
            table.write_parquet(out)
        # The study's name is made of letters, digits, dots and dashes (design.NAME).
        attached = {"Content-Disposition": f'attachment; filename="{server.study}-{name}.{kind}"'}
        return Response(out.getvalue(), media_type=KINDS[kind], headers=attached)

    return routes


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
