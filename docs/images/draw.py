"""Draw the pictures of the docs: `python docs/images/draw.py` writes NAME-light.svg and NAME-dark.svg beside this file.

The pictures use system fonts and load nothing. A test compares the files with what this script makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

PALETTES = {
    "light": {"ink": "#1f2430", "soft": "#5d6675", "line": "#8b95a5", "box": "#f3f5f9", "edge": "#b9c1cf"}
    | {"good": "#dff3e4", "good-edge": "#3f9a5a", "bad": "#fbe3e0", "bad-edge": "#c9503f", "key": "#e3e9fb"}
    | {"key-edge": "#4a63c4"},
    "dark": {"ink": "#e6e9ef", "soft": "#a5aebd", "line": "#78839a", "box": "#262b36", "edge": "#4b5466"}
    | {"good": "#1d3a28", "good-edge": "#5cc281", "bad": "#43211d", "bad-edge": "#ec7c6c", "key": "#232d52"}
    | {"key-edge": "#8ea2f5"},
}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
Point = tuple[float, float]


@dataclass
class Picture:
    """An SVG of *width* by *height*, in one palette; *title* is what a screen reader says."""

    width: int
    height: int
    title: str
    palette: dict[str, str]
    parts: list[str] = field(default_factory=list)

    def text(self, at: Point, text: str, *, size: int = 14, ink: str = "ink", anchor: str = "middle") -> None:
        lines = text.split("\n")
        top = at[1] - (len(lines) - 1) * size * 0.65
        for number, line in enumerate(lines):
            self.parts.append(
                f'<text x="{at[0]:g}" y="{top + number * size * 1.3:g}" font-size="{size}" text-anchor="{anchor}" '
                f'dominant-baseline="central" fill="{self.palette[ink]}">{escape(line, quote=False)}</text>'
            )

    def box(self, at: Point, size: Point, text: str, kind: str = "box") -> None:
        """A box around its middle *at*; *kind*: box, good, bad, key."""
        edge = self.palette["edge" if kind == "box" else f"{kind}-edge"]
        self.parts.append(
            f'<rect x="{at[0] - size[0] / 2:g}" y="{at[1] - size[1] / 2:g}" width="{size[0]:g}" height="{size[1]:g}" '
            f'rx="7" fill="{self.palette[kind]}" stroke="{edge}" stroke-width="1.3"/>'
        )
        self.text(at, text)

    def arrow(self, *points: Point, text: str = "", ink: str = "line", dashed: bool = False) -> None:
        """An arrow along *points*, with *text* above the middle of its first stretch."""
        path = " L".join(f"{x:g},{y:g}" for x, y in points)
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        color = self.palette[ink]
        self.parts.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="1.5"{dashes}/>')
        self.parts.append(self._head(points[-2], points[-1], color))
        if text:
            (x1, y1), (x2, y2) = points[0], points[1]
            upright = x1 == x2
            at = ((x1 + x2) / 2 + (8 if upright else 0), (y1 + y2) / 2 - (0 if upright else 11))
            self.text(at, text, size=13, ink="soft", anchor="start" if upright else "middle")

    @staticmethod
    def _head(before: Point, tip: Point, color: str) -> str:
        length = ((tip[0] - before[0]) ** 2 + (tip[1] - before[1]) ** 2) ** 0.5
        dx, dy = (tip[0] - before[0]) / length, (tip[1] - before[1]) / length
        left = (tip[0] - 8 * dx - 4 * dy, tip[1] - 8 * dy + 4 * dx)
        right = (tip[0] - 8 * dx + 4 * dy, tip[1] - 8 * dy - 4 * dx)
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in (tip, left, right))
        return f'<polygon points="{corners}" fill="{color}"/>'

    def lane(self, x: float, top: float, bottom: float) -> None:
        self.parts.append(
            f'<path d="M{x:g},{top:g} V{bottom:g}" stroke="{self.palette["edge"]}" stroke-width="1.2" '
            'stroke-dasharray="2 4"/>'
        )

    def dot(self, at: Point, kind: str) -> None:
        self.parts.append(
            f'<circle cx="{at[0]:g}" cy="{at[1]:g}" r="5" fill="{self.palette[kind]}" '
            f'stroke="{self.palette[f"{kind}-edge"]}" stroke-width="1.3"/>'
        )

    def __str__(self) -> str:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
            f'height="{self.height}" role="img" font-family="{FONT}"><title>{escape(self.title)}</title>'
        )
        return "\n".join([head, *self.parts, "</svg>", ""])


def a_request(draw: Picture) -> None:
    """The way of a request."""
    left, middle = 130, 380
    draw.box((left, 40), (190, 44), "your request", "key")
    draw.box((left, 130), (230, 52), "May this origin\nhave the token?")
    draw.box((middle + 130, 130), (280, 44), "sent without it; one warning")
    draw.box((left, 230), (230, 52), "Is there a good token\nin memory?")
    draw.box((middle, 320), (200, 52), "Is somebody\nlogging in already?")
    draw.box((620, 290), (170, 40), "wait for them", "good")
    draw.box((620, 350), (170, 40), "log in, once", "key")
    draw.box((left, 440), (230, 52), "the request is sent,\nwith the token", "good")
    draw.box((middle, 440), (130, 44), "a 401?")
    draw.box((620, 440), (170, 44), "the response\nis yours", "good")
    draw.box((middle, 540), (300, 52), "drop that token, get another,\nsend the request again, once", "key")
    draw.arrow((left, 62), (left, 104))
    draw.arrow((left + 115, 130), (middle - 10, 130), text="no")
    draw.arrow((left, 156), (left, 204), text="yes")
    draw.arrow((left, 256), (left, 414), text="yes")
    draw.arrow((left + 115, 230), (middle, 230), (middle, 294), text="no")
    draw.arrow((middle + 100, 310), (535, 292), text="yes")
    draw.arrow((middle + 100, 332), (535, 350), text="no")
    draw.arrow((705, 290), (740, 290), (740, 395), (left + 60, 395), (left + 60, 414))
    draw.arrow((705, 350), (740, 350), (740, 395), (left + 60, 395), (left + 60, 414))
    draw.arrow((left + 115, 440), (middle - 65, 440))
    draw.arrow((middle + 65, 440), (535, 440), text="no")
    draw.arrow((middle, 462), (middle, 514), text="yes")
    draw.arrow((middle + 150, 540), (620, 540), (620, 462))


def after_a_401(draw: Picture) -> None:
    """What happens after a 401: your code sees a 200 only."""
    lanes = {"code": 90, "auth": 290, "api": 490, "endpoint": 690}
    names = {"code": "your code", "auth": "tokenauth", "api": "the API", "endpoint": "token endpoint"}
    for name, x in lanes.items():
        draw.lane(x, 62, 440)
        draw.box((x, 40), (150, 40), names[name], "key" if name == "auth" else "box")
    steps = [
        ("code", "auth", "GET /orders", "line"),
        ("auth", "api", "with token 1", "line"),
        ("api", "auth", "401", "bad-edge"),
        ("auth", "endpoint", "log in", "line"),
        ("endpoint", "auth", "token 2", "good-edge"),
        ("auth", "api", "again, with token 2", "line"),
        ("api", "auth", "200", "good-edge"),
        ("auth", "code", "200", "good-edge"),
    ]
    for number, (start, end, text, ink) in enumerate(steps):
        y = 100 + number * 45
        draw.arrow((lanes[start], y), (lanes[end], y), ink=ink)
        nearest = min(lanes[start], lanes[end]) + (100 if "endpoint" not in {start, end} else 200)
        if "endpoint" in {start, end}:
            nearest = 590
        draw.text((nearest, y - 12), text, size=13, ink="soft")


def a_herd(draw: Picture) -> None:
    """Sixty-four threads, one login."""
    for number in range(64):
        draw.dot((60 + (number % 8) * 20, 60 + (number // 8) * 20), "bad" if number else "key")
    draw.text((130, 30), "64 threads without a token", size=13, ink="soft")
    draw.box((390, 130), (150, 52), "one of them\nlogs in", "key")
    draw.box((620, 130), (150, 44), "token endpoint")
    draw.arrow((215, 130), (315, 130))
    draw.arrow((465, 120), (545, 120), text="1 login")
    draw.arrow((545, 140), (465, 140), ink="good-edge")
    draw.arrow((390, 156), (390, 235), (130, 235), (130, 215), ink="good-edge")
    draw.text((260, 252), "all 64 get the token, or the same error", size=13, ink="soft")


def memory_store_endpoint(draw: Picture) -> None:
    """Memory, store, token endpoint."""
    for number, y in enumerate((50, 120, 190)):
        draw.box((110, y), (160, 46), f"process {number + 1}\nmemory", "key")
        draw.arrow((190, y), (290, 105 + number * 15))
    draw.box((370, 120), (160, 60), "store\n(file, Redis)", "good")
    draw.box((640, 120), (160, 46), "token endpoint")
    draw.arrow((450, 120), (560, 120), text="one process")
    draw.text((110, 240), "at each request\nnanoseconds", size=13, ink="soft")
    draw.text((370, 240), "at each renewal\nonce per process", size=13, ink="soft")
    draw.text((640, 240), "at each renewal\nonce for all", size=13, ink="soft")


def where_a_token_goes(draw: Picture) -> None:
    """Where a token goes: origins are compared exactly."""
    draw.text((30, 28), 'login at https://example.com, origins=["https://api.example.com"]', ink="soft", anchor="start")
    rows = [
        ("https://example.com/orders", True, "the login's own origin"),
        ("https://api.example.com/v1", True, "named in origins"),
        ("http://api.example.com/v1", False, "another scheme"),
        ("https://api.example.com:8443/v1", False, "another port"),
        ("https://files.example.com/x", False, "another host"),
        ("api.example.com → 302 → cdn.example.net", False, "a redirect abroad: nothing goes along"),
    ]
    for number, (url, allowed, why) in enumerate(rows):
        y = 70 + number * 46
        draw.box((200, y), (340, 36), url, "good" if allowed else "bad")
        draw.text((390, y), "token" if allowed else "no token", size=13, anchor="start")
        draw.text((470, y), why, size=13, ink="soft", anchor="start")


PICTURES: dict[str, tuple[Callable[[Picture], None], int, int]] = {
    "request": (a_request, 760, 590),
    "after-401": (after_a_401, 780, 450),
    "herd": (a_herd, 720, 275),
    "fleet": (memory_store_endpoint, 740, 270),
    "origins": (where_a_token_goes, 740, 330),
}


def drawn() -> Iterator[tuple[Path, str]]:
    """Yield the path of each file and what it must hold."""
    for name, (draw, width, height) in PICTURES.items():
        for kind, palette in PALETTES.items():
            picture = Picture(width, height, (draw.__doc__ or "").strip(), palette)
            draw(picture)
            yield Path(__file__).with_name(f"{name}-{kind}.svg"), str(picture)


if __name__ == "__main__":
    for path, text in drawn():
        path.write_text(text, encoding="utf-8")
