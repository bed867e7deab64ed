"""Looks at validation crops during training and remembers the best weights.

Called by training of the whole network and of the heads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from catalog.errors import InputError
from models.embedding.evaluate import Embed, Embedded, embed_subjects, measure
from models.embedding.settings import ValidationSettings
from models.embedding.subjects import Subject, read_subjects


class Validator:
    """Sets of crops and the measures that decide; the crops are as a worker would store them.

    Raises InputError for a measure that none of the sets can give.
    """

    def __init__(self, folders: Sequence[Path], settings: ValidationSettings) -> None:
        self.settings = settings
        self.sets: list[list[Subject]] = [
            read_subjects(folder, "all", "labelled") for folder in folders
        ]
        for name in settings.measures if folders else ():
            table = name.partition(".")[0]
            if not any(_repeats(subjects, table) for subjects in self.sets):
                raise InputError(
                    f"validation.measures: {name} needs {table} with several crops in one of "
                    f"{', '.join(str(folder) for folder in folders)}"
                )

    def __bool__(self) -> bool:
        return bool(self.sets)

    def embed(self, embed: Embed) -> list[Embedded]:
        """All sets embedded."""
        return [embed_subjects(embed, subjects) for subjects in self.sets]

    def score(self, embedded: Sequence[Embedded]) -> dict[str, float]:
        """Each measure, the mean over the sets that have it, and `validation`, their mean."""
        tables = [measure(one)[0] for one in embedded]
        scores = {name: _mean_of(tables, name) for name in self.settings.measures}
        return {"validation": sum(scores.values()) / len(scores), **scores}


def _repeats(subjects: Sequence[Subject], table: str) -> bool:
    word = {"items": "item", "categories": "category", "kinds": "kind"}[table]
    labels = [getattr(subject, word) for subject in subjects]
    return len(set(labels)) < len(labels)


def _mean_of(tables: Sequence[Mapping[str, Any]], name: str) -> float:
    table, _, metric = name.partition(".")
    found = [t.get(table) or (t.get("categories") if table == "kinds" else None) for t in tables]
    values = [one[metric] for one in found if one is not None and metric in one]
    if not values:
        raise InputError(f"validation.measures: there is no metric {name}")
    return float(sum(values) / len(values))


@dataclass
class Best:
    """The weights with the highest score so far, with the step they are of."""

    score: float = float("-inf")
    step: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)

    def offer(self, scores: Mapping[str, float], step: int, weights: Mapping[str, Tensor]) -> bool:
        """Keep a copy if it is better; says whether it was."""
        if scores["validation"] <= self.score:
            return False
        self.score, self.step, self.scores = scores["validation"], step, dict(scores)
        self.weights = {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}
        return True


Watch = Callable[[str, float, int], None]
"""Called with a curve's name, its value and the step."""


def make_curves(folder: Path) -> Watch:
    """Curves for TensorBoard in `folder`; without TensorBoard installed there are none."""
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError:
        return lambda name, value, step: None
    writer = SummaryWriter(str(folder))

    def write(name: str, value: float, step: int) -> None:
        writer.add_scalar(name, value, step)
        writer.flush()

    return write
