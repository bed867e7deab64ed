"""Training's parts: crop sets, views, batches, metrics, and one tiny run that must learn."""

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from catalog.masks import encode_mask
from models.checkpoints import load_card
from models.embedding.augment import Augmentation, make_view
from models.embedding.batches import BatchPlan, load_batch, plan_batches
from models.embedding.crop_set import CropRecord, plain_crop, prepare_crops, read_crop, read_records
from models.embedding.evaluate import evaluate_crops, score_embeddings
from models.embedding.heads import HeadSettings, train_heads
from models.embedding.infer import load_embedder
from models.embedding.losses import LossSettings
from models.embedding.metrics import (
    bootstrap_interval,
    hits_at,
    map_at_r,
    rank_gallery,
    rank_others,
    share_at,
    votes_of_nearest,
)
from models.embedding.network import CGD, Architecture
from models.embedding.train import TrainingSettings, train_embedding

TINY = Architecture(trunk="test_resnet", dimensions=24, side_px=64)
CHANNELS = 96  # of the tiny trunk's feature map
COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30),
           (30, 200, 200), (200, 30, 200), (20, 20, 20), (120, 80, 40)]  # fmt: skip


def draw_photo(number: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    photo = np.full((80, 60, 3), 250, dtype=np.uint8)
    mask = np.zeros((80, 60), dtype=bool)
    mask[15:65, 10:50] = True
    photo[mask] = COLOURS[number]
    photo[15 : 65 : number + 3, 10:50] = 255 - np.array(COLOURS[number])
    return photo, mask


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight photos of eight items in two categories, as a prepared set."""
    folder = tmp_path_factory.mktemp("data")
    content: dict[str, list[dict[str, object]]] = {"images": [], "annotations": []}
    for number in range(8):
        photo, mask = draw_photo(number)
        cv2.imwrite(str(folder / f"{number}.png"), cv2.cvtColor(photo, cv2.COLOR_RGB2BGR))
        content["images"].append({"id": number, "file_name": f"{number}.png"})
        content["annotations"].append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1 + number % 2,
                "segmentation": encode_mask(mask),
                "bbox": [10, 15, 40, 50],
                "item": f"item-{number}",
            }
        )
    categories = [{"id": 1, "name": "dress"}, {"id": 2, "name": "skirt"}]
    (folder / "all.json").write_text(json.dumps({**content, "categories": categories}))
    assert prepare_crops(folder / "all.json", folder, folder / "set", "drawn") == 8
    return folder / "set"


def test_a_prepared_crop_is_what_a_worker_would_cut(crops: Path) -> None:
    record = read_records(crops)[3]
    crop, mask = read_crop(crops, record)
    assert (record.identity, record.category) == ("drawn:item-3", "skirt")
    assert crop.shape[:2] == mask.shape == (56, 46)
    assert mask[3:53, 3:43].all()
    assert (plain_crop(crop, mask)[0, 0] < 245).all()  # the photo's 250 became the plain grey


def test_views_differ_and_keep_their_size(crops: Path) -> None:
    crop, mask = read_crop(crops, read_records(crops)[0])
    rng = np.random.default_rng(0)
    first, second = (make_view(crop, mask, 48, Augmentation(), rng) for _ in range(2))
    assert first.shape == second.shape == (48, 48, 3)
    assert not np.array_equal(first, second)


def test_views_keep_the_garments_colour(crops: Path) -> None:
    crop, mask = read_crop(crops, read_records(crops)[0])
    rng = np.random.default_rng(0)
    for _ in range(20):
        view = make_view(crop, mask, 48, Augmentation(other_background=0), rng)
        middle = np.median(view[20:28, 20:28].reshape(-1, 3), axis=0)
        assert middle[0] > middle[1] + 20  # red stays red, blurred with its stripes or not


def test_a_batch_holds_every_item_in_two_views(crops: Path) -> None:
    records = read_records(crops)
    planned = next(plan_batches(records, BatchPlan(groups=2, items=3, views=2), seed=0))
    names = [record.identity for record in planned]
    assert len(names) == 12
    assert all(names.count(name) == 2 for name in names)
    rng = np.random.default_rng(0)
    batch = load_batch(crops, planned, ("dress", "skirt"), 32, Augmentation(), rng)
    assert batch.views.shape == (12, 32, 32, 3)
    assert len(set(batch.identities.tolist())) == 6
    assert sorted(set(batch.categories.tolist())) == [0, 1]


def test_every_item_gets_its_turn_before_one_comes_twice() -> None:
    records = [CropRecord(str(i), f"item-{i}", "dress", "drawn", "") for i in range(10)]
    batches = islice(plan_batches(records, BatchPlan(groups=1, items=5, views=1), seed=0), 2)
    assert len({record.identity for batch in batches for record in batch}) == 10


def test_an_item_with_several_photos_shows_different_ones() -> None:
    records = [CropRecord(str(i), "item", "dress", "drawn", "") for i in range(3)]
    batch = next(plan_batches(records, BatchPlan(groups=1, items=1, views=2), seed=0))
    assert batch[0].key != batch[1].key


def make_labelled(seed: int = 0) -> tuple[NDArray[np.float32], list[str]]:
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(20, 4)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings, [f"label-{i}" for i in rng.integers(0, 4, 20)]


def rank_slowly(embeddings: NDArray[np.float32], query: int) -> list[int]:
    others = [i for i in range(len(embeddings)) if i != query]
    return sorted(others, key=lambda i: (-float(embeddings[query] @ embeddings[i]), i))


def test_recall_and_precision_agree_with_a_loop() -> None:
    embeddings, labels = make_labelled()
    ranks = rank_others(embeddings, 5)
    hits = hits_at(ranks, labels, labels, 5)
    shares = share_at(ranks, labels, labels, 5)
    for query in range(len(labels)):
        own = [labels[i] == labels[query] for i in rank_slowly(embeddings, query)[:5]]
        assert hits[query] == float(any(own))
        assert shares[query] == pytest.approx(sum(own) / 5)


def test_map_at_r_agrees_with_a_loop() -> None:
    embeddings, labels = make_labelled()
    scores = map_at_r(rank_others(embeddings, 19), labels, labels)
    for query in range(len(labels)):
        own = [labels[i] == labels[query] for i in rank_slowly(embeddings, query)]
        relevant = sum(own)
        if not relevant:
            assert np.isnan(scores[query])
            continue
        total = sum(sum(own[: k + 1]) / (k + 1) for k in range(relevant) if own[k])
        assert scores[query] == pytest.approx(total / relevant)


def test_a_query_is_never_its_own_neighbour() -> None:
    embeddings, _ = make_labelled()
    ranks = rank_others(embeddings, 19)
    assert all(query not in row for query, row in enumerate(ranks))


def test_the_vote_goes_to_the_most_frequent_then_the_nearest() -> None:
    gallery = ["a", "b", "b", "c", "a"]
    assert votes_of_nearest(np.array([[0, 1, 2, 3, 4], [1, 0, 3, 4, 2]]), gallery) == ["a", "b"]
    assert votes_of_nearest(np.array([[3, 1, 2, 0, 4]]), gallery, k=3) == ["b"]


def test_the_gallery_is_ranked_by_cosine() -> None:
    queries = np.array([[1, 0]], dtype=np.float32)
    gallery = np.array([[0, 1], [1, 0], [0.6, 0.8]], dtype=np.float32)
    assert rank_gallery(queries, gallery, 3).tolist() == [[1, 2, 0]]


def test_the_interval_holds_the_mean_and_shrinks_with_more_queries() -> None:
    few, many = np.array([0.0, 1.0] * 20), np.array([0.0, 1.0] * 2000)
    low, high = bootstrap_interval(few)
    assert low < 0.5 < high
    assert np.subtract(*bootstrap_interval(many)[::-1]) < (high - low) / 5


def test_perfect_embeddings_score_one() -> None:
    embeddings = np.eye(4, dtype=np.float32).repeat(12, axis=0)
    labels = [str(i // 12) for i in range(48)]
    scores = score_embeddings(embeddings, labels, labels)
    assert {score.value for score in scores.values()} == {1.0}


def make_described(records: Sequence[CropRecord]) -> NDArray[np.float16]:
    """Two views of a random vector for each record, very noisy in the last half: (N, 2, 3, C)."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(len(records), 1, 3, CHANNELS))
    noise = rng.normal(size=(len(records), 2, 3, CHANNELS))
    noise[..., CHANNELS // 2 :] *= 4
    return (centers + noise).astype(np.float16)


def find_other_views(network: CGD, described: NDArray[np.float16]) -> float:
    """Recall@1 of the first views among the second ones."""
    vectors = torch.from_numpy(described).float()
    with torch.no_grad():
        first, second = (network.combine(list(vectors[:, v].unbind(1))).numpy() for v in (0, 1))
    names = [str(i) for i in range(len(vectors))]
    return float(hits_at(rank_gallery(first, second, 1), names, names, 1).mean())


def test_trained_heads_find_more_items_than_whitened_ones(crops: Path) -> None:
    records = [
        CropRecord(**{**vars(record), "identity": f"{record.identity}-{copy}"})
        for record in read_records(crops)
        for copy in range(16)
    ]
    described = make_described(records)
    recall = {}
    for steps in (0, 60):
        network = CGD(TINY)
        settings = HeadSettings(steps=steps, identities=64)
        losses = LossSettings(kind_weight=0.0)
        train_heads(network, described, records, settings, losses, lambda _: None)
        recall[steps] = find_other_views(network, described)
    assert recall[60] > recall[0] + 0.1


@pytest.mark.slow
def test_a_tiny_run_learns_eight_items_by_heart(crops: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    start = CGD(TINY).trunk.state_dict()
    torch.save(start, tmp_path / "start.pth")
    settings = TrainingSettings(
        steps=120,
        side_px=64,
        warmup=5,
        averaging=0.8,
        trunk_rate=1e-3,
        frozen=("conv1",),
        plan=BatchPlan(groups=2, items=4, views=2),
        losses=LossSettings(kind_weight=0.0),
    )
    lines: list[str] = []
    card = train_embedding(
        crops,
        tmp_path / "start.pth",
        tmp_path / "out",
        TINY,
        settings,
        device="cpu",
        report=lines.append,
    )
    assert load_card(tmp_path / "out", "embedding") == card
    embedder = load_embedder(tmp_path / "out", "cpu")
    rng = np.random.default_rng(1)
    records = read_records(crops)
    pairs = [read_crop(crops, record) for record in records]
    mild = Augmentation(zoom=0.0, other_background=0.0, keep_background=0.0)
    gallery = embedder.embed_crops([plain_crop(*pair) for pair in pairs])
    queries = embedder.embed_crops([make_view(*pair, 64, mild, rng) for pair in pairs])
    names = [record.identity for record in records]
    assert hits_at(rank_gallery(queries, gallery, 1), names, names, 1).mean() >= 7 / 8
    assert evaluate_crops(embedder, crops)["category by vote of 5"].count == 8
