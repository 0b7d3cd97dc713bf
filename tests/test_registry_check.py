import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from optkeeper import registry_check, settings
from optkeeper.registry_check import RegistryFault

from tests.road.road import SEEDS


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    folder = tmp_path / "seeds"
    shutil.copytree(settings.DBT_PROJECT / "seeds", folder)
    return folder


def _rewritten(seeds: Path, name: str, change: Callable[[str], str]) -> str:
    (path,) = seeds.rglob(name)
    changed = change(path.read_text())
    assert changed != path.read_text()
    path.write_text(changed)
    with pytest.raises(RegistryFault) as fault:
        registry_check.check(seeds)
    return str(fault.value)


def test_the_projects_own_policy_and_registries_stand() -> None:
    registry_check.check()


def _keys() -> list[str]:
    path = settings.DBT_PROJECT / "seeds" / "policy" / "policy_keys.csv"
    return [line.split(",")[0] for line in path.read_text().splitlines()[1:]]


@pytest.mark.parametrize("key", _keys())
def test_a_required_key_without_a_row_is_named(key: str, seeds: Path) -> None:
    told = _rewritten(
        seeds,
        "policy.csv",
        lambda text: "\n".join(line for line in text.splitlines() if not line.startswith(f"{key},")),
    )
    assert f"policy.csv has no row of {key} for all countries and channels" in told


@pytest.mark.parametrize(
    ("name", "row", "told"),
    [
        ("policy.csv", "inactivity_months,*,*,36,2026-01-01,", "inactivity_months * * has rows that overlap"),
        ("policy.csv", "double_opt_in_required,DE,email,false,2018-05-25,2018-05-25,", "double_opt_in_required DE email has rows"),
        ("policy.csv", "minimum_age,BE,*,,2018-05-25,,", "a value of minimum_age is no count"),
        ("policy.csv", "minimum_age,BE,*,dertien,2018-05-25,,", "a value of minimum_age is no count"),
        ("policy.csv", "double_opt_in_required,BE,email,ja,2018-05-25,,", "a value of double_opt_in_required is no boolean"),
        ("policy.csv", "minimum_age,BE,*,13,25-05-2018,", "a date is not written as YYYY-MM-DD"),
        ("policy.csv", "minimum_age,BE,*,13,2026-01-02,2026-01-01", "ends before it begins"),
        ("policy.csv", "minimum_age,BE,e-mail,13,2018-05-25,,", "channel is none of"),
        ("sources.csv", "web,web_form,first_party,,web_form,noord,UTC,false,false", "sources.csv: web stands twice"),
        ("sources.csv", "new,web_form,own,,web_form,noord,UTC,false,false", "party is none of"),
        ("lead_channels.csv", "web_form,x,y,cleared,consent,method", "web_form stands twice"),
        ("purposes.csv", "newsletter,Again,", "newsletter stands twice"),
        ("vendors.csv", "leadco,LeadCo,processor,art_28,DPA-2,2025-01-01,,PROC-2,2027-06-30", "leadco art_28 has rows that overlap"),
    ],
)  # fmt: skip
def test_a_row_by_which_nobody_could_decide_is_named(name: str, row: str, told: str, seeds: Path) -> None:
    assert told in _rewritten(seeds, name, lambda text: f"{text.rstrip()}\n{row}\n")


def test_a_doubled_row_of_the_matrix_is_named(seeds: Path) -> None:
    told = _rewritten(seeds, "basis_matrix.csv", lambda text: f"{text.rstrip()}\n{text.splitlines()[1]}\n")
    assert "basis_matrix.csv" in told
    assert "overlap" in told


def test_a_key_whose_row_ended_is_named_with_the_day(seeds: Path) -> None:
    told = _rewritten(
        seeds, "policy.csv",
        lambda text: text.replace("minimum_age,*,*,16,2018-05-25,", "minimum_age,*,*,16,2018-05-25,2024-12-31"),
    )  # fmt: skip
    assert "minimum_age has no row after 2024-12-31" in told


def test_a_key_without_a_row_for_some_days_is_named_with_them(seeds: Path) -> None:
    told = _rewritten(
        seeds, "policy.csv",
        lambda text: text.replace(
            "minimum_age,*,*,16,2018-05-25,",
            "minimum_age,*,*,16,2018-05-25,2024-12-31,\nminimum_age,*,*,16,2025-01-02,",
        ),
    )  # fmt: skip
    assert "minimum_age has no row from 2025-01-01 to 2025-01-01" in told


def test_rows_that_follow_one_another_are_no_overlap(seeds: Path) -> None:
    (path,) = seeds.rglob("policy.csv")
    path.write_text(
        path.read_text().replace(
            "minimum_age,*,*,16,2018-05-25,",
            "minimum_age,*,*,16,2018-05-25,2024-12-31,\nminimum_age,*,*,18,2025-01-01,",
        )
    )
    registry_check.check(seeds)


def test_a_key_that_a_folders_policy_does_not_name_keeps_the_projects_rows(seeds: Path) -> None:
    registry_check.lay_over(SEEDS, seeds)
    assert "identity_key_max_records" not in (SEEDS / "policy.csv").read_text()
    with pytest.raises(RegistryFault):
        registry_check.check(seeds)
    registry_check.complete(seeds)
    registry_check.check(seeds)
    (path,) = seeds.rglob("policy.csv")
    assert "\nactivity_extends,FR,phone,false,2026-08-11,\n" in path.read_text()


def test_a_file_that_is_missing_is_named(seeds: Path) -> None:
    (path,) = seeds.rglob("policy.csv")
    path.unlink()
    with pytest.raises(RegistryFault, match=r"policy\.csv is missing"):
        registry_check.check(seeds)
