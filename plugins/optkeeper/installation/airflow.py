"""Airflow's metadata, made ready for a version and its people; safe to run at any time, and at every start."""

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import IO

from optkeeper import settings

FIRST_LOGIN = "admin"
_HERE = files("optkeeper.installation")


class InstallationFailed(Exception):
    """Airflow's metadata could not be made ready; what Airflow said stands above."""


def prepare() -> None:
    """Migrates the metadata, makes the pools and roles, and the first login where there is none.

    Raises:
        InstallationFailed: one of these did not succeed.
    """
    run("db", "migrate")
    make_pools()
    make_roles_and_first_login()


def make_pools(environment: Mapping[str, str] | None = None, log: IO[bytes] | None = None) -> None:
    """Makes or changes the pools that the tasks name."""
    with as_file(_HERE / "pools.json") as path:
        run("pools", "import", str(path), environment=environment, log=log)


def run(*arguments: str, environment: Mapping[str, str] | None = None, log: IO[bytes] | None = None) -> None:
    """Runs Airflow's own command line.

    Raises:
        InstallationFailed: it did not succeed.
    """
    program = Path(sys.executable).parent / "airflow"
    done = subprocess.run([program, *arguments], env=environment, stdout=log, stderr=log)  # noqa: S603  # Airflow's own command
    if done.returncode != 0:
        raise InstallationFailed(f"`airflow {' '.join(arguments[:2])}` ended with {done.returncode}")


def make_roles_and_first_login() -> None:
    """Brings the roles to what `roles.toml` says, and makes an administrator of the given password where none is known.

    Raises:
        InstallationFailed: there is no password to make the first login with.
    """
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        manager = builder.sm
        manager.sync_roles()
        for name, wanted in roles().items():
            role = manager.find_role(name) or manager.add_role(name)
            held = {(one.action.name, one.resource.name): one for one in role.permissions}
            for action, resource in sorted(wanted - held.keys()):
                manager.add_permission_to_role(role, manager.create_permission(action, resource))
            for surplus in held.keys() - wanted:
                manager.remove_permission_from_role(role, held[surplus])
        manager.update_admin_permission()
        if manager.count_users() == 0:
            password = settings.first_password()
            if not password:
                raise InstallationFailed("the first login needs a password: OPTKEEPER_ADMIN_PASSWORD, or a file of it")
            made = manager.add_user(
                FIRST_LOGIN, "Optkeeper", "Administrator", "", manager.find_role("Admin"), password=password
            )
            if not made:
                raise InstallationFailed("Airflow did not make the first login")


def roles() -> dict[str, set[tuple[str, str]]]:
    """For each role, the actions that it may do on each resource of Airflow's."""
    declared: dict[str, dict[str, list[str]]] = tomllib.loads((_HERE / "roles.toml").read_text())
    return {
        name: {(action, resource) for action, resources in actions.items() for resource in resources}
        for name, actions in declared.items()
    }
