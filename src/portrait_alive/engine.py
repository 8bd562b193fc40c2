"""What makes the frames: the warp alone, or the warp corrected by the networks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from portrait_alive.composite import Canvas
from portrait_alive.errors import UsageError
from portrait_alive.neighbours import Neighbours
from portrait_alive.neural.condition import see_source
from portrait_alive.neural.repaint import NeuralLayer
from portrait_alive.neural.view import View
from portrait_alive.options import Engine as EngineName
from portrait_alive.person.lent import Lent, lending_of
from portrait_alive.person.person import Person
from portrait_alive.shape.basis import ShapeBasis
from portrait_alive.tracking.matte import Matter
from portrait_alive.types import Box, Bytes, Corners, DrivenFace, Float, Picture, SourceFace
from portrait_alive.warp.behind import Behind
from portrait_alive.warp.layers import take_apart
from portrait_alive.warp.lending import Lending
from portrait_alive.warp.warper import Warper

_CUT_OUT_SHARE = 0.1
"""Transparent share of the moving region from which the alpha channel is the sitter's own silhouette."""


@dataclass(frozen=True, eq=False)
class Region:
    """One face's moving part of one frame."""

    pixels: Bytes
    """(h, w, 3) uint8 sRGB of the face's box."""
    opacity: Float | None = None
    """(h, w) in [0, 1]: alpha, where the silhouette moves with the sitter."""


class Engine(Protocol):
    """Renders frames of one picture."""

    @property
    def moving_pixels(self) -> int:
        """Pixels of all moving regions together."""
        ...

    @property
    def moving(self) -> Corners:
        """The part of the picture outside of which all frames are the source."""
        ...

    def render(self, driven: Sequence[DrivenFace]) -> list[Region]:
        """The moving regions of one frame, one for each face. Called by several threads at once."""
        ...

    def compose(self, regions: Sequence[Region]) -> Bytes:
        """The whole frame, (H, W, 3) uint8, or (H, W, 4) with alpha; valid until the next call."""
        ...


def make_engine(
    name: EngineName,
    picture: Picture,
    faces: Sequence[SourceFace],
    basis: ShapeBasis,
    *,
    with_alpha: bool,
    rooms: Sequence[Box | None] | None = None,
    device: torch.device | None = None,
    matter: Matter | None = None,
    person: Person | None = None,
    lent: Lent | None = None,
) -> Engine:
    """The engine of a name, with the picture taken apart.

    Args:
        name: of the engine.
        picture: the source.
        faces: its faces that move, at least one.
        basis: the shape basis that the faces were fitted with.
        with_alpha: frames carry the picture's alpha channel.
        rooms: for each face the box that its points will ever be in, where that is more than its surroundings.
        device: where networks run; None for the CPU.
        matter: the matte network; None loads it.
        person: of the one face, where more is known of it than the picture shows.
        lent: by other pictures of the one face: what the picture cannot show.

    Raises:
        MissingDependencyError: the networks' weights are not there.
    """
    place = device or torch.device("cpu")
    matter = matter or Matter.load(place)
    scene = None if lent is None or lent.scene is None else lent.scene.behind()
    warp = WarpEngine.of(
        picture, faces, basis, rooms or [None] * len(faces), matter, with_alpha=with_alpha, behind=scene
    )
    if lent is not None:
        warp = warp.with_lending(lending_of(picture, faces[0], lent.faces, basis))
    if name == "warp":
        return warp
    if name == "neural":
        return NeuralEngine.of(warp, faces, NeuralLayer.load(place), person)
    raise UsageError(f"--engine {name}: choose warp or neural")


