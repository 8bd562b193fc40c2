"""Signed manifests: made last, verified, broken by any change; without the extra, said and left out."""

import io
import os
import signal
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from portrait_alive.errors import MissingDependencyError, UnreadableInputError, UsageError
from portrait_alive.media import c2pa
from portrait_alive.media.certificates import Credentials, self_made_credentials
from portrait_alive.media.clips import read_frames
from portrait_alive.media.inspection import inspect
from portrait_alive.media.marks import Marks
from portrait_alive.media.outputs import OutputOptions, OutputReport, open_output
from portrait_alive.types import Bytes

Painter = Callable[..., Bytes]

MARKS = Marks("portrait-alive", "1.2.3", ("ab" * 32,), "cd" * 32)

needs_c2pa = pytest.mark.skipif(not c2pa.is_available(), reason="c2pa-python is not installed")


def write(
    target: Path | str, frame: Bytes, credentials: Credentials | None, marks: Marks | None = MARKS
) -> OutputReport:
    """An output of three frames."""
    options = OutputOptions(preset="ultrafast", threads=1, marks=marks, credentials=credentials)
    with open_output(target, size=(frame.shape[0], frame.shape[1]), fps=Fraction(25), options=options) as output:
        for shift in range(3):
            output.write(np.roll(frame, shift, axis=0))
    return output.report


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    """Self-made ones."""
    return self_made_credentials(tmp_path / "certificates")


@needs_c2pa
@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.gif", "out.webp", "out.png", "out.apng"])
def test_signed_outputs_verify(tmp_path: Path, smooth: Painter, credentials: Credentials, name: str) -> None:
    report = write(tmp_path / name, smooth(48, 64), credentials)
    assert report.is_signed
    assert report.notes == ()
    found = inspect(tmp_path / name)
    assert found.problems == ()
    assert found.marks == MARKS
    assert found.signature is not None
    assert found.signature.state == "Valid"
    assert found.signature.problems == ("signingCredential.untrusted",)
    assert found.signature.tool == "portrait-alive 1.2.3"
    assert found.signature.digital_source_type == MARKS.digital_source_type
    assert found.signature.inputs == {"source_sha256": ["ab" * 32], "driver_sha256": "cd" * 32}
    assert "self-made" in found.signature.issuer
    assert len(list(read_frames(tmp_path / name))) == 3
    assert {path.name for path in tmp_path.iterdir()} == {name, "certificates"}


class InterruptedRead(io.BytesIO):
    """A file in whose reading the user presses Ctrl-C, once."""

    pressed = False

    def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]
        if not self.pressed:
            self.pressed = True
            os.kill(os.getpid(), signal.SIGINT)
        return super().readinto(buffer)


@needs_c2pa
@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_interruption_while_signing_ends_the_run(
    tmp_path: Path, smooth: Painter, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The native library calls back to read, and would swallow what a signal's handler raises there."""
    original = Path.open

    def opened(path: Path, mode: str = "r", *rest: object, **options: object) -> object:
        if path.suffix == ".webp" and mode == "rb":
            return InterruptedRead(path.read_bytes())
        return original(path, mode, *rest, **options)  # type: ignore[call-overload]

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(Path, "open", opened)
    monkeypatch.setattr(Path, "read_bytes", lambda path: original(path, "r+b").read())
    try:
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path / "out.webp", smooth(48, 64), credentials)
    finally:
        signal.signal(signal.SIGINT, before)
    assert [path.name for path in tmp_path.iterdir()] == ["certificates"]


@needs_c2pa
def test_whoever_has_the_root_can_trust_it(tmp_path: Path, smooth: Painter, credentials: Credentials) -> None:
    write(tmp_path / "out.mp4", smooth(48, 64), credentials)
    signature = inspect(tmp_path / "out.mp4", anchors=tmp_path / "certificates" / "root.pem").signature
    assert signature is not None
    assert signature.state == "Trusted"
    assert signature.problems == ()
    stranger = self_made_credentials(tmp_path / "others")
    other = inspect(tmp_path / "out.mp4", anchors=stranger.certificate.with_name("root.pem")).signature
    assert other is not None
    assert other.state == "Valid"


