"""What a file says of itself, read back and checked: tags, XMP, C2PA."""

import json
from dataclasses import dataclass
from pathlib import Path

from portrait_alive.errors import UnreadableInputError
from portrait_alive.media import c2pa
from portrait_alive.media.embedding import Container, container_of, read_comment, read_xmp
from portrait_alive.media.marks import Marks, parse_xmp, sha256_of
from portrait_alive.media.png_folder import SIDE_CAR
from portrait_alive.media.streams import check_plain_file

SYNTHETIC_TERMS = ("AlgorithmicMedia", "compositeSynthetic", "trainedAlgorithmicData", "algorithmicallyEnhanced")
"""Ends of IPTC's digital source types that mean: a machine made or changed this."""

USUAL = ("signingCredential.untrusted", "timeStamp.untrusted")
"""Findings that say only that the signer is on no trust list."""


@dataclass(frozen=True)
class Inspection:
    """The marks of a file."""

    path: Path
    container: Container
    marks: Marks | None
    """From XMP; None when it has none."""
    comment: str | None
    """From the container's own tags."""
    signature: c2pa.Signature | None
    """Verified; None when there is none, or `signature_checked` is False."""
    signature_checked: bool
    """False where c2pa-python is not installed: a signature may be there, and is not looked at."""
    problems: tuple[str, ...]
    """What does not fit together, one sentence each; empty when all is well."""

    @property
    def is_marked_synthetic(self) -> bool:
        """Whether XMP or manifest declare the content as made or changed by a machine."""
        kinds = [self.marks.digital_source_type if self.marks else None]
        kinds.append(self.signature.digital_source_type if self.signature else None)
        return any(kind is not None and kind.endswith(SYNTHETIC_TERMS) for kind in kinds)


def inspect(path: Path, *, anchors: Path | None = None) -> Inspection:
    """All marks of the file (or folder of PNGs) at `path`, verified as far as they can be.

    Args:
        anchors: PEM file of root certificates to trust for signatures.

    Raises:
        UnreadableInputError: it does not exist or cannot be read.
    """
    if path.is_dir():
        return _inspect_folder(path)
    check_plain_file(path)
    packet = read_xmp(path)
    marks = None if packet is None else parse_xmp(packet)
    checked = c2pa.is_available()
    signature = c2pa.read_signature(path, anchors=anchors) if checked else None
    comment = read_comment(path)
    problems = _problems(marks, comment, signature)
    if packet is not None and marks is None:
        problems.append("there is an XMP packet, but it names no digital source type")
    return Inspection(path, container_of(path), marks, comment, signature, checked, tuple(problems))


def matches(marks: Marks, path: Path) -> bool:
    """Whether the file at `path` is a source or the driver that `marks` record.

    Raises:
        UnreadableInputError: it cannot be read.
    """
    return sha256_of(path) in (*marks.source_sha256, marks.driver_sha256)


def _problems(marks: Marks | None, comment: str | None, signature: c2pa.Signature | None) -> list[str]:
    problems = []
    if signature is not None:
        codes = [code for code in signature.problems if code not in USUAL]
        if signature.state not in ("Valid", "Trusted") or codes:
            problems.append(f"the C2PA signature does not hold ({', '.join(codes) or signature.state}): changed since")
        if marks is not None:
            if signature.digital_source_type not in (None, marks.digital_source_type):
                problems.append("XMP and C2PA name different digital source types")
            recorded = signature.inputs.get("source_sha256")
            if recorded is not None and tuple(recorded) != marks.source_sha256:
                problems.append("XMP and C2PA record different sources")
    if marks is not None and comment is not None:
        missing = [digest for digest in marks.source_sha256 if digest not in comment]
        if missing and "sha256" in comment:
            problems.append("XMP and the container's comment record different sources")
    return problems


def _inspect_folder(path: Path) -> Inspection:
    pictures = sorted(path.glob("*.png"))
    if not pictures:
        raise UnreadableInputError(f"{path} is a folder without PNGs; name an output of portrait-alive")
    found = [inspect(picture) for picture in pictures]
    first = found[0]
    problems = [f"{one.path.name}: {problem}" for one in found for problem in one.problems]
    problems += [
        f"{one.path.name}: its marks differ from the first picture's" for one in found if one.marks != first.marks
    ]
    side_car = path / SIDE_CAR
    if not side_car.is_file():
        problems.append(f"{SIDE_CAR} is missing")
    else:
        problems += _side_car_problems(side_car, len(pictures), first.marks)
    return Inspection(
        path, "png", first.marks, first.comment, first.signature, first.signature_checked, tuple(problems)
    )


def _side_car_problems(side_car: Path, pictures: int, marks: Marks | None) -> list[str]:
    try:
        record = json.loads(side_car.read_text(encoding="utf-8"))
        frames, recorded = record["frames"], record["marks"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"{SIDE_CAR} cannot be read ({error})"]
    problems = [f"{SIDE_CAR} counts {frames} frames, the folder holds {pictures}"] if frames != pictures else []
    if recorded != (None if marks is None else marks.as_json()):
        problems.append(f"{SIDE_CAR} and the pictures carry different marks")
    return problems
