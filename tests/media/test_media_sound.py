"""The driver's sound stays in step with the picture, within one frame, at the start and at the end.

Drivers flash white and click together once a second; outputs are made of the driver's own frames, and flashes and
clicks are found again in them.
"""

import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from portrait_alive.media.clips import open_clip, read_frames
from portrait_alive.media.ffmpeg import ffmpeg_path
from portrait_alive.media.outputs import OutputOptions, OutputReport, open_output
from portrait_alive.media.sound import find_sound

Maker = Callable[..., Path]

RATE_HZ = 48000
QUICK = "ultrafast"


def flashing(rate: str, seconds: float) -> tuple[str, ...]:
    """Inputs of picture and sound that flash and click at 0, 1, 2... times round(rate) frames."""
    fps = Fraction(rate)
    period = round(fps)
    seconds_apart = period / fps
    flash = f"nullsrc=s=32x32:r={rate}:d={seconds},format=gray,geq=lum='if(mod(N,{period}),0,255)'"
    time = f"mod(t+0.000001,{seconds_apart.numerator}/{seconds_apart.denominator})"
    click = f"aevalsrc='if(lt({time},0.006),0.8*sin(2*PI*2500*t),0)':s={RATE_HZ}:d={seconds}"
    return ("-f", "lavfi", "-i", flash, "-f", "lavfi", "-i", click)


def flashes(path: Path) -> list[float]:
    """Seconds at which white frames begin."""
    clip = open_clip(path)
    return [float(i / clip.fps) for i, frame in enumerate(clip.frames()) if frame[16, 16, 1] > 128]


