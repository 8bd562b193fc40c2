"""The index of a batch: every row, links that lead somewhere, names that cannot break out, previews that play."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from portrait_alive.batch.index import still_name, write_index
from portrait_alive.batch.manifest import read_records
from portrait_alive.batch.plan import Request, make_plan
from portrait_alive.batch.rows import Plan
from portrait_alive.batch.run import run_plan
from portrait_alive.batch.thumbnails import SIDE_PX, Preview

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def made(root: Path, inline: object) -> Plan:
    plan = make_plan(
        Request(sources=[f"{root}/pictures"], folder=root / "out", drivers=[f"{root}/me.mp4"], recursive=True)
    )
    run_plan(plan, lambda tasks: inline)
    return plan


def replace_previews(plan: Plan) -> None:
    """Real pictures in place of the cheap job's: a red still, and a preview that goes on in green."""
    for row in plan.rows:
        preview = Preview()
        for number in range(20):
            colour = (200, 30, 30) if number == 0 else (30, 200, 30)
            preview.see(number, np.full((300, 400, 3), colour, np.uint8))
        preview.write(plan.thumbnail_folder / row.thumbnail_name, 25)


def test_every_row_is_there_and_every_link_leads_somewhere(gallery, inline):
    root = gallery("a & b.jpg", "sub/<script>.jpg", "ü 100%.jpg", broken="broken")
    plan = made(root, inline)
    path = write_index(plan, read_records(plan.folder))
    page = path.read_text(encoding="utf-8")
    assert page.count("<article") == 4
    assert "no face found" in page
    assert page.count("<script>") == 1
    for address in re.findall(r'(?:href|src)="([^"]+)"', page):
        assert (path.parent / unquote(html.unescape(address))).exists(), address


def test_rows_still_to_do_are_shown(gallery, inline):
    root = gallery("a.jpg")
    plan = made(root, inline)
    assert "still to do" in write_index(plan, {}).read_text()


def test_preview_is_small_animated_and_has_a_still(tmp_path):
    preview = Preview()
    for number in range(200):
        preview.see(number, np.full((600, 900, 3), number * 37 % 256, np.uint8))
    preview.write(tmp_path / "x.webp", 25)
    with Image.open(tmp_path / "x.webp") as moving:
        assert moving.size == (SIDE_PX, 160)
        assert moving.n_frames == 48
        moving.seek(1)
        moving.load()
        assert moving.info["duration"] == 80
    with Image.open(tmp_path / still_name("x.webp")) as still:
        assert (still.size, getattr(still, "n_frames", 1)) == ((SIDE_PX, 160), 1)


@pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium")
@pytest.mark.slow
def test_plays_on_hover_in_a_real_browser(gallery, inline, tmp_path):
    root = gallery("a.jpg", "b.jpg", broken="broken")
    plan = made(root, inline)
    replace_previews(plan)
    path = write_index(plan, read_records(plan.folder))
    hover = """
    <script>
    addEventListener('load', async () => {
      const link = document.querySelector('a.shown'), picture = link.querySelector('img');
      picture.loading = 'eager';
      await picture.decode();
      const before = picture.src;
      link.dispatchEvent(new MouseEvent('mouseenter'));
      await picture.decode();
      const during = picture.src, playing = link.dataset.playing, width = picture.naturalWidth;
      link.dispatchEvent(new MouseEvent('mouseleave'));
      document.querySelector('button[data-show=failed]').click();
      const shown = [...document.querySelectorAll('article')].filter(card => card.offsetParent).length;
      document.title = JSON.stringify({before, during, after: picture.src, playing, width, shown});
    });
    </script></body>"""
    probe = path.with_name("probe.html")
    probe.write_text(path.read_text().replace("</body>", hover))
    finished = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000", "--dump-dom",
         probe.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    title = re.search(r"<title>(.*?)</title>", finished.stdout)
    assert title is not None
    said = json.loads(html.unescape(title[1]))
    assert said["before"].endswith("-still.webp")
    assert said["during"].endswith(".webp")
    assert "-still" not in said["during"]
    assert (said["after"], said["playing"], said["width"], said["shown"]) == (said["before"], "yes", SIDE_PX, 1)
