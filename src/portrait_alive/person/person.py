"""A person: what the networks know of a sitter after they have seen all of the pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from portrait_alive.errors import MissingDependencyError
from portrait_alive.neural.condition import see_source
from portrait_alive.neural.landmark_image import landmark_image
from portrait_alive.neural.repaint import NeuralLayer
from portrait_alive.neural.view import VIEW_PX, View
from portrait_alive.person.lent import Lent
from portrait_alive.types import MESH_POINTS, Bytes, Float, Picture, SourceFace
from portrait_alive.weights import EMBEDDER, GENERATOR, sha256_of, weight_path

MOST_PICTURES = 32
NETWORKS = "networks"
"""Key in `Person.made`: the networks that it was made with."""


@dataclass(frozen=True, eq=False)
class SitterPicture:
    """One picture of the sitter, and where the face is in it."""

    picture: Picture
    face: SourceFace

    @property
    def name(self) -> str:
        """For messages."""
        return self.picture.path.name if self.picture.path else "the picture"

    @property
    def view(self) -> Bytes:
        """(V, V, 6) uint8 as the embedder sees it."""
        return see_source(self.picture.pixels, self.face)

    @property
    def mesh(self) -> Float:
        """(478, 2) in pixels of the view."""
        view = View.around(self.face.points, View.side_for(self.face))
        return view.points(self.face.points[:MESH_POINTS])


@dataclass(frozen=True, eq=False)
class Person:
    """A sitter as the generator needs it."""

    embedding: Float
    """(E,) mean over the pictures; E is 0 where no networks have seen them."""
    changes: Mapping[str, Float] = field(default_factory=dict)
    """What tuning added to parameters of the generator, by their names; empty when it was not tuned."""
    views: Bytes = field(default_factory=lambda: np.zeros((0, VIEW_PX, VIEW_PX, 3), np.uint8))
    """(K - 1, V, V, 3) sRGB: the faces of the pictures that are not animated."""
    meshes: Float = field(default_factory=lambda: np.zeros((0, MESH_POINTS, 2), np.float32))
    """(K - 1, 478, 2) their meshes in pixels of the views."""
    lent: Lent = field(default_factory=Lent)
    """What the other pictures lend, as sharp as the canvas needs it."""
    made: Mapping[str, str] = field(default_factory=dict)
    """How it was made, in words."""

    @staticmethod
    def untuned(pictures: Sequence[SitterPicture], layer: NeuralLayer) -> "Person":
        """The person that the networks see at first sight.

        Args:
            pictures: 1 to 32; the first is the canvas.
            layer: the networks.
        """
        seen = [each.view for each in pictures]
        embedding = layer.embed(seen)[0].float().cpu().numpy()
        made = {NETWORKS: networks_name()}
        if len(pictures) == 1:
            return Person(embedding, made=made)
        views = np.stack([view[..., :3] for view in seen[1:]])
        meshes = np.stack([each.mesh for each in pictures[1:]])
        return Person(embedding, views=views, meshes=meshes, made=made)

    @staticmethod
    def unseen(pictures: Sequence[SitterPicture]) -> "Person":
        """The person where there are no networks: its pictures, which lend to one another. The first is the canvas."""
        nobody = np.zeros(0, np.float32)
        if len(pictures) == 1:
            return Person(nobody)
        views = np.stack([each.view[..., :3] for each in pictures[1:]])
        return Person(nobody, views=views, meshes=np.stack([each.mesh for each in pictures[1:]]))

    @property
    def is_current(self) -> bool:
        """Whether it was made with the networks that are there."""
        return self.made.get(NETWORKS) == networks_name()

    def seen_anew(self, canvas: SitterPicture, layer: NeuralLayer) -> "Person":
        """The untuned person of the same pictures, by other networks."""
        others = [np.dstack([view, landmark_image(mesh)]) for view, mesh in zip(self.views, self.meshes, strict=True)]
        embedding = layer.embed([canvas.view, *others])[0].float().cpu().numpy()
        return replace(self, embedding=embedding, changes={}, made={**self.made, NETWORKS: networks_name()})

    def with_lent(self, lent: Lent) -> "Person":
        """The same with what the other pictures lend."""
        return replace(self, lent=lent)

    def with_made(self, made: Mapping[str, str]) -> "Person":
        """The same with more said of how it was made."""
        return replace(self, made={**self.made, **made})


def has_networks() -> bool:
    """Whether embedder and generator are there."""
    try:
        networks_name()
    except MissingDependencyError:
        return False
    return True


def networks_name() -> str:
    """A word that differs between versions of the networks."""
    return "-".join(sha256_of(weight_path(name))[:12] for name in (EMBEDDER, GENERATOR))
