"""Cascade Mask R-CNN with a feature pyramid, built in code from one small description.

Training builds it to train, inference to load a checkpoint into; the description is the
`architecture` of a checkpoint's card. Cai & Vasconcelos 2018 (arXiv 1712.00726).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from torch import nn

from catalog.errors import InputError
from catalog.taxonomy import CATEGORIES
from models.segmentation.compat import (
    FPN,
    Backbone,
    CfgNode,
    GeneralizedRCNN,
    LastLevelMaxPool,
    ShapeSpec,
    build_proposal_generator,
    build_resnet_fpn_backbone,
    build_roi_heads,
    get_cfg,
)
from models.segmentation.trunks import TimmTrunk

RESNETS = {"resnet50": 50, "resnet101": 101}
"""Trunks that detectron2 builds itself, so that its published weights fit; the rest are timm's."""

CASCADE_IOUS = (0.5, 0.6, 0.7)
LEVELS = ["p2", "p3", "p4", "p5"]


@dataclass(frozen=True)
class CascadeConfig:
    """What decides the shape of the network and the form of its input.

    `short_side_px` is what photos are scaled to at inference (the long side at most
    `long_side_px`). Mean and standard deviation are those of 0-255 values in `channel_order`.
    `stride_in_1x1` tells where detectron2's own ResNets halve the map: the original ones in the
    first filter of a block, torchvision's in the 3x3 one.
    """

    trunk: str = "tf_efficientnet_lite2"
    categories: tuple[str, ...] = CATEGORIES
    fpn_channels: int = 128
    box_head_size: int = 256
    box_head_layers: int = 2
    mask_head_size: int = 128
    mask_head_layers: int = 2
    anchor_sizes: tuple[int, ...] = (16, 32, 64, 128, 256)
    proposals: int = 300
    rois_per_photo: int = 64
    short_side_px: int = 416
    long_side_px: int = 756
    channel_order: str = "RGB"
    pixel_mean: tuple[float, float, float] = (127.0, 127.0, 127.0)
    pixel_std: tuple[float, float, float] = (128.0, 128.0, 128.0)
    stride_in_1x1: bool = True

    def to_card(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_card(cls, values: Mapping[str, Any]) -> "CascadeConfig":
        """Read back what `to_card` wrote; raises InputError on an unknown setting."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise InputError(f"unknown settings of the segmenter: {sorted(unknown)}")
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**plain)


def published_config(
    categories: tuple[str, ...] = CATEGORIES, trunk: str = "resnet50"
) -> CascadeConfig:
    """The ResNet recipe that detectron2 publishes: for a GPU, and for foreign weights."""
    return CascadeConfig(
        trunk=trunk,
        categories=categories,
        fpn_channels=256,
        box_head_size=1024,
        mask_head_size=256,
        mask_head_layers=4,
        anchor_sizes=(32, 64, 128, 256, 512),
        proposals=1000,
        rois_per_photo=512,
        short_side_px=800,
        long_side_px=1333,
        channel_order="BGR",
        pixel_mean=(103.53, 116.28, 123.675),
        pixel_std=(1.0, 1.0, 1.0),
    )


def build_cascade(config: CascadeConfig) -> GeneralizedRCNN:
    """The untrained network, in training mode on the CPU.

    Like all of detectron2's, it takes `[{"image": (3, H, W) tensor of 0-255 values}]`.
    """
    cfg = _detectron2_config(config)
    backbone = _build_backbone(config, cfg)
    shape = backbone.output_shape()
    model = GeneralizedRCNN(
        backbone=backbone,
        proposal_generator=build_proposal_generator(cfg, shape),
        roi_heads=build_roi_heads(cfg, shape),
        pixel_mean=config.pixel_mean,
        pixel_std=config.pixel_std,
        input_format=config.channel_order,
    )
    model.roi_heads.register_forward_pre_hook(_lay_out_features)
    return model


def _lay_out_features(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    # RoIAlign wants float32 with channels first, and would convert anew at every stage.
    images, features, *rest = inputs
    plain = {name: value.float().contiguous() for name, value in features.items()}
    return images, plain, *rest


def _build_backbone(config: CascadeConfig, cfg: CfgNode) -> Backbone:
    if config.trunk in RESNETS:
        return build_resnet_fpn_backbone(cfg, ShapeSpec(channels=3))
    trunk = TimmTrunk(config.trunk)
    return FPN(
        bottom_up=trunk,
        in_features=list(trunk.output_shape()),
        out_channels=config.fpn_channels,
        top_block=LastLevelMaxPool(),
    )


def _detectron2_config(config: CascadeConfig) -> CfgNode:
    cfg = get_cfg()
    model = cfg.MODEL
    model.DEVICE = "cpu"
    model.MASK_ON = True
    model.RESNETS.DEPTH = RESNETS.get(config.trunk, 50)
    model.RESNETS.OUT_FEATURES = ["res2", "res3", "res4", "res5"]
    model.RESNETS.STRIDE_IN_1X1 = config.stride_in_1x1
    model.BACKBONE.FREEZE_AT = 0  # what is frozen is the trainer's choice
    model.FPN.IN_FEATURES = ["res2", "res3", "res4", "res5"]
    model.FPN.OUT_CHANNELS = config.fpn_channels
    _describe_proposals(model, config)
    _describe_heads(model, config)
    return cfg


def _describe_proposals(model: CfgNode, config: CascadeConfig) -> None:
    model.ANCHOR_GENERATOR.SIZES = [[size] for size in config.anchor_sizes]
    rpn = model.RPN
    rpn.IN_FEATURES = [*LEVELS, "p6"]
    rpn.PRE_NMS_TOPK_TEST = rpn.POST_NMS_TOPK_TEST = config.proposals
    rpn.PRE_NMS_TOPK_TRAIN = 2 * config.proposals
    rpn.POST_NMS_TOPK_TRAIN = config.proposals


def _describe_heads(model: CfgNode, config: CascadeConfig) -> None:
    heads, box, mask = model.ROI_HEADS, model.ROI_BOX_HEAD, model.ROI_MASK_HEAD
    heads.NAME = "CascadeROIHeads"
    heads.IN_FEATURES = LEVELS
    heads.NUM_CLASSES = len(config.categories)
    heads.BATCH_SIZE_PER_IMAGE = config.rois_per_photo
    heads.IOU_THRESHOLDS = [CASCADE_IOUS[0]]
    heads.SCORE_THRESH_TEST = 0.02
    model.ROI_BOX_CASCADE_HEAD.IOUS = CASCADE_IOUS
    box.NAME = "FastRCNNConvFCHead"
    box.CLS_AGNOSTIC_BBOX_REG = True
    box.NUM_FC, box.FC_DIM = config.box_head_layers, config.box_head_size
    box.POOLER_RESOLUTION = 7
    # The adaptive default takes up to 16 samples a cell; four cost a third and score the same.
    box.POOLER_SAMPLING_RATIO = 2
    mask.NAME = "MaskRCNNConvUpsampleHead"
    mask.NUM_CONV, mask.CONV_DIM = config.mask_head_layers, config.mask_head_size
    mask.POOLER_RESOLUTION = 14
