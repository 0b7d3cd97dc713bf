"""The invitation to renew, ready to send: texts that marketing keeps, with the brand's renewal form and opt-out.

The texts stand in the registry's folder `invitations`, one per channel and language, as `email.nl.txt`. In each
`{{ brand }}`, `{{ purposes }}`, `{{ form_url }}` and `{{ opt_out }}` are filled in; what stands in square brackets is
for the program that sends it.
"""

from dataclasses import dataclass

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from optkeeper import registry, settings

FOLDER = "invitations"
_ALWAYS = ("form_url", "opt_out")


class InvitationError(ValueError):
    """A text cannot be used; the error names the file, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class RenewalForm:
    """Where a person renews and opts out, and whom marketing asks: a row of `renewal_forms.csv`."""

    form_url: str
    opt_out: str
    ask_name: str
    ask_email: str


def form(brand: str, channel: str, language: str) -> RenewalForm | None:
    """The renewal form of a brand and channel in a language, or None where the registry names none."""
    for row in registry.rows("renewal_forms"):
        if (row["brand"], row["channel"], row["language"]) == (brand, channel, language):
            return RenewalForm(row["form_url"], row["opt_out"], row["ask_name"], row["ask_email"])
    return None


def text(known: RenewalForm, *, brand: str, channel: str, language: str, purposes: str) -> str:
    """The invitation of a channel in a language.

    Raises:
        InvitationError: its text cannot be used, or lacks the form or the opt-out.
    """
    if not known.form_url.startswith("https://"):
        raise InvitationError(f"renewal_forms.csv, {brand}, {channel}, {language}: form_url must begin with https://")
    name = f"{channel}.{language}.txt"
    values = {"brand": brand, "purposes": purposes, "form_url": known.form_url, "opt_out": known.opt_out}
    try:
        said = _environment().get_template(name).render(values)
    except jinja2.TemplateError as error:
        raise InvitationError(f"{FOLDER}/{name}: {type(error).__name__}: {error}") from None
    for lacking in (name for name in _ALWAYS if values[name] not in said):
        raise InvitationError(f"{FOLDER}/{name} must say {{{{ {lacking} }}}}")
    return said.strip()


def _environment() -> SandboxedEnvironment:
    """Anew each time: the texts are changed while the program runs. Sandboxed, since they are not a programmer's."""
    folders = [folder / FOLDER for folder in settings.registry_folders()]
    return SandboxedEnvironment(loader=jinja2.FileSystemLoader(folders), undefined=jinja2.StrictUndefined)
