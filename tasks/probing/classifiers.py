"""Scikit-learn's classifiers of single cells: logistic regression and k nearest neighbours.

Each is fitted in several variants at once, between which validation images choose.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from jaxtyping import Bool, Float
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

Features = Float[np.ndarray, "cells channels"]
Probabilities = Float[np.ndarray, "variants cells"]

#: Inverse strengths of the probe's L2 penalty on standardised features, strongest first. Without a
#: penalty, some hundred features would separate two thousand cells perfectly.
STRENGTHS = (0.001, 0.01, 0.1, 1.0)
#: Steps of its solver; it takes 20 to 200, and whether that was enough is noted.
ITERATIONS = 2000
#: How many neighbours vote, fewest first.
NEIGHBOURS = (1, 5, 25)
#: Principal components among which neighbours are sought, so that a search in a wide encoder's
#: features takes no longer than in a narrow one's.
COMPONENTS = 64


class Classifier(Protocol):
    """What tells how probably a cell is foreground, in several variants.

    Attributes:
        variants: What distinguishes each, JSON-ready.
        facts: Of the fit, JSON-ready.
    """

    @property
    def variants(self) -> tuple[dict[str, float], ...]:
        """See above."""

    @property
    def facts(self) -> dict[str, Any]:
        """See above."""

    def probabilities(self, features: Features) -> Probabilities:
        """Of being foreground, in [0, 1], by each variant."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Says the same of every cell: where there was one class only, or nothing told cells apart."""

    value: float
    facts: dict[str, Any]
    variants: tuple[dict[str, float], ...] = ({},)

    def probabilities(self, features: Features) -> Probabilities:
        """The value."""
        return np.full((1, len(features)), self.value)


@dataclass(frozen=True, slots=True)
class LinearProbe:
    """Logistic regression on standardised features, a variant for each strength of its penalty."""

    scaler: StandardScaler
    models: tuple[LogisticRegression, ...]

    @property
    def variants(self) -> tuple[dict[str, float], ...]:
        """By the inverse strength."""
        return tuple({"C": float(model.C)} for model in self.models)

    @property
    def facts(self) -> dict[str, Any]:
        """How many steps each variant took, and whether all of them arrived."""
        steps = [int(model.n_iter_[0]) for model in self.models]
        return {"iterations": steps, "converged": max(steps) < ITERATIONS}

    def probabilities(self, features: Features) -> Probabilities:
        """By each variant."""
        scaled = self.scaler.transform(features)
        return np.stack([model.predict_proba(scaled)[:, 1] for model in self.models])


@dataclass(frozen=True, slots=True)
class Voters:
    """The sample's cells, of which the nearest vote, a variant for each number of votes.

    Cosine distance between principal components of standardised features.
    """

    space: Pipeline
    search: NearestNeighbors
    foreground: Bool[np.ndarray, " sample"]

    @property
    def variants(self) -> tuple[dict[str, float], ...]:
        """By the number of neighbours, no more than there are cells."""
        fitting = [count for count in NEIGHBOURS if count <= len(self.foreground)]
        return tuple({"k": float(count)} for count in fitting)

    @property
    def facts(self) -> dict[str, Any]:
        """How many components there were."""
        return {"components": int(self.space.named_steps["pca"].n_components_)}

    def probabilities(self, features: Features) -> Probabilities:
        """Share of the votes, by each variant."""
        most = int(max(variant["k"] for variant in self.variants))
        nearest = self.search.kneighbors(
            self.space.transform(features), n_neighbors=most, return_distance=False
        )
        votes = np.cumsum(self.foreground[nearest], axis=1)
        return np.stack([votes[:, int(one["k"]) - 1] / one["k"] for one in self.variants])


def linear_probe(features: Features, foreground: Bool[np.ndarray, " cells"]) -> Classifier:
    """Fit the linear probe; a constant if there is one class only."""
    if (only := one_class(foreground)) is not None:
        return only
    scaler = StandardScaler().fit(features)
    scaled = scaler.transform(features)
    with warnings.catch_warnings():
        # Whether it converged is among the facts.
        warnings.simplefilter("ignore", ConvergenceWarning)
        models = [
            LogisticRegression(C=c, max_iter=ITERATIONS).fit(scaled, foreground) for c in STRENGTHS
        ]
    return LinearProbe(scaler, tuple(models))


def neighbours(features: Features, foreground: Bool[np.ndarray, " cells"]) -> Classifier:
    """Prepare the search for neighbours; a constant where all cells are of one class or alike."""
    if (only := one_class(foreground)) is not None:
        return only
    if not (features != features[0]).any():
        return Constant(float(foreground.mean()), {"alike": True})
    # By the covariance: exact, and the same at every call.
    components = PCA(min(COMPONENTS, *features.shape), svd_solver="covariance_eigh")
    space = make_pipeline(StandardScaler(), components, Normalizer())
    # Of unit vectors, the nearest are those of the least angle.
    search = NearestNeighbors(algorithm="brute").fit(space.fit_transform(features))
    return Voters(space, search, foreground)


def one_class(foreground: Bool[np.ndarray, " cells"]) -> Constant | None:
    """What says so of every cell if all cells are foreground, or none is."""
    share = float(foreground.mean())
    return Constant(share, {"one class": True}) if share in (0.0, 1.0) else None


#: How each stage is fitted to features of float64 and what is foreground among them.
FITS: dict[str, Callable[[Features, Bool[np.ndarray, " cells"]], Classifier]] = {
    "probe": linear_probe,
    "neighbours": neighbours,
}
