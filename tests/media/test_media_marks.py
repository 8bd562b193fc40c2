"""Outputs say what they are, in every place their kind has for it, and `inspect` reads it all back."""

import hashlib
import json
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from portrait_alive.errors import UnreadableInputError
from portrait_alive.media.clips import read_frames
from portrait_alive.media.embedding import XMP_UUID, add_xmp_box, container_of, parse_tags, read_tags, read_xmp
from portrait_alive.media.inspection import inspect, matches
from portrait_alive.media.marks import DIGITAL_SOURCE_TYPE, Marks, make_marks, parse_xmp
from portrait_alive.media.outputs import OutputOptions, open_output
from portrait_alive.media.png_folder import SIDE_CAR
from portrait_alive.media.sound import find_sound
from portrait_alive.types import Bytes

Maker = Callable[..., Path]
Painter = Callable[..., Bytes]

NAMES = ("out.mp4", "out.mov", "out.webm", "out.gif", "out.webp", "out.png", "frames/")


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    """Marks of two small files."""
    (tmp_path / "source.jpg").write_bytes(b"a source")
    (tmp_path / "driver.mp4").write_bytes(b"a driver")
    return make_marks([tmp_path / "source.jpg"], tmp_path / "driver.mp4")


def write(target: str | Path, frame: Bytes, marks: Marks | None, **options: object) -> None:
    """An output of three frames."""
    chosen = OutputOptions(preset="ultrafast", threads=1, marks=marks, **options)  # type: ignore[arg-type]
    with open_output(target, size=(frame.shape[0], frame.shape[1]), fps=Fraction(25), options=chosen) as output:
        for shift in range(3):
            output.write(np.roll(frame, shift, axis=0))


def test_marks_hold_the_hashes_unless_private(tmp_path: Path, marks: Marks) -> None:
    assert marks.source_sha256 == (hashlib.sha256(b"a source").hexdigest(),)
    assert marks.driver_sha256 == hashlib.sha256(b"a driver").hexdigest()
    assert matches(marks, tmp_path / "source.jpg")
    assert not matches(Marks("x", "1"), tmp_path / "source.jpg")
    private = make_marks([tmp_path / "source.jpg"], tmp_path / "driver.mp4", private=True)
    assert private == Marks("portrait-alive", marks.version)
    assert marks.source_sha256[0] not in private.comment + private.xmp.decode()
    with pytest.raises(UnreadableInputError, match=r"gone\.jpg"):
        make_marks([tmp_path / "gone.jpg"], None)


@pytest.mark.parametrize("sources", [(), ("ab" * 32,), ("ab" * 32, "cd" * 32)])
@pytest.mark.parametrize("driver", [None, "ef" * 32])
def test_xmp_round_trip(sources: tuple[str, ...], driver: str | None) -> None:
    given = Marks("portrait-alive", "1.2.3", sources, driver)
    assert parse_xmp(given.xmp) == given


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_carries_and_returns_its_marks(tmp_path: Path, smooth: Painter, marks: Marks, name: str) -> None:
    write(f"{tmp_path}/{name}", smooth(48, 64), marks)
    found = inspect(tmp_path / name)
    assert found.marks == marks
    assert found.is_marked_synthetic
    assert found.problems == ()
    assert found.marks.digital_source_type.endswith("/compositeWithTrainedAlgorithmicMedia")
    if name not in ("out.gif", "out.webp"):
        assert found.comment == marks.comment
    if name != "frames/":
        assert len(list(read_frames(tmp_path / name))) == 3  # and it still plays


@pytest.mark.parametrize("name", NAMES)
def test_no_marks_means_none(tmp_path: Path, smooth: Painter, name: str) -> None:
    write(f"{tmp_path}/{name}", smooth(48, 64), None)
    found = inspect(tmp_path / name)
    assert found.marks is None
    assert found.comment is None
    assert not found.is_marked_synthetic
    folder = tmp_path / name
    files = folder.iterdir() if folder.is_dir() else [folder]
    assert not any(b"compositeWith" in file.read_bytes() for file in files)


def test_xmp_stands_where_other_tools_look(tmp_path: Path, smooth: Painter, marks: Marks) -> None:
    """By each format's own specification, not by our own reader."""
    for name in ("out.mp4", "out.mov", "out.gif", "out.webp", "out.png"):
        write(tmp_path / name, smooth(48, 64), marks)
    for name in ("out.mp4", "out.mov"):
        data = (tmp_path / name).read_bytes()
        boxes, position = {}, 0
        while position < len(data):
            length, kind = struct.unpack_from(">I4s", data, position)
            boxes[kind] = data[position : position + length]
            position += length
        assert position == len(data)
        assert boxes[b"uuid"][8:24] == XMP_UUID == bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
        assert boxes[b"uuid"][24:] == marks.xmp
        assert list(boxes).index(b"moov") < list(boxes).index(b"mdat")
    with Image.open(tmp_path / "out.png") as image:
        assert image.text["XML:com.adobe.xmp"].encode() == marks.xmp  # type: ignore[attr-defined]
        assert image.text["Comment"] == marks.comment  # type: ignore[attr-defined]
    with Image.open(tmp_path / "out.webp") as image:
        assert image.info["xmp"] == marks.xmp
    with Image.open(tmp_path / "out.gif") as image:
        for index in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(index)
    assert b"\x21\xff\x0bXMP DataXMP" + marks.xmp + b"\x01\xff\xfe" in (tmp_path / "out.gif").read_bytes()


