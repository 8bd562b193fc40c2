"""Lets the tests of the warp import the painted heads beside them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
