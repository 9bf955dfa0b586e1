"""Small releases of our own making, one a data set of the catalogue, in the layout that each was published in.

Texts and numbers are ours; names of files, columns and folders are theirs (sources: the readers' docstrings).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

from evalmi_release import write_release, write_xlsx

from lmm4lmm.datasets.tfrecord import masked_crc

GENEVAL_HEADER = (
    "HITId,Input.index,Input.prompt_id,Input.image_id,Input.image_url,Input.caption,Input.object_0_name,"
    "Input.object_1_name,Input.object_0_name_plural,Input.object_1_name_plural,Input.exclude,Answer.ee,"
    "Answer.task-color-0,Answer.task-color-1,Answer.task-count-0,Answer.task-count-1,Answer.task-objects,"
    "Answer.task-position-x,Answer.task-position-y,Answer.task-quality,Answer.task-real-0,Answer.task-real-1"
)
GENEVAL_PROMPTS = (
    {"tag": "counting", "include": [{"class": "cup", "count": 2}], "prompt": "a photo of two cups"},
    {
        "tag": "position",
        "include": [
            {"class": "car", "count": 1},
            {"class": "owl", "count": 1, "position": ["left of", 0]},
        ],
        "prompt": "a photo of an owl left of a car",
    },
    {
        "tag": "color_attr",
        "include": [
            {"class": "hat", "count": 1, "color": "red"},
            {"class": "dog", "count": 1, "color": "brown"},
        ],
        "prompt": "a photo of a red hat and a brown dog",
    },
)


def geneval_row(
    generator: str,
    prompt: int,
    *,
    colours: Sequence[str] = ("", ""),
    counts: Sequence[str] = ("", ""),
    objects: str = "things",
    sides: Sequence[str] = ("", ""),
    fit: str = "4",
    realism: Sequence[str] = ("3.0", ""),
) -> str:
    """One annotation of image 0 of a prompt."""
    url = f"https://example.org/resolve/main/images/{generator}/{prompt:05}/samples/00000.png"
    cells = [
        *(
            "H",
            f"{prompt}_0",
            str(prompt),
            "0",
            url,
            str(GENEVAL_PROMPTS[prompt]["prompt"]),
            "",
            "",
            "",
            "",
            "",
        ),
        *("9.5", *colours, *counts, objects, *sides, fit, *realism),
    ]
    return ",".join(cells)


def write_agiqa1k(folder: Path) -> Path:
    """One image twice in the sheet, one in the CSV only."""
    rows = [
        ["Image", "Prompt", "MOS"],
        ["deepai_0_0_0_0.jpg", "bird, city", 2.5],
        ["dreamStudio_0_0_0_0.jpg", "fish, sea", 0.5],
        ["dreamStudio_0_0_0_0.jpg", "fish, sea", 2.0],
    ]
    write_xlsx(folder / "AIGC_MOS_Zscore.xlsx", rows)
    (folder / "AIGC_all.csv").write_text("Image,Score\ndeepai_0_0_0_0.jpg,2.4\ndeepai_9.jpg,3\n")
    return folder


def write_agiqa3k(folder: Path) -> Path:
    """Two models, one prompt."""
    (folder / "data.csv").write_text(
        "name,prompt,adj1,adj2,style,mos_quality,std_quality,mos_align,std_align\n"
        "sd1.5_lowstep_007.jpg,a cat,close-up,,anime style,3.25,0.5,2,0.75\n"
        "DALLE2_normal_007.jpg,a cat,close-up,,anime style,4.5,0.25,4,0.5\n"
    )
    return folder


def write_aigciqa2023(folder: Path) -> Path:
    """Images 0, 5 and 401, with the index of models."""
    header = (
        ",name,prompt,style,class,quality_mos,authenticity_mos,correspondence_mos,quality_std,authenticity_std,"
        "correspondence_std\n"
    )
    (folder / "AIGCIQA2023.csv").write_text(
        header
        + "0,0.png,a fox,Basic,Animals,60.5,47,59,0.9,1.2,1.3\n"
        + "5,5.png,a man,Basic,People,50,51,52,1,1,1\n"
        + "401,401.png,a fox,Basic,Animals,40,41,42,1,1,1\n"
    )
    models = ["Controlnet"] * 400 + ["DALLE"] * 400
    write_xlsx(folder / "pic-index.xlsx", [[model, f"{i:03}-1.png"] for i, model in enumerate(models)])
    return folder


def write_aigiqa20k(folder: Path) -> Path:
    """The three tables of the challenge."""
    for split, name in (("train", "DALLE2_0000.png"), ("val", "SDXL_0001.png"), ("test", "SDXL_0002.png")):
        (folder / f"info_{split}.csv").write_text(f"name,prompt,mos\n{name},a boat,3.5\n")
    return folder


def write_edges(folder: Path) -> Path:
    """One image judged twice, without agreement; one prompt that the list of prompts has otherwise."""
    header = (
        "File_name,Prompt_no,Task_backup,annotation,Dashboard_version,Algorithm,ID,Prompt,Representations,"
        "Auto_assessment,Task,Task_specific_label,img2img_instructions,Linked_prompts\n"
    )
    row = "p{n}_1_v1.png,{n},Negation,{said},v1,{who},{n},{prompt},cup,True,Negation,,,\n"
    lines = [
        row.format(n=1, said="True", who="MJ", prompt="a cup"),
        row.format(n=1, said="False", who="SD1.5", prompt="a cup"),
        row.format(n=1, said="True", who="SD1.5", prompt="a cup"),
        row.format(n=2, said="False", who="MJ", prompt="no cup"),
        row.format(n=3, said="False", who="MJ", prompt="a cup"),
    ]
    below = folder / "annotations" / "AAAI_EDGeS_23"
    below.mkdir(parents=True)
    (below / "annotations_df_230311.csv").write_text(header + "".join(lines))
    (folder / "data").mkdir()
    (folder / "data" / "Prompt_dir_230228.csv").write_text(
        ",ID,Prompt\n0,1,a cup\n1,2,a room without cups\n2,3,a cup\n"
    )
    return folder


def write_evalmi50k(folder: Path) -> Path:
    """See ``evalmi_release``."""
    return write_release(folder / "files")


def write_evalmuse40k(folder: Path) -> Path:
    """One image with three ratings, one with two."""
    row = {
        "prompt_id": "00001",
        "prompt": "a red kite",
        "type": "synthetic",
        "img_path": "SDXL-Turbo/00001.png",
        "total_score": [4, 5, 3],
        "element_score": "{'kite (object)': [1, 1, 1]}",
        "promt_meaningless": [0, 0, 0],
        "split_confidence": [0, 0, 0],
        "attribute_confidence": [1, 1, 1],
        "fidelity_label": ["a"],
    }
    other = row | {"img_path": "SD_v1.5/00001.png", "total_score": [1, 2]}
    (folder / "train_list.json").write_text(json.dumps([row, other]))
    return folder


def write_genaibench(folder: Path) -> Path:
    """Two prompts; one model lacks the second."""
    prompts = {
        "00000": {"prompt": "two owls", "models": {"DALLE_3": [5, 4, 5], "SDXL_Base": [2, 2, 1]}},
        "00001": {"prompt": "an owl left of a tree", "models": {"DALLE_3": [3, 3, 3]}},
    }
    (folder / "genai_image.json").write_text(json.dumps(prompts))
    (folder / "genai_skills.json").write_text(json.dumps({"counting": [0], "basic": [0, 1]}))
    return folder


def write_geneval(folder: Path) -> Path:
    """Three prompts; the first annotation of if-xl has a bare carriage return in an unquoted cell."""
    (folder / "prompts").mkdir()
    lines = "".join(json.dumps(prompt) + "\n" for prompt in GENEVAL_PROMPTS)
    (folder / "prompts" / "evaluation_metadata.jsonl").write_text(lines)
    (folder / "annotations").mkdir()
    for generator in ("clip", "if-xl", "sdv2"):
        rows = [
            geneval_row(
                generator, 0, counts=("2", ""), objects="1.cup\r2.cup" if generator == "if-xl" else "cups"
            )
        ]
        rows += [geneval_row(generator, 0, counts=("3", ""), fit="2")] * 4
        rows += [geneval_row(generator, 1, counts=("1", "1.0"), sides=("left", "neither_y"))] * 5
        rows += [geneval_row(generator, 2, counts=("1", "1.0"), colours=("blue|red", "brown"))] * 3
        rows += [
            geneval_row(generator, 2, counts=("0", "1.0"), colours=("", "brown"), realism=("", "1.0"))
        ] * 2
        path = folder / "annotations" / f"annotations_{generator}.csv"
        path.write_bytes("\n".join([GENEVAL_HEADER, *rows, ""]).encode())
    return folder


def write_imagenhub(folder: Path) -> Path:
    """Two samples, two models, three raters."""
    below = folder / "eval" / "human_ratings" / "Text-To-Image"
    below.mkdir(parents=True)
    for rater, first in ((1, "[1,0.5]"), (2, "[0.5, 0.5]"), (3, "[0,0.5]")):
        (below / f"Text-To-Image_rater{rater}.tsv").write_text(
            f"uid\tDALLE\tSD\nsample_0.jpg\t{first}\t[1,1]\nsample_1.jpg\t[0,0]\t[0.5,1]\n"
        )
    return folder


def write_richhf18k(folder: Path) -> Path:
    """One split with two records, of which the heat map is not read."""
    records = [
        example("train/a.png", artifact=0.75, misalignment=1.0),
        example("train/b.png", artifact=0.25, misalignment=0.5),
    ]
    (folder / "train.tfrecord").write_bytes(b"".join(map(framed, records)))
    return folder


def write_tia2(folder: Path) -> Path:
    """The three parts; names of images repeat over them."""
    below = folder / "human_annotations"
    below.mkdir()
    for part in ("comprehensive", "counting", "composition"):
        name = "image_0_0_0.jpg"
        labels = {name: {"image": name, "caption": "two cups", "human_labels": [1, 0, 1]}}
        other = {
            "image_1_0_0.jpg": {"image": "image_1_0_0.jpg", "caption": "a cup", "human_labels": [0, 0, 0]}
        }
        (below / f"human_labels_{part}.json").write_text(json.dumps(labels | other))
    return folder


def write_tifa(folder: Path) -> Path:
    """Two images, one with another mean than that of its ratings."""
    rows = {
        "coco_1_mini_dalle": {
            "text_id": "coco_1",
            "image_path": "coco_1_mini_dalle.jpg",
            "text": "a tree",
            "human_scores": [5, 4],
            "human_avg": 4.5,
            "tifa_vilt": 0.5,
        },
        "drawbench_2_vq_diffusion": {
            "text_id": "drawbench_2",
            "image_path": "drawbench_2_vq_diffusion.jpg",
            "text": "a sea",
            "human_scores": [1, 3],
            "human_avg": 2.5,
            "tifa_vilt": 1.0,
        },
    }
    (folder / "human_annotations_with_scores.json").write_text(json.dumps(rows))
    return folder


def varint(number: int) -> bytes:
    """A number as protocol buffers write it."""
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number: int, data: bytes) -> bytes:
    """A field of bytes."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def feature(name: str, kind: int, content: bytes) -> bytes:
    """An entry of the map of features; ``content`` is its list."""
    return field(1, field(1, name.encode()) + field(2, field(kind, content)))


