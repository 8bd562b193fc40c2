"""The pipeline's own parts: order and bounds of the rendering threads, several faces, rates, options."""

import threading
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from portrait_alive.errors import UsageError
from portrait_alive.events import Note, PhaseStarted
from portrait_alive.neighbours import Neighbours
from portrait_alive.option_kinds import exact_rate
from portrait_alive.options import AnimateOptions, as_plain, parse_option, specs
from portrait_alive.rendering import ahead, in_order
from portrait_alive.stopwatch import Stopwatch
from portrait_alive.types import Box, Picture


def test_results_come_in_order_whatever_takes_longest():
    delays = [0.03, 0.0, 0.02, 0.0, 0.01, 0.0]

    def work(item: int) -> int:
        time.sleep(delays[item])
        return item

    assert list(in_order(work, range(6), threads=3)) == list(range(6))


def test_no_more_is_done_ahead_than_is_allowed():
    begun = []
    results = in_order(lambda item: begun.append(item) or item, range(1000), threads=2)
    for _ in range(3):
        next(results)
    time.sleep(0.05)
    assert len(begun) <= 3 + 2
    results.close()
    assert len(begun) <= 3 + 2


def test_an_error_is_raised_in_its_place_and_stops_the_rest():
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 3:
            raise ValueError("three")
        return item

    taken: list[int] = []
    with pytest.raises(ValueError, match="three"):
        taken.extend(in_order(work, range(1000), threads=2))
    assert taken == [0, 1, 2]
    assert len(begun) < 10
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("render")]


def test_opencv_uses_one_thread_while_frames_are_rendered_and_its_own_number_afterwards():
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        rendered = in_order(lambda _: cv2.getNumThreads(), range(4), threads=2)
        assert next(rendered) == 1
        rendered.close()
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)


def test_items_made_ahead_come_in_order_from_one_other_thread():
    makers = set()

    def items():
        for item in range(50):
            makers.add(threading.get_ident())
            yield item

    assert list(ahead(items(), most=2)) == list(range(50))
    assert len(makers) == 1
    assert threading.get_ident() not in makers


def test_few_items_are_made_ahead_and_none_after_closing():
    made = []

    def items():
        for item in range(1000):
            made.append(item)
            yield item

    coming = ahead(items(), most=2)
    assert [next(coming), next(coming)] == [0, 1]
    coming.close()
    count = len(made)
    assert count <= 5  # two taken, two waiting, one in the making
    time.sleep(0.05)
    assert len(made) == count


def test_an_error_comes_in_its_place_among_items_made_ahead():
    def items():
        yield 1
        raise ValueError("the second")

    coming = ahead(items(), most=3)
    assert next(coming) == 1
    with pytest.raises(ValueError, match="the second"):
        next(coming)


def neighbours(overlap: int) -> tuple[Neighbours, Picture]:
    picture = Picture(np.random.default_rng(0).integers(0, 255, (60, 120, 3)).astype(np.uint8))
    boxes = [(0, 0, 60 + overlap, 60), (60 - overlap, 0, 121, 61)]
    return Neighbours.of(picture, boxes, [Box(20, 20, 20, 20), Box(80, 20, 20, 20)]), picture


def still(picture: Picture) -> list[np.ndarray]:
    padded = np.pad(picture.pixels, ((0, 1), (0, 1), (0, 0)), mode="edge")
    return [padded[:60, :70].copy(), padded[:61, 50:121].copy()]


def test_faces_at_rest_leave_the_source_as_it_is():
    together, picture = neighbours(10)
    assert (together.paste(still(picture)) == picture.pixels).all()


def test_what_one_face_moves_is_its_own_even_in_the_overlap():
    together, picture = neighbours(10)
    first, second = still(picture)
    first[10:20, 52:68] = 7
    frame = together.paste([first, second])
    assert (frame[10:20, 52:68] == 7).all()
    assert (frame[30:] == picture.pixels[30:]).all()
    assert (together.paste(still(picture)) == picture.pixels).all()  # nothing of a frame stays in the next


