"""A face's part in a film as a sequence whose states are computed when they are asked for."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import overload

from portrait_alive.types import DrivenFace


class DrivenFaces(Sequence[DrivenFace]):
    """Slices, and indices from the end; what is computed is a frame from 0 to one below the length."""

    @overload
    def __getitem__(self, frame: int) -> DrivenFace: ...
    @overload
    def __getitem__(self, frame: slice) -> Sequence[DrivenFace]: ...
    def __getitem__(self, frame: int | slice) -> DrivenFace | Sequence[DrivenFace]:
        if isinstance(frame, slice):
            return [self.driven(index) for index in range(*frame.indices(len(self)))]
        if not -len(self) <= frame < len(self):
            raise IndexError(f"frame {frame} of {len(self)}")
        return self.driven(frame % len(self))

    @abstractmethod
    def driven(self, frame: int) -> DrivenFace:
        """What the face does in a frame."""
