"""How a worker finds the checkpoints that a generation or a re-index asks for."""

from pathlib import Path

import pytest
import torch

from catalog.errors import CheckpointError, ConfigError
from catalog.settings import Settings, load_settings
from models.checkpoints import CARD_FILE, Card, save_checkpoint
from workers.resources import checkpoint_card, find_checkpoint


def save_embedder(folder: Path, value: float) -> Card:
    return save_checkpoint(folder, "embedding", {}, {"w": torch.full((2,), value)}, dimensions=8)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A configured embedder, and a library that holds another one in a folder of the same name."""
    library = tmp_path / "library"
    save_embedder(tmp_path / "embedder", 1)
    save_embedder(library / "embedder", 2)
    return load_settings({}, embedder_checkpoint=tmp_path / "embedder", checkpoint_library=library)


def test_without_a_name_it_is_the_configured_one(settings: Settings) -> None:
    card = checkpoint_card(settings, "embedding", None)
    assert find_checkpoint(settings, "embedding", card.id) == settings.embedder_checkpoint


def test_a_folder_of_the_library_goes_before_the_configured_one(settings: Settings) -> None:
    card = checkpoint_card(settings, "embedding", "embedder")
    folder = find_checkpoint(settings, "embedding", card.id)
    assert folder != settings.embedder_checkpoint
    assert folder.name == "embedder"


def test_an_id_goes_before_the_name_of_a_folder(settings: Settings) -> None:
    configured = checkpoint_card(settings, "embedding", None)
    assert settings.checkpoint_library
    save_embedder(settings.checkpoint_library / configured.id, 3)
    assert checkpoint_card(settings, "embedding", configured.id) == configured


def test_a_named_folder_that_is_damaged_or_of_the_other_kind_says_so(settings: Settings) -> None:
    assert settings.checkpoint_library
    with pytest.raises(CheckpointError, match="of kind embedding, not segmentation"):
        checkpoint_card(settings, "segmentation", "embedder")
    (settings.checkpoint_library / "embedder" / CARD_FILE).write_text("{")
    with pytest.raises(CheckpointError, match="can't be read"):
        checkpoint_card(settings, "embedding", "embedder")


def test_what_is_nowhere_is_said_with_the_remedy(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="no embedding checkpoint called 'other'"):
        checkpoint_card(settings, "embedding", "other")
    with pytest.raises(CheckpointError, match="put its folder into CHECKPOINT_LIBRARY"):
        find_checkpoint(settings, "embedding", "embedding-000000000000")
