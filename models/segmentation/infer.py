"""The segmenter at work: photos in, garments with category, score, box and mask out.

Used by the workers and by evaluation; detectron2 stays behind `segment_photos`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
import torch

from catalog.errors import CheckpointError, InputError
from models.checkpoints import load_card, load_weights
from models.devices import autocast, choose_device, put_on
from models.folding import fold_batch_norm
from models.segmentation.architecture import CascadeConfig, build_cascade
from models.segmentation.compat import Boxes, GeneralizedRCNN, Instances, paste_masks_in_image
from models.segmentation.suppress import merge_duplicates

DEFAULT_THRESHOLD = 0.4
SAME_GARMENT_IOU = 0.7
MASK_THRESHOLD = 0.5
PADDING_PX = 32
"""Each side is padded to a multiple of the coarsest feature map's stride."""

LEAST_SHARE = 0.2
"""Detections below this share of the threshold add nothing to a garment's score."""


@dataclass(frozen=True)
class FoundGarment:
    """One garment in one photo.

    `box` is (x0, y0, x1, y1) in pixels of the photo that was given; `mask` is (H, W) bool of the
    photo's size.
    """

    category: str
    score: float
    box: tuple[float, float, float, float]
    mask: np.ndarray


class Segmenter:
    """A loaded checkpoint that finds garments in photos.

    `same_garment_iou` is the overlap above which two detections are one garment, whatever their
    categories; None keeps both, as average precision wants.
    """

    def __init__(
        self,
        model: GeneralizedRCNN,
        config: CascadeConfig,
        checkpoint_id: str,
        score_threshold: float,
        same_garment_iou: float | None = SAME_GARMENT_IOU,
        max_garments: int = 30,
    ) -> None:
        self.checkpoint_id = checkpoint_id
        self.categories = config.categories
        self.score_threshold = score_threshold
        self.same_garment_iou = same_garment_iou
        self._config = config
        self._device = model.device
        self._model = model.eval()
        self._turn = Lock()
        put_on(model, model.device)
        for predictor in model.roi_heads.box_predictor:
            predictor.test_score_thresh = score_threshold * (
                1.0 if same_garment_iou is None else LEAST_SHARE
            )
            predictor.test_topk_per_image = max_garments

    def segment_photos(self, photos: Sequence[np.ndarray]) -> list[list[FoundGarment]]:
        """The garments of each (H, W, 3) uint8 RGB photo, best score first.

        `[]` stands for a photo without any. A photo's garments don't depend on what else is given.
        The three steps can be called singly, to let others work while the network does.
        """
        detections = self.detect([self.prepare(photo) for photo in photos])
        pairs = zip(detections, photos, strict=True)
        return [self.read_garments(found, photo) for found, photo in pairs]

    @torch.inference_mode()
    def detect(self, images: Sequence[torch.Tensor]) -> list[Instances]:
        """Run the network over prepared photos; what it says of each, on the CPU.

        One thread at a time, so that the next batch is prepared and the last one read meanwhile.
        """
        found: dict[int, Instances] = {}
        for places in group_by_padded_size([image.shape for image in images]):
            with self._turn, autocast(self._device):
                inputs = [{"image": images[place]} for place in places]
                outputs = self._model.inference(inputs, do_postprocess=False)
            found |= zip(places, outputs, strict=True)
        return [found[place].to("cpu") for place in range(len(images))]

    @torch.inference_mode()
    def masks_in_boxes(
        self,
        photo: np.ndarray,
        boxes: Sequence[Sequence[float]],
        categories: Sequence[str],
    ) -> list[np.ndarray]:
        """The mask of one garment in each given box, (H, W) bool of the photo's size.

        The boxes are x0, y0, x1, y1 in pixels of the (H, W, 3) photo; nothing is looked for
        outside of them. A category that the network does not know gets the mask of the one that
        it sees best. A mask without a pixel means that the network sees no garment there.
        """
        if not boxes:
            return []
        image = self.prepare(photo)
        height, width = photo.shape[:2]
        scale = torch.tensor([image.shape[2] / width, image.shape[1] / height]).repeat(2)
        scaled = torch.tensor([list(box) for box in boxes], dtype=torch.float32) * scale
        probabilities = self._mask_probabilities(image, scaled, categories)
        places = torch.tensor([list(box) for box in boxes], dtype=torch.float32)
        return list(_paste(probabilities, places, (height, width)))

    def _mask_probabilities(
        self, image: torch.Tensor, boxes: torch.Tensor, categories: Sequence[str]
    ) -> torch.Tensor:
        """(N, 4) boxes in pixels of the prepared image -> (N, 1, 28, 28), on the CPU."""
        asked = [self._classes_of(category) for category in categories]
        counts = [len(classes) for classes in asked]
        with self._turn, autocast(self._device):
            images = self._model.preprocess_image([{"image": image}])
            features = self._model.backbone(images.tensor)
            # As at the door of the heads: see `_lay_out_features`.
            plain = {name: value.float().contiguous() for name, value in features.items()}
            given = Instances(images.image_sizes[0])
            given.pred_boxes = Boxes(boxes.repeat_interleave(torch.tensor(counts), 0))
            given.pred_classes = torch.tensor(list(chain(*asked)))
            given = given.to(self._device)
            (seen,) = self._model.roi_heads.forward_with_given_boxes(plain, [given])
        groups = seen.pred_masks.float().cpu().split(counts)
        return torch.stack([group[group.mean(dim=(1, 2, 3)).argmax()] for group in groups])

    def _classes_of(self, category: str) -> list[int]:
        if category in self.categories:
            return [self.categories.index(category)]
        return list(range(len(self.categories)))

    def prepare(self, photo: np.ndarray) -> torch.Tensor:
        """Scale an (H, W, 3) uint8 RGB photo to the network's size: (3, h, w) uint8."""
        if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
            raise InputError(f"a photo is (H, W, 3) uint8, not {photo.shape} {photo.dtype}")
        height, width = photo.shape[:2]
        factor = self._config.short_side_px / min(height, width)
        factor = min(factor, self._config.long_side_px / max(height, width))
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        filter_ = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        scaled = cv2.resize(photo, size, interpolation=filter_)
        if self._config.channel_order == "BGR":
            scaled = scaled[..., ::-1]
        # (H, W, 3) -> (3, H, W)
        return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))

    def read_garments(self, found: Instances, photo: np.ndarray) -> list[FoundGarment]:
        """The garments in what `detect` said of a photo, with masks of the photo's own size."""
        kept = self._choose(found)
        if not kept:
            return []
        height, width = photo.shape[:2]
        scaled_height, scaled_width = found.image_size
        scale = torch.tensor([width / scaled_width, height / scaled_height]).repeat(2)
        indices = [index for index, _ in kept]
        boxes = found.pred_boxes.tensor[indices].float() * scale
        masks = _paste(found.pred_masks[indices], boxes, (height, width))
        return [
            FoundGarment(
                category=self.categories[int(found.pred_classes[index])],
                score=score,
                box=tuple(box),
                mask=mask,
            )
            for (index, score), box, mask in zip(kept, boxes.tolist(), masks, strict=True)
            if mask.any()
        ]

    def _choose(self, found: Instances) -> list[tuple[int, float]]:
        """Indices and scores to keep, best first; overlaps are measured at the network's scale."""
        scores = found.scores.float().numpy()
        if self.same_garment_iou is None:
            order = np.argsort(-scores, kind="stable")
            return [(int(index), float(scores[index])) for index in order]
        if not len(scores):
            return []
        masks = _paste(found.pred_masks, found.pred_boxes.tensor.float(), found.image_size)
        classes = found.pred_classes.numpy()
        merged = merge_duplicates(masks, scores, classes, self.same_garment_iou)
        return [(index, score) for index, score in merged if score >= self.score_threshold]


