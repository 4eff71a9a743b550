"""Record `tokenauth demo` as docs/images/demo.svg: `uv run python docs/images/record_demo.py`.

The picture brings its own background and names no font to fetch, so it reads the same on a light and on a dark page.
"""

import io
import re
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from tokenauth.sandbox.demo import demo

PICTURE = Path(__file__).with_name("demo.svg")
COLUMNS = 84
THEME = TerminalTheme(
    background=(30, 33, 39),
    foreground=(214, 218, 224),
    normal=[(30, 33, 39), (240, 113, 120), (135, 206, 120), (232, 192, 112), *[(140, 170, 230)] * 3, (214, 218, 224)],
)
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<title>tokenauth demo: by hand and with tokenauth, what callers see and what the server counts</title>
<style>
.{unique_id}-matrix {{
    font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
    font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, highlight=False)
    demo(console)
    picture = console.export_svg(title="$ tokenauth demo", theme=THEME, code_format=FORMAT, unique_id="demo")
    PICTURE.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8000", picture))


if __name__ == "__main__":
    main()
