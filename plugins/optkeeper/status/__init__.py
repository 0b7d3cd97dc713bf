"""What may be done with one address, and why: `optkeeper status`."""

from optkeeper.status.answer import Asked, answer
from optkeeper.status.decisions import Scope

__all__ = ["Asked", "Scope", "answer"]
