"""Looks as far as they go, and looks up and down where a tracker reads them off the lids.

An iris under a narrowing eye is thought to sink, as in a blink: so say irises in the pixels, found without any network,
for the tracker that ships with the program and for MediaPipe alike. What narrowing lids do is taken off again.

Lids follow a look, so a tracker that hardly sees an iris's height can guess it from the margins, and then shows too
little of every look. Whether it does is told by the clip: of the irises' height the lids explain about nine tenths
where irises are seen (MediaPipe, nine clips: 0.60 to 0.98), and 0.98 to 1.00 where they are guessed. There what the
lids do not explain is small, but it is what was really seen: it counts for more. The whole look counts for somewhat
more with every tracker.
"""

import numpy as np
from numpy.typing import NDArray

_SINKS = 0.25
"""Of the way by which the gap between the lids narrows, a tracked iris sinks. In the pixels of ten people who look up
or down, the correlation of their looks with the tracked ones is 0.61 in the mean without, 0.72 with it."""
_SEEN = 0.04
"""Share of the irises' variance that lids leave unexplained from which on the irises are taken as they are seen."""
_SIDEWAYS, _UP_AND_DOWN = 1.25, 1.4
"""Every tracker shows too little of a look. Sideways the one that ships goes 0.56 to 1.11 of the way that irises go in
the pixels of seven people, median 0.80. With these gains portraits' irises go 0.95 of their drivers' way sideways and
three quarters of it up and down, in the pixels (medians; docs/motion.md)."""
_UNEXPLAINED_GAIN = 2.5
_OPEN = 0.6
_LEAST_FRAMES = 20
_FARTHEST = 3.0
"""Standard deviations at which what is unexplained is cut: a blink under way is not a look."""


def whole_looks(
    gaze: NDArray[np.float32], lid_heights: NDArray[np.float32], lids: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(N, 2, 2) gaze with all looks enlarged, those up and down freed of what narrowing lids do.

    Args:
        gaze: (N, 2, 2) as tracked: right, left iris; x, y in half-widths of the eye.
        lid_heights: (N, 2, 2) right, left eye; upper, lower margin: how far below the line between the corners, in
            half-widths.
        lids: (N, 2) opening, 1 relaxed.
    """
    iris, margins = gaze[:, :, 1].mean(1).astype(np.float64), lid_heights.mean(1).astype(np.float64)
    is_open = lids.min(1) > _OPEN
    if is_open.sum() < _LEAST_FRAMES:
        return gaze
    gap = margins[:, 1] - margins[:, 0]
    # shut eyes say nothing, and lids that are lowered for long may be those of a look down
    risen = _SINKS * (np.clip(gap, gap[is_open].min(), None) - np.median(gap[is_open]))
    iris = iris + risen
    usual, usual_margins = float(np.median(iris[is_open])), np.median(margins[is_open], 0)
    moved, lids_moved = iris - usual, margins - usual_margins
    spread = float(moved[is_open].var())
    if spread < 1e-8:
        return gaze
    explained, *_ = np.linalg.lstsq(lids_moved[is_open], moved[is_open], rcond=None)
    beyond = moved - lids_moved @ explained
    deviation = float(beyond[is_open].std())
    guessed = max(1.0 - deviation**2 / spread / _SEEN, 0.0)
    beyond = np.clip(beyond, -_FARTHEST * deviation, _FARTHEST * deviation)
    more = risen + (_UP_AND_DOWN - 1.0) * moved + guessed * (_UNEXPLAINED_GAIN - 1.0) * beyond
    result = gaze.copy()
    result[:, :, 0] += np.float32(_SIDEWAYS - 1.0) * (gaze[:, :, 0] - np.median(gaze[is_open, :, 0], 0))
    result[:, :, 1] += more[:, None].astype(np.float32)
    return result
