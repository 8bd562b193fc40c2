"""Reading, packing and taking apart a head model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from portrait_alive.errors import UnreadableInputError
from portrait_alive.heads.import_model import MATERIALS, import_model
from portrait_alive.heads.mesh478 import LEFT_LOWER_LID, LEFT_UPPER_LID, OUTER_LIP, RIGHT_LOWER_LID, RIGHT_UPPER_LID
from portrait_alive.heads.model import HeadModel
from portrait_alive.heads.surface import Attachment, attach

REAL = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "head_model.npz"


def write_obj(path: Path, vertices: NDArray[Any], model: HeadModel) -> None:
    """A head as ICT-FaceKit writes it."""
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in model.uv]
    for number, name in enumerate(MATERIALS):
        rows = np.where(model.material == number)[0]
        if len(rows):
            lines.append(f"usemtl {name}")
            lines += [
                "f " + " ".join(f"{v + 1}/{t + 1}" for v, t in zip(model.faces[row], model.uv_faces[row], strict=True))
                for row in rows
            ]
    path.write_text("\n".join(lines), "utf-8")


def test_import_packs_a_folder(made_up_head: HeadModel, tmp_path: Path) -> None:
    folder = tmp_path / "kit" / "FaceXModel"
    folder.mkdir(parents=True)
    model = made_up_head
    write_obj(folder / "generic_neutral_mesh.obj", model.vertices, model)
    for number, mode in enumerate(model.identity):
        write_obj(folder / f"identity{number:03d}.obj", model.vertices + mode, model)
    jaw = model.expression[model.expression_names.index("jawOpen")]
    write_obj(folder / "jawOpen.obj", model.vertices + jaw, model)
    path = import_model(tmp_path / "kit", tmp_path / "out" / "head.npz", expected_vertices=len(model.vertices))
    with np.load(path) as packed:
        assert np.allclose(packed["vertices"], model.vertices, atol=1e-5)
        assert np.allclose(packed["identity"], model.identity, atol=2e-3)
        assert np.allclose(packed["expression"][0], jaw, atol=2e-3)
        assert packed["expression_names"].tolist() == ["jawOpen"]
        order = np.lexsort(model.faces.T)
        assert np.array_equal(packed["faces"][np.lexsort(packed["faces"].T)], model.faces[order])
    with pytest.raises(UnreadableInputError, match="light model has"):
        import_model(tmp_path / "kit", tmp_path / "head.npz")


def test_import_and_load_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInputError, match="ICT-FaceKit"):
        import_model(tmp_path, tmp_path / "head.npz")
    with pytest.raises(UnreadableInputError, match="heads import"):
        HeadModel.load(tmp_path / "missing.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(UnreadableInputError, match="lacks"):
        HeadModel.load(tmp_path / "other.npz")


def test_attached_points_are_the_closest_of_the_surface() -> None:
    rng = np.random.default_rng(0)
    vertices = rng.normal(size=(30, 3)).astype(np.float32)
    faces = rng.integers(0, 30, (40, 3)).astype(np.int32)
    points = rng.normal(size=(12, 3)).astype(np.float32)
    riders = attach(points, vertices, faces)
    distance = np.linalg.norm(riders.at(vertices) - points, axis=1)
    weights = rng.dirichlet((1, 1, 1), (40, 400))
    samples = np.einsum("tsk,tkc->tsc", weights, vertices[faces]).reshape(-1, 3)
    rival = np.linalg.norm(samples[None] - points[:, None], axis=2).min(1)
    assert (distance <= rival + 1e-4).all()
    assert np.allclose(riders.weights.sum(1), 1, atol=1e-5)


def test_riders_move_linearly(made_up_head: HeadModel) -> None:
    riders: Attachment = made_up_head.skin_points
    shift = riders.shift(made_up_head.identity)
    moved = riders.at(made_up_head.vertices + made_up_head.identity[0])
    assert np.allclose(moved, riders.at(made_up_head.vertices) + shift[0], atol=1e-4)


@pytest.mark.skipif(not REAL.is_file(), reason="the real head model is not at hand")
def test_real_head_shuts_eyes_and_opens_lips() -> None:
    model = HeadModel.load(REAL)
    names = model.expression_names
    rest = model.skin_points.at(model.vertices)
    both = model.expression[names.index("eyeBlink_L")] + model.expression[names.index("eyeBlink_R")]
    shut = model.skin_points.at(model.vertices + both)
    upper, lower = list(RIGHT_UPPER_LID + LEFT_UPPER_LID), list(RIGHT_LOWER_LID + LEFT_LOWER_LID)
    assert (rest[upper, 1] - rest[lower, 1]).max() > 0.9
    assert np.abs(shut[upper, 1] - shut[lower, 1]).max() < 0.12
    jaw = model.skin_points.at(model.vertices + model.expression[names.index("jawOpen")])
    assert rest[13, 1] - rest[14, 1] < 0.15
    assert jaw[13, 1] - jaw[14, 1] > 3.0
    # the iBUG-68 vertices of the outer lip lie on the same line as the mesh's points
    lips = rest[list(OUTER_LIP)]
    for vertex in model.lm68[48:60]:
        assert np.linalg.norm(lips - model.vertices[vertex], axis=1).min() < 0.55
