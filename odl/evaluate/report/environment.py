"""The jinja2 environment of the HTML templates; it cleans and escapes every value."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from odl._text import clean, percent

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment(package: str) -> Environment:
    """The templates in the folder ``templates`` of ``package``.

    Every value is cleaned (`odl._text.clean`) and escaped, unless it is `markupsafe.Markup`. A number
    and its per cent sign stay on one line.

    Examples
    --------
    >>> template = environment("odl.evaluate.report").from_string("{{ name }}: {{ share|percent }}")
    >>> template.render(name="<b>\\x1b", share=0.5)
    '&lt;b&gt;: 50\\xa0%'
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def tidy(value: Any) -> Any:
        if isinstance(value, Markup):
            return value
        return clean(value, None, empty="", keep=" ").replace(" %", "\u00a0%")

    templates = Environment(
        loader=PackageLoader(package), autoescape=True, undefined=StrictUndefined,
        finalize=tidy, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    templates.filters |= {
        "clean": clean,
        "percent": percent,
        "x": lambda share: f"{8 + 170 * share:.1f}",
        # A narrow space that does not break.
        "thousands": lambda size: Markup(f"{size:,}".replace(",", "\u202f")),
    }
    return templates
