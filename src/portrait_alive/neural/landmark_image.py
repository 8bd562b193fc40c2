"""Landmarks drawn as lines, as the networks see them: the paper's landmark image, with irises."""

import cv2
import numpy as np

from portrait_alive.neural.view import VIEW_PX
from portrait_alive.shape import topology
from portrait_alive.types import Bytes, Float

_SHIFT = 4
_NOSE = ((168, 6, 197, 195, 5, 4, 1), (98, 97, 2, 326, 327))
_BROWS = (
    topology.RIGHT_BROW[:5],
    topology.RIGHT_BROW[5:],
    topology.LEFT_BROW[:5],
    topology.LEFT_BROW[5:],
)
_OVAL = (*topology.FACE_OVAL, topology.FACE_OVAL[0])
_LIPS = (
    topology.UPPER_LIP_OUTER,
    topology.LOWER_LIP_OUTER,
    topology.UPPER_LIP_INNER,
    topology.LOWER_LIP_INNER,
)
_LIDS = (topology.RIGHT_EYE_UPPER, topology.RIGHT_EYE_LOWER, topology.LEFT_EYE_UPPER, topology.LEFT_EYE_LOWER)
_CHANNELS = ((_OVAL, *_NOSE, *_BROWS), _LIPS, _LIDS)


def landmark_image(points: Float) -> Bytes:
    """(V, V, 3) uint8: outline, brows and nose; lips; lids and irises, one channel each.

    Args:
        points: (478, 2) in view pixels.
    """
    channels = []
    for lines in _CHANNELS:
        channel = np.zeros((VIEW_PX, VIEW_PX), np.uint8)
        for line in lines:
            fixed = np.rint((points[list(line)] - 0.5) * 2**_SHIFT).astype(np.int32)
            cv2.polylines(channel, [fixed], False, 255, 1, cv2.LINE_AA, _SHIFT)
        channels.append(channel)
    for iris in (topology.RIGHT_IRIS, topology.LEFT_IRIS):
        rim = points[list(iris)[1:]]
        centre = points[iris[0]]
        radius = float(np.linalg.norm(rim - centre, axis=1).mean())
        spot = [round(float(one - 0.5) * 2**_SHIFT) for one in centre]
        cv2.circle(channels[2], spot, int(radius * 2**_SHIFT), 255, 1, cv2.LINE_AA, _SHIFT)
    return np.dstack(channels)
