"""Charts as SVG. Each has a background panel, so that it is readable on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 } .small { font-size: 11px }
.panel { fill: #ffffff; stroke: #d0d7de } .line { stroke: #d0d7de }
.c0 { fill: #0969da; stroke: #0969da } .c1 { fill: #8c959f; stroke: #8c959f } .c2 { fill: #c69026; stroke: #c69026 }
.c3 { fill: #2da44e; stroke: #2da44e } .c4 { fill: #a475f9; stroke: #a475f9 } .c5 { fill: #e5534b; stroke: #e5534b }
polyline { fill: none !important; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .panel { fill: #0d1117; stroke: #30363d } .line { stroke: #30363d }
}
</style>"""
WIDTH, ROW, LEFT = 780, 24, 300
Points = Sequence[tuple[float, float]]


def bars(title: str, rows: Sequence[tuple[str, float, int]], note: str) -> str:
    """Return a bar chart of rows (label, value, colour), in their order."""
    most = max(value for _, value, _ in rows)
    room = WIDTH - LEFT - 80
    drawn = [text(16, 28, title, "title"), text(16, 48, note, "small")]
    for number, (label, value, colour) in enumerate(rows):
        y = 66 + number * ROW
        width = value / most * room
        drawn.append(text(LEFT - 10, y + 14, label, anchor="end"))
        drawn.append(f'<rect class="c{colour}" x="{LEFT}" y="{y}" width="{width:.1f}" height="{ROW - 6}" rx="2"/>')
        drawn.append(text(LEFT + width + 8, y + 14, number_of(value)))
    return panel(76 + len(rows) * ROW, drawn)


def curves(title: str, across: str, up: str, lines: Mapping[str, Points]) -> str:
    """Return a line chart with a line for each name; the x axis is logarithmic, y starts at zero."""
    points = [point for line in lines.values() for point in line]
    low, high = (math.log10(pick(x for x, _ in points)) for pick in (min, max))
    most = max(y for _, y in points) * 1.1

    def place(x: float, y: float) -> tuple[float, float]:
        return 70 + (math.log10(x) - low) / ((high - low) or 1) * 480, 300 - y / most * 220

    drawn = [text(16, 28, title, "title"), text(16, 48, up, "small"), text(550, 336, across, "small", "end")]
    for y in _ticks(most):
        at = place(points[0][0], y)[1]
        drawn.append(f'<line class="line" x1="70" x2="550" y1="{at:.1f}" y2="{at:.1f}"/>')
        drawn.append(text(62, at + 4, number_of(y), "small", "end"))
    drawn += [text(place(x, 0)[0], 318, f"{x:,.0f}", "small", "middle") for x in sorted({x for x, _ in points})]
    for number, (name, line) in enumerate(lines.items()):
        colour = f"c{number % 6}"
        spots = [place(*point) for point in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        drawn.append(f'<polyline class="{colour}" points="{path}"/>')
        drawn += [f'<circle class="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in spots]
        drawn.append(f'<rect class="{colour}" x="570" y="{70 + number * ROW}" width="12" height="12"/>')
        drawn.append(text(590, 81 + number * ROW, name))
    return panel(352, drawn)


def number_of(value: float) -> str:
    """Return a value with two or three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _ticks(most: float) -> list[float]:
    """Return the ticks of the y axis, from zero in round steps."""
    power = 10.0 ** math.floor(math.log10(most))
    step = next(power * part for part in (0.2, 0.5, 1, 2) if most / (power * part) <= 5)
    return [step * number for number in range(int(most / step) + 1)]


def text(x: float, y: float, content: str, style: str = "", anchor: str = "start") -> str:
    """Return a text element with its baseline at y; `anchor` is the end of the text that is at x."""
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'


def panel(height: float, drawn: Sequence[str], width: int = WIDTH) -> str:
    """Return a complete SVG with the drawn elements on a panel."""
    frame = f'<rect class="panel" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="6"/>'
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', STYLE, frame, *drawn, "</svg>", ""])
