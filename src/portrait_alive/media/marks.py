"""What an output says of itself to machines: that it is synthetic, what made it, and from what.

Three places say it, as far as the kind of file has them: a comment among the container's own tags, an XMP packet
with IPTC's digital source type, and a signed C2PA manifest (`c2pa.py`). `embedding.py` puts the first two into files.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from portrait_alive.errors import UnreadableInputError

TOOL = "portrait-alive"

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC's term for a recording or artwork into which a trained network has drawn."""

NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "pa": "urn:portrait-alive:marks:1:",
}

MAX_XMP_BYTES = 1 << 20
"""Longest packet that is parsed; ours has about 1 kB."""


@dataclass(frozen=True)
class Marks:
    """What is recorded in an output."""

    tool: str
    version: str
    source_sha256: tuple[str, ...] = ()
    """Of each source picture's file, hexadecimal; empty when private."""
    driver_sha256: str | None = None
    """Of the driver's or motion's file; None when private, or for a built-in motion."""
    digital_source_type: str = DIGITAL_SOURCE_TYPE

    @property
    def comment(self) -> str:
        """The marks as one line for people, which container tags carry."""
        parts = [f"Synthetic media: a still picture animated by {self.tool} {self.version}"]
        parts.append(f"digital source type {self.digital_source_type}")
        parts += [f"source sha256 {digest}" for digest in self.source_sha256]
        parts += [f"driver sha256 {self.driver_sha256}"] if self.driver_sha256 else []
        return "; ".join(parts)

    @property
    def xmp(self) -> bytes:
        """The marks as an XMP packet, UTF-8."""
        names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items() if prefix != "rdf")
        sources = "".join(f"<rdf:li>{escape(digest)}</rdf:li>" for digest in self.source_sha256)
        body = "".join(
            [
                _element("xmp:CreatorTool", f"{self.tool} {self.version}"),
                _element("Iptc4xmpExt:DigitalSourceType", self.digital_source_type),
                _element("pa:Tool", self.tool),
                _element("pa:Version", self.version),
                f"<pa:SourceSha256><rdf:Seq>{sources}</rdf:Seq></pa:SourceSha256>" if sources else "",
                _element("pa:DriverSha256", self.driver_sha256) if self.driver_sha256 else "",
            ]
        )
        packet = (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
            f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{NAMESPACES["rdf"]}">'
            f'<rdf:Description rdf:about="" {names}>{body}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
        )
        return packet.encode()

    def as_json(self) -> dict[str, object]:
        """The marks as plain values, for side-car files, manifests and `--json`."""
        return {
            "tool": self.tool,
            "version": self.version,
            "digital_source_type": self.digital_source_type,
            "source_sha256": list(self.source_sha256),
            "driver_sha256": self.driver_sha256,
        }


def make_marks(sources: Sequence[Path], driver: Path | None, *, private: bool = False) -> Marks:
    """Marks for an output of these files; `private` leaves their hashes out.

    Raises:
        UnreadableInputError: a file cannot be read.
    """
    if private:
        return Marks(TOOL, tool_version())
    return Marks(
        TOOL,
        tool_version(),
        tuple(sha256_of(source) for source in sources),
        None if driver is None else sha256_of(driver),
    )


def tool_version() -> str:
    """This package's version."""
    return metadata.version(TOOL)


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of the file at `path`.

    Raises:
        UnreadableInputError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableInputError(f"{path} cannot be read ({error.strerror}); check name and permissions") from error


def parse_xmp(packet: bytes) -> Marks | None:
    """The marks in an XMP packet, written by any tool; None when it claims no digital source type or is no XMP.

    Files come from anywhere: packets with document types or entities are refused, long ones too.
    """
    if len(packet) > MAX_XMP_BYTES or re.search(rb"<!(DOCTYPE|ENTITY)", packet, re.IGNORECASE):
        return None
    try:
        root = ElementTree.fromstring(packet.decode("utf-8", "replace").strip("\x00\ufeff \n\r\t"))
    except ElementTree.ParseError:
        return None
    kind = _value(root, "Iptc4xmpExt:DigitalSourceType")
    if kind is None:
        return None
    creator = (_value(root, "xmp:CreatorTool") or "unknown").rsplit(" ", 1)
    return Marks(
        tool=_value(root, "pa:Tool") or creator[0],
        version=_value(root, "pa:Version") or (creator[1] if len(creator) > 1 else "unknown"),
        source_sha256=tuple(item.text or "" for item in root.iterfind(".//pa:SourceSha256//rdf:li", NAMESPACES)),
        driver_sha256=_value(root, "pa:DriverSha256"),
        digital_source_type=kind,
    )


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"


def _value(root: ElementTree.Element, name: str) -> str | None:
    """A simple property's value, written as an element or as an attribute."""
    found = root.find(f".//{name}", NAMESPACES)
    if found is not None:
        return (found.text or "").strip() or None
    prefix, local = name.split(":")
    key = f"{{{NAMESPACES[prefix]}}}{local}"
    return next((element.attrib[key] for element in root.iter() if key in element.attrib), None)
