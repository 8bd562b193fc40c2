"""Which point of the face mesh lies where: index groups of MediaPipe's 478 points and the iBUG-68 view of them.

Names are the subject's: `RIGHT_EYE` is the subject's right eye, on the viewer's left in an unmirrored picture.
Rings run clockwise as the viewer sees them. Source: the published canonical face mesh (MediaPipe Face Mesh, Apache-2.0).
"""

from typing import Final

UPPER_LIP_OUTER: Final = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_LIP_OUTER: Final = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
UPPER_LIP_INNER: Final = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_LIP_INNER: Final = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
"""Each lip curve from the subject's right corner to the left one."""

LIPS_OUTER: Final = UPPER_LIP_OUTER + LOWER_LIP_OUTER[-2:0:-1]
LIPS_INNER: Final = UPPER_LIP_INNER + LOWER_LIP_INNER[-2:0:-1]
LIPS: Final = tuple(sorted(set(LIPS_OUTER + LIPS_INNER)))

RIGHT_EYE_UPPER: Final = (33, 246, 161, 160, 159, 158, 157, 173, 133)
RIGHT_EYE_LOWER: Final = (33, 7, 163, 144, 145, 153, 154, 155, 133)
LEFT_EYE_UPPER: Final = (362, 398, 384, 385, 386, 387, 388, 466, 263)
LEFT_EYE_LOWER: Final = (362, 382, 381, 380, 374, 373, 390, 249, 263)
"""Each lid margin from the viewer's left corner to the right one."""

RIGHT_EYE: Final = RIGHT_EYE_UPPER + RIGHT_EYE_LOWER[-2:0:-1]
LEFT_EYE: Final = LEFT_EYE_UPPER + LEFT_EYE_LOWER[-2:0:-1]

RIGHT_IRIS: Final = (468, 469, 470, 471, 472)
LEFT_IRIS: Final = (473, 474, 475, 476, 477)
"""Centre, then four points on the rim."""

RIGHT_BROW: Final = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
LEFT_BROW: Final = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)

FACE_OVAL: Final = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""The outline from the top of the forehead, clockwise."""

NOSE_TIP: Final = 1
NOSE_BRIDGE: Final = 168
CHIN: Final = 152
FOREHEAD: Final = 10

IBUG68: Final = (
    127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,
    78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip
"""Mesh index of each iBUG-68 point (Sagonas et al. 2013): jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, lips 48-67."""

EYE_CORNERS: Final = (33, 133, 362, 263)
"""Right outer, right inner, left inner, left outer."""

GROUPS: Final[dict[str, tuple[int, ...]]] = {
    "eyes": tuple(sorted(set(RIGHT_EYE + LEFT_EYE))),
    "irises": RIGHT_IRIS + LEFT_IRIS,
    "mouth": LIPS,
    "brows": RIGHT_BROW + LEFT_BROW,
    "contour": FACE_OVAL,
}
"""The groups that tables report."""
