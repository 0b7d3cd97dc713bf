"""Connectors by name: a new source is one module here, one staging folder and one registry row."""

from importlib import import_module
from typing import cast

from optkeeper.sources.stream import Source

CONNECTORS = {
    "hubspot": "optkeeper.sources.hubspot:HubSpot",
    "mailchimp": "optkeeper.sources.mailchimp:Mailchimp",
    "vendor_files": "optkeeper.sources.vendor_files:VendorFiles",
    "canonical_feed": "optkeeper.sources.canonical_feed:CanonicalFeed",
}


def connector(name: str) -> type[Source]:
    """The class of a connector.

    Raises:
        LookupError: no connector has this name.
    """
    if name not in CONNECTORS:
        raise LookupError(f"connector {name!r} is unknown; known: {', '.join(CONNECTORS)}")
    module, class_name = CONNECTORS[name].split(":")
    return cast("type[Source]", getattr(import_module(module), class_name))
