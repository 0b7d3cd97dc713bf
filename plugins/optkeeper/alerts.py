"""Alerts: a failed task tells its owner by mail, in one text without personal data."""

import logging
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import localtime, make_msgid
from typing import Any

log = logging.getLogger(__name__)


def alert(context: Mapping[str, Any]) -> None:
    """Airflow's on-failure callback: logs what failed and mails it to the SMTP connection's `alerts_to`.

    A gate that stops a run names each rule with its count and ids; other failures give their own text, which by the
    standard of this project holds no personal data. An alert that cannot be mailed is logged and fails nothing else.
    """
    from optkeeper import connections, steps
    from optkeeper.delivery.mail import Mailer, MailError

    task = context["task_instance"]
    name = " ".join(filter(None, (task.task_id, getattr(task, "rendered_map_index", None))))
    subject = f"Optkeeper: {task.dag_id}.{name} failed"
    text = f"{_said(context.get('exception'))}\n\nDAG {task.dag_id}, task {name}, run {context.get('run_id')}\n"
    log.error("%s: %s", subject, text)
    details = connections.find(steps.SMTP_CONNECTION)
    recipient = str(details.extra.get("alerts_to", "")) if details else ""
    if details is None or not recipient:
        log.warning("no alert mail: connection %s names no alerts_to", steps.SMTP_CONNECTION)
        return
    mailer = Mailer.at(details)
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, mailer.sender, recipient
    message["Date"] = localtime()
    message["Message-ID"] = make_msgid(domain=mailer.domain)
    message.set_content(text)
    try:
        mailer.send(message, recipient)
    except MailError as refused:
        log.error("the alert could not be mailed: %s", refused)


def _said(problem: object) -> str:
    if problem is None:  # Airflow itself found the task dead
        return "The task's process ended without a word (killed, or out of memory); its log says how far it came."
    return f"{type(problem).__name__}: {problem}"
