"""Statements about what is judged: the candidate of this very run, decided for this very day."""

from expectations.statement import PolicyStatement


class TheCandidateIsOfThisRun(PolicyStatement):
    """The candidate marts were built by this run, for its business moment."""

    relation = "gate.current_run"
    rules = ("R8",)
    unexpected_rows_query: str = """
        select runs.run_id, runs.as_of
        from {batch} as runs
        left join candidate.builds on builds.run_id = runs.run_id and builds.as_of = runs.as_of
        where builds.run_id is null
    """


class EveryDecisionIsOfTheBusinessDate(PolicyStatement):
    """Every decision on the list was taken for the date of this run in the business time zone."""

    relation = "candidate.marketable_contacts"
    rules = ("R1", "R8")
    unexpected_rows_query: str = """
        select listed.contact_id, listed.channel, listed.purpose, listed.brand, listed.decided_on
        from {batch} as listed
        cross join gate.current_run as run
        where listed.decided_on is distinct from run.decided_on
    """