def test_marks_and_sound_live_together(ffmpeg: Maker, tmp_path: Path, smooth: Painter, marks: Marks) -> None:
    driver = ffmpeg("talk.mp4", "-f", "lavfi", "-i", "testsrc=s=32x32:d=1", "-f", "lavfi", "-i", "sine=d=1")
    for name in ("out.mp4", "out.webm", "out.mov"):
        write(tmp_path / name, smooth(48, 64), marks, sound=find_sound(driver))
        found = inspect(tmp_path / name)
        assert found.marks == marks
        assert found.comment == marks.comment


def test_contradictions_are_found(tmp_path: Path, smooth: Painter, marks: Marks) -> None:
    write(tmp_path / "out.mp4", smooth(48, 64), marks)
    data = (tmp_path / "out.mp4").read_bytes()
    packet_at = data.index(marks.xmp)
    forged = marks.xmp.replace(marks.source_sha256[0].encode(), b"0" * 64)
    (tmp_path / "forged.mp4").write_bytes(data[:packet_at] + forged)
    assert any("different sources" in problem for problem in inspect(tmp_path / "forged.mp4").problems)

    write(f"{tmp_path}/frames/", smooth(48, 64), marks)
    (tmp_path / "frames" / "000001.png").unlink()
    assert any("counts 3 frames, the folder holds 2" in text for text in inspect(tmp_path / "frames").problems)
    (tmp_path / "frames" / SIDE_CAR).write_text(json.dumps({"frames": 2, "marks": None}))
    assert any("different marks" in text for text in inspect(tmp_path / "frames").problems)
    (tmp_path / "frames" / SIDE_CAR).unlink()
    assert any("is missing" in text for text in inspect(tmp_path / "frames").problems)


def test_other_tools_marks_are_understood() -> None:
    """XMP as attributes, with a prolog and padding, as Adobe's tools write it."""
    packet = (
        '<?xpacket begin="" id="x"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f'xmp:CreatorTool="Some Editor 9" e:DigitalSourceType="{DIGITAL_SOURCE_TYPE}"/></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>' + " " * 500
    ).encode()
    assert parse_xmp(packet) == Marks("Some Editor", "9")


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"not xml",
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"<a>" * 100_000,
        b"x" * (2 << 20),
    ],
    ids=["empty", "no xml", "no source type", "entities", "deep", "long"],
)
def test_hostile_packets_are_no_marks(packet: bytes) -> None:
    assert parse_xmp(packet) is None


def test_unmarked_and_broken_files_are_inspected_without_harm(
    ffmpeg: Maker, tmp_path: Path, smooth: Painter, marks: Marks
) -> None:
    plain = ffmpeg("plain.mp4", "-f", "lavfi", "-i", "testsrc=s=32x32:d=0.2")
    assert not inspect(plain).is_marked_synthetic
    (tmp_path / "note.txt").write_text("hello")
    assert container_of(tmp_path / "note.txt") == "unknown"
    assert inspect(tmp_path / "note.txt").marks is None
    with pytest.raises(UnreadableInputError, match="does not exist"):
        inspect(tmp_path / "nothing.mp4")
    random = np.random.default_rng(7)
    for name in ("out.mp4", "out.gif", "out.webp", "out.png"):
        write(tmp_path / name, smooth(48, 64), marks)
        data = (tmp_path / name).read_bytes()
        for cut in random.integers(13, len(data) - 1, 6):
            (tmp_path / f"cut-{name}").write_bytes(data[: int(cut)])
            assert inspect(tmp_path / f"cut-{name}").marks in (None, marks)


def test_a_box_is_not_added_to_a_cut_file(tmp_path: Path, smooth: Painter, marks: Marks) -> None:
    write(tmp_path / "out.mp4", smooth(48, 64), None)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes((tmp_path / "out.mp4").read_bytes()[:-10])
    with pytest.raises(ValueError, match="cut"):
        add_xmp_box(cut, marks.xmp)


def test_tags_come_back_letter_for_letter(ffmpeg: Maker) -> None:
    odd = "semi; equals= hash# back\\slash [bracket] ünïcode, two\nlines"
    path = ffmpeg("odd.mp4", "-f", "lavfi", "-i", "testsrc=s=32x32:d=0.1", "-metadata", f"comment={odd}")
    assert read_tags(path)["comment"] == odd
    assert parse_tags(";FFMETADATA1\na=b\n[STREAM]\nc=d\n") == {"a": "b"}
    assert read_xmp(path) is None
