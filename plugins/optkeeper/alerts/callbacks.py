"""What Airflow calls when a task has failed or succeeded."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from optkeeper import settings
from optkeeper.alerts.problem import Problem, meaning, owner, owner_of_source, warnings
from optkeeper.alerts.standing import standing

WATCH = "watch_the_morning.check"  # over as soon as a delivery has succeeded
_DELIVER = "decide_and_deliver.deliver"
_NOT_GIVEN = -1


def failed(context: Mapping[str, Any]) -> None:
    """Tells the owner of the source or step what failed, unless that is known already.

    A gate that stops a run names each rule with its count and ids; other failures give their own text, which by the
    standard of this project holds no personal data.
    """
    task, step = context["task_instance"], _step(context)
    problem = context.get("exception")
    if problem is None:  # Airflow itself found the task dead
        kind, text = "Died", "The task's process ended without a word (killed, or out of memory)."
    else:
        kind, text = type(problem).__name__, f"{type(problem).__name__}: {problem}"
    found = Problem(
        cause=kind,
        owner=owner_of_source(_source(task), _owner(context)),
        title=f"{step}: {'late' if kind == 'MorningLate' else 'failed'}",
        text=text,
        meaning=meaning(kind, task.task_id),
        is_warning=False,
    )
    _settle(step, [found], _links(context), ends=False)


def succeeded(context: Mapping[str, Any]) -> None:
    """Tells what the step warns of, unless that is known already, and what is over."""
    task, step = context["task_instance"], _step(context)
    mapped = getattr(task, "map_index", _NOT_GIVEN)
    answer = task.xcom_pull(task_ids=task.task_id, map_indexes=mapped if mapped != _NOT_GIVEN else None)
    _settle(step, warnings(answer, step=task.task_id, step_owner=_owner(context)), _links(context), ends=True)
    if step == _DELIVER:
        _settle(WATCH, [], _links(context), ends=True)


def _settle(scope: str, problems: Sequence[Problem], links: str, *, ends: bool) -> None:
    """Tells what is new of a step or source and, where `ends`, what is no longer so."""
    from optkeeper.alerts.tell import Message, tell  # DAG files that name a callback parse at once

    now = {problem.cause: problem for problem in problems}
    followed = {cause for problem in problems for cause in problem.follows}
    with standing() as known:
        for cause, problem in now.items():
            if cause in known.of(scope):
                continue
            said = problem.meaning
            text = f"{problem.text}\n\nWhat it means: {said.means}\n\nWhat to do: {said.do}\n\n{links}"
            title = f"Optkeeper: {problem.title}"
            if tell(Message(title, text, f"{scope}/{cause}", is_over=False), owner(problem.owner)):
                known.add(scope, cause, problem.owner, problem.title)
        for cause, told in list(known.of(scope).items()) if ends else ():
            if cause in now:
                continue
            if cause in followed:
                known.remove(scope, cause)
                continue
            text = f"What was told at {told['since']} is over.\n\n{links}"
            title = f"Optkeeper, over: {told['title']}"
            if tell(Message(title, text, f"{scope}/{cause}", is_over=True), owner(told["owner"])):
                known.remove(scope, cause)


def _step(context: Mapping[str, Any]) -> str:
    task = context["task_instance"]
    return " ".join(filter(None, (f"{task.dag_id}.{task.task_id}", _source(task))))


def _source(task: Any) -> str:
    return getattr(task, "rendered_map_index", None) or ""


def _owner(context: Mapping[str, Any]) -> str:
    return str(getattr(context.get("task"), "owner", "") or "")


def _links(context: Mapping[str, Any]) -> str:
    """Where to look: the run, the task's log, the gate's pages and today."""
    task, run_id = context["task_instance"], str(context.get("run_id") or "")
    told = [f"DAG {task.dag_id}, task {task.task_id}, run {run_id}"]
    base = settings.public_url()
    if base:
        run = f"{base}/dags/{task.dag_id}/runs/{quote(run_id, safe='')}"
        mapped = getattr(task, "map_index", _NOT_GIVEN)
        place = f"/mapped/{mapped}" if mapped != _NOT_GIVEN else ""
        told += [
            f"Run:   {run}",
            f"Log:   {run}/tasks/{task.task_id}{place}",
            f"Gate:  {base}/optkeeper/gate/index.html",
            f"Today: {base}/optkeeper/today",
        ]
    return "\n".join(told) + "\n"
