"""`portrait-alive track`: a driver's motion into a file of its own."""

from pathlib import Path
from typing import Annotated

import typer

from portrait_alive.cli.report import Report
from portrait_alive.errors import OutputError, UsageError
from portrait_alive.options import AnimateOptions

MOTION_SUFFIX = ".motion"
ClipFile = Annotated[Path, typer.Argument(metavar="CLIP", help="A video or a still.", show_default=False)]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Where the motion goes. Default: CLIP.motion, here."),
]
WithSound = Annotated[bool, typer.Option("--with-sound", help="Keep the clip's sound in the motion file.")]
OPTIONS = ("tracker", "driver_face", "start", "end", "device", "threads", "overwrite")
EXAMPLES = """Examples:

portrait-alive track me.mp4

portrait-alive track me.mp4 --with-sound --from 2 --to 12.5 -o hello.motion
"""


def track(
    report: Report, clip: ClipFile, options: AnimateOptions, output: Output = None, with_sound: WithSound = False
) -> None:
    """Track a driver once, for as many portraits as you like, without sharing the video."""
    path = output or Path(f"{clip.stem}{MOTION_SUFFIX}")
    if path.suffix.lower() != MOTION_SUFFIX:
        raise UsageError(f"{path}: a motion file ends in {MOTION_SUFFIX}")
    if path.exists() and not options.overwrite:
        raise OutputError(f"{path} exists already; choose another name with -o, or allow it with --overwrite")
    from dataclasses import replace

    from portrait_alive import pipeline
    from portrait_alive.motion.file import save_motion

    motion = pipeline.track(clip, options=options, on_event=report.listen)
    if with_sound:
        motion = replace(motion, sound=_sound_of(clip, options, motion.duration_s))
    save_motion(motion, path, overwrite=options.overwrite)
    report.result(
        str(path),
        {
            "path": str(path),
            "frames": motion.frame_count,
            "fps": str(motion.fps),
            "bridged": motion.bridged_count,
            "bytes": path.stat().st_size,
            "has_sound": motion.sound is not None,
        },
        [
            f"{motion.frame_count} frames at {float(motion.fps):.3f} a second, {path.stat().st_size / 1000:.0f} kB",
            *([f"bridged: {motion.provenance.get('bridged', motion.bridged_count)}"] if motion.bridged_count else []),
        ],
    )


def _sound_of(clip: Path, options: AnimateOptions, duration_s: float) -> bytes | None:
    """The clip's sound over the tracked part, as a small file; None where there is none."""
    from portrait_alive.media.clips import open_clip
    from portrait_alive.media.sound import find_sound
    from portrait_alive.media.stills import is_still
    from portrait_alive.spoken_sound import sound_bytes

    if is_still(clip):
        return None
    sound = find_sound(clip, start=options.start or 0, fps=open_clip(clip).fps)
    return None if sound is None else sound_bytes(sound, duration_s)
