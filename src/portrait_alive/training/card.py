"""Write the card of a weight file: what taught it, how long, how well it does, and its hash.

    python -m portrait_alive.training.card weights/eye.safetensors --data "..." --steps 5600 --batch 64 --seed 0 \
        --compute "30 min, one CPU core" --metrics "opening r 0.93, ..."

The card is `NAME.json` beside the file; `doctor` compares its hash.
"""

import argparse
import json
import sys
from pathlib import Path

from portrait_alive.weights import sha256_of

LICENCE = "MIT"


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--data", required=True, help="what it learned from")
    parser.add_argument("--command", required=True, help="the command that made it")
    parser.add_argument("--compute", required=True)
    parser.add_argument("--metrics", required=True, help="how well it does, and on what")
    parser.add_argument("--commit", required=True, help="of the code that made it")
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    facts = {name: value for name, value in vars(arguments).items() if name != "weights" and value not in (0, None)}
    write_card(arguments.weights, {**facts, "seed": arguments.seed})
    return 0


def write_card(weights: Path, facts: dict[str, object]) -> Path:
    """The card's path; the file's name, licence and SHA-256 are added to the facts."""
    card = weights.with_suffix(".json")
    whole = {"file": weights.name, "licence": LICENCE, "sha256": sha256_of(weights), **facts}
    card.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return card


if __name__ == "__main__":
    sys.exit(main())
