"""A visible mark on every frame: a line of text in the lower left corner."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from portrait_alive.errors import UsageError
from portrait_alive.types import Bytes, Float

HEIGHT = 0.028
"""Size of the letters over the picture's shorter side."""

MIN_LETTER_PX = 11
MARGIN = 0.8
PADDING = 0.45
"""From the picture's edges, and around the text, in sizes of the letters."""

BACKING_OPACITY = 0.55


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
        UsageError: the text is empty, or too long to be read at this size.
    """
    text = " ".join(text.split())
    if not text:
        raise UsageError("--label is empty; give it a text, or leave it out")
    letter = max(MIN_LETTER_PX, round(min(size) * HEIGHT))
    while True:
        mark = _draw(text, letter)
        margin = round(letter * MARGIN)
        if mark.width + 2 * margin <= size[1] and mark.height + 2 * margin <= size[0]:
            break
        if letter <= MIN_LETTER_PX:
            raise UsageError(
                f"--label of {len(text)} letters is too long for a picture {size[1]} pixels wide; shorten it"
            )
        letter = max(MIN_LETTER_PX, letter * 9 // 10)
    values = np.asarray(mark, np.float32)
    return Label(
        size[0] - margin - mark.height, margin, values[..., :1].copy(), values[..., 1:].copy() / np.float32(255)
    )


def _draw(text: str, letter: int) -> Image.Image:
    """The text as grey and alpha: white on a dark, rounded, half transparent backing."""
    font = ImageFont.load_default(size=letter)
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
