"""Every kind of output holds the frames it was given, at their size and rate, and appears only when complete."""

import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from portrait_alive.errors import OutputError, UsageError
from portrait_alive.media.clips import open_clip, read_frames
from portrait_alive.media.colour import has_filters
from portrait_alive.media.encoders import Encoding, carries_alpha, carries_sound, encode_arguments, kind_of_output
from portrait_alive.media.ffmpeg import ffmpeg_path
from portrait_alive.media.outputs import OutputOptions, OutputReport, default_output_name, open_output
from portrait_alive.media.stills import read_picture
from portrait_alive.types import Bytes

Painter = Callable[..., Bytes]

FPS = Fraction(25)
QUICK = "ultrafast"
VIDEO = ("out.mp4", "out.mov", "out.webm")
ANIMATED = ("out.gif", "out.webp", "out.png", "out.apng")
ALL = (*VIDEO, *ANIMATED, "frames/")


def written(
    target: str | Path, frames: list[Bytes], fps: Fraction = FPS, overwrite: bool = False, **options: object
) -> OutputReport:
    """The report on an output of `frames`."""
    chosen = OutputOptions(**{"preset": QUICK, "threads": 1, **options})  # type: ignore[arg-type]
    size = (frames[0].shape[0], frames[0].shape[1])
    with open_output(target, size=size, fps=fps, options=chosen, overwrite=overwrite) as output:
        for frame in frames:
            output.write(frame)
    return output.report


def frames_of(path: Path) -> list[Bytes]:
    """What an output shows: by ffmpeg for video, by Pillow for pictures; RGB, or RGBA where it is transparent."""
    if path.is_dir():
        return [np.array(Image.open(picture)) for picture in sorted(path.glob("*.png"))]
    if path.suffix in (".mp4", ".mov", ".webm"):
        return list(read_frames(path, accurate=True))
    with Image.open(path) as image:
        shown = []
        for index in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(index)
            shown.append(np.array(image.convert("RGBA" if image.mode in ("RGBA", "P") else "RGB")))
    return [frame[..., :3] if frame.shape[2] == 4 and (frame[..., 3] == 255).all() else frame for frame in shown]


def alpha_frames(path: Path, size: tuple[int, int]) -> list[Bytes]:
    """(H, W, 4) frames of a video with transparency, through ffmpeg; VP9's alpha needs libvpx."""
    decoder = ["-c:v", "libvpx-vp9"] if path.suffix == ".webm" else []
    command = [
        str(ffmpeg_path()),
        "-v",
        "error",
        *decoder,
        "-i",
        str(path),
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgba",
        "pipe:1",
    ]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    return list(np.frombuffer(data, np.uint8).reshape(-1, *size, 4))


