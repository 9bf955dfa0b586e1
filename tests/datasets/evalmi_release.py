"""A small EvalMi-50K of our own making: the release's layout and traps, three prompts, two generators."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
)
_KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def write_xlsx(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    """The least spreadsheet that readers accept: one sheet, inline strings (no library here writes any)."""
    sheet = "".join("<row>" + "".join(map(_cell, row)) + "</row>" for row in rows)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr(
            "_rels/.rels",
            _RELATIONS.format(
                f'<Relationship Id="r1" Type="{_KIND}/officeDocument" Target="xl/workbook.xml"/>'
            ),
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            _RELATIONS.format(
                f'<Relationship Id="r1" Type="{_KIND}/worksheet" Target="worksheets/sheet1.xml"/>'
            ),
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_KIND}"><sheets>'
            '<sheet name="Sheet1" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet xmlns="{_MAIN}"><sheetData>{sheet}</sheetData></worksheet>',
        )
    return path


def _cell(value: object) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f"<c><v>{value}</v></c>"


GENERATORS = ("DALLE3", "LlamaGen_256")
PROMPTS = ("a bench", "a cake with text", "a bench")
SCORE_HEADER = ["ImageName", "MOS1", "MOS2", "Y/N", "YN_1", "YN_2", "YN_3", "YN_4"]


def score_rows() -> list[list[object]]:
    """Rows out of order, as in the release; the second prompt has sub-answers."""
    rows: list[list[object]] = []
    for generator in GENERATORS:
        for number in (3, 1, 2):
            subs: list[object] = [1, 0, None, None] if number == 2 else [None] * 4
            rows.append([f"{generator}/{number:03}.png", 50.0 + number, 40.0 - number, number % 2, *subs])
    return rows


def write_release(folder: Path) -> Path:
    """Writes the five files."""
    folder.mkdir()
    write_xlsx(folder / "AIGI2025_MOS_yn.xlsx", [SCORE_HEADER, *score_rows()])
    asked = "Is there a cake?Answer yes or no.Is there text?Answer yes or no."
    questions = [
        ["prompt", *(f"question_{n}" for n in range(1, 6))],
        [PROMPTS[0], "Is it a bench?Answer yes or no.", None, None, None, None],
        [PROMPTS[1], "Is all of it right? Answer yes or no.", asked, None, None, None],
        [PROMPTS[2], "Is it a bench? Answer yes or no.", None, None, None, None],
    ]
    write_xlsx(folder / "question.xlsx", questions)
    tags = ("single_class", "OCR + color_attr + details", "color_attr + detail")
    lines = [json.dumps({"tag": t, "prompt": p}) for t, p in zip(tags, PROMPTS, strict=True)]
    (folder / "prompt_tasks.jsonl").write_text("\n".join(lines))
    (folder / "Englishall.txt").write_bytes(b"a bench\r\na cake\r\nno bench")
    (folder / "Chineseall.txt").write_bytes("长椅\r\n蛋糕\r\n长椅".encode())
    return folder
