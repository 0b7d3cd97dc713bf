"""The templates of the lists and mails."""

from functools import cache

import jinja2


@cache
def environment() -> jinja2.Environment:
    """The templates by their names; those of HTML escape what they show."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("optkeeper.delivery"),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",)),
        undefined=jinja2.StrictUndefined,
        auto_reload=False,  # they do not change while a delivery runs; to look takes a good part of a row's time
        trim_blocks=True,
        lstrip_blocks=True,
    )
