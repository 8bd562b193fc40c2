"""A visible mark on every frame: a line of text in the lower left corner."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from portrait_alive.errors import UsageError
from portrait_alive.types import Bytes, Float

HEIGHT = 0.032
"""Size of the letters over the picture's shorter side."""

MIN_LETTER_PX = 12
MARGIN = 0.8
PADDING = 0.45
"""From the picture's edges, and around the text, in sizes of the letters."""

BACKING_OPACITY = 0.55

SYSTEM_FONTS = (
    *("DejaVuSans.ttf", "Arial.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Helvetica.ttc"),
    *("Arial Unicode.ttf", "NotoSansCJK-Regular.ttc", "PingFang.ttc", "msyh.ttc", "meiryo.ttc", "malgun.ttf"),
)
"""Looked for where Pillow's built-in font, which has ASCII alone, lacks a letter."""

NOT_A_CHARACTER = "\uffff"
"""What no font has: it is drawn as the box that stands for missing letters."""


@dataclass(frozen=True, eq=False)
class Label:
    """A line of text, drawn once for frames of one size."""

    top: int
    left: int
    colour: Float
    """(h, w, 1) grey of the mark, 0..255: white letters on black."""
    opacity: Float
    """(h, w, 1) in [0, 1]."""

    def drawn_on(self, frame: Bytes) -> Bytes:
        """A copy of `frame` (H, W, 3 or 4) with the label on it, opaque where the label is."""
        marked = frame.copy()
        height, width = self.opacity.shape[:2]
        patch = marked[self.top : self.top + height, self.left : self.left + width]
        # What lies under a transparent pixel is not seen, and must not shine through.
        below = patch[..., 3:].astype(np.float32) / 255 if patch.shape[2] == 4 else np.float32(1)
        alpha = self.opacity + below * (1 - self.opacity)
        mixed = self.colour * self.opacity + patch[..., :3] * (below * (1 - self.opacity))
        patch[..., :3] = np.rint(mixed / np.maximum(alpha, 1e-6)).astype(np.uint8)
        if patch.shape[2] == 4:
            patch[..., 3:] = np.rint(alpha * 255).astype(np.uint8)
        return marked


def make_label(text: str, size: tuple[int, int]) -> Label:
    """`text` ready to be drawn on frames of `size` (height, width), reduced until it fits across.

    Raises:
        UsageError: the text is empty, too long to be read at this size, or in letters that no font here has.
    """
    text = " ".join(text.split())
    if not text:
        raise UsageError("--label is empty; give it a text, or leave it out")
    letter = max(MIN_LETTER_PX, round(min(size) * HEIGHT))
    font = _font_for(text, letter)
    while True:
        mark = _draw(text, font, letter)
        margin = round(letter * MARGIN)
        if mark.width + 2 * margin <= size[1] and mark.height + 2 * margin <= size[0]:
            break
        if letter <= MIN_LETTER_PX:
            raise UsageError(
                f"--label of {len(text)} letters is too long for a picture {size[1]} pixels wide; shorten it"
            )
        letter = max(MIN_LETTER_PX, letter * 9 // 10)
        font = font.font_variant(size=letter)
    values = np.asarray(mark, np.float32)
    return Label(
        size[0] - margin - mark.height, margin, values[..., :1].copy(), values[..., 1:].copy() / np.float32(255)
    )


def _font_for(text: str, letter: int) -> ImageFont.FreeTypeFont:
    """The first font that has all letters of `text`: Pillow's own, or one of the system's."""
    fonts = [_loaded(name, letter) for name in ("", *SYSTEM_FONTS)]
    for font in fonts:
        if font is not None and all(_has(font, character) for character in set(text) - {" "}):
            return font
    own = next(font for font in fonts if font is not None)
    missing = "".join(sorted(character for character in set(text) - {" "} if not _has(own, character)))
    raise UsageError(f"--label: no font on this machine has {missing!r}; write it in plain letters")


def _loaded(name: str, letter: int) -> ImageFont.FreeTypeFont | None:
    try:
        font = ImageFont.truetype(name, letter) if name else ImageFont.load_default(size=letter)
    except OSError:
        return None
    return font if isinstance(font, ImageFont.FreeTypeFont) else None


def _has(font: ImageFont.FreeTypeFont, character: str) -> bool:
    drawn, missing = font.getmask(character), font.getmask(NOT_A_CHARACTER)
    return drawn.size != missing.size or bytes(drawn) != bytes(missing)


def _draw(text: str, font: ImageFont.FreeTypeFont, letter: int) -> Image.Image:
    """The text as grey and alpha: white on a dark, rounded, half transparent backing."""
    left, top, right, bottom = font.getbbox(text)
    padding = round(letter * PADDING)
    ascent = round(letter * 1.0)
    width, height = round(right - left) + 2 * padding, max(ascent, round(bottom - top)) + 2 * padding
    mark = Image.new("LA", (width, height), (0, 0))
    draw = ImageDraw.Draw(mark)
    box = (0, 0, width - 1, height - 1)
    draw.rounded_rectangle(box, radius=padding, fill=(0, round(255 * BACKING_OPACITY)))
    letters = Image.new("L", mark.size, 0)
    middle = (height - (bottom - top)) / 2 - top
    ImageDraw.Draw(letters).text((padding - left, middle), text, font=font, fill=255)
    mark.paste((255, 255), mask=letters)
    return mark
