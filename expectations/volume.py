"""Statements about volume: what held many yesterday and holds few today is more likely broken than true.

A drop is measured against what was last accepted: by a run that passed, or by a person
(`optkeeper.gate.accept_volume`). A drop must stay below its limit; nothing at all where something was
never passes.
"""

from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.statement import PolicyStatement


class NoSourceShrankMoreThanItsRegistryRowAllows(PolicyStatement):
    """No source holds nothing where it held something, or fewer by its registry's max_drop_percent, than was accepted.

    Where nothing was accepted yet, the largest count so far is what it is measured against.
    """

    relation = "raw.populations"
    unexpected_rows_query: str = """
        with counted as (
            select populations.*
            from {batch} as populations
            cross join gate.current_run as run
            where populations.counted_at <= run.started_at
        ),

        latest as (
            select distinct on (source, object) source, object, total
            from counted
            order by source, object, counted_at desc
        ),

        accepted as (
            select distinct on (source, object) source, object, total
            from gate.accepted_volumes
            order by source, object, accepted_id desc
        ),

        largest as (
            select source, object, max(total) as total
            from counted
            group by source, object
        )

        select
            latest.source,
            latest.object,
            latest.total,
            coalesce(accepted.total, largest.total) as accepted_total,
            connectors.max_drop_percent
        from latest
        inner join largest on largest.source = latest.source and largest.object = latest.object
        left join accepted on accepted.source = latest.source and accepted.object = latest.object
        left join registry.connectors on connectors.source = latest.source
        where
            latest.total < coalesce(accepted.total, largest.total)
            and (
                latest.total = 0
                or 100 * (coalesce(accepted.total, largest.total) - latest.total)
                >= coalesce(connectors.max_drop_percent, 0) * coalesce(accepted.total, largest.total)
            )
    """


class NoDeliveryIsMuchSmallerThanIsUsual(PolicyStatement):
    """No delivered file holds fewer records, by its source's max_drop_percent, than its ten files before it held.

    They are compared by their median. No more than a warning: a quiet day is no loss, and what a file restricts stands
    whatever the next one holds. Each file is told by the runs after its delivery, until two have passed.
    """

    relation = "raw.files"
    severity: FailureSeverity = FailureSeverity.WARNING
    unexpected_rows_query: str = """
        with judged as (
            select
                files.source,
                files.digest,
                files.received_at,
                files.records,
                (
                    select percentile_disc(0.5) within group (order by earlier.records)
                    from (
                        select before.records
                        from raw.files as before
                        where
                            before.source = files.source
                            and before.received_at < files.received_at
                            and before.records is not null
                        order by before.received_at desc
                        limit 10
                    ) as earlier
                ) as usual
            from {batch} as files
            cross join gate.current_run as run
            where
                files.received_at <= run.started_at
                and files.received_at > coalesce(
                    (
                        select passed_runs.started_at
                        from gate.runs as passed_runs
                        where passed_runs.passed
                        order by passed_runs.started_at desc
                        offset 1 limit 1
                    ),
                    '-infinity'
                )
        )

        select
            judged.source,
            encode(judged.digest, 'hex') as file_digest,
            judged.received_at,
            judged.records,
            judged.usual,
            connectors.max_drop_percent
        from judged
        left join registry.connectors on connectors.source = judged.source
        where
            judged.records < judged.usual
            and (
                judged.records = 0
                or 100 * (judged.usual - judged.records) >= coalesce(connectors.max_drop_percent, 0) * judged.usual
            )
    """


class NoSourceStoppedCounting(PolicyStatement):
    """No source that once said how much it holds was since pulled to its end without saying so.

    No more than a warning. A source that delivers files is judged by what they hold.
    """

    relation = "raw.populations"
    severity: FailureSeverity = FailureSeverity.WARNING
    unexpected_rows_query: str = """
        with latest as (
            select populations.source, populations.object, max(populations.counted_at) as counted_at
            from {batch} as populations
            group by populations.source, populations.object
        ),

        accepted as (
            select source, object, max(accepted_at) as accepted_at
            from gate.accepted_volumes
            where accepted_by is not null
            group by source, object
        )

        select latest.source, latest.object, latest.counted_at, max(pulls.pull_id) as pull_id
        from latest
        inner join raw.pulls on pulls.source = latest.source
        left join accepted on accepted.source = latest.source and accepted.object = latest.object
        cross join gate.current_run as run
        where
            pulls.state = 'complete'
            and pulls.started_at > latest.counted_at
            and pulls.finished_at <= run.started_at
            and not exists (select from raw.files where files.source = latest.source)
            and (accepted.accepted_at is null or pulls.started_at > accepted.accepted_at)
        group by latest.source, latest.object, latest.counted_at
    """


class NoMartShrankMoreThanItsLimitAllows(PolicyStatement):
    """No candidate mart is gone, empty where the published one was not, or smaller by its max_drop_percent."""

    relation = "gate.mart_volumes"
    unexpected_rows_query: str = """
        with accepted as (
            select distinct on (object) object, total, accepted_at
            from gate.accepted_volumes
            where source = 'marts' and accepted_by is not null
            order by object, accepted_id desc
        ),

        compared as (
            select
                volumes.relation,
                volumes.candidate_rows,
                case
                    when volumes.published_at is null or accepted.accepted_at > volumes.published_at
                        then coalesce(accepted.total, volumes.published_rows)
                    else volumes.published_rows
                end as accepted_rows,
                limits.max_drop_percent
            from {batch} as volumes
            inner join gate.current_run as run on run.run_id = volumes.run_id
            left join registry.gate_limits as limits on limits.relation = volumes.relation
            left join accepted on accepted.object = volumes.relation
        )

        select relation, candidate_rows, accepted_rows, max_drop_percent
        from compared
        where
            candidate_rows is null
            or (
                candidate_rows < accepted_rows
                and (
                    candidate_rows = 0
                    or 100 * (accepted_rows - candidate_rows) >= coalesce(max_drop_percent, 0) * accepted_rows
                )
            )
    """
