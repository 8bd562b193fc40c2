"""Who lends to a frame, and how much: a continuous function of the frame's face, so that nothing pops.

Frames are rendered by several threads without a memory of each other; what keeps a film from flickering is that shares
change only as fast as the face does.
"""

import numpy as np

from portrait_alive.easing import smoothstep
from portrait_alive.types import Float

IN_PLAY = 3
"""Pictures that a part of one frame is made of, the canvas included."""
_MARGIN = 0.5
"""How much nearer than the canvas a lender has to be: moving what is there is safer than exchanging it."""
_REACH = 0.9
"""Distance beyond the nearest at which a picture no longer counts."""
_LEAD = 0.3
"""Share of that by which those in play have to be nearer than the next for all of their weight."""
_AS_GOOD = (0.25, 0.75)
"""Distances of the canvas below which nothing is lent, and from which on all of it may be."""
_NEVER = 1e6
_TURNED = (0.6, 0.9)
"""Radians between lender and frame from which a lender's say fades, and at which it has none."""


def shares_of(distances: Float, turns: Float) -> list[tuple[int, float]]:
    """(lender from 0, share) of those that lend; what the shares leave to 1 is the canvas's.

    The nearest few are in play. Whoever is about to leave them has no share any more: shares fall to 0 with the lead
    over the next one.

    Args:
        distances: (1 + L,) of the canvas and of the lenders from the wanted face, 1 where it begins to be seen;
            infinite for one that is not to lend.
        turns: (L,) angles between the lenders' heads and the frame's, in radians.
    """
    costs = np.minimum(distances, _NEVER).astype(np.float64)
    costs[1:] += _MARGIN
    order = np.argsort(costs, kind="stable")
    nearest = costs[order[0]]
    weights = np.square(np.maximum(1 - (costs - nearest) / _REACH, 0.0))
    if len(costs) > IN_PLAY:
        weights *= np.clip((costs[order[IN_PLAY]] - costs) / (_LEAD * _REACH), 0.0, 1.0)
        if weights.sum() < 1e-12:  # all tie
            weights[order[:IN_PLAY]] = 1.0
    shares = weights / weights.sum()
    need = smoothstep(*_AS_GOOD, float(distances[0]))
    facing = np.array([1 - smoothstep(*_TURNED, float(turn)) for turn in turns])
    lent = shares[1:] * facing * need
    return [(int(index), float(lent[index])) for index in np.flatnonzero(lent > 1e-3)]


def stacked(shares: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """The same as opacities of layers that are put over the canvas one after the other."""
    below, layers = 1.0 - sum(share for _, share in shares), []
    for index, share in shares:
        below += share
        layers.append((index, share / below))
    return layers


def angles_between(rotations: Float, rotation: Float) -> Float:
    """(L,) radians between rotations (L, 3, 3) and one (3, 3)."""
    cosine = (np.einsum("kij,ij->k", rotations, rotation) - 1) / 2
    return np.asarray(np.arccos(np.clip(cosine, -1, 1)), np.float32)
