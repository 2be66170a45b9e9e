"""The page of tagged images: HTML that needs no other file."""

import base64
import html
import io
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from jaxgan.data import images

_STYLE = """body { font: 16px/1.5 sans-serif; margin: 2em; color: #222; background: #fff }
table { border-collapse: collapse }
th, td { border-bottom: 1px solid #ccc; padding: .5em 1em; text-align: left; vertical-align: top }
img { display: block; max-width: 160px; image-rendering: auto }
small { color: #666; overflow-wrap: anywhere }
.tag { display: inline-block; background: #eef; border-radius: .3em; padding: 0 .5em; margin: .1em }
"""


def thumbnail(file: pathlib.Path, side: int = 160) -> str:
    """Returns an image file as a `data:` address of a PNG of at most `side` pixels each way.

    Small images are enlarged by a whole factor, each pixel as it is.
    """
    from PIL import Image

    picture = images.read(file)
    picture = images.convert(picture, 1 if images.is_grey(picture) else 3)
    picture.thumbnail((side, side))
    factor = max(1, side // 2 // max(picture.size))
    picture = picture.resize(
        (factor * picture.width, factor * picture.height), Image.Resampling.NEAREST
    )
    file_of_bytes = io.BytesIO()
    picture.save(file_of_bytes, "png")
    return "data:image/png;base64," + base64.b64encode(file_of_bytes.getvalue()).decode()


def shown(name: str) -> str:
    """Returns a file's name as text; bytes that are no UTF-8 become question marks."""
    return name.encode("utf-8", "replace").decode()


def page(
    rows: Sequence[Mapping[str, Any]], thumbnails: Sequence[str], about: Mapping[str, Any]
) -> str:
    """Returns the page.

    Args:
      rows: `image`, the name, and `tags`, words, of each image.
      thumbnails: the address of each image.
      about: what to say of how the tags were made.
    """
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>Tags</title><style>{_STYLE}</style></head><body>",
        "<h1>Tags</h1>",
        f"<p>{html.escape(', '.join(f'{key} {value}' for key, value in about.items()))}</p>",
        "<table><thead><tr><th>image</th><th>tags</th></tr></thead><tbody>",
    ]
    for row, address in zip(rows, thumbnails, strict=True):
        name = html.escape(pathlib.PurePath(row["image"]).name)
        tags = " ".join(f'<span class="tag">{html.escape(tag)}</span>' for tag in row["tags"])
        lines.append(
            f'<tr><td><img src="{address}" alt="{name}"><small>{name}</small></td>'
            f"<td>{tags}</td></tr>"
        )
    return "\n".join([*lines, "</tbody></table></body></html>", ""])