@needs_c2pa
@pytest.mark.parametrize("name", ["out.mp4", "out.gif", "out.webp", "out.png"])
def test_any_change_breaks_the_signature(tmp_path: Path, smooth: Painter, credentials: Credentials, name: str) -> None:
    write(tmp_path / name, smooth(48, 64), credentials)
    data = bytearray((tmp_path / name).read_bytes())
    marker = data.index(MARKS.xmp[100:140])
    data[marker + 5] ^= 1  # in the XMP, which the signature covers
    (tmp_path / name).write_bytes(bytes(data))
    found = inspect(tmp_path / name)
    assert found.signature is not None
    assert found.signature.state == "Invalid"
    assert any("does not hold" in problem for problem in found.problems)


@needs_c2pa
def test_private_manifests_name_no_inputs(tmp_path: Path, smooth: Painter, credentials: Credentials) -> None:
    write(tmp_path / "out.mp4", smooth(48, 64), credentials, Marks("portrait-alive", "1"))
    signature = inspect(tmp_path / "out.mp4").signature
    assert signature is not None
    assert signature.inputs == {}


@needs_c2pa
@pytest.mark.parametrize("name", ["out.webm", "frames/"])
def test_kinds_without_a_place_for_it_say_so(
    tmp_path: Path, smooth: Painter, credentials: Credentials, name: str
) -> None:
    report = write(f"{tmp_path}/{name}", smooth(48, 64), credentials)
    assert not report.is_signed
    assert any(note.startswith("not signed: C2PA has no place in") for note in report.notes)


@needs_c2pa
def test_unusable_credentials_are_refused_before_any_work(
    tmp_path: Path, smooth: Painter, credentials: Credentials
) -> None:
    other = self_made_credentials(tmp_path / "others")
    (tmp_path / "text.pem").write_text("no certificate")
    for broken in (
        Credentials(tmp_path / "text.pem", credentials.key),
        Credentials(credentials.certificate, tmp_path / "text.pem"),
        Credentials(tmp_path / "absent.pem", credentials.key),
        Credentials(credentials.certificate, other.key),
    ):
        with pytest.raises(UnreadableInputError, match="cannot sign"):
            write(tmp_path / "out.mp4", smooth(48, 64), broken)
    with pytest.raises(UsageError, match="--no-marks"):
        write(tmp_path / "out.mp4", smooth(48, 64), credentials, None)
    assert not (tmp_path / "out.mp4").exists()


@needs_c2pa
def test_self_made_credentials_are_kept_private_and_used_again(tmp_path: Path) -> None:
    first = self_made_credentials(tmp_path / "keys")
    chain = first.certificate.read_bytes()
    assert self_made_credentials(tmp_path / "keys") == first
    assert first.certificate.read_bytes() == chain
    assert chain.count(b"BEGIN CERTIFICATE") == 2
    assert {path.name for path in (tmp_path / "keys").iterdir()} == {"root.pem", "leaf.key", "chain.pem"}
    if os.name == "posix":
        assert first.key.stat().st_mode & 0o077 == 0
    first.certificate.write_text("damaged")
    assert self_made_credentials(tmp_path / "keys").certificate.read_bytes().count(b"BEGIN CERTIFICATE") == 2


def test_without_the_extra_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, smooth: Painter) -> None:
    monkeypatch.setitem(__import__("sys").modules, "c2pa", None)
    assert not c2pa.is_available()
    with pytest.raises(MissingDependencyError, match=r"pip install portrait-alive\[c2pa\]"):
        c2pa.read_signature(tmp_path / "out.mp4")
    write(tmp_path / "out.mp4", smooth(48, 64), None)
    found = inspect(tmp_path / "out.mp4")
    assert found.marks == MARKS
    assert not found.signature_checked
