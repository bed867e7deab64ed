"""A checkpoint on disk: a folder with safetensors weights and one JSON card that describes them.

Written by training and import-checkpoint, read by workers; the web and the CLI read only the card.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from catalog.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

# torch and safetensors are imported inside the functions that touch weights: the web process
# reads cards and has neither.

Kind = Literal["segmentation", "embedding"]
CARD_FILE = "card.json"
MAX_PART_BYTES = 16 * 2**20
_HEADER_ROOM = 2**18  # what a safetensors header may take beside the tensors of one part
_FORMAT = 1


@dataclass(frozen=True)
class Card:
    """What a checkpoint is; `id` is `<kind>-<12 hex>`, from the weights and what they mean.

    `data` lists what the weights were trained on: name, licence, split. `metrics` maps a name to
    its value, how many were measured and the command that measured it.
    """

    kind: Kind
    id: str
    weights_sha256: str
    architecture: Mapping[str, Any]
    categories: tuple[str, ...] | None = None
    dimensions: int | None = None
    score_threshold: float | None = None
    data: tuple[Mapping[str, Any], ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""
    notes: str = ""


def save_checkpoint(
    folder: Path,
    kind: Kind,
    architecture: Mapping[str, Any],
    state_dict: "Mapping[str, Tensor]",
    **card_fields: Any,
) -> Card:
    """Write weights (float16) and card into `folder` and return the card with its id.

    Every file is written under a temporary name first, the card last: a cut leaves either the old
    checkpoint or one whose hash does not fit, which `load_weights` refuses.
    """
    tensors = {name: _on_disk(tensor) for name, tensor in state_dict.items()}
    digest = _digest(tensors)
    categories = card_fields.pop("categories", None)
    categories = None if categories is None else tuple(categories)
    card = Card(
        kind=kind,
        id=_checkpoint_id(kind, architecture, categories, digest),
        weights_sha256=digest,
        architecture=dict(architecture),
        categories=categories,
        **card_fields,
    )
    folder.mkdir(parents=True, exist_ok=True)
    _write_weights(folder, tensors)
    write_card(folder, card)
    return card


def write_card(folder: Path, card: Card) -> None:
    """Write the card alone, as after a new measurement; weights and id stay as they are."""
    fields = {"format": _FORMAT, **dataclasses.asdict(card)}
    text = json.dumps(fields, indent=2, ensure_ascii=False, sort_keys=False) + "\n"
    _replace(folder / CARD_FILE, text.encode())


def record_metrics(
    folder: Path, kind: Kind, name: str, metrics: Mapping[str, Any], command: str
) -> Card:
    """Store one evaluation in the card under `name`, with the command that measured it."""
    card = load_card(folder, kind)
    entry = {**metrics, "command": command}
    card = dataclasses.replace(card, metrics={**card.metrics, name: entry})
    write_card(folder, card)
    return card


def load_card(folder: Path, kind: Kind) -> Card:
    """Read and check the card without touching the weights; needs neither torch nor safetensors.

    Raises CheckpointError when there is none, it can't be read, or it is of another kind.
    """
    card = _parse_card(folder, _read_fields(folder))
    if card.kind != kind:
        raise CheckpointError(folder, f"a checkpoint of kind {card.kind}, not {kind}")
    expected = _checkpoint_id(card.kind, card.architecture, card.categories, card.weights_sha256)
    if card.id != expected:
        raise CheckpointError(
            folder, f"the card's id {card.id} does not fit its content {expected}"
        )
    return card


def load_weights(folder: Path) -> "dict[str, Tensor]":
    """Read all tensors on the CPU, floating ones as float32, after checking them against the card.

    Raises CheckpointError when parts are missing or damaged, or the hash is not the card's.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    expected = _parse_card(folder, _read_fields(folder)).weights_sha256
    tensors: dict[str, Tensor] = {}
    for path in _find_parts(folder):
        try:
            tensors.update(load_file(path))
        except (SafetensorError, OSError) as error:
            raise CheckpointError(folder, f"{path.name} is damaged: {error}") from error
    if _digest(tensors) != expected:
        raise CheckpointError(folder, "the weights are not those that the card describes")
    return {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}


def _read_fields(folder: Path) -> Any:
    try:
        return json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(folder, f"no checkpoint here: {CARD_FILE} is missing") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(folder, f"{CARD_FILE} can't be read: {error}") from error


def _parse_card(folder: Path, fields: Any) -> Card:
    if not isinstance(fields, dict) or fields.get("format") != _FORMAT:
        raise CheckpointError(folder, f"{CARD_FILE} is not a card of format {_FORMAT}")
    values = {name: value for name, value in fields.items() if name != "format"}
    try:
        if values.get("categories") is not None:
            values["categories"] = tuple(values["categories"])
        values["data"] = tuple(values.get("data", ()))
        card = Card(**values)
    except TypeError as error:
        raise CheckpointError(folder, f"{CARD_FILE} has wrong fields: {error}") from error
    if card.kind not in get_args(Kind) or not isinstance(card.architecture, dict):
        raise CheckpointError(folder, f"{CARD_FILE} names no known kind and architecture")
    return card


def _checkpoint_id(
    kind: str, architecture: Mapping[str, Any], categories: Iterable[str] | None, digest: str
) -> str:
    meaning = [architecture, None if categories is None else list(categories), digest]
    text = json.dumps(meaning, sort_keys=True, ensure_ascii=False)
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _on_disk(tensor: "Tensor") -> "Tensor":
    """Half precision, except for the rare tensor with values beyond float16's range."""
    import torch

    tensor = tensor.detach().cpu().contiguous().clone()  # clone: safetensors refuses shared memory
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    return half if bool(torch.isfinite(half).all()) else tensor.float()


def _digest(tensors: "Mapping[str, Tensor]") -> str:
    """SHA-256 over names, types, shapes and bytes in name order: the split into parts is free."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name].numpy()
        digest.update(f"{name}:{array.dtype}:{array.shape};".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _write_weights(folder: Path, tensors: "Mapping[str, Tensor]") -> None:
    from safetensors.torch import save

    parts = _split(tensors)
    names = ["weights.safetensors"]
    if len(parts) > 1:
        names = [
            f"weights-{i:05d}-of-{len(parts):05d}.safetensors" for i in range(1, 1 + len(parts))
        ]
    for name, part in zip(names, parts, strict=True):
        _replace(folder / name, save(part))
    for path in folder.glob("weights*.safetensors"):
        if path.name not in names:  # parts of the checkpoint that was here before
            path.unlink()


def _split(tensors: "Mapping[str, Tensor]") -> "list[dict[str, Tensor]]":
    """Fill parts in order up to the size limit; a tensor above it gets a part of its own."""
    parts: list[dict[str, Tensor]] = [{}]
    room = MAX_PART_BYTES - _HEADER_ROOM
    used = 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        if parts[-1] and used + size > room:
            parts.append({})
            used = 0
        parts[-1][name] = tensor
        used += size
    return parts


def _find_parts(folder: Path) -> list[Path]:
    parts = sorted(folder.glob("weights*.safetensors"))
    if not parts:
        raise CheckpointError(folder, "weights.safetensors is missing")
    count = parts[0].stem.rpartition("-of-")[2]
    if count.isdecimal() and len(parts) != int(count):
        raise CheckpointError(folder, f"{len(parts)} of {int(count)} weight files are there")
    return parts


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
