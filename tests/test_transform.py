import re
import shutil
import stat
from pathlib import Path

import psycopg
import pytest
from optkeeper import settings, transform
from optkeeper.transform import TransformError

NOBODY = "anna.de.vries@noord.example"


def test_a_value_that_a_model_stumbles_over_stands_in_no_log_and_on_no_screen(
    warehouse_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seeds, work = tmp_path / "seeds", tmp_path / "work"
    shutil.copytree(settings.DBT_PROJECT / "seeds", seeds)
    (limits,) = seeds.rglob("gate_limits.csv")
    limits.write_text(f"{limits.read_text().rstrip()}\nsomething,{NOBODY}\n")
    (work / "logs").mkdir(parents=True, mode=0o755)
    (work / "logs" / "dbt.log").touch(mode=0o644)
    with pytest.raises(TransformError, match=r"dbt seed failed at: gate_limits"):
        transform.run(["seed"], address=warehouse_url, work_folder=work, seeds=seeds)
    told = capfd.readouterr()
    assert "SQLSTATE 22P02" in told.out
    assert NOBODY not in told.out + told.err
    files = [path for path in work.rglob("*") if path.is_file()]
    assert {"dbt.log", "run_results.json", "manifest.json"} <= {path.name for path in files}
    for path in files:
        assert NOBODY.encode() not in path.read_bytes(), path.name
    for path in work.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_what_the_models_themselves_say_wrongly_is_told_in_words(warehouse_url: str, tmp_path: Path) -> None:
    import psycopg2
    from optkeeper.warehouse.dbt_errors import told

    with psycopg2.connect(warehouse_url) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error) as raised:
            cursor.execute("select no_such_column from raw.records")
        assert told(raised.value) == (
            'UndefinedColumn in the warehouse, SQLSTATE 42703: column "no_such_column" does not exist'
        )


def test_the_log_tells_what_each_node_took(
    warehouse_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="optkeeper.transform"):
        transform.run(["build", "--select", "purposes"], address=warehouse_url, work_folder=tmp_path)
    told = [record.getMessage() for record in caplog.records if record.name == "optkeeper.transform"]
    assert re.fullmatch(r"seed purposes: success in \d+\.\d\d s", told[0])
    assert re.fullmatch(r"tests: [1-9]\d* in \d+\.\d\d s", told[-1])


def test_a_folder_of_seeds_is_left_as_it_is(warehouse_url: str, tmp_path: Path) -> None:
    seeds = tmp_path / "seeds"
    shutil.copytree(settings.DBT_PROJECT / "seeds", seeds)
    before = {path: path.read_bytes() for path in seeds.rglob("*.*")}
    for _ in range(2):
        transform.run(["seed", "--select", "purposes"], address=warehouse_url, work_folder=tmp_path / "w", seeds=seeds)
    assert {path: path.read_bytes() for path in seeds.rglob("*.*")} == before


def test_a_seed_whose_columns_have_changed_since_the_last_build_is_made_anew(
    warehouse_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(warehouse_url, autocommit=True) as connection:
        connection.execute("create schema registry")
        connection.execute("create table registry.purposes (former text)")
        connection.execute("create view registry.reader as select former from registry.purposes")
        transform.run(["seed", "--select", "purposes"], address=warehouse_url, work_folder=tmp_path)
        row = connection.execute("select count(*) from registry.purposes where purpose is not null").fetchone()
    assert row
    assert row[0] > 0