def test_what_both_move_goes_to_the_nearer_without_a_seam():
    together, picture = neighbours(10)
    first, second = still(picture)
    first[:, 50:70] = 0
    second[:60, :20] = 200
    row = together.paste([first, second])[30, 50:70, 0].astype(int)
    assert row[0] == 0
    assert row[-1] == 200
    assert (np.diff(row) >= 0).all()
    assert np.diff(row).max() < 80


def test_pixels_that_look_unmoved_by_chance_leave_no_specks():
    picture = Picture(np.full((60, 120, 3), 200, np.uint8))
    boxes = [(0, 0, 70, 60), (50, 0, 120, 60)]
    together = Neighbours.of(picture, boxes, [Box(20, 20, 20, 20), Box(80, 20, 20, 20)])
    dice = np.random.default_rng(0)
    first = np.zeros((60, 70, 3), np.uint8)
    second = dice.integers(198, 203, (60, 70, 1)).repeat(3, -1).astype(np.uint8)  # every fifth is as before
    frame = together.paste([first, second])[5:55, 55:65, 0].astype(int)
    assert np.abs(np.diff(frame, axis=0)).max() < 8


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("25", Fraction(25)),
        ("29.97", Fraction(30000, 1001)),
        ("30000/1001", Fraction(30000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("12.5", Fraction(25, 2)),
        ("30.0", Fraction(30)),
        ("29.5", Fraction(59, 2)),
    ],
)
def test_rates_are_exact(text, rate):
    assert parse_option("fps", text) == exact_rate(Fraction(text)) == rate


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("start", "1:02.5", 62.5),
        ("end", "0:01:02", 62.0),
        ("size", "1920x1080", (1080, 1920)),
        ("face", "2", 2),
        ("face", "10,20,30.5,40", (10.0, 20.0, 30.5, 40.0)),
        ("marks", "no", False),
        ("landmarks", "p.json", Path("p.json")),
    ],
)
def test_options_are_read_as_they_are_written(name, text, value):
    assert parse_option(name, text) == value


def test_every_option_explains_itself_and_refuses_nonsense():
    for name, spec in specs().items():
        assert spec.flag.startswith("--")
        assert spec.help.endswith(".")
        if name not in ("landmarks", "sound", "certificate", "certificate_key", "label"):
            with pytest.raises(UsageError, match=spec.flag):
                parse_option(name, "surely not a value")
    with pytest.raises(UsageError, match="no option"):
        parse_option("colour", "red")


def test_options_know_what_differs_from_their_defaults():
    options = AnimateOptions(crf=20, fps=Fraction(30000, 1001), face=(1.0, 2.0, 3.0, 4.0))
    assert as_plain(AnimateOptions()) == {}
    assert as_plain(options) == {"crf": 20, "fps": "30000/1001", "face": [1.0, 2.0, 3.0, 4.0]}
    for wrong in (
        {"crf": 52},
        {"pose": -1.0},
        {"crf": "16"},
        {"look": "away"},
        {"face": 0},
        {"start": 2.0, "end": 1.0},
    ):
        with pytest.raises(UsageError):
            AnimateOptions(**wrong)


def test_a_whole_rate_is_a_fraction_and_a_rounded_one_is_refused():
    assert type(AnimateOptions(fps=10).fps) is Fraction
    with pytest.raises(UsageError, match=r"--fps: 29\.97 is rounded.*Fraction\(30000, 1001\)"):
        AnimateOptions(fps=29.97)


def test_phases_are_timed_and_notes_kept():
    heard = []
    watch = Stopwatch(heard.append)
    watch.listen(PhaseStarted("read", "reading"))
    time.sleep(0.02)
    watch.listen(PhaseStarted("render", "rendering"))
    watch.listen(Note("small-face", "small"))
    assert len(heard) == 3
    assert watch.seconds()["read"] >= 0.02
    assert [note.code for note in watch.notes()] == ["small-face"]