@dataclass(frozen=True, eq=False)
class WarpEngine:
    """Moves the picture's own paint: warps, and draws mouth, lids and eyeballs in its colours."""

    picture: Picture
    warpers: tuple[Warper, ...]
    canvas: Canvas
    neighbours: Neighbours
    alpha: Bytes | None
    """(H, W, 4) frame that is written again and again, where frames carry alpha."""
    cut_out: tuple[bool, ...]
    """By face: the alpha channel is its silhouette, and moves with it."""

    @staticmethod
    def of(
        picture: Picture,
        faces: Sequence[SourceFace],
        basis: ShapeBasis,
        rooms: Sequence[Box | None],
        matter: Matter,
        *,
        with_alpha: bool,
        behind: Behind | None = None,
    ) -> "WarpEngine":
        """Take the picture apart for each face; `behind` is what others show of the scene behind the first one."""
        warpers, cut_out = [], []
        behinds = [behind, *[None] * (len(faces) - 1)]
        for face, room, seen in zip(faces, rooms, behinds, strict=True):
            warper = Warper(take_apart(picture, face, basis, matter=matter, room=room, behind=seen))
            is_cut_out = _is_cut_out(picture, warper.box)
            if is_cut_out and picture.alpha is not None:
                matte = picture.alpha.astype(np.float32) / np.float32(255)
                warper = Warper(take_apart(picture, face, basis, matte=matte, room=room, behind=seen))
            warpers.append(warper)
            cut_out.append(is_cut_out and with_alpha)
        boxes = [warper.box for warper in warpers]
        frame = None
        if with_alpha and picture.alpha is not None:
            frame = np.dstack([picture.pixels, picture.alpha])
        return WarpEngine(
            picture,
            tuple(warpers),
            Canvas.of(picture, boxes[0]),
            Neighbours.of(picture, boxes, [face.landmarks.box for face in faces]),
            frame,
            tuple(cut_out),
        )

    def with_lending(self, lending: Lending | None) -> "WarpEngine":
        """The same with other pictures that lend to the first face."""
        first, *others = self.warpers
        return replace(self, warpers=(replace(first, lending=lending), *others))

    @property
    def moving_pixels(self) -> int:
        """Pixels of all moving regions together."""
        return sum((right - left) * (bottom - top) for left, top, right, bottom in (w.box for w in self.warpers))

    @property
    def moving(self) -> Corners:
        """The part of the picture outside of which all frames are the source."""
        lefts, tops, rights, bottoms = zip(*(warper.box for warper in self.warpers), strict=True)
        height, width = self.picture.size
        return max(min(lefts), 0), max(min(tops), 0), min(max(rights), width), min(max(bottoms), height)

    def render(self, driven: Sequence[DrivenFace]) -> list[Region]:
        """The moving regions of one frame, one for each face."""
        regions = []
        for warper, cut_out, face in zip(self.warpers, self.cut_out, driven, strict=True):
            if cut_out:
                rendered = warper.render_with_masks(face)
                regions.append(Region(rendered.pixels, rendered.opacity))
            else:
                regions.append(Region(warper.render(face)))
        return regions

    def compose(self, regions: Sequence[Region]) -> Bytes:
        """The whole frame; valid until the next call."""
        if len(regions) == 1:
            frame = self.canvas.paste(regions[0].pixels)
        else:
            frame = self.neighbours.paste([region.pixels for region in regions])
        if self.alpha is None:
            return frame
        for warper, region in zip(self.warpers, regions, strict=True):
            left, top, right, bottom = warper.box
            target = self.alpha[top:bottom, left:right]
            height, width = target.shape[:2]
            target[..., :3] = frame[top:bottom, left:right]
            if region.opacity is not None:
                target[..., 3] = np.rint(region.opacity[:height, :width] * 255)
        return self.alpha


@dataclass(frozen=True, eq=False)
class NeuralEngine:
    """The warp, corrected by embedder and generator."""

    warp: WarpEngine
    layer: NeuralLayer
    people: tuple[Tensor, ...]
    """Person embedding of each face."""
    sides: tuple[int, ...]
    """Side of each face's view."""

    @staticmethod
    def of(
        warp: WarpEngine, faces: Sequence[SourceFace], layer: NeuralLayer, person: Person | None = None
    ) -> "NeuralEngine":
        """Embed each face of the picture, unless it is the one whose person is known."""
        sides = tuple(View.side_for(face) for face in faces)
        if person is not None:
            known = torch.from_numpy(person.embedding)[None].to(layer.device)
            return NeuralEngine(warp, layer.tuned(person.changes), (known,), sides)
        people = tuple(layer.embed([see_source(warp.picture.pixels, face)]) for face in faces)
        return NeuralEngine(warp, layer, people, sides)

    @property
    def moving_pixels(self) -> int:
        """Pixels of all moving regions together."""
        return self.warp.moving_pixels

    @property
    def moving(self) -> Corners:
        """The part of the picture outside of which all frames are the source."""
        return self.warp.moving

    def render(self, driven: Sequence[DrivenFace]) -> list[Region]:
        """The moving regions of one frame, one for each face."""
        regions = []
        parts = zip(self.warp.warpers, self.warp.cut_out, self.people, self.sides, driven, strict=True)
        for warper, cut_out, person, side, face in parts:
            rendered = warper.render_with_masks(face)
            pixels = self.layer.repaint(rendered, warper.box[:2], face, side, person)
            regions.append(Region(pixels, rendered.opacity if cut_out else None))
        return regions

    def compose(self, regions: Sequence[Region]) -> Bytes:
        """The whole frame; valid until the next call."""
        return self.warp.compose(regions)


def _is_cut_out(picture: Picture, box: tuple[int, int, int, int]) -> bool:
    if picture.alpha is None:
        return False
    left, top, right, bottom = box
    return float((picture.alpha[top:bottom, left:right] < 128).mean()) > _CUT_OUT_SHARE
