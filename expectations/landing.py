"""Statements about what landed: its shape, judged once per record, as records never change.

A run looks at what the build of the last run that passed did not know: what landed between that build and its
judgement, too.
"""

from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.statement import PolicyStatement


class EveryRecordIsOfARegisteredSource(PolicyStatement):
    """Every record comes from a source that is registered.

    No more than a warning: such a record is quarantined and permits nothing, and a restriction in it is honoured.
    """

    relation = "raw.records"
    rules = ("R33", "R27")
    severity: FailureSeverity = FailureSeverity.WARNING
    # the run's number as a value: joined, it would be compared only after all records are read
    unexpected_rows_query: str = """
        select records.source, count(*) as records, min(records.record_id) as first_record_id
        from {batch} as records
        left join registry.sources on sources.source = records.source
        where records.record_id > (select records_after from gate.current_run) and sources.source is null
        group by records.source
    """


class EveryRecordCarriesItsDigest(PolicyStatement):
    """Every record carries a SHA-256 digest of its content."""

    relation = "raw.records"
    rules = ("R40", "R11")
    unexpected_rows_query: str = """
        select records.record_id, records.source, octet_length(records.digest) as digest_bytes
        from {batch} as records
        cross join gate.current_run as run
        where
            records.record_id > run.records_after
            and octet_length(records.digest) is distinct from 32
    """


class EveryRecordNamesItsObjectAndId(PolicyStatement):
    """Every record names the object that it is, as connector.object, and its id within its source."""

    relation = "raw.records"
    rules = ("R9",)
    unexpected_rows_query: str = """
        select records.record_id, records.source
        from {batch} as records
        cross join gate.current_run as run
        where
            records.record_id > run.records_after
            and (coalesce(records.source_id, '') = '' or coalesce(records.object, '') not like '_%._%')
    """


class NoRecordIsReceivedInTheFuture(PolicyStatement):
    """No record was received later than now, for then it would count too late."""

    relation = "raw.records"
    rules = ("R7", "R8")
    unexpected_rows_query: str = """
        select records.record_id, records.source, records.received_at
        from {batch} as records
        cross join gate.current_run as run
        where
            records.record_id > run.records_after
            and records.record_id <= run.records_through
            and records.received_at > run.started_at
    """


class EveryPullAccountsForAllThatItWasTold(PolicyStatement):
    """Every pull's records are new, known already, or broken and in quarantine; none is lost on the way."""

    relation = "raw.pulls"
    rules = ("R27",)
    unexpected_rows_query: str = """
        select pulls.pull_id, pulls.source, pulls.records_seen, pulls.records_new, pulls.records_known
        from {batch} as pulls
        cross join gate.current_run as run
        where
            pulls.finished_at <= run.started_at
            and pulls.records_seen <> pulls.records_new + pulls.records_known + pulls.records_broken
    """


class EveryBrokenRecordThatRestrictsStandsInQuarantine(PolicyStatement):
    """What could be read of a broken record counts, and the record itself is told in quarantine."""

    relation = "raw.records"
    rules = ("R27",)
    unexpected_rows_query: str = """
        select records.record_id, records.source, records.broken_reason
        from {batch} as records
        cross join gate.current_run as run
        where
            records.record_id > run.records_after
            and records.broken_reason is not null
            and not exists (
                select from raw.quarantine
                where
                    quarantine.source = records.source
                    and quarantine.object = records.object
                    and quarantine.reason = records.broken_reason
            )
    """


class NoRestrictionCameAgainForAnother(PolicyStatement):
    """No source used the id of a restriction again for another person or address.

    No more than a warning: both restrict. A list that is numbered anew each day does it; it should name its own ids.
    """

    relation = "candidate.consent_events"
    rules = ("R9",)
    severity: FailureSeverity = FailureSeverity.WARNING
    unexpected_rows_query: str = """
        select events.source, events.event_type, count(*) as restrictions, min(events.record_id) as first_record_id
        from {batch} as events
        cross join gate.current_run as run
        where events.is_superseded
        group by events.source, events.event_type
    """


class NoSourcesLastPullWasAllQuarantine(PolicyStatement):
    """No source's last pull brought nothing but records that broke their contract."""

    relation = "raw.pulls"
    severity: FailureSeverity = FailureSeverity.WARNING
    unexpected_rows_query: str = """
        select last_pull.source, last_pull.pull_id, last_pull.records_broken
        from (
            select distinct on (pulls.source) pulls.*
            from {batch} as pulls
            cross join gate.current_run as run
            where pulls.state = 'complete' and pulls.finished_at <= run.started_at
            order by pulls.source, pulls.started_at desc
        ) as last_pull
        where last_pull.records_broken > 0 and last_pull.records_broken >= last_pull.records_seen
    """


class NoKeyBindsMoreRecordsThanAPersonCanHave(PolicyStatement):
    """No address, telephone number or id is carried by more records than policy lets a person have.

    No more than a warning: such a key links nobody. Filler addresses (`geen@...`) and shared inboxes do it.
    """

    relation = "candidate.builds"
    rules = ("R35",)
    severity: FailureSeverity = FailureSeverity.WARNING
    unexpected_rows_query: str = """
        select overloaded.kind, md5(overloaded.key) as key_digest, overloaded.records, overloaded.most_records
        from {batch} as builds
        cross join intermediate.int_identity__overloaded_keys as overloaded
    """


class NoSourceIsStale(PolicyStatement):
    """No source is older than its registry row promises.

    No more than a warning: a late source delays no list, but is named on its cover sheet.
    """

    relation = "candidate.source_freshness"
    severity: FailureSeverity = FailureSeverity.WARNING
    unexpected_rows_query: str = """
        select freshness.source, freshness.last_pull_at, freshness.max_age_hours
        from {batch} as freshness
        cross join gate.current_run as run
        where freshness.is_stale
    """


class EverySourceWasPulledSinceTheRestore(PolicyStatement):
    """Where the warehouse was restored from a backup, every source has been pulled since.

    Before that, an opt-out that came after the backup is not known here, and whoever sent it would be on the lists.
    """

    relation = "candidate.source_freshness"
    rules = ("R23", "R24")
    unexpected_rows_query: str = """
        select freshness.source, freshness.last_pull_at, restores.restored_at
        from {batch} as freshness
        cross join (select max(restored_at) as restored_at from raw.restores) as restores
        where
            restores.restored_at is not null
            and (freshness.last_pull_at is null or freshness.last_pull_at < restores.restored_at)
    """