def clicks(path: Path) -> list[float]:
    """Seconds at which clicks begin, on the file's own clock."""
    silence_first = "aresample=async=1:first_pts=0"
    command = [str(ffmpeg_path()), "-v", "error", "-i", str(path), "-map", "0:a:0", "-af", silence_first]
    command += ["-f", "s16le", "-ac", "1", "-ar", str(RATE_HZ), "pipe:1"]
    sound = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.int16)
    loud = np.flatnonzero(np.abs(sound.astype(int)) > 6000)
    begins = loud[np.flatnonzero(np.diff(loud, prepend=-RATE_HZ) > RATE_HZ // 4)]
    return [float(at) / RATE_HZ for at in begins]


def sound_seconds(path: Path) -> float:
    """Length of the decoded sound."""
    command = [str(ffmpeg_path()), "-v", "error", "-i", str(path), "-map", "0:a:0", "-f", "s16le", "-ac", "1"]
    data = subprocess.run([*command, "-ar", str(RATE_HZ), "pipe:1"], capture_output=True, check=True).stdout
    return len(data) / 2 / RATE_HZ


def remade(driver: Path, target: Path, start: float = 0, end: float | None = None) -> OutputReport:
    """An output of the driver's own frames between `start` and `end`, with its sound."""
    clip = open_clip(driver)
    options = OutputOptions(preset=QUICK, threads=1, sound=find_sound(driver, start=start, fps=clip.fps))
    with open_output(target, size=clip.size, fps=clip.fps, options=options) as output:
        for frame in clip.frames(start=start, end=end):
            output.write(frame)
    return output.report


def assert_in_step(path: Path, apart: float = 0.0) -> None:
    """Every flash has its click `apart` seconds later, within half a frame, the first and the last included."""
    half = 0.5 / float(open_clip(path).fps)
    light, sound = np.array(flashes(path)), np.array(clicks(path))
    end = min(light[-1], sound[-1] - apart)
    light = light[(light + apart >= 0.01) & (light <= end + half)]
    assert len(light) >= 1
    nearest = sound[np.abs(sound[None] - apart - light[:, None]).argmin(axis=1)] - apart
    assert np.abs(nearest - light).max() <= half, (light, sound)


@pytest.mark.parametrize(
    ("container", "codec", "target"),
    [
        ("mp4", "aac", "out.mp4"),  # copied
        ("mov", "pcm_s16le", "out.mp4"),
        ("mkv", "libopus", "out.mov"),
        ("webm", "libopus", "out.webm"),
        ("avi", "mp3", "out.mp4"),
    ],
)
def test_in_step_over_a_minute(ffmpeg: Maker, tmp_path: Path, container: str, codec: str, target: str) -> None:
    video = "libvpx" if container == "webm" else "libx264"
    options = ("-deadline", "realtime", "-cpu-used", "16") if video == "libvpx" else ("-preset", QUICK)
    seconds = 60 if container == "mp4" else 4
    driver = ffmpeg(
        f"driver.{container}",
        *flashing("30000/1001", seconds),
        "-c:v",
        video,
        *options,
        "-c:a",
        codec,
        "-pix_fmt",
        "yuv420p",
    )
    report = remade(driver, tmp_path / target)
    assert report.has_sound
    assert report.notes == ()
    assert_in_step(tmp_path / target)
    assert flashes(tmp_path / target)[-1] > seconds - 1.1
    frame = 1 / float(report.fps)
    assert abs(sound_seconds(tmp_path / target) - report.frame_count * frame) <= frame


@pytest.mark.parametrize(
    ("start", "end", "target"), [(1.5, 5.5, "out.mp4"), (0.48, None, "out.webm"), (2.98, 4.02, "out.mov")]
)
def test_a_part_is_in_step(ffmpeg: Maker, tmp_path: Path, start: float, end: float | None, target: str) -> None:
    driver = ffmpeg("driver.mp4", *flashing("25", 6), "-c:a", "aac", "-preset", QUICK, "-pix_fmt", "yuv420p")
    report = remade(driver, tmp_path / target, start, end)
    assert report.has_sound
    assert_in_step(tmp_path / target)
    duration = report.frame_count / 25
    assert duration == pytest.approx((end or 6) - start, abs=0.041)
    assert abs(sound_seconds(tmp_path / target) - duration) <= 0.04


def test_a_part_from_the_beginning_ends_within_a_frame(ffmpeg: Maker, tmp_path: Path) -> None:
    """A telephone's AAC has packets of 128 ms, which cannot be cut: such a part is encoded anew."""
    sound = ("-c:a", "aac", "-ar", "8000", "-preset", QUICK, "-pix_fmt", "yuv420p")
    driver = ffmpeg("driver.mp4", *flashing("25", 3), *sound)
    report = remade(driver, tmp_path / "out.mp4", end=1.16)
    assert report.frame_count == 29
    assert abs(sound_seconds(tmp_path / "out.mp4") - 1.16) <= 0.04


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("late", ["sound", "picture"])
def test_distances_are_kept(ffmpeg: Maker, tmp_path: Path, container: str, late: str) -> None:
    """Sound that begins 0.32 s after the picture, or before it, still does in the output."""
    both = flashing("25", 3)
    picture, sound = both[:4], both[4:]
    offset = ("-itsoffset", "0.32")
    inputs = (*picture, *offset, *sound) if late == "sound" else (*offset, *picture, *sound)
    driver = ffmpeg(
        f"driver.{container}", *inputs, "-c:a", "aac", "-c:v", "libx264", "-preset", QUICK, "-pix_fmt", "yuv420p"
    )
    remade(driver, tmp_path / "out.mp4")
    assert_in_step(tmp_path / "out.mp4", apart=0.32 if late == "sound" else -0.32)
    remade(driver, tmp_path / "part.mp4", start=1.52)
    assert_in_step(tmp_path / "part.mp4", apart=0.32 if late == "sound" else -0.32)


def test_another_rate_is_in_step(ffmpeg: Maker, tmp_path: Path) -> None:
    driver = ffmpeg("driver.mp4", *flashing("30", 4), "-c:a", "aac", "-preset", QUICK, "-pix_fmt", "yuv420p")
    fps = Fraction(60)
    options = OutputOptions(preset=QUICK, threads=1, sound=find_sound(driver, start=1.5, fps=fps))
    with open_output(tmp_path / "out.mp4", size=(32, 32), fps=fps, options=options) as output:
        for frame in read_frames(driver, start=1.5, fps=fps):
            output.write(frame)
    light = np.array(flashes(tmp_path / "out.mp4"))
    sound = np.array(clicks(tmp_path / "out.mp4"))
    first_of_each = light[np.diff(light, prepend=-1) > 0.5]
    assert np.abs(first_of_each - sound[: len(first_of_each)]).max() <= 1 / 60


def test_sound_shorter_than_the_picture_does_not_cut_it(ffmpeg: Maker, tmp_path: Path) -> None:
    driver = ffmpeg(
        "driver.mp4",
        *("-f", "lavfi", "-i", "testsrc=s=64x64:d=4", "-f", "lavfi", "-i", "sine=d=1.5", "-preset", QUICK),
    )
    report = remade(driver, tmp_path / "out.mp4")
    assert report.frame_count == 100
    assert len(list(read_frames(tmp_path / "out.mp4"))) == 100


def test_silent_driver_has_no_sound(ffmpeg: Maker) -> None:
    assert find_sound(ffmpeg("mute.mp4", "-f", "lavfi", "-i", "testsrc=s=64x64:d=0.2")) is None


def test_damaged_sound_costs_the_sound_alone(ffmpeg: Maker, tmp_path: Path) -> None:
    driver = ffmpeg("driver.mp4", "-f", "lavfi", "-i", "testsrc=s=64x64:d=1", "-f", "lavfi", "-i", "sine=d=1")
    clip = open_clip(driver)
    frames = list(clip.frames())
    track = find_sound(driver)
    driver.write_bytes(b"overwritten meanwhile")
    options = OutputOptions(preset=QUICK, threads=1, sound=track)
    with open_output(tmp_path / "out.mp4", size=(64, 64), fps=clip.fps, options=options) as output:
        for frame in frames:
            output.write(frame)
    assert not output.report.has_sound
    assert any("written without sound" in note and "driver.mp4" in note for note in output.report.notes)
    assert len(list(read_frames(tmp_path / "out.mp4"))) == 25


def test_the_drivers_own_tags_do_not_pass_on(ffmpeg: Maker, tmp_path: Path) -> None:
    driver = ffmpeg(
        "driver.mp4",
        *("-f", "lavfi", "-i", "testsrc=s=64x64:d=1", "-f", "lavfi", "-i", "sine=d=1"),
        *("-metadata", "artist=Somebody", "-metadata", "comment=at home", "-metadata:s:a", "handler_name=My kitchen"),
    )
    remade(driver, tmp_path / "out.mp4")
    data = (tmp_path / "out.mp4").read_bytes()
    for private in (b"at home", b"Somebody", b"kitchen"):
        assert private in driver.read_bytes()
        assert private not in data
