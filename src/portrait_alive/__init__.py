"""Bring a still portrait to life: animate a painting or photograph with the motion of a driving video.

    from portrait_alive import AnimateOptions, animate

    result = animate("monalisa.jpg", driver="me.mp4", options=AnimateOptions(crf=12))
    print(result.path)

Names are imported when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portrait_alive.options import AnimateOptions as AnimateOptions
    from portrait_alive.person.enroll import EnrollResult as EnrollResult
    from portrait_alive.person.enroll import enroll as enroll
    from portrait_alive.pipeline import AnimateResult as AnimateResult
    from portrait_alive.pipeline import animate as animate
    from portrait_alive.pipeline import track as track

__version__ = "0.1.0"
__all__ = ["AnimateOptions", "AnimateResult", "EnrollResult", "__version__", "animate", "enroll", "track"]

_HOMES = {
    "AnimateOptions": "portrait_alive.options",
    "AnimateResult": "portrait_alive.pipeline",
    "EnrollResult": "portrait_alive.person.enroll",
    "animate": "portrait_alive.pipeline",
    "enroll": "portrait_alive.person.enroll",
    "track": "portrait_alive.pipeline",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'portrait_alive' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
