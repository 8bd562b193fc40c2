"""Stills come in upright, in 8-bit sRGB, whatever the file's way of storing them; bad files are named."""

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from portrait_alive.errors import UnreadableInputError
from portrait_alive.media.stills import MAX_MEGAPIXELS, is_still, read_picture
from portrait_alive.types import Bytes, Picture

UNDO = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What turns an upright picture into the one a camera stores with this EXIF orientation."""

ADOBE_RGB = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
"""Primaries as columns of XYZ under D50."""


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path: Path, corners: Bytes, orientation: int, suffix: str) -> None:
    image = Image.fromarray(corners)
    undo = UNDO[orientation]
    stored = image if undo is None else image.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{suffix}"
    options = {"jpg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}}.get(suffix, {})
    stored.save(path, exif=exif, **options)
    picture = read_picture(path)
    assert picture.size == (48, 80)
    assert np.abs(picture.pixels.astype(int) - corners).max() <= 6


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "bmp", "gif"])
def test_every_format_is_read(tmp_path: Path, corners: Bytes, suffix: str) -> None:
    path = tmp_path / f"a picture.{suffix}"
    options = {"jpg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}}.get(suffix, {})
    Image.fromarray(corners).save(path, **options)
    picture = read_picture(path)
    assert picture.pixels.dtype == np.uint8
    assert picture.alpha is None
    assert picture.path == path
    assert np.abs(picture.pixels.astype(int) - corners).max() <= 6
    assert is_still(path)


def test_colour_profile_is_converted(tmp_path: Path) -> None:
    colours = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200], [128, 128, 128], [250, 240, 20]], np.uint8)
    pixels = np.repeat(np.repeat(colours[None], 16, axis=0), 16, axis=1)
    path = tmp_path / "adobe.png"
    Image.fromarray(pixels).save(path, icc_profile=_profile("RGB ", ADOBE_RGB, 2.19921875))
    linear = np.linalg.inv(SRGB) @ ADOBE_RGB @ (colours / 255.0).T ** 2.19921875  # (3, 5)
    linear = np.clip(linear, 0, 1)
    expected = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055).T
    found = read_picture(path).pixels[8, 8::16]
    assert np.abs(found - expected).max() <= 2.5
    assert np.abs(found.astype(int) - colours).max() > 15  # the profile mattered


def test_grey_profile_is_converted(tmp_path: Path) -> None:
    levels = np.linspace(0, 255, 18).round().astype(np.uint8)
    path = tmp_path / "grey.png"
    image = Image.fromarray(np.tile(levels, (4, 1)))
    image.save(path, icc_profile=_profile("GRAY", None, 1.8))
    linear = (levels / 255.0) ** 1.8
    expected = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    found = read_picture(path).pixels
    assert (found[..., 0] == found[..., 1]).all()
    assert np.abs(found[0, :, 0] - expected).max() <= 3  # black point compensation lifts nothing above this


def test_srgb_profile_changes_no_pixel(tmp_path: Path) -> None:
    from PIL import ImageCms

    noise = np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
    path = tmp_path / "srgb.png"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(noise).save(path, icc_profile=profile)
    assert (read_picture(path).pixels == noise).all()


def test_broken_profile_is_passed_over(tmp_path: Path, corners: Bytes) -> None:
    path = tmp_path / "broken-profile.png"
    Image.fromarray(corners).save(path, icc_profile=b"\0\0\1\0 not a profile at all" * 8)
    assert (read_picture(path).pixels == corners).all()


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk(tmp_path: Path, suffix: str) -> None:
    inks = np.zeros((32, 64, 4), np.uint8)
    inks[:, 16:32, 1:3] = 255  # magenta and yellow: red
    inks[:, 32:48, 3] = 255  # black
    inks[:, 48:, 0] = 255  # cyan
    path = tmp_path / f"print.{suffix}"
    Image.fromarray(inks, "CMYK").save(path, **({"quality": 95} if suffix == "jpg" else {}))
    found = read_picture(path).pixels[16, 8::16].astype(int)
    expected = np.array([[255, 255, 255], [255, 0, 0], [0, 0, 0], [0, 255, 255]])
    assert np.abs(found - expected).max() <= 24


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    ramp = np.tile(np.linspace(0, 65535, 512).round().astype(np.uint16), (8, 1))
    path = tmp_path / f"deep.{suffix}"
    Image.fromarray(ramp).save(path)
    found = read_picture(path).pixels
    assert np.abs(found[0, :, 1] - ramp[0] / 257.0).max() <= 1.0


def test_dark_sixteen_bit_grey_stays_dark(tmp_path: Path) -> None:
    path = tmp_path / "dark.png"
    Image.fromarray(np.full((20, 20), 700, np.uint16)).save(path)
    assert (read_picture(path).pixels == 3).all()


def test_sixteen_bit_grey_with_white_at_zero_is_no_negative(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (8, 1))
    path = tmp_path / "fax.tif"
    Image.fromarray(65535 - ramp).save(path, tiffinfo={262: 0, 274: 3})
    found = read_picture(path).pixels[0, ::-1, 0]  # 274: upside down
    assert np.abs(found - ramp[0] / 257.0).max() <= 1.0


def test_deep_colour_channel_by_channel_is_refused(tmp_path: Path) -> None:
    """Pillow reads a TIFF of 16-bit planes as stripes, without a word."""
    deep, path = tmp_path / "deep.tif", tmp_path / "planes.tif"
    cv2.imwrite(str(deep), np.full((8, 8, 3), 30000, np.uint16))
    planar = struct.pack("<HHIHH", 284, 3, 1, 1, 0)
    assert planar in deep.read_bytes()
    path.write_bytes(deep.read_bytes().replace(planar, struct.pack("<HHIHH", 284, 3, 1, 2, 0)))
    assert read_picture(deep).size == (8, 8)
    with pytest.raises(UnreadableInputError, match=r"planes\.tif stores its colours channel by channel.*interleaved"):
        read_picture(path)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_colour_is_scaled(tmp_path: Path, suffix: str) -> None:
    ramp = np.linspace(0, 65535, 300).round().astype(np.uint16)
    deep = np.stack([np.tile(ramp, (6, 1)), np.tile(ramp[::-1], (6, 1)), np.full((6, 300), 32896, np.uint16)], 2)
    path = tmp_path / f"deep.{suffix}"
    assert cv2.imwrite(str(path), deep[..., ::-1])
    assert np.abs(read_picture(path).pixels - deep / 257.0).max() <= 1.0


def test_float_tiff_has_white_at_one(tmp_path: Path) -> None:
    path = tmp_path / "float.tif"
    Image.fromarray(np.tile(np.linspace(0, 1, 256, dtype=np.float32), (4, 1))).save(path)
    assert np.abs(read_picture(path).pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_alpha_is_kept(tmp_path: Path, corners: Bytes) -> None:
    alpha = np.tile(np.linspace(0, 255, 80).astype(np.uint8), (48, 1))
    for suffix in ("png", "webp", "tif"):
        path = tmp_path / f"cut-out.{suffix}"
        options = {"lossless": True, "exact": True} if suffix == "webp" else {}
        Image.fromarray(np.dstack([corners, alpha])).save(path, **options)
        picture = read_picture(path)
        assert picture.alpha is not None
        assert (picture.alpha == alpha).all(), suffix
        assert (picture.pixels == corners).all(), suffix


def test_opaque_alpha_is_none(tmp_path: Path, corners: Bytes) -> None:
    path = tmp_path / "opaque.png"
    Image.fromarray(np.dstack([corners, np.full((48, 80), 255, np.uint8)])).save(path)
    assert read_picture(path).alpha is None


def test_grey_palette_and_bilevel(tmp_path: Path, corners: Bytes) -> None:
    image = Image.fromarray(corners)
    for mode in ("L", "LA", "P", "1"):
        path = tmp_path / f"{mode}.png"
        converted = image.convert("L").convert("LA") if mode == "LA" else image.convert(mode)
        converted.save(path)
        assert (read_picture(path).pixels == np.asarray(converted.convert("RGB"))).all(), mode


def test_transparent_palette(tmp_path: Path, corners: Bytes) -> None:
    indexed = Image.fromarray(corners).quantize(8)
    background = indexed.getpixel((0, 0))
    path = tmp_path / "palette.png"
    indexed.save(path, transparency=background)
    picture = read_picture(path)
    assert picture.alpha is not None
    assert (picture.alpha[:24, :40] == 0).all()
    assert (picture.alpha[24:] == 255).all()


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_first_frame_of_an_animation(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    path = tmp_path / f"moving.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=40)
    red, _, blue = read_picture(path).pixels[15, 20]
    assert red > 240
    assert blue < 15
    assert not is_still(path)


def test_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    side = 60_000  # 3.6 gigapixels, in a file of a few hundred bytes

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)))
    with pytest.raises(UnreadableInputError, match=rf"bomb\.png declares 60000x60000.*limit is {MAX_MEGAPIXELS}"):
        read_picture(path)


@pytest.mark.slow
def test_large_scan_is_read(tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    Image.new("1", (16_000, 12_000)).save(path)
    assert read_picture(path).size == (12_000, 16_000)


def test_large_scan_passes_pillows_own_limit(tmp_path: Path) -> None:
    path = tmp_path / "scan.png"  # Pillow refuses to look at more than 179 megapixels
    Image.new("1", (16_000, 12_000)).save(path)
    limit = Image.MAX_IMAGE_PIXELS
    assert is_still(path)
    assert limit == Image.MAX_IMAGE_PIXELS


def reading(path: Path) -> tuple[Picture | None, UnreadableInputError | None]:
    """The picture, or the error that is raised instead."""
    try:
        return read_picture(path), None
    except UnreadableInputError as error:
        return None, error


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "bmp", "gif"])
def test_truncated_at_many_points(tmp_path: Path, suffix: str) -> None:
    """A cut file is refused by name, or, where only its tail of unused bytes is gone, read in full size."""
    noise = np.random.default_rng(2).integers(0, 256, (64, 96, 3), np.uint8)
    whole = io.BytesIO()
    names = {"jpg": "JPEG", "tif": "TIFF"}
    Image.fromarray(noise).save(whole, names.get(suffix, suffix.upper()))
    data = whole.getvalue()
    path = tmp_path / f"cut.{suffix}"
    refused = 0
    for cut in np.random.default_rng(3).integers(1, len(data) - 1, 12):
        path.write_bytes(data[: int(cut)])
        picture, error = reading(path)
        if picture is None:
            assert f"cut.{suffix}" in str(error)
            refused += 1
        else:
            assert picture.size == (64, 96)
    assert refused >= 10


def test_flipped_bytes_never_escape_as_other_errors(tmp_path: Path) -> None:
    """Hostile files are read or refused; they raise nothing else."""
    random = np.random.default_rng(4)
    noise = random.integers(0, 256, (48, 48, 3), np.uint8)
    for name in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"):
        buffer = io.BytesIO()
        Image.fromarray(noise).save(buffer, name)
        path = tmp_path / f"fuzz.{name.lower()}"
        for _ in range(25):
            data = bytearray(buffer.getvalue())
            for position in random.integers(0, min(len(data), 400), 6):
                data[position] = random.integers(0, 256)
            path.write_bytes(bytes(data))
            picture, error = reading(path)
            assert picture is not None or path.name in str(error)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.png"
    empty.touch()
    text = tmp_path / "page.jpg"
    text.write_text("<!DOCTYPE html><html>not found</html>")
    folder = tmp_path / "folder.jpg"
    folder.mkdir()
    kinds = {
        "iphone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        "camera.cr3": (b"\0\0\0\x18ftypcrx \0\0\0\0crx isom", "raw file"),
        "next.jxl": (b"\xff\x0a\0\0", "JPEG XL"),
        "float.tif": (b"II*\0\0\0\0\0", "TIFF of a rare kind"),
    }
    for name, (start, _) in kinds.items():
        (tmp_path / name).write_bytes(start + b"\0" * 64)
    expected = {
        **{tmp_path / name: f"is not a picture.*{what}" for name, (_, what) in kinds.items()},
        empty: "is empty",
        text: "is not a picture.*web page",
        folder: "is a folder",
        tmp_path / "absent.jpg": "does not exist",
    }
    for path, message in expected.items():
        with pytest.raises(UnreadableInputError, match=f"{path.name} {message}"):
            read_picture(path)
        assert not is_still(path)


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_forbidden_file_is_named(tmp_path: Path, corners: Bytes) -> None:
    path = tmp_path / "secret.png"
    Image.fromarray(corners).save(path)
    path.chmod(0)
    with pytest.raises(UnreadableInputError, match=r"secret\.png may not be read"):
        read_picture(path)


def test_unusual_names(tmp_path: Path, corners: Bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("-i.png", "möna lisa ünïcode 蒙娜丽莎.png", "a:b%03d.png", 'it\'s "quoted".png'):
        Image.fromarray(corners).save(tmp_path / name)
        assert (read_picture(Path(name)).pixels == corners).all()


def _profile(space: str, primaries: np.ndarray | None, gamma: float) -> bytes:
    """A minimal ICC v2 display profile: a matrix (or grey alone) and one gamma."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(values: np.ndarray | tuple[float, ...]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(fixed(float(value)) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"test\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + b"\0" * 78
    tags = {b"desc": description, b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz((0.9642, 1.0, 0.8249))}
    if primaries is None:
        tags[b"kTRC"] = curve
    else:
        for index, name in enumerate("rgb"):
            tags[f"{name}XYZ".encode()] = xyz(primaries[:, index])
            tags[f"{name}TRC".encode()] = curve
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    size = start + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"\0" * 4, 0x02100000, b"mntr", space.encode(), b"XYZ ")
    header += b"\0" * 12 + b"acsp" + b"\0" * 28 + fixed(0.9642) + fixed(1.0) + fixed(0.8249)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
