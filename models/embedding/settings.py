"""Everything that a training run of CGD can be told, as plain values.

Filled by recipes, read by training; a card stores them.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from models.embedding.augment import Augmentation
from models.embedding.batches import BatchPlan
from models.embedding.losses import LossSettings
from models.embedding.network import Architecture


@dataclass(frozen=True)
class HeadSettings:
    """Training of the heads alone, on what the frozen trunk says about every crop.

    views: of every crop, the first plain, the others random. identities: items in a batch, each
    with all its views. drift_weight: pull towards the start.
    """

    views: int = 2
    steps: int = 400
    identities: int = 128
    rate: float = 1e-3
    drift_weight: float = 0.0


@dataclass(frozen=True)
class TrunkSettings:
    """Training of the whole network. side_px: of the views; the checkpoint serves its own side.

    frozen: name prefixes of trunk parameters that keep their starting values; freeze_depthwise:
    so do all depthwise filters. Batch norm keeps its statistics everywhere: batches of near twins
    have none worth learning. averaging: the decay of the running mean of the weights, which is
    what is kept.
    """

    steps: int = 1500
    side_px: int = 160
    head_rate: float = 1e-3
    trunk_rate: float = 2e-4
    weight_decay: float = 1e-2
    warmup: int = 50
    averaging: float = 0.995
    frozen: tuple[str, ...] = ("conv_stem", "bn1", "blocks.0", "blocks.1", "blocks.2", "blocks.3")
    freeze_depthwise: bool = True


@dataclass(frozen=True)
class ValidationSettings:
    """every: steps between two looks. measures: tables and metrics of the evaluation whose mean
    decides which weights are the best, such as items.recall@1 or kinds.map@r.
    """

    every: int = 250
    measures: tuple[str, ...] = ("categories.map@r",)

    def __post_init__(self) -> None:
        for name in self.measures:
            table, _, metric = name.partition(".")
            if table not in ("items", "categories", "kinds") or not metric:
                raise ValueError(f"a measure is like items.recall@1, not {name!r}")


@dataclass(frozen=True)
class Recipe:
    """One way to train. heads_only: the trunk keeps its starting weights (`heads` then counts),
    otherwise all is trained (`trunk` counts). whitening_crops: how many crops the heads start from.
    """

    heads_only: bool = False
    seed: int = 0
    whitening_crops: int = 2000
    save_every_s: float = 300.0
    architecture: Architecture = field(default_factory=Architecture)
    trunk: TrunkSettings = field(default_factory=TrunkSettings)
    heads: HeadSettings = field(default_factory=HeadSettings)
    batches: BatchPlan = field(default_factory=BatchPlan)
    losses: LossSettings = field(default_factory=LossSettings)
    augmentation: Augmentation = field(default_factory=Augmentation)
    validation: ValidationSettings = field(default_factory=ValidationSettings)

    def as_json(self) -> dict[str, Any]:
        """What the card stores: without the settings that this recipe does not use."""
        values: dict[str, Any] = _plain(asdict(self))
        del values["architecture"]
        for unused in ("trunk", "batches") if self.heads_only else ("heads",):
            del values[unused]
        return values


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return list(value) if isinstance(value, tuple) else value
