"""Writes itself down, then becomes another program: `python -m optkeeper.runtime.recorded RECORD COMMAND ...`.

The process records itself, and not its parent does, so that no process runs unrecorded when the parent
is killed between starting it and writing it down.
"""

import json
import os
import sys
from pathlib import Path

from optkeeper.runtime import identity
from optkeeper.runtime.files import write_whole

if __name__ == "__main__":
    write_whole(Path(sys.argv[1]), json.dumps(identity.own()))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  # our own command, by its whole path
