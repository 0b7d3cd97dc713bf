"""What every statement of policy is: a query for what violates it, over one relation.

A query selects ids, digests, counts and dates; never an address or a name, since results and Data
Docs hold what it selects. The moment that a run is about stands in `gate.current_run`.

Every query joins something and names `{batch}` with an alias: Great Expectations gives a batch an alias
of its own in a query without a join, and none in a query with one.
"""

import re
from typing import Any, ClassVar

from great_expectations.expectations import UnexpectedRowsExpectation
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.render import (
    LegacyDiagnosticRendererType,
    LegacyRendererType,
    RenderedStringTemplateContent,
)
from great_expectations.render.renderer.renderer import renderer

CHANGED = "changed"
"""The schema that holds, while a run judges only what changed, the rows of `COPIED` that are about it."""
COPIED = (
    "candidate.consent_events", "candidate.consent_timeline", "candidate.contact_points", "candidate.contacts",
    "candidate.decisions", "candidate.marketable_contacts", "candidate.suppressions",
    "intermediate.int_events__received", "raw.records",
)  # fmt: skip
_COPIED = re.compile(r"\b(?:" + "|".join(relation.replace(".", "[.](?=") + r"\b)" for relation in COPIED) + ")")


class PolicyStatement(UnexpectedRowsExpectation):
    """A statement that holds when its query finds nothing."""

    relation: ClassVar[str]
    """The schema and name of what is checked; `{batch}` in the query."""
    rules: ClassVar[tuple[str, ...]] = ()
    """The numbers of the domain's rules that the statement guards."""
    by_contact: ClassVar[bool] = False
    """Whether it can come to be violated for a contact only by what changed of it, by what names its addresses, or by a
    boundary of its timeline; never by a day or a row elsewhere. Then a run need look at those contacts only."""
    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)
    """Violations are counted by every run; the gate reads a sample only of those that failed."""

    unexpected_rows_query: str
    severity: FailureSeverity = FailureSeverity.CRITICAL

    def _validate(
        self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None
    ) -> dict[str, Any]:
        violations = metrics["unexpected_rows_query.row_count"]
        return {"success": violations == 0, "result": {"observed_value": violations, "unexpected_count": violations}}

    @classmethod
    def stated(cls) -> str:
        """The statement in words, with the rules that it guards."""
        words = " ".join((cls.__doc__ or cls.__name__).split())
        return f"{words} ({', '.join(cls.rules)})" if cls.rules else words

    @classmethod
    def read(cls, *, changed: bool = False) -> str:
        """The relation that is read: all of it, or what changed where that is enough."""
        return _copies(cls.relation) if changed and cls.by_contact else cls.relation

    @classmethod
    def query(cls, *, changed: bool = False) -> str:
        """The query with its place for the batch, over everything or over what changed."""
        query: str = cls.__fields__["unexpected_rows_query"].default
        return _copies(query) if changed and cls.by_contact else query

    @classmethod
    def sql(cls, *, changed: bool = False) -> str:
        """The query for what violates the statement, as it can be run by hand."""
        return cls.query(changed=changed).format(batch=cls.read(changed=changed)).strip()

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)
    def _prescriptive_renderer(
        cls, configuration: Any = None, result: Any = None, runtime_configuration: Any = None, **kwargs: Any
    ) -> list[RenderedStringTemplateContent]:
        return [
            RenderedStringTemplateContent(
                content_block_type="string_template",
                string_template={
                    "template": "$name: $stated",
                    "params": {"name": cls.__name__, "stated": cls.stated()},
                },
            )
        ]

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.UNEXPECTED_STATEMENT)
    def _diagnostic_unexpected_statement_renderer(
        cls, configuration: Any = None, result: Any = None, runtime_configuration: Any = None, **kwargs: Any
    ) -> list[RenderedStringTemplateContent]:
        """Nothing: the library would tell which share of the rows violates it, which is not counted."""
        return []


def _copies(query: str) -> str:
    return _COPIED.sub(f"{CHANGED}.", query)
