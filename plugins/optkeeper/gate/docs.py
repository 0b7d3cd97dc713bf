"""Data Docs as static pages that need nothing but themselves: no script, style or image from elsewhere.

Great Expectations renders the pages; what they would fetch from other hosts is taken out and a small
style sheet put in. Its own front page is a script's work, so that one is written here.
"""

import hashlib
import re
import shutil
from pathlib import Path
from typing import Any

import jinja2
import psycopg

from optkeeper.gate.report import GateReport, in_words

_LISTED_RUNS = 60
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_EXTERNAL = re.compile(
    r"<link\b[^>]*\bhref=[\"'](?:https?:)?//[^>]*>"
    r"|<script\b[^>]*>.*?</script>"
    r"|<img\b[^>]*\bsrc=[\"'](?:https?:)?//[^>]*>"
    r"|<footer\b.*?</footer>",
    re.IGNORECASE | re.DOTALL,
)
_LINK_OUT = re.compile(r"<a\b[^>]*\bhref=[\"'](?:https?:)?//[^>]*>(.*?)</a>", re.IGNORECASE | re.DOTALL)
_URL = re.compile(r"url\(\s*[\"']?(?:https?:)?//[^)]*\)|@import[^;]*;", re.IGNORECASE)

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { border-bottom: 1px solid #8884; padding: .4rem .6rem; text-align: left; vertical-align: top; }
code, .badge { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
.holds { color: #1a7f37; } .fails { color: #cf222e; font-weight: 600; } .warns { color: #9a6700; }
.navbar, .modal, .sticky-top, .ge-walkthrough-modal, .btn-group { display: none; }
.col-2, .col-md-2, .col-lg-2 { display: none; }
"""

_PAGES = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
_PAGES.filters["named"] = in_words
_RUN_PAGE = _PAGES.from_string(
    """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Gate of {{ report.run_id }}</title><style>{{ style }}</style></head>
<body>
<p><a href="../index.html">All runs</a></p>
<h1>Gate of run {{ report.run_id }}</h1>
<p>Decided for {{ report.as_of.isoformat() }}, checked at {{ report.checked_at.isoformat(timespec="seconds") }}.
{% if report.passed %}<strong class="holds">Passed</strong>: the candidate may be published.
{% else %}<strong class="fails">Stopped</strong>: nothing is published, what was published stands.{% endif %}

{% if report.contacts is not none %}
What rests on a contact alone was judged for those who changed since the publication: {{ report.contacts }}.{% endif %}
</p>
<table>
<thead><tr><th>Statement</th><th>On</th><th>Severity</th><th>Outcome</th><th>First violations</th></tr></thead>
<tbody>
{% for result in report.results | sort(attribute="place") %}
<tr>
<td><strong>{{ result.rule }}</strong><br>{{ result.stated }}</td>
<td>{% if pages[result.suite] %}<a href="{{ pages[result.suite] }}">{{ result.relation }}</a>
{%- else %}{{ result.relation }}{% endif %}{% if result.read %}, what changed{% endif %}</td>
<td>{{ result.severity }}</td>
{% if result.passed %}<td class="holds">holds</td>
{% elif result.violations is none %}<td class="fails">could not be evaluated: {{ result.problem }}</td>
{% else %}<td class="{{ 'fails' if result.stops else 'warns' }}">{{ result.violations }} violations</td>{% endif %}
<td>{% for row in result.sample %}<code>{{ row | named }}</code><br>
{% endfor %}</td>
</tr>
{% endfor %}
</tbody>
</table>
</body>
</html>
"""
)
_INDEX_PAGE = _PAGES.from_string(
    """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>The gate</title><style>{{ style }}</style></head>
<body>
<h1>The gate between the candidate marts and publication</h1>
<table>
<thead><tr><th>Run</th><th>Decided on</th><th>Checked at</th><th>Outcome</th><th>Failed</th><th>Warned</th></tr></thead>
<tbody>
{% for run in runs %}
<tr>
<td>{% if run.page %}<a href="{{ run.page }}">{{ run.run_id }}</a>{% else %}{{ run.run_id }}{% endif %}</td>
<td>{{ run.decided_on }}</td>
<td>{{ run.started_at.isoformat(timespec="seconds") }}</td>
{% if run.passed %}<td class="holds">passed</td>
{% elif run.passed is none %}<td class="warns">broke off</td>
{% else %}<td class="fails">stopped</td>{% endif %}
<td>{{ run.failed }}</td>
<td>{{ run.warned }}</td>
</tr>
{% endfor %}
</tbody>
</table>
</body>
</html>
"""
)


def front_page(folder: Path, run_id: str) -> Path:
    """The page of a run."""
    return folder / _slug(run_id) / "index.html"


def build_run(context: Any, report: GateReport, folder: Path) -> None:
    """Writes the pages of one run; what an earlier attempt at it wrote is replaced."""
    site = front_page(folder, report.run_id).parent
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    context.add_data_docs_site(
        "gate",
        {
            "class_name": "SiteBuilder",
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(site)},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "show_how_to_buttons": False,
        },
    )
    context.build_data_docs(site_names=["gate"])
    shutil.rmtree(site / "static", ignore_errors=True)
    for page in site.rglob("*.html"):
        page.write_text(_standing_alone(page.read_text(encoding="utf-8")), encoding="utf-8")
    pages = {
        page.stem.partition("-")[2]: page.relative_to(site).as_posix()
        for page in sorted((site / "validations").rglob("*.html"))
    }
    (site / "index.html").write_text(_RUN_PAGE.render(report=report, pages=pages, style=_STYLE), encoding="utf-8")


def build_index(connection: psycopg.Connection[Any], folder: Path) -> None:
    """Writes the list of runs."""
    rows = connection.execute(
        "select runs.run_id, runs.decided_on, runs.started_at, runs.passed,"
        " count(*) filter (where results.severity = 'critical' and not results.passed),"
        " count(*) filter (where results.severity <> 'critical' and not results.passed)"
        " from gate.runs left join gate.results on results.run_id = runs.run_id"
        " group by runs.run_id order by runs.started_at desc limit %s",
        (_LISTED_RUNS,),
    ).fetchall()
    names = ("run_id", "decided_on", "started_at", "passed", "failed", "warned")
    runs = [dict(zip(names, row, strict=True)) for row in rows]
    for run in runs:
        page = front_page(folder, run["run_id"])
        run["page"] = page.relative_to(folder).as_posix() if page.exists() else None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(_INDEX_PAGE.render(runs=runs, style=_STYLE), encoding="utf-8")


def _slug(run_id: str) -> str:
    slug = _UNSAFE.sub("_", run_id).strip("._")[:100]
    return slug if slug == run_id else f"{slug}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"


def _standing_alone(page: str) -> str:
    page = _EXTERNAL.sub("", page)
    page = _LINK_OUT.sub(r"\1", page)
    page = _URL.sub("", page)
    return page.replace("</head>", f"<style>{_STYLE}</style></head>", 1)
