"""Writes an evaluation as a folder: metrics.json, report.md and one page to look at.

Called by `lookalike evaluate segmentation`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.segmentation.confusion import MISSED, NOTHING, score_photo
from models.segmentation.drawing import draw_confusion, draw_curves, draw_found
from models.segmentation.evaluate import Evaluation, write_metrics
from models.segmentation.found import Found
from models.segmentation.precision import METRIC_NAMES

SHOWN = 8
"""Photos of the worst, and as many of the best."""


def write_evaluation(evaluation: Evaluation, out: Path, data: str) -> Path:
    """Write everything into `out` and return `index.html`. `data` names the folder."""
    from jinja2 import Environment, PackageLoader, select_autoescape

    metrics = evaluation.metrics
    write_metrics(metrics, out)
    (out / "report.md").write_text(as_markdown(metrics, data), encoding="utf-8")
    pictures: dict[str, Any] = {"worst": [], "best": []}
    if "box" in metrics:
        draw_curves(metrics["mask"]["per_category"], out / "curves.svg")
        order = [*_labelled_names(evaluation.found), NOTHING, MISSED]
        draw_confusion(metrics["confusion"], order, out / "confusion.svg")
        pictures = _draw_examples(evaluation.found, out)
    environment = Environment(
        loader=PackageLoader("models.segmentation"), autoescape=select_autoescape()
    )
    text = environment.get_template("evaluation.html").render(
        metrics=metrics, data=data, names=METRIC_NAMES, tables=_tables(metrics), **pictures
    )
    page = out / "index.html"
    page.write_text(text, encoding="utf-8")
    return page


def _labelled_names(found: Sequence[Found]) -> list[str]:
    return list(found[0].photo.categories.values()) if found else []


def _draw_examples(found: Sequence[Found], out: Path) -> dict[str, list[dict[str, Any]]]:
    scored = sorted(((score_photo(f), f) for f in found), key=lambda pair: pair[0])
    shown = min(SHOWN, len(scored) // 2)
    # Among equally good photos those with more garments say more.
    best = sorted(scored, key=lambda pair: (-pair[0], -len(pair[1].photo.annotations)))[:shown]
    chosen = {"worst": scored[:shown], "best": best}
    pictures: dict[str, list[dict[str, Any]]] = {}
    for group, pairs in chosen.items():
        (out / group).mkdir(parents=True, exist_ok=True)
        for place, (score, photo) in enumerate(pairs):
            file = f"{group}/{place + 1:02d}.jpg"
            draw_found(photo, out / file)
            entry = {"file": file, "score": score, "name": photo.photo.path.name}
            pictures.setdefault(group, []).append(entry)
    return {group: pictures.get(group, []) for group in chosen}


def _tables(metrics: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(kind, metrics[kind]) for kind in ("box", "mask") if kind in metrics]


def as_markdown(metrics: Mapping[str, Any], data: str) -> str:
    """The numbers of the page as Markdown tables."""
    lines = [f"# {data}, {metrics['split']}: {metrics['photos']} photos", ""]
    lines += [f"Checkpoint `{metrics['checkpoint']}`.", ""]
    for kind, scores in _tables(metrics):
        lines += [f"## {kind}", "", f"| {' | '.join(METRIC_NAMES)} |", "|---" * 6 + "|"]
        lines += [f"| {' | '.join(_cell(scores, name) for name in METRIC_NAMES)} |", ""]
        lines += ["| category | AP | AP50 | AP75 | instances |", "|---|---|---|---|---|"]
        lines += [
            f"| {name} | {row['AP']} | {row['AP50']} | {row['AP75']} | {row['instances']} |"
            for name, row in scores["per_category"].items()
        ]
        lines.append("")
    for title in ("at_threshold", "found"):
        rows = metrics.get(title, {})
        lines += [f"- {name}: {value}" for name, value in rows.items()]
    return "\n".join(lines) + "\n"


def _cell(scores: Mapping[str, Any], name: str) -> str:
    """A score, with its interval where there is one."""
    interval = scores["intervals"].get(name)
    if scores[name] is None:
        return "-"
    return f"{scores[name]}" + (f" [{interval[0]}, {interval[1]}]" if interval else "")
