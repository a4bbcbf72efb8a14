"""A picture for the documentation, as small as it can be without anybody seeing it."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from reports.plots.frame import write_png

COLOUR_COUNT = 96


def save(path: Path, size_px: tuple[int, int], title: str, draw: Callable[..., None]) -> None:
    """Draw into a PNG, and say how large it is."""
    write_png(path, size_px, title, draw)
    shrink(path)


def shrink(path: Path) -> None:
    """Give a picture fewer colours, and say how large it is."""
    # A quarter of the size, and nobody sees it.
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOUR_COUNT, method=Image.Quantize.MEDIANCUT).save(path, optimize=True)
    print(f"{path}  {path.stat().st_size / 1000:.0f} KB", flush=True)
