"""How restless an output is, against the truth's own restlessness.

A pixel that lies off the middle of its neighbours in time jumps there and back; slow change does not count. The
truth's own value holds its noise and its honest fast motion, so the ratio says what the method added (above 1) or
smoothed away (below 1).
"""

from collections.abc import Sequence

import numpy as np

from portrait_alive.evaluation.image_metrics import luma
from portrait_alive.types import Bytes


def restlessness(frames: Sequence[Bytes]) -> float:
    """Mean over pixels and time of |x_t - (x_t-1 + x_t+1) / 2| on luma, in grey levels 0..255.

    Args:
        frames: at least 3 pictures (H, W, 3) of one size, cut at one fixed place.

    Returns:
        0 for a still, and for steady change; NaN with fewer than 3 frames.
    """
    if len(frames) < 3:
        return float("nan")
    before, here = luma(frames[0]), luma(frames[1])
    total = 0.0
    for frame in frames[2:]:
        after = luma(frame)
        total += float(np.abs(here - (before + after) / 2).mean())
        before, here = here, after
    return total / (len(frames) - 2)


def flicker(output: Sequence[Bytes], truth: Sequence[Bytes]) -> float:
    """Restlessness of the output over that of the truth: 1 as lively as the truth, above flickers, below is dead.

    NaN where the truth does not move at all or has fewer than 3 frames.
    """
    own = restlessness(truth)
    return restlessness(output) / own if own > 0 else float("nan")
