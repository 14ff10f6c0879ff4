"""Which flow fits a text: BM25 over the ways each flow's problem is described, with a calibrated score.

numpy and bm25s are loaded with the first index: most processes never build one, and would start a tenth later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.flows import Flow, FlowState
from engine.terms import terms

if TYPE_CHECKING:
    import bm25s  # type: ignore[import-untyped]
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Ints = npt.NDArray[np.int64]

SUGGEST = 0.7
"""At or above: propose this flow."""
OFFER = 0.3
"""At or above: offer the best three and “none of these”. Below: no flow."""
UNSURE = 0.69
"""The most that one shared word, or one answer without its problem, is worth: a flow is offered, never followed."""

MAX_QUERY_TERMS = 256

# A logistic fitted on 2,447 support articles and 1,000 symptom texts (expected calibration error 0.03).
_INTERCEPT, _QCOV, _DCOV, _COS, _MARGIN, _LN_N = -6.08, 0.35, 2.73, 4.48, 5.91, 0.45

_MATCHABLE = (FlowState.VALIDATED, FlowState.NOT_VALIDATED)


@dataclass(frozen=True, slots=True)
class Match:
    """A flow that fits, with a score 0–1 that reads as a probability."""

    flow_id: str
    title: str
    score: float


@dataclass(frozen=True, slots=True)
class MatchIndex:
    """Everything a match needs, never written after it is built, so threads may share it.

    Texts are grouped by subject (a flow or one decoy): `starts[s]` is the first text of subject s. Subjects from
    `len(flows)` on are decoys. `offsets` and `members` give each text's distinct terms, `counts` how often each stands there.
    """

    flows: tuple[tuple[str, str], ...]
    starts: Ints
    ranker: bm25s.BM25 | None
    idf: Floats
    offsets: Ints
    members: Ints
    counts: Ints
    norms: Floats


def build_index(flows: Sequence[Flow], decoys: Sequence[str]) -> MatchIndex:
    """Index the flows that may be offered, beside decoys that are never returned.

    Each symptom is a text of its own, as are title with summary and the keywords: a user's sentence is compared with
    a sentence, not with a page. Flows that are `wip` or `archived`, and blank decoys, are left out.
    """
    import numpy as np  # noqa: PLC0415 - see above

    offered = [flow for flow in flows if flow.state in _MATCHABLE]
    subjects = [_wordings(flow) for flow in offered] + [[_described(decoy)] for decoy in decoys]
    kept = [[words for words in subject if words] for subject in subjects]
    named = [(flow.id, flow.title) for flow, subject in zip(offered, kept, strict=False) if subject]
    texts = [words for subject in kept for words in subject]
    sizes = [len(subject) for subject in kept if subject]
    starts = np.cumsum([0, *sizes[:-1]]) if sizes else np.zeros(0, dtype=np.int64)
    return _indexed(tuple(named), starts.astype(np.int64), texts)


def match(index: MatchIndex, text: str, k: int = 3) -> tuple[Match, ...]:
    """The best `k` flows for a text, best first; none when nothing fits or a decoy fits best.

    At most `MAX_QUERY_TERMS` different words are compared (the first ones).
    """
    import numpy as np  # noqa: PLC0415 - see above

    said = list(dict.fromkeys(terms(text)))[:MAX_QUERY_TERMS]
    if index.ranker is None or not said or k < 1:
        return ()
    vocabulary = index.ranker.vocab_dict
    known = [vocabulary[term] for term in said if term in vocabulary]
    if not known:
        return ()
    scores: Floats = index.ranker.get_scores_from_ids(known)
    per_subject = np.maximum.reduceat(scores, index.starts)
    ranked = _best_first(per_subject, k + 1)
    if ranked[0] >= len(index.flows) or per_subject[ranked[0]] <= 0:
        return ()
    chosen = [subject for subject in ranked if subject < len(index.flows) and per_subject[subject] > 0][:k]
    found: list[Match] = []
    for subject in chosen:
        rival = next((per_subject[other] for other in ranked if other != subject), np.float32(0))
        score = _score(index, scores, subject, known, len(said) - len(known), float(rival))
        ceiling = found[-1].score if found else 1.0
        found.append(Match(*index.flows[subject], round(min(score, ceiling), 4)))
    return tuple(found)


def _wordings(flow: Flow) -> list[tuple[str, ...]]:
    return [_described(symptom) for symptom in flow.symptoms] + [
        _described(flow.title),
        _described(flow.summary),
        _described(" ".join(flow.keywords)),
    ]


@lru_cache(maxsize=4096)
def _described(text: str) -> tuple[str, ...]:
    """Its terms. Every Account's index has the same packaged texts, and so has an index that is built anew."""
    return tuple(terms(text))


