"""Which values of a metric are good, told from its name; and which metric a checkpoint is chosen by."""

from __future__ import annotations

import re

from reporter.model.metrics import Goal

HELD_OUT = frozenset({"val", "valid", "validation", "eval", "evaluation", "dev", "test"})
"""Words of names whose values were computed on data that is not trained on."""

_HIGHEST = frozenset({
    "acc", "accuracy", "auc", "auprc", "auroc", "bleu", "dice", "f1", "f1score", "iou", "iu", "map", "miou", "mrr",
    "ndcg", "precision", "psnr", "r2", "recall", "return", "reward", "rouge", "sensitivity", "similarity",
    "specificity", "ssim",
})  # fmt: skip

_LOWEST = frozenset({
    "cer", "crossentropy", "divergence", "err", "error", "fid", "hinge", "logcosh", "logloss", "mae", "mape", "mse",
    "msle", "nll", "perplexity", "poisson", "ppl", "rmse", "wer",
})  # fmt: skip


def _words(name: str) -> list[str]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.split(r"[^a-z0-9]+", apart.lower().replace("io_u", "iou").replace("f1_score", "f1"))


def goal(name: str) -> Goal:
    """Which values are good: of a loss the lowest, else by the words of the name.

    >>> [str(goal(name)) for name in ("val_loss", "val_sparse_categorical_accuracy", "mean_io_u", "learning_rate")]
    ['lowest', 'highest', 'highest', 'unknown']
    >>> [str(goal(name)) for name in ("eval/RMSE", "output_accuracy_loss", "valError")]
    ['lowest', 'lowest', 'lowest']
    """
    words = _words(name)
    if any(word.endswith("loss") for word in words):
        return Goal.LOWEST
    if not _HIGHEST.isdisjoint(words):
        return Goal.HIGHEST
    return Goal.UNKNOWN if _LOWEST.isdisjoint(words) else Goal.LOWEST


def held_out(name: str) -> bool:
    """Whether the name says that it was computed on data that is not trained on.

    >>> held_out("val_loss"), held_out("eval_loss"), held_out("loss")
    (True, True, False)
    """
    return not HELD_OUT.isdisjoint(_words(name))


def rank(name: str) -> tuple[bool, bool, bool, str]:
    """Ascending in the order in which metrics are considered for choosing a checkpoint.

    Those with a known direction first; of these the ones on held-out data; of these the loss.

    >>> sorted(["lr", "accuracy", "loss", "val_accuracy", "val_loss"], key=rank)
    ['val_loss', 'val_accuracy', 'loss', 'accuracy', 'lr']
    """
    known = goal(name) is not Goal.UNKNOWN
    rest = [word for word in _words(name) if word not in HELD_OUT and word]
    return not known, not held_out(name), rest != ["loss"], name


def base(name: str) -> str:
    """The name without the word that says on which data: metrics with the same one belong into one picture.

    >>> base("val_loss"), base("eval_loss"), base("loss"), base("validation/mean")
    ('loss', 'loss', 'loss', 'mean')
    """
    return re.sub(r"^(?:val(?:id(?:ation)?)?|eval(?:uation)?|dev|test|train(?:ing)?)[_/. -]+(?=.)", "", name) or name
