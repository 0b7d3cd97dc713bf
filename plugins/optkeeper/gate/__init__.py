"""The gate: what must hold before the candidate marts may be published."""

from optkeeper.gate.ledger import accept_volume, ensure_gate
from optkeeper.gate.report import GateFailed, GateReport, StatementResult
from optkeeper.gate.run import run_gate

__all__ = ["GateFailed", "GateReport", "StatementResult", "accept_volume", "ensure_gate", "run_gate"]
