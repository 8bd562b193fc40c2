"""How far a forehead goes along with its brows: less the higher up, and at the hairline hardly at all.

Skin that brows push up wrinkles and slides; what is worn on it, a veil's edge or the band of a cap, stays, and a band
that bends with the brows is seen at once. In clips hairlines go by -.18 to .56 of the brows' way, by .36 in the median
(benchmarks/foreheads.py), and by .43 with the head model's shapes; a portrait's go by .17, as some people's do.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from portrait_alive.shape import topology
from portrait_alive.shape.basis import ShapeBasis

_BROW_TOPS: Final = (105, 66, 107, 334, 296, 336)
_STIFFENS: Final = 0.9
"""Share of the shapes' motion that is gone at the top of the mesh; between brows and there it grows with the square."""


def goes_with_brows(basis: ShapeBasis) -> NDArray[np.float64]:
    """(P,) share of the brow shapes' motion that each point takes: 1 up to the brows, less above them."""
    low = float(basis.mean[list(_BROW_TOPS), 1].mean())
    high = float(basis.mean[topology.FOREHEAD, 1])
    above = np.clip((low - basis.mean[:, 1].astype(np.float64)) / (low - high), 0, 1)
    return np.asarray(1 - _STIFFENS * above**2)
