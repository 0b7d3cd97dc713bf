"""The pages, as an application that Airflow's API server mounts at `/optkeeper`.

Who may see them is Airflow's to say: its login, and its auth manager's answer for the custom views `Optkeeper` and, for
what holds personal data, `Optkeeper lists` and `Optkeeper dossiers`.
"""

import mimetypes
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response

from optkeeper import settings

PREFIX = "/optkeeper"
PAGES, LISTS, DOSSIERS = "Optkeeper", "Optkeeper lists", "Optkeeper dossiers"
_LIST = re.compile(
    r"renewal_due/[0-9]{4}-[0-9]{2}-[0-9]{2}/[a-z0-9][a-z0-9_-]*/(?:email|phone|sms|post)\.(?:xlsx|csv|import\.csv)"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def _allowed(view: str) -> Callable[[BaseUser], None]:
    def check(user: Annotated[BaseUser, Depends(get_user)]) -> None:
        if not get_auth_manager().is_authorized_custom_view(method="GET", resource_name=view, user=user):
            raise HTTPException(403, f"You may not see {view}.")

    return check


app = FastAPI(title="Optkeeper", docs_url=None, redoc_url=None, openapi_url=None)


@app.exception_handler(HTTPException)
async def _refused(request: Request, problem: Exception) -> Response:
    """Sends who has not logged in to the login, and back here afterwards."""
    assert isinstance(problem, HTTPException)
    if problem.status_code == 401:
        there = quote(str(request.url), safe="")
        login = get_auth_manager().get_url_login()
        return RedirectResponse(f"{login}{'&' if '?' in login else '?'}next={there}", 302)
    return HTMLResponse(f"<!doctype html><p>{problem.detail}</p>", problem.status_code, _HEADERS)


@app.get("/", dependencies=[Depends(_allowed(PAGES))])
@app.get("/today", dependencies=[Depends(_allowed(PAGES))])
def today() -> HTMLResponse:
    """How this morning went: freshness, gate, counts, lists and mails."""
    from optkeeper.warehouse import database
    from optkeeper.web import today as page

    with database.connect() as connection:
        return HTMLResponse(page.render(page.gather(connection)), headers=_HEADERS)


@app.get("/heartbeat")
def heartbeat() -> JSONResponse:
    """For a watcher outside, without login: 200 while the last delivery is of the day it should be of, else 503."""
    from optkeeper import heartbeat as module

    last = module.last()
    is_late = last.is_due(settings.as_of())
    told = {
        "list_date": last.list_date.isoformat() if last.list_date else None,
        "delivered_at": last.delivered_at.isoformat() if last.delivered_at else None,
        "late": is_late,
    }
    return JSONResponse(told, 503 if is_late else 200, {"Cache-Control": "no-store"})


@app.get("/gate/{path:path}", dependencies=[Depends(_allowed(PAGES))])
def gate(path: str = "") -> Response:
    """What the gate found, run by run."""
    return _file(settings.home() / "gate", path)


@app.get("/marts/{path:path}", dependencies=[Depends(_allowed(PAGES))])
def marts(path: str = "") -> Response:
    """What each mart and column means. That page is dbt's own and needs its scripts."""
    answer = _file(settings.home() / "docs", path)
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; img-src 'self' data:;"
        " font-src data:; connect-src data:; frame-ancestors 'self'"
    )
    return answer


@app.get("/lists/{path:path}", dependencies=[Depends(_allowed(LISTS))])
def lists(path: str) -> Response:
    """A delivered list, from wherever lists are delivered to."""
    from optkeeper import connections, steps
    from optkeeper.delivery import storage

    if not _LIST.fullmatch(path):
        raise HTTPException(404, "There is no such list.")
    known = connections.find(steps.DELIVERIES_CONNECTION)
    with storage.opened(settings.deliveries_url(), known.extra if known else None) as destination:
        content = destination.read(path)
    if content is None:
        raise HTTPException(404, "There is no such list.")
    name = path.replace("/", "_")
    kind = "text/csv" if path.endswith(".csv") else mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(
        content, media_type=kind, headers=_HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
    )


@app.get("/dossiers/", dependencies=[Depends(_allowed(DOSSIERS))])
def dossiers() -> HTMLResponse:
    """The dossiers that runs of `answer_proof_request` made; each is named by the number of its request."""
    from optkeeper.proof import answer

    rows = "".join(
        f"<li>Request {request_id}, {moment}: "
        + ", ".join(f'<a href="{request_id}/{moment}/{name}">{name}</a>' for name in answer.FILES)
        for request_id, moment in answer.made()
    )
    listed = f"<ul>{rows}</ul>" if rows else "<p>No run has made a dossier, or all were taken away since.</p>"
    return HTMLResponse(
        f'<!doctype html><html lang="en"><title>Dossiers</title><h1>Dossiers</h1>{listed}</html>', headers=_HEADERS
    )


@app.get("/dossiers/{path:path}", dependencies=[Depends(_allowed(DOSSIERS))])
def dossier(path: str) -> FileResponse:
    """A dossier that a run made, as pages or as JSON."""
    from optkeeper.proof import answer

    if not any(path == f"{number}/{moment}/{name}" for number, moment in answer.made() for name in answer.FILES):
        raise HTTPException(404, "There is no such dossier.")
    return _file(answer.folder(), path)


def _file(folder: Path, path: str) -> FileResponse:
    """A file of a folder, its front page where a folder is asked for; nothing outside it."""
    root = folder.resolve()
    found = (root / path).resolve()
    if found.is_dir():
        found /= "index.html"
    if not found.is_relative_to(root) or not found.is_file():
        raise HTTPException(404, "There is no such page.")
    return FileResponse(found, headers=_HEADERS)
