"""Fit the linear models of the open reader: `python -m goldenrule.agents.readers.fit FOLDER --out FILE`.

FOLDER holds labelled messages (`experiments/open_language`). The strength of regularisation and the threshold of each
model are chosen by cross-validation over contexts: all messages in answer to one text are in the same fold. The
threshold is the lowest probability among the surest 85 % of the messages that make a move.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from goldenrule.agents.readers.embedding import (
    BUCKETS,
    Vectors,
    embedder,
    features,
    key_of,
    mention_features,
    mentions,
    ngrams,
    thing_of,
)
from goldenrule.agents.readers.messages import NONE, read_messages, utterances
from goldenrule.envs.scenarios import hidden_needs, third_party
from goldenrule.envs.scenarios.false_belief import language as false_belief
from goldenrule.envs.scenarios.moves import Book

BOOKS: dict[tuple[str, str], Book] = {
    ("hidden_needs-v0", "helper"): hidden_needs.OFFER,
    ("hidden_needs-v0", "seeker"): hidden_needs.REPLY,
    ("third_party-v0", "helper"): third_party.ACT,
    ("third_party-v0", "asker"): third_party.REPLY,
    ("third_party-v0", "other"): third_party.REACTION,
    ("false_belief-v0", "helper"): false_belief.ANSWER,
}
"""The moves that messages of a scenario and a speaker make."""
STRENGTHS = (1.0, 3.0, 10.0, 30.0)
COVERED = 0.85
FOLDS = 5


def fit_head(book: Book, rows: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Vectors]]:
    """A model of a book: what is told of it, and its arrays by name."""
    embed, by_mention = embedder(), book.moves[0].arguments != () and len(book.moves) == 1
    messages, labels = utterances(rows), [NONE if row["label"] == "several" else row["label"] for row in rows]
    if by_mention:
        things = thing_of(book).values
        pairs = [(n, thing) for n, one in enumerate(messages) for thing in mentions(one.text, things)]
        inputs: Any = mention_features(embed, [(messages[n], thing) for n, thing in pairs], things)
        rarity = np.empty(0, np.float32)
        targets: list[Any] = [int(labels[n] == thing) for n, thing in pairs]
        owners = [n for n, _ in pairs]
        values = [thing for _, thing in pairs]
    else:
        texts = [one.text for one in messages]
        rarity = rarity_of(texts)
        inputs = hstack([csr_matrix(features(embed, messages)), ngrams(texts, rarity)]).tocsr()
        targets, owners, values = labels, [*range(len(labels))], labels
    groups = np.unique([messages[n].context for n in owners], return_inverse=True)[1]
    found = []
    for strength in STRENGTHS:
        chances: dict[int, tuple[float, str]] = {}
        for learnt, held_out in GroupKFold(FOLDS, shuffle=True, random_state=0).split(targets, groups=groups):
            model = _model(strength).fit(inputs[learnt], [targets[k] for k in learnt])
            shares, classes = model.predict_proba(inputs[held_out]), [*model.classes_]
            for k, row in zip(held_out, shares, strict=True):
                best = (
                    (float(row[classes.index(1)]), values[k])
                    if by_mention
                    else max((float(share), name) for share, name in zip(row, classes, strict=True) if name != NONE)
                )
                chances[owners[k]] = max(chances.get(owners[k], (0.0, "")), best)
        surest = sorted(
            ((*chances.get(n, (0.0, "")), label) for n, label in enumerate(labels) if label != NONE), reverse=True
        )
        kept = surest[: round(COVERED * len(surest))]
        found.append((sum(value == label for _, value, label in kept) / len(kept), kept[-1][0], strength))
    accuracy, threshold, strength = max(found, key=lambda one: one[0])
    model = _model(strength).fit(inputs, targets)
    weights, bias = model.coef_, model.intercept_
    if len(weights) == 1:  # of two classes scikit-learn keeps one row
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.hstack([np.zeros_like(bias), bias])
    about = {
        "kind": "mention" if by_mention else "move",
        "classes": [str(one) for one in model.classes_],
        "threshold": float(threshold),
        "strength": strength,
        "messages": len(rows),
        "accuracy_of_surest": accuracy,
    }
    # safetensors keeps arrays as they lie in memory, and those of scikit-learn lie column by column.
    return about, {
        "weights": np.ascontiguousarray(weights, np.float16),
        "bias": np.ascontiguousarray(bias, np.float32),
        "rarity": rarity,
    }


def rarity_of(texts: Sequence[str]) -> Vectors:
    """The smoothed inverse share of messages whose n-grams hash to each place, as scikit-learn's `TfidfTransformer`."""
    seen = (ngrams(texts, np.ones(2 * BUCKETS, np.float32)) > 0).sum(axis=0)
    found: Vectors = (np.log((1 + len(texts)) / (1 + np.asarray(seen).ravel())) + 1).astype(np.float32)
    return found


def _model(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=5000)


def main() -> None:
    """Fit a model for every book that the folder has messages for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    rows = read_messages(sorted(options.folder.glob("*.jsonl")))
    heads, tensors = dict[str, Any](), dict[str, Any]()
    for (scenario, speaker), book in BOOKS.items():
        own = [row for row in rows if (row["scenario"], row["speaker"]) == (scenario, speaker)]
        if not own:
            continue
        key = key_of(book)
        heads[key], arrays = fit_head(book, own)
        tensors |= {f"{key}.{name}": array for name, array in arrays.items()}
        told = heads[key]
        print(
            f"{scenario} {speaker}: {len(own)} messages, C {told['strength']:g}, cross-validated accuracy of the "
            f"surest {COVERED:.0%} {told['accuracy_of_surest']:.3f}, threshold {told['threshold']:.2f}"
        )
    save_file(tensors, options.out, metadata={"heads": json.dumps(heads)})


if __name__ == "__main__":
    main()
