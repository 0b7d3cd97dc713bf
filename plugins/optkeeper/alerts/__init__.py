"""Alerts: who owns a source or a step is told what is wrong, once, and once when it is over.

`problem` says what can be wrong and what that means, `standing` remembers what was told, `tell` mails and posts it, and
`callbacks` are what Airflow calls.
"""

from optkeeper.alerts.callbacks import failed, succeeded

__all__ = ["failed", "succeeded"]
