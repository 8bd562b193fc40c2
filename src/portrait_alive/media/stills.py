"""Stills in: any common picture file to upright 8-bit sRGB, or an error that says what is wrong with it."""

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from portrait_alive.errors import UnreadableInputError
from portrait_alive.media.streams import check_plain_file
from portrait_alive.types import Bytes, Picture

MAX_MEGAPIXELS = 400
"""Largest picture that is decoded, about 1.2 GB as RGB; museums' largest common scans stay below."""

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "PPM", "JPEG2000", "AVIF")
"""Pillow's decoders that are let near a file from anywhere; AVIF where Pillow was built with it."""

_PLANAR_CONFIGURATION, _BITS_PER_SAMPLE, _PHOTOMETRIC = 284, 258, 262
"""Tags of TIFF."""

_pillow_limit = threading.Lock()


def read_picture(path: Path) -> Picture:
    """The picture at `path`, upright, in 8-bit sRGB, with its alpha if any pixel of it is not opaque.

    The EXIF orientation is applied, ICC profiles are converted to sRGB, 16-bit and float pictures are scaled to
    8 bits, and of an animated or many-paged file the first picture is taken.

    Raises:
        UnreadableInputError: missing, a folder, empty, truncated, damaged, no picture, or over `MAX_MEGAPIXELS`.
    """
    check_plain_file(path)
    with _pillow_errors_named(path), _opened(path) as image:
        _check_size(path, image)
        _check_planes(path, image)
        image.load()
        upright = _upright(image)
        if _is_negative(image):
            upright = Image.fromarray(65535 - np.asarray(upright))
        pixels, alpha = _to_srgb(upright, image.info.get("icc_profile"))
    return Picture(pixels, None if alpha is None or bool((alpha == 255).all()) else alpha, path)


def is_still(path: Path) -> bool:
    """Whether `path` is a picture of one frame, not a clip (GIF, WebP and PNG may be either); decodes nothing."""
    try:
        check_plain_file(path)
        with _opened(path) as image:
            return image.format == "MPO" or image.format == "TIFF" or getattr(image, "n_frames", 1) == 1
    except Exception:  # whatever a hostile file does to a parser: it is then no still
        return False


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The picture's header read, nothing decoded; Pillow's own limit, which is lower than ours, set aside."""
    Image.init()
    known = [name for name in FORMATS if name in Image.OPEN]
    with path.open("rb") as file:
        with _pillow_limit, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                image = Image.open(file, formats=known)
            finally:
                Image.MAX_IMAGE_PIXELS = limit
        with image, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield image


@contextlib.contextmanager
def _pillow_errors_named(path: Path) -> Iterator[None]:
    """Turn whatever a damaged or hostile file makes a decoder raise into one error that names the file."""
    try:
        yield
    except UnreadableInputError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableInputError(
            f"{path} is not a picture that can be read; use JPEG, PNG, WebP, TIFF or BMP{_hint(path)}"
        ) from error
    except MemoryError as error:
        raise UnreadableInputError(f"{path} does not fit into memory; reduce it first") from error
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error, zlib.error...
        raise UnreadableInputError(
            f"{path} is damaged ({error or type(error).__name__}); copy or download it again, or save it anew "
            "from a program that still opens it"
        ) from error


def _hint(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(16)
    if head[4:8] == b"ftyp":
        if head[8:12] in (b"heic", b"heix", b"mif1", b"heif", b"hevc"):
            return " (this is HEIC, an iPhone's format: export it as JPEG)"
        return " (this is a camera's raw file: develop it first)" if head[8:11] == b"crx" else " (this is a video)"
    if head[:4] in (b"II*\0", b"MM\0*"):
        return " (this is a TIFF of a rare kind: save it as RGB of 8 or 16 bits)"
    if head[:2] == b"\xff\x0a" or head[4:8] == b"JXL ":
        return " (this is JPEG XL: export it as JPEG or PNG)"
    if head[:4] == b"%PDF":
        return " (this is a PDF: export its page as a picture)"
    return " (this is a web page)" if head.lstrip().lower().startswith((b"<!doc", b"<html")) else ""


def _check_size(path: Path, image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_MEGAPIXELS * 1_000_000:
        raise UnreadableInputError(
            f"{path} declares {width}x{height} pixels ({width * height / 1e6:.0f} megapixels); the limit is "
            f"{MAX_MEGAPIXELS}: reduce it first"
        )
    if width < 1 or height < 1:
        raise UnreadableInputError(f"{path} has no pixels ({width}x{height}); save it anew")


def _check_planes(path: Path, image: Image.Image) -> None:
    """Refuse TIFFs of more than 8 bits that store channel after channel: Pillow decodes them to stripes."""
    tags = image.tag_v2 if isinstance(image, TiffImageFile) else {}
    bits = tags.get(_BITS_PER_SAMPLE, (8,))
    if tags.get(_PLANAR_CONFIGURATION) == 2 and len(bits) > 1 and max(bits) > 8:
        raise UnreadableInputError(
            f"{path} stores its colours channel by channel, which cannot be read in 16 bits; save it anew with "
            "interleaved channels (pixel order), or as PNG"
        )


def _is_negative(image: Image.Image) -> bool:
    """Whether `image` is of a TIFF of 16-bit grey in which 0 is white: Pillow turns those of 8 bits round alone."""
    if not isinstance(image, TiffImageFile):
        return False
    return image.mode.startswith("I;16") and image.tag_v2.get(_PHOTOMETRIC) == 0


def _upright(image: Image.Image) -> Image.Image:
    """EXIF orientation applied; an unreadable EXIF block counts as none."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # malformed EXIF: struct.error, ValueError, SyntaxError...
        return image


