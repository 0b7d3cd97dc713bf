"""Lints the models with sqlfluff as dbt compiles them: against a server of its own, made for it and thrown away.

Usage: python .ci/lint_sql.py [FILE ...]; all models where no file is named.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from optkeeper.warehouse import database, embedded

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="opk-") as folder:
        server = Path(folder) / "pg"
        part = database.parts(embedded.url("lint", server))
        values = {
            "OPTKEEPER_DB_HOST": part["host"],
            "OPTKEEPER_DB_PORT": part["port"],
            "OPTKEEPER_DB_USER": part["user"],
            "OPTKEEPER_DB_NAME": part["dbname"],
            "DBT_TARGET_PATH": str(Path(folder) / "target"),
            "DBT_LOG_PATH": str(Path(folder) / "logs"),
            "DO_NOT_TRACK": "1",
        }
        try:
            done = subprocess.run(  # noqa: S603  # our own command
                [str(Path(sys.executable).parent / "sqlfluff"), "lint", *(sys.argv[1:] or ["dbt_project/models"])],
                cwd=Path(__file__).parents[1],
                env={**os.environ, **values},
            )
        finally:
            embedded.stop(server)
    sys.exit(done.returncode)
