"""`portrait-alive inspect`: what a file says of itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portrait_alive.cli.report import Report
from portrait_alive.errors import UnreadableInputError

if TYPE_CHECKING:
    from portrait_alive.media.inspection import Inspection

File = Annotated[Path, typer.Argument(metavar="FILE", help="A film, picture or folder of frames.", show_default=False)]
Anchors = Annotated[
    Path | None, typer.Option("--trust", metavar="PEM", help="Root certificates that you trust, for the signature.")
]
Source = Annotated[
    list[Path] | None,
    typer.Option(
        "--against", metavar="FILE", help="Compare a source or driver with the hashes recorded. May be repeated."
    ),
]


def inspect(report: Report, file: File, trust: Anchors = None, against: Source = None) -> None:
    """Show and verify the marks that say that a file is synthetic, and what it was made from."""
    from portrait_alive.media.inspection import inspect as look
    from portrait_alive.media.inspection import matches

    found = look(file, anchors=trust)
    marks = found.marks
    rows = [
        ("synthetic", "yes" if found.is_marked_synthetic else "not marked"),
        ("made by", f"{marks.tool} {marks.version}" if marks else "-"),
        ("digital source type", marks.digital_source_type if marks else "-"),
        *(("source sha256", digest) for digest in (marks.source_sha256 if marks else ())),
        ("driver sha256", (marks.driver_sha256 if marks else None) or "-"),
        ("comment", found.comment or "-"),
        ("signature", _signature(found)),
        *(("problem", problem) for problem in found.problems),
    ]
    known = {str(path): bool(marks and matches(marks, path)) for path in against or ()}
    rows += [(f"made from {path}", "yes" if fits else "no") for path, fits in known.items()]
    report.sheet(rows, _summary(found, known))
    if found.problems or not all(known.values()):
        raise UnreadableInputError(f"{file}: the marks do not hold; see above")


def _signature(found: "Inspection") -> str:
    if not found.signature_checked:
        return "not looked at: pip install 'portrait-alive[c2pa]'"
    if found.signature is None:
        return "none"
    signature = found.signature
    return f"{signature.state}, by {signature.signer} ({signature.issuer})"


def _summary(found: "Inspection", known: dict[str, bool]) -> dict[str, object]:
    signature = found.signature
    return {
        "path": str(found.path),
        "container": found.container,
        "is_marked_synthetic": found.is_marked_synthetic,
        "marks": found.marks.as_json() if found.marks else None,
        "comment": found.comment,
        "signature_checked": found.signature_checked,
        "signature": None
        if signature is None
        else {
            "state": signature.state,
            "signer": signature.signer,
            "issuer": signature.issuer,
            "tool": signature.tool,
            "digital_source_type": signature.digital_source_type,
            "inputs": signature.inputs,
            "problems": list(signature.problems),
        },
        "made_from": known,
        "problems": list(found.problems),
    }
