"""The one command: gathers what each room offers and imports a room only when it is called.

Installed as `lookalike`. The table below repeats each room's words so that `--help` is instant.
"""

import importlib
import os
import sys
from typing import NoReturn

import click

from catalog.errors import LookalikeError
from stack.state import use_local_addresses

ROOMS: dict[str, dict[str, str]] = {
    "catalog.audit.cli": {
        "audit": "Have index and catalog looked through: health, coverage, duplicates.",
    },
    "catalog.cli": {
        "check": "Compare Postgres, the image store and the vector index.",
        "migrate": "Bring the database to the schema of this version.",
        "token create": "Make a token and print its secret, this once.",
        "token list": "List all tokens.",
        "token revoke": "Make a token useless.",
        "user create": "Add somebody who may log in.",
        "user link": "Print a link that logs a user in, once.",
    },
    "catalog.corrections_cli": {
        "corrections export": "Write what was reviewed as a COCO file to train on.",
    },
    "catalog.index_cli": {
        "evaluate index": "Measure what the vector index finds of the true neighbours.",
    },
    "catalog.map_cli": {
        "map": "Have the map of the catalog made anew.",
    },
    "catalog.reindex_cli": {
        "reindex activate": "Switch to the index that waits.",
        "reindex cancel": "Stop the re-index, or drop the index that waits.",
        "reindex forecast": "Say what a re-index would do, and how long it takes.",
        "reindex roll-back": "Switch back to the index before.",
        "reindex start": "Build a new index beside the one that serves.",
        "reindex status": "Show the indexes and how far the re-index is.",
    },
    "ingest.cli": {
        "delete": "Delete one item and everything of it.",
        "ingest": "Send a product feed or a folder of photos to the server.",
    },
    "models.embedding.cli": {
        "data crops": "Cut the garments of labelled photos into a set that training reads.",
        "evaluate embedding": "Measure recall and precision of the neighbours.",
        "import-checkpoint embedding": "Take over a CGD file.",
        "train embedding": "Train CGD on a set of crops.",
    },
    "models.extraction.cli": {
        "extract crops": "Cut out the garments of a folder of photos or a COCO file.",
        "extract features": "Describe them by vectors, in a Parquet table.",
    },
    "models.segmentation.data.cli": {
        "data label-tagged": "Label photos that have tags only, for training.",
        "data prepare": "Convert labelled photos into a folder that training reads.",
    },
    "models.segmentation.cli": {
        "evaluate segmentation": "Measure box and mask AP on a prepared folder.",
        "evaluate threshold": "Choose the score threshold on validation photos.",
        "import-checkpoint segmentation": "Take over a detectron2 Cascade Mask R-CNN file.",
        "train segmentation": "Train a segmenter, or go on where it was stopped.",
    },
    "sample.cli": {
        "sample": "Draw a sample catalog with its feed.",
    },
    "stack.cli": {
        "demo": "Start everything, ingest a catalog and show what was found.",
        "status": "Show what runs here and where.",
        "up": "Start everything on this machine and keep it running.",
    },
}
"""Room -> command words -> one line of help."""

_GROUPS: dict[str, str] = {
    "corrections": "What people have corrected.",
    "data": "Photos with labels, for training.",
    "evaluate": "Measure a checkpoint, or the index.",
    "extract": "Take crops and vectors out of photos.",
    "import-checkpoint": "Take over somebody else's checkpoint, safely.",
    "reindex": "Build the index anew and switch to it.",
    "token": "Tokens for the API.",
    "train": "Train a model.",
    "user": "People who may log in.",
}
"""First words that several commands share."""


_LOCAL_BY_DEFAULT = {
    *("catalog.audit.cli", "catalog.cli", "catalog.corrections_cli", "catalog.index_cli"),
    *("catalog.map_cli", "catalog.reindex_cli"),
}
"""Their commands reach the stores themselves: those of the stack that runs here, if one does."""


class Rooms(click.Group):
    """The commands whose words begin with `prefix`."""

    def __init__(self, prefix: str = "", **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._summaries())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        words = self._prefix + cmd_name
        for room, commands in ROOMS.items():
            if words in commands:
                if room in _LOCAL_BY_DEFAULT:
                    use_local_addresses(os.environ)
                command: click.Command = importlib.import_module(room).COMMANDS[words]
                return command
        if cmd_name in self._summaries():
            return Rooms(f"{words} ", name=cmd_name, help=_GROUPS.get(words))
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self._summaries().items()))

    def _summaries(self) -> dict[str, str]:
        """The next word of each command below this group, with its line of help."""
        found: dict[str, str] = {}
        for commands in ROOMS.values():
            for words, summary in commands.items():
                if words.startswith(self._prefix):
                    first, _, rest = words.removeprefix(self._prefix).partition(" ")
                    found[first] = _GROUPS.get(self._prefix + first, summary) if rest else summary
        return found


cli = Rooms(name="lookalike", help="Photos in, similar garments out.")


def main() -> None:
    """Run the command line; an error of ours, or of a file, is one red line, not a traceback."""
    try:
        cli()
    except LookalikeError as error:
        _fail(str(error))
    except OSError as error:
        if error.filename is None:  # no file's: a traceback tells more
            raise
        _fail(f"{error.filename}: {error.strerror}")


def _fail(message: str) -> NoReturn:
    click.secho(f"Error: {message}", fg="red", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