def portrait_like(smooth: Painter, count: int, height: int = 96, width: int = 128) -> list[Bytes]:
    """Frames that are still but for a square in the middle, which changes, and rests now and then."""
    still = smooth(height, width)
    frames = []
    for index in range(count):
        frame = still.copy()
        phase = min(index, 4) * 0.3 if index < 8 else index * 0.3
        frame[height // 4 : height // 2, width // 4 : width // 2] = smooth(height // 4, width // 4, phase)
        frames.append(frame)
    return frames


@pytest.mark.parametrize("name", ALL)
def test_what_goes_in_comes_out(tmp_path: Path, smooth: Painter, name: str) -> None:
    frames = portrait_like(smooth, 12)
    target = f"{tmp_path}/{name}"
    report = written(target, frames)
    assert report.frame_count == 12
    assert report.size == (96, 128)
    assert report.notes == ()
    path = Path(target)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    if name in ANIMATED[:2]:
        shown = list(read_frames(path))  # ffmpeg repeats resting frames, which these formats hold once
    elif name in ANIMATED:
        shown = list(open_clip(path).frames())
    else:
        shown = frames_of(path)
    assert len(shown) == 12
    limit = {"out.gif": 14, "out.webp": 6}.get(name, 3)
    for frame, given in zip(shown, frames, strict=True):
        assert np.abs(frame[..., :3].astype(int) - given).mean() <= limit


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.webm", "out.webp", "out.png", "frames/"])
@pytest.mark.parametrize("size", [(64, 96), (61, 83)])
def test_lossless_is_bit_exact(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    frames = list(np.random.default_rng(0).integers(0, 256, (4, *size, 3), np.uint8))
    report = written(f"{tmp_path}/{name}", frames, lossless=True)
    assert report.size == size
    shown = frames_of(tmp_path / name)
    assert len(shown) == 4
    for frame, given in zip(shown, frames, strict=True):
        assert (frame == given).all()


@pytest.mark.parametrize("name", ["out.mov", "out.webp", "out.png", "frames/"])
def test_lossless_alpha_is_bit_exact(tmp_path: Path, name: str) -> None:
    frames = list(np.random.default_rng(1).integers(0, 256, (3, 40, 52, 4), np.uint8))
    written(f"{tmp_path}/{name}", frames, lossless=True, alpha=True)
    path = tmp_path / name
    shown = alpha_frames(path, (40, 52)) if path.suffix == ".mov" else frames_of(path)
    assert len(shown) == 3
    for frame, given in zip(shown, frames, strict=True):
        assert (frame == given).all()


@pytest.mark.parametrize("name", ["out.mov", "out.webm", "out.gif", "out.webp"])
def test_alpha_survives(tmp_path: Path, smooth: Painter, name: str) -> None:
    alpha = np.zeros((96, 128, 1), np.uint8)
    alpha[:, 64:] = 255
    frames = [np.concatenate([frame, alpha], axis=2) for frame in portrait_like(smooth, 3)]
    written(tmp_path / name, frames, alpha=True)
    assert carries_alpha(name)
    shown = frames_of(tmp_path / name) if name in ANIMATED else alpha_frames(tmp_path / name, (96, 128))
    for frame, given in zip(shown, frames, strict=True):
        assert frame[:, :56, 3].max() <= 12
        assert frame[:, 72:, 3].min() >= 243
        assert np.abs(frame[:, 72:, :3].astype(int) - given[:, 72:, :3]).mean() <= 14


def test_alpha_is_refused_where_it_has_no_place(tmp_path: Path, smooth: Painter) -> None:
    frame = np.dstack([smooth(32, 32), np.full((32, 32), 9, np.uint8)])
    with pytest.raises(UsageError, match=r"a\.mp4: MP4 cannot hold transparency; use \.mov"):
        written(tmp_path / "a.mp4", [frame], alpha=True)
    with pytest.raises(UsageError, match="lossless WebM"):
        written(tmp_path / "a.webm", [frame], alpha=True, lossless=True)
    with pytest.raises(UsageError, match="GIF has 256 colours"):
        written(tmp_path / "a.gif", [frame[..., :3]], lossless=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", VIDEO)
def test_colours_make_the_round_trip(tmp_path: Path, smooth: Painter, name: str) -> None:
    """bt709 with its tags: no shift of any channel, no clipped range."""
    frames = [smooth(120, 160, phase) for phase in (0.0, 1.0, 2.0)]
    frames[1][:60] = 255
    frames[2][:60] = 0
    written(tmp_path / name, frames, crf=4)
    video = open_clip(tmp_path / name).video
    assert (video.colour_matrix, video.colour_primaries, video.colour_transfer) == ("bt709",) * 3
    assert video.colour_range == "tv"
    shown = frames_of(tmp_path / name)
    difference = np.stack(shown).astype(int) - np.stack(frames)
    assert np.abs(difference.mean(axis=(0, 1, 2))).max() <= 0.5
    assert np.abs(difference[:, 64:]).mean() <= 1.2
    assert shown[1][:56].min() >= 253
    assert shown[2][:56].max() <= 2


@pytest.mark.skipif(not has_filters("zscale"), reason="only zscale minds where chroma samples lie")
@pytest.mark.parametrize("size", [None, (64, 96)])
@pytest.mark.parametrize("name", VIDEO)
def test_players_that_mind_the_tags_see_colours_in_their_place(
    tmp_path: Path, name: str, size: tuple[int, int] | None
) -> None:
    """An edge from red to blue stays where it was, fed as planes or scaled by ffmpeg."""
    frame = np.full((64, 128, 3), (40, 60, 200), np.uint8)
    frame[:, :64] = 150, 30, 30
    written(tmp_path / name, [frame] * 3, crf=2, size=size)
    command = [str(ffmpeg_path()), "-v", "error", "-i", str(tmp_path / name), "-frames:v", "1"]
    command += ["-vf", "zscale=m=gbr:r=full,format=gbrp,format=rgb24", "-f", "rawvideo", "pipe:1"]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    height, width = size or (64, 128)
    row = np.frombuffer(data, np.uint8).reshape(height, width, 3)[height // 2].astype(float)
    redness = row[:, 0] - row[:, 2]  # 120 to the left of the edge, -160 to the right
    place = ((redness + 160) / 280).sum()
    assert place == pytest.approx(width / 2, abs=0.2)  # scaled, the edge rings, and what rings is clipped


@pytest.mark.parametrize("rate", ["30000/1001", "24000/1001", "25", "60", "25/2"])
@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "out.png"])
def test_rates_are_exact(tmp_path: Path, smooth: Painter, name: str, rate: str) -> None:
    frames = [smooth(32, 32, i * 0.5) for i in range(5)]
    written(tmp_path / name, frames, fps=Fraction(rate))
    clip = open_clip(tmp_path / name)
    assert clip.fps == Fraction(rate)
    assert len(list(clip.frames())) == 5


@pytest.mark.parametrize(("name", "rate"), [("out.gif", "30"), ("out.webp", "30000/1001"), ("out.gif", "24000/1001")])
def test_coarse_clocks_do_not_drift(tmp_path: Path, smooth: Painter, name: str, rate: str) -> None:
    """GIF counts hundredths, WebP thousandths: each time is rounded for itself, so a hundred frames add up."""
    frames = [smooth(16, 16, i * 0.5) for i in range(100)]
    written(tmp_path / name, frames, fps=Fraction(rate))
    with Image.open(tmp_path / name) as image:
        total = 0
        for index in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(index)
            image.load()
            total += image.info["duration"]
        assert image.info["loop"] == 0
    assert total == pytest.approx(100_000 / float(Fraction(rate)), abs=11)


def test_fast_gifs_are_thinned_to_what_viewers_play(tmp_path: Path, smooth: Painter) -> None:
    written(tmp_path / "out.gif", [smooth(16, 16, i * 0.5) for i in range(60)], fps=Fraction(60))
    with Image.open(tmp_path / "out.gif") as image:
        durations = []
        for index in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(index)
            durations.append(image.info["duration"])
    assert min(durations) >= 20
    assert sum(durations) == pytest.approx(1000, abs=21)


@pytest.mark.parametrize("name", ["out.png", "out.webp"])
def test_still_parts_cost_nothing(tmp_path: Path, smooth: Painter, name: str) -> None:
    """Resting frames are not stored, and only what moved is."""
    rest = [smooth(200, 200)] * 50
    written(tmp_path / name, rest)
    with Image.open(tmp_path / name) as image:
        assert getattr(image, "n_frames", 1) <= 2
    alone = (tmp_path / name).stat().st_size
    moved = [frame.copy() for frame in rest]
    for index, frame in enumerate(moved):
        frame[90:98, 90:98] = index * 5
    written(tmp_path / f"moved-{name}", moved)
    assert (tmp_path / f"moved-{name}").stat().st_size < alone + 50 * 400


@pytest.mark.parametrize("name", ["out.mp4", "out.webm"])
def test_odd_sides_repeat_edge_pixels(tmp_path: Path, smooth: Painter, name: str) -> None:
    frames = [smooth(61, 83)]
    report = written(tmp_path / name, frames, crf=4)
    assert report.size == (62, 84)
    assert report.notes == (f"edge pixels repeated from 83x61 to 84x62: {name[4:]} needs even sides",)
    shown = frames_of(tmp_path / name)[0].astype(int)
    assert shown.shape == (62, 84, 3)
    assert np.abs(shown[:61, :83] - frames[0]).mean() <= 2
    assert np.abs(shown[61, :83] - frames[0][60]).mean() <= 3
    assert np.abs(shown[:61, 83] - frames[0][:, 82]).mean() <= 3


def test_large_frames_are_capped_and_it_is_said(tmp_path: Path) -> None:
    frames = [np.full((40, 5000, 3), 90, np.uint8)]
    report = written(tmp_path / "wide.mp4", frames)
    assert report.size == (34, 4096)
    assert report.notes[0] == "scaled from 5000x40 to 4096x33; --size or --lossless keeps more"
    assert written(tmp_path / "exact.mp4", frames, lossless=True).size == (40, 5000)
    assert written(tmp_path / "asked.mp4", frames, size=(40, 5000)).size == (40, 5000)


@pytest.mark.parametrize("name", ["out.mp4", "out.gif", "out.webp", "out.png", "frames/"])
def test_asked_size(tmp_path: Path, smooth: Painter, name: str) -> None:
    report = written(f"{tmp_path}/{name}", [smooth(96, 128)], size=(48, 64))
    assert report.size == (48, 64)
    frame = frames_of(tmp_path / name)[0][..., :3]
    assert np.abs(frame.astype(int) - smooth(96, 128).reshape(48, 2, 64, 2, 3).mean(axis=(1, 3))).mean() < 8


def test_sizes_beyond_the_codec_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"webp holds at most 16383 pixels.*--size"):
        open_output(tmp_path / "a.webp", size=(10, 17000), fps=FPS, options=OutputOptions(lossless=True))


def test_index_comes_first(tmp_path: Path, smooth: Painter) -> None:
    written(tmp_path / "out.mp4", [smooth(64, 64)])
    data = (tmp_path / "out.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_label_is_visible_in_its_corner_alone(tmp_path: Path) -> None:
    frame = np.full((180, 320, 3), 120, np.uint8)
    written(tmp_path / "out.png", [frame], label="AI-generated")
    shown = read_picture(tmp_path / "out.png").pixels
    assert (shown[:140] == 120).all()
    assert (shown[:, 160:] == 120).all()
    corner = shown[140:, :160]
    assert corner.max() >= 250
    assert corner.min() <= 70
    with pytest.raises(UsageError, match="--label"):
        written(tmp_path / "long.png", [frame], label="far too long " * 20)
    with pytest.raises(UsageError, match="--label is empty"):
        written(tmp_path / "empty.png", [frame], label="  ")


def test_label_on_transparency_is_opaque(tmp_path: Path) -> None:
    frame = np.zeros((180, 320, 4), np.uint8)
    frame[..., 0] = 255  # red that must not shine through
    written(tmp_path / "out.png", [frame], label="AI-generated", alpha=True)
    with Image.open(tmp_path / "out.png") as image:
        shown = np.array(image)
    letters = shown[..., 3] >= 250
    assert letters.sum() > 50
    assert shown[letters][:, :3].min() >= 240
    visible = shown[..., 3] > 0
    assert (shown[visible][:, 0] == shown[visible][:, 1]).all()


def test_names_choose_the_kind(tmp_path: Path) -> None:
    (tmp_path / "is.folder").mkdir()
    assert [kind_of_output(name) for name in ("A.MP4", "b.mov", "c.webm", "d.GIF", "e.webp", "f.png", "g.apng")] == [
        *("mp4", "mov", "webm", "gif", "webp", "apng", "apng")
    ]
    assert (
        kind_of_output("frames/") == kind_of_output("frames") == kind_of_output(tmp_path / "is.folder") == "png-folder"
    )
    with pytest.raises(OutputError, match=r"a\.avi: \.avi cannot be written; use one of \.mp4"):
        kind_of_output("a.avi")
    assert [carries_sound(name) for name in ("a.mp4", "a.webm", "a.gif", "a/")] == [True, True, False, False]
    assert default_output_name(Path("pictures/mona lisa.v2.jpg"), Path("clips/me.mov")) == Path("mona lisa.v2-me.mp4")
    assert default_output_name(Path("mona.jpg"), "smile") == Path("mona-smile.mp4")


def test_unusual_names(tmp_path: Path, smooth: Painter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("-y.mp4", "möna 'lisa' 蒙娜.mp4", "a:b%03d.gif", "-frames ünïcode/", "x" * 240 + ".webm"):
        written(name, [smooth(32, 32)] * 2)
        assert len(frames_of(Path(name))) >= 1
    assert len(list(tmp_path.iterdir())) == 5


def test_options_out_of_range_are_usage_errors(tmp_path: Path, smooth: Painter) -> None:
    for options, message in (
        ({"crf": 60}, "--crf 60"),
        ({"preset": "fastest"}, "--preset fastest"),
        ({"size": (4, 4)}, "--size 4x4"),
    ):
        with pytest.raises(UsageError, match=message):
            written(tmp_path / "a.mp4", [smooth(32, 32)], **options)
    with pytest.raises(UsageError, match="--fps 0"):
        written(tmp_path / "a.mp4", [smooth(32, 32)], fps=Fraction(0))


def test_frames_of_another_shape_are_refused(tmp_path: Path, smooth: Painter) -> None:
    with pytest.raises(ValueError, match=r"expected a frame of shape \(32, 32, 3\)"):
        written(tmp_path / "a.mp4", [smooth(32, 32), smooth(32, 34)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("size", "preset", "is_limited"),
    [((720, 1280), "medium", False), ((3000, 4000), "medium", True), ((3000, 4000), "ultrafast", False)],
)
def test_large_frames_are_not_hoarded(size: tuple[int, int], preset: str, is_limited: bool) -> None:
    encoding = Encoding("mp4", size, size, Fraction(25), alpha=False, lossless=False, crf=16, preset=preset, threads=0)
    assert ("-rc-lookahead" in encode_arguments(encoding, [], "out.mp4")) == is_limited


@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "frames/"])
def test_saying_what_moves_changes_nothing(tmp_path: Path, name: str) -> None:
    """Only what moves is converted anew for the encoder; every frame shows what it was given all the same."""
    random = np.random.default_rng(1)
    still = random.integers(0, 256, (49, 64, 3)).astype(np.uint8)
    frames = [still.copy() for _ in range(8)]
    for frame in frames:
        frame[11:49, 7:40] = random.integers(0, 256, (38, 33, 3))
    shown = []
    for folder, moving in (("said", (7, 11, 40, 49)), ("unsaid", None)):
        (tmp_path / folder).mkdir()
        target = f"{tmp_path}/{folder}/{name}"
        options = OutputOptions(preset=QUICK, threads=1)
        with open_output(target, size=(49, 64), fps=FPS, options=options, moving=moving) as output:
            for frame in frames:
                output.write(frame)
        shown.append(np.stack(frames_of(Path(target))))
    np.testing.assert_array_equal(*shown)
