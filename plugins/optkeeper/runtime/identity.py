"""Who a process is: its number and when it started, since numbers are given out again."""

import os
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def started(pid: int) -> str | None:
    """When a process started, spelled so that it never changes while it lives; None where there is none.

    Linux tells ticks since the boot, which no change of the clock moves; elsewhere psutil's time of day must do.
    """
    if not _BOOT.exists():
        import psutil

        try:
            return f"{psutil.Process(pid).create_time():.2f}"
        except psutil.NoSuchProcess:
            return None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # the name, in brackets, may itself hold blanks and brackets; the start is the 22nd field, the name the second
    return f"{_BOOT.read_text().strip()}/{stat.rpartition(')')[2].split()[19]}"


def own() -> dict[str, int | str | None]:
    """What is written down of this process."""
    return {"pid": os.getpid(), "started": started(os.getpid())}
