"""Clips come in upright, at an exact constant rate, without drift; broken ones are named; no decoder stays behind."""

import contextlib
import re
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from portrait_alive.errors import UnreadableInputError, UsageError
from portrait_alive.media import ffmpeg as ffmpeg_module
from portrait_alive.media.clips import constant_rate, fit_within, open_clip, probe, read_frames
from portrait_alive.types import Bytes

Maker = Callable[..., Path]

EXACT = ("-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", "-pix_fmt", "yuv444p")


def counting(rate: str, seconds: float) -> tuple[str, ...]:
    """A 96x32 source whose frame N shows N in twelve black or white columns, its lowest bit at the left."""
    bit = "255*mod(floor(N/pow(2,floor(X/8))),2)"
    return ("-f", "lavfi", "-i", f"nullsrc=s=96x32:r={rate}:d={seconds},format=gray,geq=lum='{bit}'")


def shown_number(frame: Bytes) -> int:
    """N of a `counting` frame."""
    return sum(1 << bit for bit in range(12) if frame[16, bit * 8 + 4, 1] > 128)


@pytest.mark.parametrize(
    ("claimed", "mean", "expected"),
    [
        ("30000/1001", 29.97, "30000/1001"),
        ("24000/1001", 23.98, "24000/1001"),
        ("60000/1001", 59.94, "60000/1001"),
        ("2997/100", 29.97, "30000/1001"),  # AVI and old cameras write the rounded number
        ("1000000/33333", 30.0, "30"),  # stamps of whole microseconds
        ("25", 25.0, "25"),
        ("15", 15.0, "15"),
        ("25/2", 12.5, "25/2"),
        ("30", 22.09, "30"),  # a browser's recording: stamps on a grid of 30, frames missing
        ("120", 29.83, "30"),  # a phone's: variable, grid guessed far too fine
        ("90000", 29.61, "30"),
        ("240", 240.0, "60"),
        ("120000/1001", 119.88, "60000/1001"),
        ("100", 100.0, "50"),
        ("359/12", 29.92, "30"),
        ("25", 0.0, "25"),
    ],
)
def test_rate_is_snapped_to_what_was_meant(claimed: str, mean: float, expected: str) -> None:
    assert constant_rate(Fraction(claimed), mean) == Fraction(expected)


