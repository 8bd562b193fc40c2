"""Person files: what goes in comes out, and whatever is wrong with one is said in a line."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from portrait_alive import AnimateOptions, animate, enroll
from portrait_alive.cli import app
from portrait_alive.errors import MissingDependencyError, OutputError, UnreadableInputError, UsageError
from portrait_alive.person.file import FORMAT, load_learned, load_person, save_learned, save_person
from portrait_alive.person.lent import LentScene, within_budget
from portrait_alive.person.person import Person
from portrait_alive.warp.behind import Behind

QUICK = AnimateOptions(engine="neural", end=0.2)


@pytest.fixture(scope="session")
def enrolled_once() -> dict[str, bytes]:
    """The file of the first test that needs one."""
    return {}


@pytest.fixture
def made(draw, small, tmp_path, enrolled_once) -> Path:
    paths, person = [draw("a.png"), draw("b.png", turn_deg=5)], tmp_path / "ada.person"
    if not enrolled_once:
        enroll(paths, person, options=QUICK)
        enrolled_once["ada"] = person.read_bytes()
    person.write_bytes(enrolled_once["ada"])
    return person


def rewritten(path: Path, *, metadata: dict[str, str] | None = None, **tensors: np.ndarray | None) -> Path:
    """A copy with some tensors replaced; None leaves one out."""
    known = {**load_file(path), **{name.replace("__", "."): value for name, value in tensors.items()}}
    out = path.with_name("hostile.person")
    save_file({name: value for name, value in known.items() if value is not None}, out, metadata or {"format": FORMAT})
    return out


def test_enroll_then_animate(made, tmp_path):
    result = animate(person=made, motion="nod", output=tmp_path / "film.mp4", options=AnimateOptions(end=0.2))
    assert result.frames == 5
    assert "person-outdated" not in {note.code for note in result.notes}


def test_without_networks_the_pictures_are_enrolled_and_lend(draw, tmp_path, monkeypatch):
    monkeypatch.setattr("portrait_alive.person.person.weight_path", _nowhere)
    monkeypatch.setattr("portrait_alive.neural.repaint.weight_path", _nowhere)
    person, paths = tmp_path / "ada.person", [draw("a.png"), draw("b.png", turn_deg=5)]
    enroll(paths, person)
    stored = load_person(person)
    assert stored.person.embedding.size == 0
    assert len(stored.person.lent.faces) == 1
    film = animate(person=person, motion="nod", output=tmp_path / "film.mp4", options=AnimateOptions(end=0.2))
    assert film.frames == 5
    with pytest.raises(MissingDependencyError):
        enroll(paths, tmp_path / "eve.person", options=AnimateOptions(engine="neural"))
    with pytest.raises(MissingDependencyError):
        animate(person=person, motion="nod", output=tmp_path / "2.mp4", options=AnimateOptions(engine="neural"))


def _nowhere(name):
    raise MissingDependencyError(f"{name} is not there")


def test_the_file_gives_the_film_of_the_pictures(made, tmp_path):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    frames: dict[str, list[np.ndarray]] = {"pictures": [], "file": []}
    animate(
        paths, motion="nod", output=tmp_path / "1.mp4", options=QUICK,
        on_frame=lambda _, frame: frames["pictures"].append(frame.copy()),
    )  # fmt: skip
    animate(
        person=made, motion="nod", output=tmp_path / "2.mp4", options=QUICK,
        on_frame=lambda _, frame: frames["file"].append(frame.copy()),
    )  # fmt: skip
    assert all(np.array_equal(one, other) for one, other in zip(frames["pictures"], frames["file"], strict=True))


def test_it_holds_the_pictures_own_bytes_and_little_more(made, tmp_path):
    canvas = (tmp_path / "a.png").read_bytes()
    assert load_file(made)["canvas"].tobytes() == canvas
    assert made.stat().st_size < len(canvas) + 1_000_000


def test_a_file_without_lent_faces_lends_its_views(made):
    old = load_person(rewritten(made, lent=None, lent__ends=None, lent__points=None)).person
    assert [each.pixels().shape for each in old.lent.faces] == [(192, 192, 3)]
    assert np.allclose(old.lent.faces[0].points[:, :2], old.meshes[0])


def test_the_scene_behind_comes_back_and_has_to_fit(made):
    behind = Behind(np.full((30, 40, 3), 90, np.uint8), np.full((30, 40), 255, np.uint8), (12.0, 7.0), 2.0)
    scene = LentScene.of(behind)
    stored = {"scene": scene.encoded, "scene__share": scene.share, "scene__place": scene.place}
    known = load_person(rewritten(made, **stored)).person.lent.scene
    assert known is not None
    back = known.behind()
    assert back is not None
    assert (back.corner, back.pitch, back.pixels.shape) == (behind.corner, behind.pitch, behind.pixels.shape)
    assert np.array_equal(back.share, behind.share)
    other = LentScene.of(Behind(behind.pixels[:9], behind.share[:9], (0.0, 0.0), 1.0))
    nowhere = np.array([0, np.nan, 1], np.float32)
    for wrong in ({"scene": scene.encoded[:40]}, {"scene__share": other.share}, {"scene__place": nowhere}):
        with pytest.raises(UnreadableInputError):
            load_person(rewritten(made, **{**stored, **wrong}))


def test_lent_faces_come_back_and_fit_their_budget(made):
    lent = load_person(made).person.lent.faces
    assert len(lent) == 1
    assert np.ptp(lent[0].points[:, 1]) < lent[0].pixels().shape[0]
    small = within_budget([lent[0]] * 4, lent[0].encoded.size)
    assert sum(each.encoded.size for each in small) <= lent[0].encoded.size
    assert np.ptp(small[0].points[:, 1]) < 0.6 * np.ptp(lent[0].points[:, 1])


def test_other_networks_see_the_pictures_anew(made, tmp_path, monkeypatch):
    monkeypatch.setattr("portrait_alive.person.person.networks_name", lambda: "newer")
    result = animate(person=made, motion="nod", output=tmp_path / "film.mp4", options=QUICK)
    assert "person-outdated" in {note.code for note in result.notes}


def test_what_was_tuned_comes_back(tmp_path, made):
    stored = load_person(made)
    change = np.float32(np.float16(np.linspace(-1, 1, 24))).reshape(24)
    person = Person(stored.person.embedding, {"out.bias": change}, made={"seed": "3"})
    canvas = np.frombuffer((tmp_path / "a.png").read_bytes(), np.uint8)
    save_person(person, canvas, stored.landmarks, tmp_path / "tuned.person")
    back = load_person(tmp_path / "tuned.person").person
    assert np.array_equal(back.changes["out.bias"], change)
    assert back.made == {"seed": "3"}
    save_learned(person, tmp_path / "entry")
    assert np.array_equal(load_learned(tmp_path / "entry").changes["out.bias"], change)


def test_a_name_that_is_taken_is_kept(made, draw):
    before = made.read_bytes()
    with pytest.raises(OutputError, match="--overwrite"):
        enroll(draw("a.png"), made, options=QUICK)
    assert made.read_bytes() == before
    enroll(draw("a.png"), made, options=AnimateOptions(engine="neural", overwrite=True))
    assert len(load_person(made).person.views) == 0
    assert not list(made.parent.glob(".*part*"))


@pytest.mark.parametrize("length", [0, 5, 8, 40, 3000, -1])
def test_truncated(made, length):
    cut = made.with_name("cut.person")
    cut.write_bytes(made.read_bytes()[:length])
    with pytest.raises(UnreadableInputError, match=r"cut\.person.*enroll"):
        load_person(cut)


def test_hostile_headers(made):
    bad = made.with_name("bad.person")
    for content in (
        struct.pack("<Q", 1 << 62) + b"{}",
        struct.pack("<Q", 200_000) + b"[" * 200_000,
        struct.pack("<Q", 4) + b"null",
        _claiming([1 << 40, 1 << 20]),
        b"PK\x03\x04" + bytes(100),
    ):
        bad.write_bytes(content)
        with pytest.raises(UnreadableInputError, match=r"bad\.person"):
            load_person(bad)


def _claiming(shape: list[int]) -> bytes:
    header = {
        "__metadata__": {"format": FORMAT},
        "embedding": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4 * shape[0] * shape[1]]},
    }
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(64)


def test_wrong_values(made):
    wrong = [
        {"embedding": None},
        {"embedding": np.full(8, np.nan, np.float32)},
        {"embedding": np.zeros((2, 4), np.float32)},
        {"embedding": np.zeros(8, np.int64)},
        {"canvas": np.zeros(10, np.float32)},
        {"canvas__points": np.zeros((478, 2), np.float32)},
        {"canvas__points": np.zeros((478, 3), np.float32)},
        {"canvas__presence": np.array([7], np.float32)},
        {"views": np.zeros((1, 10, 10, 3), np.uint8)},
        {"meshes": np.zeros((5, 478, 2), np.float32)},
        {"views": np.zeros((32, 192, 192, 3), np.uint8), "meshes": np.zeros((32, 478, 2), np.float32)},
        {"change__out__bias": np.full(24, np.inf, np.float16)},
        {"lent__ends": np.array([40])},
        {"lent__ends": np.zeros(0, np.int64), "lent__points": np.zeros((0, 478, 3), np.float32)},
        {"lent__points": np.zeros((1, 478, 3), np.float32)},
        {"change__out__bias": np.zeros(5_000_000, np.float16)},
    ]
    for tensors in wrong:
        with pytest.raises(UnreadableInputError, match=r"hostile\.person.*enroll"):
            load_person(rewritten(made, **tensors))
    with pytest.raises(UnreadableInputError, match="portrait-alive-person-9"):
        load_person(rewritten(made, metadata={"format": "portrait-alive-person-9"}))
    with pytest.raises(UnreadableInputError, match="hostile"):
        load_person(rewritten(made, metadata={"format": FORMAT, "made": "[1"}))


def test_a_picture_that_claims_to_be_huge(made):
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")
    with pytest.raises(UnreadableInputError, match=r"hostile\.person.*60000x60000"):
        load_person(rewritten(made, canvas=np.frombuffer(bomb, np.uint8)))
    for lent in (bomb, b"<html>no picture</html>"):
        with pytest.raises(UnreadableInputError, match=r"hostile\.person.*picture"):
            load_person(rewritten(made, lent=np.frombuffer(lent, np.uint8), lent__ends=np.array([len(lent)])))
    with pytest.raises(UnreadableInputError, match=r"hostile\.person.*picture"):
        load_person(rewritten(made, canvas=np.frombuffer(b"<html>no picture</html>", np.uint8)))


def test_changes_for_another_generator(made, tmp_path):
    made_with = load_person(made).person.made
    metadata = {"format": FORMAT, "made": json.dumps(dict(made_with))}
    wrong = rewritten(made, metadata=metadata, change__out__bias=np.zeros(23, np.float16))
    with pytest.raises(UnreadableInputError, match="enroll"):
        animate(person=wrong, motion="nod", output=tmp_path / "f.mp4", options=QUICK)


def test_person_and_pictures_exclude_each_other(made, tmp_path):
    with pytest.raises(UsageError, match="its own pictures"):
        animate(tmp_path / "a.png", person=made, motion="nod")
    with pytest.raises(UsageError, match="knows its face"):
        animate(person=made, motion="nod", options=AnimateOptions(faces="all"))


def test_commands(made, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("portrait_alive.cli.app.end_gracefully_on_signals", lambda: None)
    assert app.run(["enroll", "a.png", "b.png", "--canvas", "2", "-o", "eve.person", "--json"]) == 0
    result = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (result["path"], result["pictures"]) == ("eve.person", 2)
    assert app.run(["animate", "--person", "eve.person", "--motion", "nod", "--to", "0.2", "-o", "f.gif"]) == 0
    assert (tmp_path / "f.gif").exists()
    (tmp_path / "eve.person").write_bytes(b"damaged")
    capfd.readouterr()
    assert app.run(["animate", "--person", "eve.person", "--motion", "nod"]) == 1
    assert "eve.person: not an intact person file" in capfd.readouterr().err.splitlines()[-1]
