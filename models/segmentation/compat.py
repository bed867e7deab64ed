"""The one door to detectron2: makes version 0.6 importable and hands on the names we use.

Every other module of this folder imports from here. Version 0.6 is the last release, and three
things have moved since it was made:

- The PyPI build has no compiled part. Cascade Mask R-CNN never calls it, but modules that we
  don't use (deformable convolutions, rotated boxes) import `detectron2._C` on the way. A stand-in
  module satisfies them; it is empty, so calling a compiled operation still fails as it should.
- Pillow 10 dropped `Image.LINEAR`, a default argument in `detectron2.data.transforms`.
- torch deprecates `torch.jit.script`, which 0.6 calls while it is imported, and warns once when
  the anchor generator first calls `torch.meshgrid` its way.

An official build from git brings its own `_C` and no longer needs the rest: nothing is replaced
that is there. `model_zoo`, `export` and the data loaders, which also break, are never imported.
"""

import importlib.util
import sys
import warnings
from types import ModuleType

import torch
from PIL import Image


def _fill_gaps() -> None:
    if importlib.util.find_spec("detectron2._C") is None:
        import detectron2

        stand_in = ModuleType("detectron2._C", "Empty: this build has no compiled operations.")
        sys.modules[stand_in.__name__] = stand_in
        detectron2._C = stand_in
    if not hasattr(Image, "LINEAR"):
        Image.LINEAR = Image.Resampling.BILINEAR  # type: ignore[attr-defined]


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    _fill_gaps()
    torch.meshgrid(torch.zeros(1), torch.zeros(1))  # spends the one warning here
    from detectron2.checkpoint.c2_model_loading import convert_basic_c2_names
    from detectron2.config import CfgNode, get_cfg
    from detectron2.layers import ShapeSpec, paste_masks_in_image
    from detectron2.modeling import GeneralizedRCNN
    from detectron2.modeling.backbone import FPN, Backbone
    from detectron2.modeling.backbone.fpn import LastLevelMaxPool, build_resnet_fpn_backbone
    from detectron2.modeling.proposal_generator import build_proposal_generator
    from detectron2.modeling.roi_heads import build_roi_heads
    from detectron2.structures import BitMasks, Boxes, ImageList, Instances
    from detectron2.utils.events import EventStorage

__all__ = [
    "FPN",
    "Backbone",
    "BitMasks",
    "Boxes",
    "CfgNode",
    "EventStorage",
    "GeneralizedRCNN",
    "ImageList",
    "Instances",
    "LastLevelMaxPool",
    "ShapeSpec",
    "build_proposal_generator",
    "build_resnet_fpn_backbone",
    "build_roi_heads",
    "convert_basic_c2_names",
    "get_cfg",
    "paste_masks_in_image",
]
