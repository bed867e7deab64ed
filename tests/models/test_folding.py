"""Batch norm folded into convolutions: another network in form, the same one in what it says."""

import pytest
import timm
import torch
from torch import nn

from models.folding import fold_batch_norm


def make_trunk(name: str) -> nn.Module:
    """A timm network whose batch norms have statistics worth folding."""
    torch.manual_seed(0)
    trunk = timm.create_model(name, pretrained=False, num_classes=0, global_pool="").eval()
    for module in trunk.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return trunk


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "resnet10t", "mobilenetv3_small_050"])
@torch.inference_mode()
def test_a_folded_trunk_says_the_same(name: str) -> None:
    trunk, photos = make_trunk(name), torch.randn(2, 3, 96, 64)
    before = trunk(photos)
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in trunk.modules())
    assert fold_batch_norm(trunk, torch.zeros(1, 3, 64, 64)) == norms
    assert not any(isinstance(module, nn.BatchNorm2d) for module in trunk.modules())
    assert (trunk(photos) - before).abs().max() < 1e-4 * before.abs().max()


@torch.inference_mode()
def test_a_convolution_that_feeds_two_norms_keeps_both() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.one, self.two = nn.BatchNorm2d(4), nn.BatchNorm2d(4)

        def forward(self, photos: torch.Tensor) -> torch.Tensor:
            made = self.conv(photos)
            return torch.cat([self.one(made), self.two(made)])

    network, photos = Shared().eval(), torch.randn(1, 3, 8, 8)
    nn.init.constant_(network.two.bias, 3.0)
    before = network(photos)
    assert fold_batch_norm(network, photos) == 0
    assert torch.equal(network(photos), before)
