"""What one worker process holds on to: the services and the models that it has loaded.

Built on a process's first task, never before the fork: CUDA does not survive one.
"""

import functools
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, get_args

from catalog.errors import CheckpointError, ConfigError
from catalog.known_checkpoints import FoundCheckpoint
from catalog.search.generations import ensure_generation
from catalog.services import Services, make_services
from catalog.settings import Settings, load_settings
from catalog.tables import Generation
from models.checkpoints import Card, Kind, load_card
from workers.pace import Pace

if TYPE_CHECKING:
    from models.embedding.infer import Embedder
    from models.segmentation.infer import Segmenter


@dataclass
class Resources:
    """Services and models of this process; models are loaded when first asked for, once."""

    services: Services
    _segmenters: dict[str, "Segmenter"] = field(default_factory=dict)
    _embedders: dict[str, "Embedder"] = field(default_factory=dict)
    _loading: Lock = field(default_factory=Lock)
    pace: Pace = field(default_factory=Pace)

    @property
    def settings(self) -> Settings:
        return self.services.settings

    def segmenter(self, checkpoint_id: str) -> "Segmenter":
        """The segmenter of that checkpoint; raises CheckpointError when there is none."""
        with self._loading:
            if checkpoint_id not in self._segmenters:
                from models.segmentation.infer import load_segmenter

                folder = find_checkpoint(self.settings, "segmentation", checkpoint_id)
                self._segmenters[checkpoint_id] = load_segmenter(
                    folder, self.settings.device, self.settings.score_threshold
                )
            return self._segmenters[checkpoint_id]

    def embedder(self, checkpoint_id: str) -> "Embedder":
        """The embedder of that checkpoint; raises CheckpointError when there is none."""
        with self._loading:
            if checkpoint_id not in self._embedders:
                from models.embedding.infer import load_embedder

                folder = find_checkpoint(self.settings, "embedding", checkpoint_id)
                self._embedders[checkpoint_id] = load_embedder(folder, self.settings.device)
            return self._embedders[checkpoint_id]

    def has_loaded(self, checkpoint_id: str) -> bool:
        """Whether its first use takes no longer than any other."""
        return checkpoint_id in self._segmenters or checkpoint_id in self._embedders

    def active_generation(self) -> Generation:
        """The generation that is served; the first start makes it from the configured pair."""
        segmenter, embedder = configured_cards(self.settings)
        with self.services.sessions() as session:
            return ensure_generation(
                session, self.services.index, segmenter.id, embedder.id, _dimensions(embedder)
            )


@functools.cache
def process_resources() -> Resources:
    """This process's resources, built on the first call."""
    return Resources(make_services(load_settings()))


def configured_cards(settings: Settings) -> tuple[Card, Card]:
    """The cards of the segmenter and the embedder that the settings name, read without torch.

    Raises CheckpointError when a folder is missing, damaged or of the other kind.
    """
    return (
        load_card(settings.segmenter_checkpoint, "segmentation"),
        load_card(settings.embedder_checkpoint, "embedding"),
    )


def find_checkpoint(settings: Settings, kind: Kind, checkpoint_id: str) -> Path:
    """The folder that holds a checkpoint: a configured one or one in the library.

    Raises CheckpointError, which says where it was looked for.
    """
    for folder in _checkpoint_folders(settings, kind):
        # A folder of the other kind, or a damaged one, is not what is asked for.
        with suppress(CheckpointError):
            if load_card(folder, kind).id == checkpoint_id:
                return folder
    where = settings.checkpoint_library or Path(getattr(settings, _SETTING[kind]))
    raise CheckpointError(
        where,
        f"holds no {kind} checkpoint {checkpoint_id}; put its folder into CHECKPOINT_LIBRARY"
        " or start a re-index with the one that is configured",
    )


def checkpoint_card(settings: Settings, kind: Kind, name: str | None) -> Card:
    """The card a re-index asks for: by id or by folder; the configured one when `name` is None.

    An id goes before a folder's name, and a folder of the library before the configured one,
    which is called the same after every release. Raises ConfigError for a name that is nowhere,
    CheckpointError when its folder is damaged or of the other kind.
    """
    configured, *library = _checkpoint_folders(settings, kind)
    if name is None:
        return load_card(configured, kind)
    for folder in (configured, *library):
        with suppress(CheckpointError):
            if (card := load_card(folder, kind)).id == name:
                return card
    for folder in (*library, configured):
        if folder.name == name:
            return load_card(folder, kind)
    raise ConfigError(
        "CHECKPOINT_LIBRARY",
        f"has no {kind} checkpoint called {name!r}; give a folder name or an id",
    )


def find_checkpoints(settings: Settings) -> list[FoundCheckpoint]:
    """Every checkpoint that a re-index could be asked for, the configured ones first."""
    found = []
    for kind in get_args(Kind):
        for place, folder in enumerate(_checkpoint_folders(settings, kind)):
            with suppress(CheckpointError):
                card = load_card(folder, kind)
                found.append(FoundCheckpoint(kind, folder.name, card.id, configured=place == 0))
    return found


_SETTING = {"segmentation": "segmenter_checkpoint", "embedding": "embedder_checkpoint"}


def _checkpoint_folders(settings: Settings, kind: Kind) -> list[Path]:
    folders = [getattr(settings, _SETTING[kind])]
    if settings.checkpoint_library and settings.checkpoint_library.is_dir():
        folders += sorted(f for f in settings.checkpoint_library.iterdir() if f.is_dir())
    return folders


def _dimensions(card: Card) -> int:
    if card.dimensions is None:
        raise ConfigError("EMBEDDER_CHECKPOINT", f"{card.id}: its card names no dimensions")
    return card.dimensions