@pytest.mark.parametrize(
    ("suffix", "rate", "codec"),
    [
        ("mp4", "30000/1001", EXACT),
        ("mkv", "30000/1001", EXACT),  # stamps of whole milliseconds
        ("mov", "24000/1001", EXACT),
        ("ts", "25", EXACT),
        ("avi", "30000/1001", ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj444p")),
        ("webm", "60000/1001", ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime")),
    ],
)
def test_every_frame_once_at_the_exact_rate(ffmpeg: Maker, suffix: str, rate: str, codec: tuple[str, ...]) -> None:
    path = ffmpeg(f"clip.{suffix}", *counting(rate, 2), *codec)
    info = probe(path)
    assert info.fps == Fraction(rate)
    assert info.size == (32, 96)
    assert not info.has_sound
    numbers = [shown_number(frame) for frame in read_frames(path)]
    count = round(2 * Fraction(rate))
    assert len(numbers) == pytest.approx(count, abs=1)
    assert numbers == list(range(len(numbers)))


def test_variable_rate_does_not_drift(ffmpeg: Maker) -> None:
    """Over two minutes each delivered frame is the one a player shows then, give or take one frame."""
    stamp = "(N+0.45*sin(N)+floor(N/50)*0.7)/30"  # jitter, and a longer pause every 50 frames
    path = ffmpeg(
        "phone.mp4",
        *counting("30", 120),
        *("-vf", f"setpts='{stamp}/TB'", *EXACT),
        *("-enc_time_base", "1/90000", "-fps_mode", "vfr"),
    )
    clip = open_clip(path)
    assert clip.fps == 30
    index = np.arange(3600)
    stamps = (index + 0.45 * np.sin(index) + index // 50 * 0.7) / 30
    stamps -= stamps[0]
    worst = 0.0
    count = 0
    for count, frame in enumerate(clip.frames(), start=1):
        number = shown_number(frame)
        worst = max(worst, abs(float(stamps[number]) - (count - 1) / 30))
    assert worst <= 1.1 / 30 + 0.7 / 30  # a pause may hold a frame that much longer
    assert count == pytest.approx(stamps[-1] * 30 + 1, abs=1)


@pytest.mark.parametrize(("turn", "quarter_turns"), [(90, 1), (180, 2), (270, 3), (-90, 3)])
def test_sideways_clip_is_upright(ffmpeg: Maker, corners: Bytes, tmp_path: Path, turn: int, quarter_turns: int) -> None:
    Image.fromarray(corners).save(tmp_path / "still.png")
    flat = ffmpeg("flat.mp4", "-loop", "1", "-i", str(tmp_path / "still.png"), "-frames:v", "3", *EXACT)
    path = ffmpeg("phone.mp4", "-display_rotation", str(turn), "-i", str(flat), "-c", "copy")
    upright = np.rot90(corners, quarter_turns)
    info = probe(path)
    assert info.size == upright.shape[:2]
    for frame in read_frames(path):
        assert np.abs(frame.astype(int) - upright).max() <= 6


def test_odd_sizes(ffmpeg: Maker) -> None:
    path = ffmpeg("odd.mp4", "-f", "lavfi", "-i", "testsrc=s=321x241:d=0.2", *EXACT)
    assert probe(path).size == (241, 321)
    assert {frame.shape for frame in read_frames(path)} == {(241, 321, 3)}


def test_pixels_are_made_square(ffmpeg: Maker) -> None:
    path = ffmpeg("wide.mp4", "-f", "lavfi", "-i", "testsrc=s=120x96:d=0.2,setsar=4/3", *EXACT)
    assert probe(path).size == (96, 160)
    assert next(iter(read_frames(path))).shape == (96, 160, 3)


def test_interlaced_clip_is_deinterlaced(ffmpeg: Maker) -> None:
    """A moving edge has no comb: neighbouring lines agree about where it is."""
    path = ffmpeg(
        "camera.mp4",
        *("-f", "lavfi", "-i", "nullsrc=s=128x96:r=50:d=1,format=gray,geq=lum='if(lt(X,20+3*N/2),235,16)'"),
        *("-vf", "tinterlace=interleave_top,setfield=tff,format=yuv420p", "-c:v", "libx264", "-qp", "4"),
        *("-flags", "+ilme+ildct", "-x264opts", "tff=1"),
    )
    clip = open_clip(path)
    assert clip.video.interlaced
    frames = list(clip.frames())
    assert len(frames) == pytest.approx(25, abs=1)
    edges = (frames[12][20:76, :, 1] > 128).sum(axis=1)
    assert np.ptp(edges) <= 2


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animated_pictures_are_drivers_too(tmp_path: Path, suffix: str) -> None:
    levels = [40 + 20 * i for i in range(10)]
    frames = [Image.new("RGB", (64, 48), (level, 0, 255 - level)) for level in levels]
    path = tmp_path / f"moving.{suffix}"
    lossless = {"lossless": True} if suffix == "webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, loop=0, **lossless)
    assert probe(path).fps == 10
    reds = [int(frame[20, 30, 0]) for frame in read_frames(path)]
    assert len(reds) == 10
    assert np.abs(np.array(reds) - levels).max() <= 4


@pytest.mark.parametrize(("suffix", "rate"), [("mp4", "25"), ("mkv", "30000/1001")])
@pytest.mark.parametrize("first", [0, 1, 20, 55, 97])
def test_a_part_is_a_slice_of_the_whole(ffmpeg: Maker, suffix: str, rate: str, first: int) -> None:
    path = ffmpeg(f"clip.{suffix}", *counting(rate, 4.2), *EXACT, "-g", "40")
    fps = Fraction(rate)
    part = [shown_number(f) for f in read_frames(path, start=first / fps, end=(first + 5) / fps)]
    assert part == list(range(first, first + 5))
    assert shown_number(next(iter(read_frames(path, start=float(first / fps))))) == first


def test_a_part_of_a_variable_clip_is_a_slice_too(ffmpeg: Maker) -> None:
    path = ffmpeg(
        "gaps.mp4",
        *counting("30", 5),
        *("-vf", "select='not(between(n,60,78))+eq(n,70)'", *EXACT, "-fps_mode", "vfr", "-g", "60"),
    )
    whole = [shown_number(frame) for frame in read_frames(path)]
    assert len(whole) == 150
    for first in (58, 65, 72, 77, 90):
        part = [shown_number(f) for f in read_frames(path, start=Fraction(first, 30), end=Fraction(first + 4, 30))]
        assert part == whole[first : first + 4]


def test_another_rate_leaves_out_by_time(ffmpeg: Maker) -> None:
    path = ffmpeg("clip.mp4", *counting("30", 3), *EXACT)
    numbers = [shown_number(frame) for frame in read_frames(path, fps=Fraction(10))]
    assert len(numbers) == 30
    assert np.abs(np.array(numbers) - 3 * np.arange(30)).max() <= 2


def test_large_clips_are_reduced_while_decoding(ffmpeg: Maker) -> None:
    path = ffmpeg("big.mp4", "-f", "lavfi", "-i", "testsrc=s=1280x720:d=0.2", *EXACT)
    info = probe(path, max_side=320)
    assert info.size == (180, 320)
    assert info.native_size == (720, 1280)
    whole, small = next(iter(read_frames(path))), next(iter(read_frames(path, max_side=320)))
    assert small.shape == (180, 320, 3)
    averaged = whole.reshape(180, 4, 320, 4, 3).mean(axis=(1, 3))
    assert np.abs(small - averaged).mean() < 2.5


def test_fit_within_never_enlarges() -> None:
    assert fit_within((100, 50), 200) == (100, 50)
    assert fit_within((1000, 500), 200) == (200, 100)
    assert fit_within((3, 9000), 100) == (1, 100)


def test_sound_alone_is_named(ffmpeg: Maker, tmp_path: Path, corners: Bytes) -> None:
    Image.fromarray(corners).save(tmp_path / "cover.png")
    tone = ("-f", "lavfi", "-i", "sine=d=0.5")
    cover = ("-i", str(tmp_path / "cover.png"), "-map", "0", "-map", "1", "-disposition:v", "attached_pic")
    for path in (ffmpeg("voice.wav", *tone), ffmpeg("voice.m4a", *tone), ffmpeg("song.mp3", *tone, *cover)):
        with pytest.raises(UnreadableInputError, match=rf"{path.name} holds sound but no moving picture"):
            probe(path)


def test_clip_with_sound_says_so(ffmpeg: Maker) -> None:
    path = ffmpeg("talk.mp4", "-f", "lavfi", "-i", "testsrc=s=64x64:d=1", "-f", "lavfi", "-i", "sine=d=1")
    info = probe(path)
    assert info.has_sound
    assert info.frame_count == pytest.approx(25, abs=1)


def test_zero_frames_are_named(ffmpeg: Maker) -> None:
    path = ffmpeg("zero.mp4", "-f", "lavfi", "-i", "testsrc=s=64x64:d=1", "-t", "0", "-c:v", "libx264")
    with pytest.raises(UnreadableInputError, match=r"zero\.mp4"):
        probe(path)


@pytest.mark.parametrize(
    "content",
    [
        b"just some text\n" * 50,
        bytes(np.random.default_rng(0).integers(0, 256, 5000, np.uint8)),
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
        b"\x1a\x45\xdf\xa3" + b"\xff" * 200,
    ],
    ids=["text", "noise", "hls", "concat", "bare mp4 head", "broken ebml"],
)
def test_what_is_no_video_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "driver.mp4"
    path.write_bytes(content)
    with pytest.raises(UnreadableInputError, match=r"driver\.mp4 is not a video.*convert it to MP4"):
        probe(path)


def test_stills_empty_missing_and_folders_are_named(tmp_path: Path, corners: Bytes) -> None:
    still = tmp_path / "still.jpg"
    Image.fromarray(corners).save(still)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    for path, message in (
        (still, "is not a video"),
        (empty, "is empty"),
        (tmp_path, "is a folder"),
        (tmp_path / "no.mp4", "does not exist"),
    ):
        with pytest.raises(UnreadableInputError, match=f"{path.name} {message}"):
            probe(path)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gif"
    screen = b"\xff\xff\xff\xff\x80\0\0" + b"\0\0\0\xff\xff\xff"
    picture = b"\x2c\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0"
    path.write_bytes(b"GIF89a" + screen + picture + picture + b"\x3b")
    with pytest.raises(UnreadableInputError, match=r"bomb\.gif"):
        probe(path)


def delivery(path: Path) -> tuple[int, UnreadableInputError | None]:
    """How many frames come, and the error that ends them."""
    delivered = 0
    try:
        for _ in read_frames(path):
            delivered += 1
    except UnreadableInputError as error:
        return delivered, error
    return delivered, None


@pytest.mark.parametrize("layout", ["index first", "index last", "mkv", "webm"])
def test_truncated_clips_are_named_or_whole(ffmpeg: Maker, tmp_path: Path, layout: str) -> None:
    """A clip cut anywhere is refused by name, unless what was cut off held no picture."""
    suffix = layout if layout in ("mkv", "webm") else "mp4"
    codec = ("-c:v", "libvpx-vp9", "-cpu-used", "8") if suffix == "webm" else ("-c:v", "libx264", "-crf", "10")
    start = ("-movflags", "+faststart") if layout == "index first" else ()
    whole = ffmpeg(f"whole.{suffix}", "-f", "lavfi", "-i", "testsrc2=s=128x96:d=2", *codec, *start, "-g", "10")
    frames = sum(1 for _ in read_frames(whole))
    data = whole.read_bytes()
    path = tmp_path / f"cut.{suffix}"
    refused = 0
    for cut in np.random.default_rng(5).integers(1, int(len(data) * 0.97), 8):
        path.write_bytes(data[: int(cut)])
        delivered, error = delivery(path)
        if error is None:
            assert delivered >= frames - 5
        else:
            assert f"cut.{suffix}" in str(error)
            refused += 1
    assert refused >= 6


def test_the_whole_part_of_a_broken_clip_can_be_used(ffmpeg: Maker, tmp_path: Path) -> None:
    whole = ffmpeg("whole.mp4", *counting("25", 4), *EXACT, "-movflags", "+faststart", "-g", "10")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    delivered, error = delivery(cut)
    assert delivered > 20
    assert re.search(r"cut\.mp4 breaks off after \d\.\d+ s .*--to \d", str(error))
    end = float(str(error).rsplit(" ", 1)[1])
    assert [shown_number(frame) for frame in read_frames(cut, end=end)] == list(range(round(end * 25)))


def test_flipped_bytes_never_escape_as_other_errors(ffmpeg: Maker, tmp_path: Path) -> None:
    whole = ffmpeg("whole.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.4", "-c:v", "libx264")
    data = whole.read_bytes()
    random = np.random.default_rng(6)
    path = tmp_path / "fuzz.mp4"
    for _ in range(8):
        mutated = bytearray(data)
        for position in random.integers(0, len(data), 12):
            mutated[position] = random.integers(0, 256)
        path.write_bytes(bytes(mutated))
        with contextlib.suppress(UnreadableInputError):
            for _ in read_frames(path):
                pass


def test_nonsense_spans_are_usage_errors(ffmpeg: Maker) -> None:
    path = ffmpeg("clip.mp4", "-f", "lavfi", "-i", "testsrc=s=64x64:d=1", *EXACT)
    with pytest.raises(UsageError, match=r"clip\.mp4.*no frame"):
        read_frames(path, start=0.5, end=0.5)
    with pytest.raises(UsageError, match=r"clip\.mp4 is 1\.00 s long"):
        list(read_frames(path, start=7))


def test_unusual_names(ffmpeg: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = ffmpeg("plain.mp4", "-f", "lavfi", "-i", "testsrc=s=64x64:d=0.2", *EXACT)
    monkeypatch.chdir(tmp_path)
    for name in ("-i.mp4", "mein vidéo 视频.mp4", "http:evil%03d.mp4", 'it\'s "quoted"; rm -rf.mp4', "a|b.mp4"):
        (tmp_path / name).write_bytes(clip.read_bytes())
        assert len(list(read_frames(Path(name)))) == 5


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list["subprocess.Popen[bytes]"]:
    """Every process that the package starts during the test."""
    processes: list[subprocess.Popen[bytes]] = []
    original = subprocess.Popen

    def start(*arguments: object, **options: object) -> "subprocess.Popen[bytes]":
        processes.append(original(*arguments, **options))  # type: ignore[call-overload]
        return processes[-1]

    monkeypatch.setattr(ffmpeg_module.subprocess, "Popen", start)
    return processes


def test_leaving_early_ends_the_decoder(ffmpeg: Maker, started: list["subprocess.Popen[bytes]"]) -> None:
    path = ffmpeg("long.mp4", "-f", "lavfi", "-i", "testsrc=s=320x240:d=30", "-preset", "ultrafast")
    started.clear()
    with contextlib.closing(read_frames(path)) as frames:  # type: ignore[type-var]
        next(frames)
        assert any(process.poll() is None for process in started)
    assert started
    assert all(process.poll() is not None for process in started)
    frames = read_frames(path)
    next(frames)
    del frames  # collected without being closed
    assert all(process.poll() is not None for process in started)