def _paste(masks: torch.Tensor, boxes: torch.Tensor, size: tuple[int, int]) -> np.ndarray:
    """(N, 1, 28, 28) probabilities inside (N, 4) boxes -> (N, H, W) bool."""
    pasted = paste_masks_in_image(masks[:, 0].float(), boxes, size, threshold=MASK_THRESHOLD)
    return np.asarray(pasted.numpy(), dtype=bool)


def group_by_padded_size(shapes: Sequence[Sequence[int]]) -> list[list[int]]:
    """Places of (3, H, W) images that are padded to the same size, and so run as one batch.

    Padded further, to the largest photo beside it, a photo would be answered otherwise: behind
    the first filter the padding is no longer zero and leaks in over the rim, and its anchors take
    proposals away.
    """
    groups: dict[tuple[int, int], list[int]] = {}
    for place, (_, height, width) in enumerate(shapes):
        groups.setdefault((-height // PADDING_PX, -width // PADDING_PX), []).append(place)
    return list(groups.values())


def load_segmenter(
    folder: Path,
    device: str = "auto",
    score_threshold: float | None = None,
    same_garment_iou: float | None = SAME_GARMENT_IOU,
    max_garments: int = 30,
) -> Segmenter:
    """Load a checkpoint folder; the threshold is the card's unless one is given.

    Raises CheckpointError when the folder holds no segmenter, or weights that don't fit its card.
    """
    card = load_card(folder, "segmentation")
    config = CascadeConfig.from_card(card.architecture)
    if card.categories != config.categories:
        raise CheckpointError(folder, "the card's categories are not its architecture's")
    model = build_cascade(config)
    load_model_weights(model, load_weights(folder), folder)
    fold_batch_norm(model.backbone.eval(), torch.zeros(1, 3, 64, 64))
    if score_threshold is None:
        score_threshold = card.score_threshold or DEFAULT_THRESHOLD
    return Segmenter(
        model.to(choose_device(device)),
        config,
        card.id,
        score_threshold,
        same_garment_iou,
        max_garments,
    )


def load_model_weights(
    model: GeneralizedRCNN, weights: dict[str, torch.Tensor], source: Path
) -> None:
    """Put weights into a network; raises CheckpointError unless every tensor fits."""
    try:
        model.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        message = f"the weights don't fit the architecture: {error}"
        raise CheckpointError(source, message) from error
