"""LPIPS and identity: structure with random weights, behaviour with the real ones where those are at hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from face_material import made_up_mesh, smooth_picture

from portrait_alive.errors import UnreadableInputError
from portrait_alive.evaluation.evaluate import IDENTITY_FILE, LPIPS_FILE, SQUEEZENET_FILE
from portrait_alive.evaluation.identity import FACE_SIZE, MobileFaceNet, align_face, cosines, load_identity
from portrait_alive.evaluation.lpips import Lpips, load_lpips

NETWORKS = Path(__file__).resolve().parents[3] / "shared" / "data" / "eval_nets"
needs_networks = pytest.mark.skipif(not NETWORKS.is_dir(), reason="evaluation networks are not at hand")


@pytest.fixture(scope="module")
def lpips():
    return load_lpips(NETWORKS / SQUEEZENET_FILE, NETWORKS / LPIPS_FILE)


@pytest.fixture(scope="module")
def identity():
    return load_identity(NETWORKS / IDENTITY_FILE)


def test_lpips_of_equal_pictures_is_zero_and_it_is_symmetric_with_any_weights():
    torch.manual_seed(0)
    network = Lpips().eval()
    for head in network.heads:
        torch.nn.init.uniform_(head, 0, 1)
    first, second = [smooth_picture(64, 64, s) for s in (0, 1)], [smooth_picture(64, 64, s) for s in (2, 1)]
    forth, back = network.distances(first, second), network.distances(second, first)
    assert forth == pytest.approx(back, rel=1e-5)
    assert forth[0] > 0
    assert forth[1] == 0


def test_lpips_is_the_weighted_squared_distance_of_unit_features():
    torch.manual_seed(0)
    network = Lpips().eval()
    for head in network.heads:
        torch.nn.init.ones_(head)
    a, b = (torch.rand(1, 3, 64, 64) * 2 - 1 for _ in range(2))
    taps_a, taps_b = network.describe(a), network.describe(b)
    assert [t.shape[1] for t in taps_a] == [64, 128, 256, 384, 384, 512, 512]
    # with heads of one, |u - v|^2 = 2 - 2 cos(u, v) at each place where neither feature is all zero
    expected = sum((2 - 2 * (u * v).sum(1)).mean() for u, v in zip(taps_a, taps_b, strict=True))
    alive = all(bool((t.square().sum(1) > 0.5).all()) for t in (*taps_a, *taps_b))
    assert alive
    assert float(network(a, b).detach()) == pytest.approx(float(expected.detach()), rel=1e-3)


def test_weights_of_something_else_are_refused_by_name(tmp_path):
    wrong = tmp_path / "wrong.pth"
    torch.save({"features.0.weight": torch.zeros(3)}, wrong)
    with pytest.raises(UnreadableInputError, match=r"wrong\.pth"):
        load_lpips(wrong, wrong)
    with pytest.raises(UnreadableInputError, match=r"wrong\.pth"):
        load_identity(wrong)
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(b"PK\x03\x04 not a checkpoint")
    with pytest.raises(UnreadableInputError, match=r"damaged\.pth"):
        load_identity(damaged)
    with pytest.raises(UnreadableInputError, match=r"absent\.pth"):
        load_identity(tmp_path / "absent.pth")


class _Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("exploded"),))


def test_code_in_a_checkpoint_does_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"net_state_dict": _Bomb()}, tmp_path / "bomb.ckpt")
    with pytest.raises(UnreadableInputError):
        load_identity(tmp_path / "bomb.ckpt")
    assert not (tmp_path / "exploded").exists()


def test_the_aligned_face_has_its_five_points_where_the_template_has_them():
    mesh = made_up_mesh() + np.array([300, 320, 0], np.float32)
    mesh[1] = 300, 325, -30
    picture = np.zeros((640, 600, 3), np.uint8)
    for corners in ((33, 133), (362, 263)):
        cv2.circle(picture, tuple(int(v) for v in mesh[list(corners), :2].mean(0)), 12, (255, 255, 255), -1)
    face = align_face(picture, mesh)
    assert face.shape == (*FACE_SIZE, 3)
    weight = face[..., 0].astype(float)
    y, x = np.mgrid[: FACE_SIZE[0], : FACE_SIZE[1]] + 0.5
    # the two eyes' common centre; the template's is (47.9, 51.6), the made-up face is no perfect fit
    assert (weight * x).sum() / weight.sum() == pytest.approx(47.9, abs=2)
    assert (weight * y).sum() / weight.sum() == pytest.approx(51.6, abs=4)


def test_alignment_undoes_scale_and_turn():
    mesh = made_up_mesh()[:, :2]
    picture = cv2.GaussianBlur(smooth_picture(600, 600), (0, 0), 6)
    upright = align_face(picture, mesh + 300)
    angle, scale = 0.5, 0.7
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array([300, 300]) - matrix @ np.array([300, 300])
    offset = shift + matrix @ np.array([0.5, 0.5]) - 0.5
    turned_picture = cv2.warpAffine(picture, np.hstack([matrix, offset[:, None]]), (600, 600), flags=cv2.INTER_CUBIC)
    again = align_face(turned_picture, (mesh + 300) @ matrix.T + shift)
    inner = slice(10, -10)
    assert np.abs(upright[inner, inner].astype(int) - again[inner, inner]).mean() < 3


def test_embeddings_have_unit_length_and_a_mirrored_face_hardly_differs():
    torch.manual_seed(0)
    network = MobileFaceNet().eval()
    faces = [smooth_picture(*FACE_SIZE, seed=s) for s in range(3)]
    embeddings = network.embed(faces)
    assert embeddings.shape == (3, 256)
    assert cosines(embeddings, embeddings) == pytest.approx(np.ones(3), abs=1e-5)


@needs_networks
def test_lpips_grows_with_blur_and_noise_and_barely_minds_a_level(lpips):
    picture = smooth_picture(128, 128)
    blurred = [cv2.GaussianBlur(picture, (0, 0), s) for s in (0.7, 1.4, 2.8)]
    assert np.all(np.diff(lpips.distances([picture] * 3, blurred)) > 0)
    brighter = np.clip(picture.astype(int) + 2, 0, 255).astype(np.uint8)
    assert lpips.distances([picture], [brighter])[0] < 0.01
    assert lpips.distances([picture], [smooth_picture(128, 128, 7)])[0] > 0.2


@needs_networks
def test_lpips_prefers_the_sharp_shifted_to_the_blurred(lpips):
    picture = smooth_picture(128, 128)
    shifted, blurred = np.roll(picture, 1, 1), cv2.GaussianBlur(picture, (0, 0), 3)
    near, far = lpips.distances([picture, picture], [shifted, blurred])
    assert near < far


@needs_networks
def test_the_same_face_is_nearer_than_another(identity):
    from PIL import Image

    portraits = NETWORKS.parent / "portraits" / "sets"
    judge_file = next((NETWORKS.parent / "landmark_weights").glob("*.task"))
    pytest.importorskip("mediapipe")
    from portrait_alive.evaluation.judge import MediaPipeJudge

    judge = MediaPipeJudge(judge_file)
    names = ("stock_a_1", "stock_a_4", "wozniak_1", "wozniak_2")
    pictures = [np.asarray(Image.open(portraits / f"{name}.jpg").convert("RGB")) for name in names]
    faces = [align_face(picture, judge.meshes([picture])[0]) for picture in pictures]
    e = identity.embed(faces)
    same = min(float(e[0] @ e[1]), float(e[2] @ e[3]))
    others = max(float(e[i] @ e[j]) for i in (0, 1) for j in (2, 3))
    assert same > others + 0.15
