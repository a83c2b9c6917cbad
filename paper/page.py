"""Pieces of the comparison's HTML page."""

from __future__ import annotations

from html import escape

Rows = list[tuple[str, list[str]]]  # class of the row, cells (HTML)

STYLE = """
body { font: 15px/1.5 Georgia, serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #111; }
table { border-collapse: collapse; font-size: 13px; margin: 1em 0; }
ul { font-size: 13px; } th, td { padding: 3px 9px; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 1.5px solid #111; } tr.ours td { font-weight: bold; }
tr.scale td { border-top: 1px solid #111; }
img { max-width: 100%; } figcaption { font-size: 13px; color: #333; }
"""


def table(title: str, head: list[str], rows: Rows) -> str:
    """A table under a heading."""
    lines = [f"<h2>{escape(title)}</h2><table><thead><tr>"]
    lines += [f"<th>{escape(cell)}</th>" for cell in head]
    lines.append("</tr></thead><tbody>")
    for kind, cells in rows:
        lines.append(f'<tr class="{kind}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "\n".join([*lines, "</tbody></table>"])


def figure(name: str, caption: str) -> str:
    """The picture NAME.png, which lies beside the page."""
    text = escape(caption)
    return f'<figure><img src="{name}.png" alt="{text}"><figcaption>{text}</figcaption></figure>'