def _indexed(named: tuple[tuple[str, str], ...], starts: Ints, texts: list[tuple[str, ...]]) -> MatchIndex:
    import bm25s  # noqa: PLC0415 - see above
    import numpy as np  # noqa: PLC0415 - see above

    vocabulary: dict[str, int] = {}
    coded = [[vocabulary.setdefault(word, len(vocabulary)) for word in words] for words in texts]
    ranker = None
    if coded:
        ranker = bm25s.BM25(backend="numpy", auto_compile=False)
        ranker.index((coded, vocabulary), create_empty_token=False, show_progress=False)
    distinct = [dict.fromkeys(words) for words in coded]
    offsets = np.cumsum([0, *(len(words) for words in distinct)]).astype(np.int64)
    members = np.fromiter((word for words in distinct for word in words), dtype=np.int64)
    counts = np.fromiter(
        (text.count(word) for text, words in zip(coded, distinct, strict=True) for word in words), np.int64
    )
    df = np.bincount(members, minlength=len(vocabulary))
    idf = np.log1p((len(coded) - df + 0.5) / (df + 0.5)).astype(np.float32)
    squares = np.add.reduceat((counts * idf[members]) ** 2, offsets[:-1]) if coded else np.zeros(0)
    return MatchIndex(
        named, starts, ranker, idf, offsets, members, counts, np.sqrt(squares).astype(np.float32)
    )


def _best_first(scores: Floats, k: int) -> list[int]:
    """The positions of the `k` highest scores; ties keep the order of the library."""
    import numpy as np  # noqa: PLC0415 - see above

    if len(scores) <= k:
        candidates = np.arange(len(scores))
    else:
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        candidates = np.concatenate((np.flatnonzero(scores > least), np.flatnonzero(scores == least)[:k]))
    ordered = candidates[np.argsort(-scores[candidates], kind="stable")]
    return [int(position) for position in ordered[:k]]


def _score(
    index: MatchIndex, scores: Floats, subject: int, known: list[int], unknown: int, rival: float
) -> float:
    """The calibrated score of a subject's best text; words no text uses weigh as the rarest possible word."""
    import numpy as np  # noqa: PLC0415 - see above

    last = index.starts[subject + 1] if subject + 1 < len(index.starts) else len(index.norms)
    text = int(index.starts[subject] + np.argmax(scores[index.starts[subject] : last]))
    own = slice(index.offsets[text], index.offsets[text + 1])
    members, counts = index.members[own], index.counts[own]
    shared = np.isin(members, known)
    matched = float(index.idf[members[shared]].sum())
    rarest = math.log1p((len(index.norms) + 0.5) / 0.5)
    query_idf = float(index.idf[known].sum()) + unknown * rarest
    query_norm = math.sqrt(float((index.idf[known] ** 2).sum()) + unknown * rarest**2)
    cos = float((counts[shared] * index.idf[members[shared]] ** 2).sum()) / (
        query_norm * float(index.norms[text])
    )
    best, words = float(scores[text]), int(shared.sum())
    margin = max(-1.0, (best - rival) / best)
    if words == 1 and rival <= 0:
        # Without a rival there is nothing to be ahead of: one rare word says little about a sentence around it.
        margin *= matched / query_idf
    found = _logistic(
        _INTERCEPT
        + _QCOV * matched / query_idf
        + _DCOV * matched / float(index.idf[members].sum())
        + _COS * cos
        + _MARGIN * margin
        + _LN_N * math.log(1 + words)
    )
    return min(found, UNSURE) if words == 1 else found


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))
