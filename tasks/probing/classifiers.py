"""Scikit-learn's classifiers of single cells: logistic regression and k nearest neighbours.

Each is fitted in several variants at once, between which validation images choose.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler, normalize

Features = Float[np.ndarray, "cells channels"]
Weights = Float[np.ndarray, " channels"]
Probabilities = Float[np.ndarray, "variants cells"]

#: Inverse strengths of the probe's L2 penalty on standardised features, strongest first. Without a
#: penalty, some hundred features would separate two thousand cells perfectly.
STRENGTHS = (0.001, 0.01, 0.1, 1.0)
#: Steps of its solver; it takes 20 to 200, and whether that was enough is noted.
ITERATIONS = 2000
#: How many neighbours vote, fewest first.
NEIGHBOURS = (1, 5, 15)
#: Cells among which neighbours are sought, at most: every image's every cell is compared with them.
VOTERS = 1000
#: Principal components that are compared, so that a search in a wide encoder's features takes no
#: longer than in a narrow one's.
COMPONENTS = 32


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

    Cosine distance between principal components of features that are standardised and weighted.
    """

    scaler: StandardScaler
    weights: Weights
    components: PCA
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
        return {"components": int(self.components.n_components_)}

    def probabilities(self, features: Features) -> Probabilities:
        """Share of the votes, by each variant."""
        most = int(max(variant["k"] for variant in self.variants))
        main = self.components.transform(self.scaler.transform(features) * self.weights)
        nearest = self.search.kneighbors(normalize(main), most, return_distance=False)
        votes = np.cumsum(self.foreground[nearest], axis=1)
        return np.stack([votes[:, int(one["k"]) - 1] / one["k"] for one in self.variants])


#: What tells how probably a cell is foreground. ``variants`` are what distinguishes each variant,
#: ``facts`` what is known of the fit, both JSON-ready; ``probabilities`` lie in [0, 1].
Classifier = Constant | LinearProbe | Voters


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


def neighbours(
    features: Features, foreground: Bool[np.ndarray, " cells"], weights: Weights
) -> Classifier:
    """Prepare the search for neighbours; a constant where all cells are of one class or alike.

    Args:
        features: Of the sample.
        foreground: Which of its cells are.
        weights: Of the channels, once these are standardised.
    """
    if (only := one_class(foreground)) is not None:
        return only
    if not (features != features[0]).any():
        return Constant(float(foreground.mean()), {"alike": True})
    chosen = voting(foreground)
    features, foreground = features[chosen], foreground[chosen]
    # By the covariance: exact, and the same at every call.
    components = PCA(min(COMPONENTS, *features.shape), svd_solver="covariance_eigh")
    scaler = StandardScaler().fit(features)
    main = components.fit_transform(scaler.transform(features) * weights)
    # Of unit vectors, the nearest are those of the least angle.
    search = NearestNeighbors(algorithm="brute").fit(normalize(main))
    return Voters(scaler, weights, components, search, foreground)


def voting(foreground: Bool[np.ndarray, " cells"]) -> Int64[np.ndarray, " voters"]:
    """Which cells vote: of both classes half of ``VOTERS`` at most, evenly from all images."""
    kinds = (np.flatnonzero(foreground), np.flatnonzero(~foreground))
    kept = [places[:: -(-2 * len(places) // VOTERS)] for places in kinds]
    return np.sort(np.concatenate(kept))


def one_class(foreground: Bool[np.ndarray, " cells"]) -> Constant | None:
    """What says so of every cell if all cells are foreground, or none is."""
    share = float(foreground.mean())
    return Constant(share, {"one class": True}) if share in (0.0, 1.0) else None
