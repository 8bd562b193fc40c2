"""How kernels are compiled: once, for one thread, without Python's lock."""

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """`function` as machine code, kept on disk between runs."""
    return cast(F, njit(cache=True, nogil=True, fastmath=True)(function))