def example(filename: str, *, artifact: float, misalignment: float) -> bytes:
    """A tf.train.Example with the fields of RichHF-18K; one score is not packed, as older writers have it."""
    packed = {"artifact_score": artifact, "misalignment_score": misalignment, "overall_score": 0.5}
    features = [
        feature("filename", 1, field(1, filename.encode())),
        feature("prompt_misalignment_label", 1, field(1, b"1 1 0")),
        feature("artifact_map", 1, field(1, b"\x89PNG" + bytes(300))),
        *(feature(name, 2, field(1, struct.pack("<f", value))) for name, value in packed.items()),
        feature("aesthetics_score", 2, varint(1 << 3 | 5) + struct.pack("<f", 0.625)),
        feature("height", 3, field(1, varint(512))),
    ]
    return field(1, b"".join(features))


def framed(data: bytes) -> bytes:
    """A record of a TFRecord file."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


WRITERS: dict[str, Callable[[Path], Path]] = {
    "agiqa1k": write_agiqa1k,
    "agiqa3k": write_agiqa3k,
    "aigciqa2023": write_aigciqa2023,
    "aigiqa20k": write_aigiqa20k,
    "edges": write_edges,
    "evalmi50k": write_evalmi50k,
    "evalmuse40k": write_evalmuse40k,
    "genaibench": write_genaibench,
    "geneval": write_geneval,
    "imagenhub": write_imagenhub,
    "richhf18k": write_richhf18k,
    "tia2": write_tia2,
    "tifa": write_tifa,
}
"""Writes a small release into an empty folder and returns the folder to read."""
