"""Folds batch norm into the convolution before it: the same function with one pass fewer.

Called when a checkpoint is loaded to serve. Training and checkpoints keep the two apart.
"""

from collections.abc import Callable

import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights


def fold_batch_norm(network: nn.Module, example: Tensor) -> int:
    """Fold every batch norm that directly follows a convolution; returns how many there were.

    `network` is in evaluation mode. `example` is a small input, (1, 3, H, W), that is run through
    it once to see what follows what: names and the order of definition don't tell for every trunk.
    """
    pairs = _find_pairs(network, example)
    for conv, norm in pairs:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        conv.weight, conv.bias = fuse_conv_bn_weights(
            conv.weight,
            conv.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
    rests = {norm: _without_norm(norm) for _, norm in pairs}
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d) and child in rests:
                setattr(module, name, rests[child])
    return len(pairs)


def _without_norm(norm: nn.BatchNorm2d) -> nn.Module:
    """What a batch norm does beside normalising: timm's kind also applies the activation."""
    if isinstance(norm, BatchNormAct2d):
        return nn.Sequential(norm.drop, norm.act)
    return nn.Identity()


@torch.no_grad()
def _find_pairs(network: nn.Module, example: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    made_by: dict[int, tuple[nn.Conv2d, Tensor]] = {}
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []

    def remember(module: nn.Module, _: tuple[Tensor, ...], made: Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        made_by[id(made)] = (module, made)  # held, so that no other tensor gets its id

    def match(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        assert isinstance(module, nn.BatchNorm2d)
        if module.running_mean is not None and id(given[0]) in made_by:
            pairs.append((made_by[id(given[0])][0], module))

    hooks = [_hook(module, remember, match) for module in network.modules()]
    try:
        network(example)
    finally:
        for remove in hooks:
            remove()
    return _used_once(pairs)


def _hook(
    module: nn.Module, remember: Callable[..., None], match: Callable[..., None]
) -> Callable[[], None]:
    if isinstance(module, nn.Conv2d):
        return module.register_forward_hook(remember).remove
    if isinstance(module, nn.BatchNorm2d):
        return module.register_forward_pre_hook(match).remove
    return lambda: None


def _used_once(
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]],
) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Without the convolutions and norms that are used several times, with different partners."""
    convs, norms = [id(conv) for conv, _ in pairs], [id(norm) for _, norm in pairs]
    return [
        pair for pair in pairs if convs.count(id(pair[0])) == 1 and norms.count(id(pair[1])) == 1
    ]
