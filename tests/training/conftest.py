"""Lets the tests of training import the painted heads of the warp's tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "warp"))
