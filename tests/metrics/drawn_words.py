"""Pictures of words, right and wrong by one letter, for measuring a reader. Everything comes from a seed.

``python tests/metrics/drawn_words.py 600`` prints the figures that docs/metrics.md states.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from skimage import data

TEXTS = (
    *(
        "MOMENT",
        "DANGER",
        "FAMILY",
        "SUCCESS",
        "STOP",
        "PEACE",
        "EXIT",
        "HELLO",
        "WELCOME",
        "FRIEND",
        "Cheers",
    ),
    *("Time is money", "Believe in yourself", "Happy Birthday", "Just do it", "Never give up", "Thank you"),
    *("Good Morning", "Follow your dreams", "Welcome back to school", "CONGRATULATIONS", "Open 24 hours"),
)
"""In the manner of the OCR task's prompts."""
SPOILT = ("missing", "swapped", "extra", "other")
FONTS = ("plain", "serif", "mono", "bold", "oblique", "condensed", "stroke", "italic stroke")
_DEJAVU = {
    "serif": "DejaVuSerif.ttf",
    "mono": "DejaVuSansMono.ttf",
    "bold": "DejaVuSans-Bold.ttf",
    "oblique": "DejaVuSerif-BoldItalic.ttf",
    "condensed": "DejaVuSansCondensed.ttf",
}
SETTINGS = ("clean", "turned", "pale", "noisy", "blurred", "small", "busy")


@dataclass(frozen=True)
class Drawn:
    """One picture; ``spoilt`` is None where it says what the prompt quotes."""

    image: Image.Image
    prompt: str
    spoilt: str | None
    font: str
    setting: str


def drawn(count: int, seed: int = 0) -> Iterator[Drawn]:
    """So many pictures, every second one right; fonts and settings take turns."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        text = TEXTS[int(rng.integers(len(TEXTS)))]
        spoilt = None if number % 2 else SPOILT[number // 2 % len(SPOILT)]
        font, setting = FONTS[number // 2 % len(FONTS)], SETTINGS[number // 3 % len(SETTINGS)]
        shown = text if spoilt is None else spoil(text, spoilt, rng)
        image = placed(words(shown, font, rng), setting, rng)
        yield Drawn(image, f'a photo of a sign that says "{text}"', spoilt, font, setting)


def spoil(text: str, how: str, rng: np.random.Generator) -> str:
    """The text with one letter wrong, and never the same to somebody who ignores case."""
    inner = [place for place, letter in enumerate(text) if letter.isalpha()]
    while True:
        place = int(rng.choice(inner))
        letter = text[place]
        letters = ascii_uppercase if letter.isupper() else ascii_lowercase
        if how == "missing":
            made = text[:place] + text[place + 1 :]
        elif how == "extra":
            made = text[:place] + letter + text[place:]
        elif how == "swapped":
            made = text[:place] + text[place + 1 : place + 2] + letter + text[place + 2 :]
        else:
            made = text[:place] + letters[int(rng.integers(26))] + text[place + 1 :]
        if made.casefold() != text.casefold() and made.split() == made.strip().split(" "):
            return made


def words(text: str, font: str, rng: np.random.Generator) -> Image.Image:
    """Black on white, cropped to the letters and a margin."""
    lines = text if len(text) < 14 else text.replace(" ", "\n", text.count(" ") // 2 or 1)
    if "stroke" in font:
        return strokes(lines.split("\n"), italic="italic" in font)
    face: ImageFont.FreeTypeFont | ImageFont.ImageFont
    try:
        face = ImageFont.truetype(_DEJAVU[font], 56)
    except (KeyError, OSError):  # no such font on this machine: Pillow's own
        face = ImageFont.load_default(56)
    box = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox((0, 0), lines, font=face)
    image = Image.new("L", (int(box[2] - box[0]) + 60, int(box[3] - box[1]) + 60), 255)
    ImageDraw.Draw(image).multiline_text((30 - box[0], 30 - box[1]), lines, font=face, fill=0, align="center")
    return image


def strokes(lines: list[str], *, italic: bool) -> Image.Image:
    """OpenCV's Hershey letters: thin lines, as of a plotter."""
    import cv2

    face = cv2.FONT_HERSHEY_TRIPLEX | (cv2.FONT_ITALIC if italic else 0)
    sizes = [cv2.getTextSize(line, face, 2.0, 3)[0] for line in lines]
    height = max(size[1] for size in sizes) + 36
    canvas = np.full((height * len(lines) + 60, max(size[0] for size in sizes) + 80), 255, np.uint8)
    for row, line in enumerate(lines):
        cv2.putText(canvas, line, (40, 30 + height * (row + 1) - 24), face, 2.0, 0, 3, cv2.LINE_AA)
    return Image.fromarray(canvas)


def placed(mask: Image.Image, setting: str, rng: np.random.Generator) -> Image.Image:
    """Letters of one colour on a sign of another."""
    if setting == "turned":
        mask = mask.rotate(float(rng.uniform(-12, 12)), Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    if setting == "small":
        mask = mask.resize((round(mask.width * 0.3), round(mask.height * 0.3)), Image.Resampling.LANCZOS)
    light, dark = rng.uniform(190, 255, 3), rng.uniform(0, 80, 3)
    if setting == "pale":
        dark = light - rng.uniform(60, 90)
    share = np.asarray(mask, float)[..., None] / 255
    pixels = np.full((512, max(512, mask.width + 40), 3), light)
    if setting == "busy":  # letters straight on a photograph
        photo = Image.fromarray(data.coffee()).resize(pixels.shape[1::-1], Image.Resampling.BICUBIC)
        pixels = 0.6 * np.asarray(photo, float) + 100
    top, left = (pixels.shape[0] - mask.height) // 2, (pixels.shape[1] - mask.width) // 2
    part = pixels[top : top + mask.height, left : left + mask.width]
    part[:] = share * (part if setting == "busy" else light) + (1 - share) * dark
    if setting == "noisy":
        pixels += rng.normal(0, 40, pixels.shape)
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(2.5)) if setting == "blurred" else image


def measure(count: int, seed: int = 0) -> dict[str, tuple[int, int]]:
    """Right answers and pictures, by whether and how the word is spoilt, by font and by setting."""
    from lmm4lmm.core.records import Item
    from lmm4lmm.metrics.ocr import load

    metric, found = load(), dict[str, tuple[int, int]]()
    for number, one in enumerate(drawn(count, seed)):
        item = Item(id=str(number), path=Path("drawn"), image="drawn", prompt=one.prompt)
        (score,) = metric.score([metric.prepare(item, one.image)])
        good = (score.answer.p_yes > 0.5) == (one.spoilt is None)
        kind = "right" if one.spoilt is None else "wrong"
        for name in (kind, f"spoilt: {one.spoilt}", f"{one.font}, {kind}", f"{one.setting}, {kind}"):
            right, every = found.get(name, (0, 0))
            found[name] = (right + good, every + 1)
    return found


def balanced_accuracy(found: dict[str, tuple[int, int]]) -> float:
    """Mean of the shares of right words that are accepted and of wrong ones that are not."""
    return sum(found[kind][0] / found[kind][1] for kind in ("right", "wrong")) / 2


if __name__ == "__main__":
    figures = measure(int(sys.argv[1]), seed=1)
    for name, (good, every) in sorted(figures.items()):
        print(f"{name:24} {good:4} of {every:4}  {good / every:.3f}")
    print(f"balanced accuracy {balanced_accuracy(figures):.3f}")
