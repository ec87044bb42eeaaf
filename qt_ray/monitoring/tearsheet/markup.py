"""Markup: HTML built from values, escaped unless it is already HTML.

Only `tag` makes `Html`, so a name that came from outside cannot become an element however it is spelled.
"""

from collections.abc import Iterable
from html import escape


class Html(str):
    """Text that is already escaped."""

    __slots__ = ()


VOID = frozenset({"meta", "link", "br", "input", "col"})
Child = str | Iterable["Child"] | None


def tag(element: str, *children: Child, **attributes: str | int | bool | None) -> Html:
    """Return an element; `class_` and `data_x` are written `class` and `data-x`, True is a bare attribute."""
    written = "".join(
        f" {name.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    if element in VOID:
        return Html(f"<{element}{written}>")
    return Html(f"<{element}{written}>{join(children)}</{element}>")


def join(children: Iterable[Child]) -> Html:
    """Return children one after the other, text escaped."""
    return Html("".join(_text(child) for child in children))


def trusted(text: str) -> Html:
    """Return our own text, a style sheet or a script, as it stands."""
    return Html(text)


def _text(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    return escape(child) if isinstance(child, str) else join(child)