def _to_srgb(image: Image.Image, icc: bytes | None) -> tuple[Bytes, Bytes | None]:
    """(H, W, 3) uint8 sRGB and (H, W) uint8 alpha or None, from any of Pillow's modes."""
    if image.mode == "P" or "transparency" in image.info:
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode in ("RGBa", "La", "PA"):
        image = image.convert({"RGBa": "RGBA", "La": "LA", "PA": "RGBA"}[image.mode])
    alpha = np.asarray(image.getchannel("A")) if image.mode in ("RGBA", "LA") else None
    if image.mode in ("RGBA", "LA"):
        image = image.convert(image.mode[:-1])
    if image.mode == "1":
        image = image.convert("L")
    if image.mode not in ("L", "RGB", "CMYK", "LAB", "YCbCr", "HSV"):
        image = Image.fromarray(_eight_bits(np.asarray(image)))
    return np.array(_colours(image, icc)), alpha


def _eight_bits(values: NDArray[np.generic]) -> Bytes:
    """(H, W) grey of 16 or 32 bits or float, scaled to uint8 by its type's white, not by its content.

    Floats are in [0, 1] with white at 1, or, where they go beyond, in units of their own maximum; 32-bit integers
    that fit into 16 bits are 16-bit values (Pillow's "I").
    """
    if values.dtype == np.uint8:
        return values.astype(np.uint8)
    floats = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    highest = float(floats.max(initial=0.0))
    if np.issubdtype(values.dtype, np.floating):
        white = max(1.0, highest)
    elif highest <= 65535:
        white = 65535.0
    else:
        white = float(2**32 - 1 if highest > 2**31 - 1 else 2**31 - 1)
    return np.clip(np.rint(floats * (255.0 / white)), 0, 255).astype(np.uint8)


def _colours(image: Image.Image, icc: bytes | None) -> Image.Image:
    """`image` in sRGB; through its ICC profile, or by its mode's usual meaning where that is absent or broken."""
    if icc and image.mode in ("L", "RGB", "CMYK", "LAB"):
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            if image.mode == "RGB" and ImageCms.getProfileDescription(profile).strip().startswith("sRGB"):
                return image
            converted = ImageCms.profileToProfile(
                image,
                profile,
                ImageCms.createProfile("sRGB"),
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                outputMode="RGB",
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
            if converted is not None:
                return converted
    if image.mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        converted = ImageCms.profileToProfile(image, lab, ImageCms.createProfile("sRGB"), outputMode="RGB")
        return converted if converted is not None else image.convert("RGB")
    return image.convert("RGB")
