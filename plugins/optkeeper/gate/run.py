"""The gate between the candidate marts and publication."""

import logging
from datetime import datetime
from pathlib import Path

from optkeeper.gate import evidence, ledger, scope
from optkeeper.gate.report import GateFailed, GateReport
from optkeeper.warehouse import database

log = logging.getLogger(__name__)


def run_gate(connection_url: str, *, run_id: str, as_of: datetime, docs_folder: Path) -> GateReport:
    """Checks every statement of policy on the candidate marts and on what landed, and keeps what it found.

    Of contacts that have not changed since the publication nothing is judged again but what a day or a row elsewhere
    can make of them (`optkeeper.gate.scope`).

    Judging the same run again replaces what was found before. Data Docs stand in a folder of the run
    below `docs_folder`, whose `index.html` lists all runs; `GateReport.docs` is the run's own page.

    Args:
        connection_url: the warehouse's address in libpq's form.
        run_id: the run that built the candidate.
        as_of: the business moment that it decided for.
        docs_folder: where Data Docs are written.

    Raises:
        GateFailed: a critical statement does not hold, could not be evaluated, or nothing was checked at all.
    """
    # it tells, two hundred times, which of its own functions it does not document
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    from optkeeper.gate import docs, evaluate  # Great Expectations takes seconds to import

    if as_of.tzinfo is None:
        raise ValueError("as_of must name its offset")
    with database.connect(connection_url) as connection:
        ledger.ensure_gate(connection)
        connection.execute("select pg_advisory_lock(hashtext('optkeeper.gate.run'))")  # freed with the connection
        checked_at = ledger.begin(connection, run_id, as_of)
        evidence.recompute_for_candidate(connection)
        with scope.changed(connection, run_id) as contacts:
            results, context = evaluate.evaluate(
                connection, connection_url, evaluate.statements(), contacts is not None
            )
        page = docs.front_page(docs_folder, run_id)
        report = GateReport(run_id, as_of, checked_at, tuple(results), page, contacts)
        docs.build_run(context, report, docs_folder)
        ledger.close(connection, report)
        docs.build_index(connection, docs_folder)
    if not report.passed:
        raise GateFailed(report)
    log.info("%s", report.described())
    return report
