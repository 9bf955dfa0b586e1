"""What the study end to end shows: images of six early generators, with others to practise on and to check raters."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GENERATORS = ("disco", "dmin", "glid3", "ldif", "midj", "stab")
PROMPTS = {
    "panda-riding-bicycle-14507045": "一只骑自行车的熊猫的照片",
    "rainy-tokyo-street-scene-night-31738623": "雨夜东京街景的高清照片，有许多霓虹灯倒影",
    "octopus-riding-skateboard-22826850": "一只章鱼在玩滑板",
    "noahs-ark-picasso-25002770": "毕加索画的诺亚方舟",
    "huge-octopus-climbing-up-empire-5539864": "一只巨大的章鱼爬上帝国大厦",
    "new-type-fish-discovered-deepest-85026766": "在最深最暗的海里发现的新鱼类，霓虹灯光，鲜艳饱和的色调",
    "two-ships-passing-night-77149352": "两艘船在夜里擦肩而过",
    "it-was-dark-stormy-night-29412": "那是一个漆黑的暴风雨之夜",
    "calm-psychedelic-41369943": "平静，迷幻",
    "aerial-criminals-lair-deep-mountains-68125277": "群山深处罪犯巢穴的航拍图。蝙蝠从窗户飞出。"
    "背景昏暗有雾。黄昏将近，天色渐晚",
}
"""Groups of the manifest and their prompts in Chinese; with all six generators that makes 60 images."""
APART = "court-jester-cyberpunk-playing-card-61722276"
APART_ZH = "赛博朋克宫廷小丑扑克牌插画"
"""A prompt whose images are not rated but practised on, or check raters."""
PLEASE = {
    "en": "No description this time. To show that you read it, please answer Bad to both questions.",
    "zh": "这次没有描述。为表明您读了这段文字，请对两个问题都回答“差”。",
}
BOTH = ("perception", "correspondence")


@dataclass(frozen=True)
class Material:
    """Where the study's images lie, and which of them are for what.

    Attributes:
        manifest: all images; ``rated`` holds those that are rated, as ``score`` takes it.
        design: the design's file.
        generator: id -> who made it, of the rated ones.
        levels: id -> what a careful rater sees, of the images that check raters.
    """

    manifest: Path
    rated: Path
    design: Path
    generator: Mapping[str, str]
    levels: Mapping[str, tuple[float, float]]


def write_material(source: Path, folder: Path, *, images: int, raters: int, break_seconds: float) -> Material:
    """Copies images out of ``early_generators`` and writes manifest and design.

    Args:
        source: that folder of the shared data.
        folder: where to write.
        images: how many are rated, a multiple of six up to 60.
        raters: ratings an image.
        break_seconds: how long breaks are; they come in the middle of the session.
    """
    groups = list(PROMPTS)[: images // len(GENERATORS)]
    chosen = list(_chosen(source, groups))
    apart = list(_chosen(source, [APART]))
    (folder / "images").mkdir(parents=True)
    rows = [_row(source, folder, one, PROMPTS[one["group"]]) for one in chosen]
    more = [_row(source, folder, one, APART_ZH) for one in apart]
    fields = list(rows[0])
    _write(folder / "rated.csv", fields, rows)
    _write(folder / "images.csv", fields, rows + more)
    bad, trap, worse, other, practice, good = [
        row["id"] for row in more
    ]  # by generator, in the order of GENERATORS
    levels = {good: (5.0, 5.0), bad: (1.0, 1.0), worse: (1.0, 1.0), trap: (1.0, 1.0), other: (1.0, 1.0)}
    design = {
        "name": "early",
        "title": {"en": "Images of 2022", "zh": "2022 年的图像"},
        "ratings_per_item": raters,
        "session": {"items": images, "break_every": images // 2, "break_minutes": break_seconds / 60},
        "repeats": 4 / images,
        "training": [
            {
                "item": practice,
                "expected": {"perception": [2, 4]},
                "feedback": {
                    "en": "Most people find the card handsome and the face unfinished.",
                    "zh": "多数人觉得卡牌好看，但脸没有画完整。",
                },
            }
        ],
        "gold": [
            {
                "item": item,
                "dimension": name,
                # Wide: nobody who looks calls a good image worse than Fair, whatever their bias and noise.
                "low": 3 if level > 3 else 1,
                "high": 5 if level > 3 else 3,
            }
            for item in (good, bad, worse)
            for name, level in zip(BOTH, levels[item], strict=True)
        ],
        "traps": [
            {"item": item, "dimension": name, "low": 1, "high": 1, "prompt": PLEASE}
            for item in (trap, other)
            for name in BOTH
        ],
        "seed": 7,
    }
    (folder / "design.json").write_text(json.dumps(design, ensure_ascii=False, indent=1))
    makers = {row["id"]: row["generator"] for row in rows}
    return Material(folder / "images.csv", folder / "rated.csv", folder / "design.json", makers, levels)


def _chosen(source: Path, groups: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The first image of each generator, group by group."""
    lines = (source / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for group in groups:
        for generator in GENERATORS:
            yield next(row for row in rows if row["group"] == group and row["model"] == generator)


def _row(source: Path, folder: Path, one: Mapping[str, Any], zh: str) -> dict[str, str]:
    image = Path(one["image"])
    shutil.copyfile(source / image, folder / "images" / image.name)
    return {
        "id": one["id"],
        "image": f"images/{image.name}",
        "prompt": one["prompt"],
        "prompt_zh": zh,
        "generator": one["model"],
    }


def _write(path: Path, fields: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fields)
        writer.writeheader()
        writer.writerows(rows)
