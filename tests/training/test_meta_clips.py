"""Episodes from a folder of clips, whatever its layout."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from portrait_alive.media.outputs import OutputOptions, open_output
from portrait_alive.media.stills import read_picture
from portrait_alive.training.meta import clip_episodes
from portrait_alive.training.meta.clip_episodes import find_clips, moments
from portrait_alive.training.meta.episode_store import EpisodeStore

PORTRAIT = Path(__file__).parents[2] / "examples" / "portrait.jpg"


def clip_of_portrait(path: Path) -> Path:
    """The example portrait, wandering through a second."""
    small = cv2.resize(read_picture(PORTRAIT).pixels, (320, 424), interpolation=cv2.INTER_AREA)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_output(path, size=small.shape[:2], fps=Fraction(12), options=OutputOptions(), overwrite=False) as output:
        for step in range(12):
            shift = np.array([[1, 0, step], [0, 1, -step / 2]], np.float32)
            output.write(cv2.warpAffine(small, shift, (320, 424), borderMode=cv2.BORDER_REPLICATE))
    return path


def test_clips_become_episodes(tmp_path, monkeypatch):
    clip = clip_of_portrait(tmp_path / "voxceleb2" / "id00001" / "video" / "00001.mp4")
    (tmp_path / "voxceleb2" / "id00002").mkdir()
    (tmp_path / "voxceleb2" / "id00002" / "broken.mp4").write_bytes(b"no clip")
    assert len(find_clips([tmp_path / "voxceleb2"])) == 2
    assert len(moments(clip, 4)) == 4
    monkeypatch.setattr("sys.argv", ["clip_episodes", str(tmp_path / "voxceleb2"), str(tmp_path / "episodes")])
    assert clip_episodes.main() == 0
    store = EpisodeStore.open([tmp_path / "episodes"])
    assert len(store) >= 4
    assert len(store.shards[0].sources) == len(store) + 1
