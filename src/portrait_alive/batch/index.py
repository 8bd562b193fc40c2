"""The HTML index of a batch: one static file beside its thumbnails; opens from the disk, needs no server."""

import html
import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from portrait_alive.batch.manifest import Record
from portrait_alive.batch.rows import Plan

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #c33; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .2rem; }
nav { margin: 1rem 0; }
nav button { font: inherit; padding: .2rem .7rem; border: 1px solid var(--line); border-radius: 1rem;
  background: none; color: inherit; cursor: pointer; }
nav button[aria-pressed=true] { background: #8883; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }
article { border: 1px solid var(--line); border-radius: .5rem; overflow: hidden; overflow-wrap: anywhere; }
article .shown { aspect-ratio: 1; display: grid; place-items: center; background: #8882; }
article img { width: 100%; aspect-ratio: 1; object-fit: contain; }
article p { margin: .4rem .7rem; font-size: .85rem; }
article p.name { font-size: .95rem; }
.failed .shown { color: var(--bad); padding: 1rem; }
.hidden { display: none; }
"""

_SCRIPT = """
for (const link of document.querySelectorAll('a.shown')) {
  const picture = link.querySelector('img');
  const play = () => { picture.src = picture.dataset.moving; link.dataset.playing = 'yes'; };
  const rest = () => { picture.src = picture.dataset.still; delete link.dataset.playing; };
  link.addEventListener('mouseenter', play);
  link.addEventListener('focus', play);
  link.addEventListener('mouseleave', rest);
  link.addEventListener('blur', rest);
}
for (const button of document.querySelectorAll('nav button')) {
  button.addEventListener('click', () => {
    for (const other of document.querySelectorAll('nav button'))
      other.setAttribute('aria-pressed', String(other === button));
    for (const card of document.querySelectorAll('article'))
      card.classList.toggle('hidden', button.dataset.show !== 'all' && !card.classList.contains(button.dataset.show));
  });
}
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<p>{counts}. Made by {tool}; the moving pictures are synthetic.</p>
<nav>{buttons}</nav>
<main>
{cards}
</main>
<script>{script}</script>
</body>
</html>
"""


def still_name(thumbnail: str) -> str:
    """File name of the still that stands for an animated preview until it plays."""
    return f"{Path(thumbnail).stem}-still.webp"


def write_index(plan: Plan, records: dict[str, Record]) -> Path:
    """Write `index.html` of a batch, all at once; its path.

    Args:
        plan: the whole plan; rows without a record are shown as still to do.
        records: last record of every row, by key.
    """
    cards = [_card(plan, row.name, records.get(row.key)) for row in plan.rows]
    states = [_state(records.get(row.key)) for row in plan.rows]
    counts = {state: states.count(state) for state in ("done", "failed", "pending")}
    page = _PAGE.format(
        title=html.escape(f"{plan.folder.resolve().name}: portraits, alive"),
        style=_STYLE,
        counts=", ".join(f"{count} {state}" for state, count in counts.items() if count),
        tool=html.escape(next((record.tool for record in records.values()), "portrait-alive")),
        buttons="\n".join(_buttons(state for state, count in counts.items() if count)),
        cards="\n".join(cards),
        script=_SCRIPT,
    )
    path = plan.folder / "index.html"
    partial = path.with_name(f".index-{os.getpid()}.html")
    partial.write_text(page, encoding="utf-8")
    partial.replace(path)
    return path


def _buttons(states: Iterable[str]) -> Iterable[str]:
    for state in ("all", *states):
        pressed = "true" if state == "all" else "false"
        yield f'<button type="button" data-show="{state}" aria-pressed="{pressed}">{state}</button>'


def _state(record: Record | None) -> str:
    return record.status if record else "pending"


def _card(plan: Plan, name: str, record: Record | None) -> str:
    state = _state(record)
    if record is None:
        shown = '<div class="shown">still to do</div>'
        facts: list[str] = []
    elif record.status == "failed":
        shown = f'<div class="shown">{html.escape(record.error or "failed")}</div>'
        facts = [record.error_kind or ""]
    else:
        shown = _moving(plan, name, record)
        facts = [f"{record.frames} frames, {record.seconds:.1f} s", *record.warnings]
    sources = ", ".join(_link(plan, mark.path) for mark in record.sources) if record else ""
    driver = html.escape(Path(record.driver.split(":", 1)[1]).name) if record else ""
    about = f"<p>{sources} &middot; {driver}</p>" if record else ""
    texts = "".join(f"<p>{html.escape(fact)}</p>" for fact in facts if fact)
    return f'<article class="{state}">{shown}<p class="name">{html.escape(name)}</p>{about}{texts}</article>'


def _moving(plan: Plan, name: str, record: Record) -> str:
    target = _address(name)
    folder = plan.thumbnail_folder
    if not record.thumbnail or not (folder / record.thumbnail).is_file():
        return f'<a class="plain" href="{target}">open</a>'
    moving = _address(f"{folder.name}/{record.thumbnail}")
    still = _address(f"{folder.name}/{still_name(record.thumbnail)}")
    still = still if (folder / still_name(record.thumbnail)).is_file() else moving
    return (
        f'<a class="shown" href="{target}"><img loading="lazy" alt="{html.escape(name)}" '
        f'src="{still}" data-still="{still}" data-moving="{moving}"></a>'
    )


def _link(plan: Plan, path: str) -> str:
    """A link to an input, relative to the index where both are on one drive."""
    try:
        address = Path(os.path.relpath(path, plan.folder)).as_posix()
    except ValueError:  # another drive
        return html.escape(Path(path).name)
    return f'<a href="{_address(address)}">{html.escape(Path(path).name)}</a>'


def _address(path: str) -> str:
    return html.escape(quote(path))
