"""One contract for every algorithm of solekit: the house form, whatever it computes.

A new algorithm needs an entry in the ``EXAMPLES`` of an ``example_*.py`` here: its action and
inputs that it accepts.
"""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import pkgutil
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import solekit
from solekit.algorithm import Algorithm
from solekit.errors import MissingExtraError

Example = tuple[str, tuple[Any, ...], dict[str, Any]]  # action, arguments, keyword arguments


def examples() -> dict[str, Callable[[], Example]]:
    """Return what the files ``example_*.py`` beside this one hold."""
    found: dict[str, Callable[[], Example]] = {}
    for path in sorted(Path(__file__).parent.glob("example_*.py")):
        found |= runpy.run_path(str(path))["EXAMPLES"]
    return found


EXAMPLES = examples()


def find_algorithms() -> list[type[Algorithm]]:
    """Return every algorithm in solekit that has an action; a base class of a kind has none."""
    for module in pkgutil.walk_packages(solekit.__path__, "solekit."):
        if module.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(module.name)
        except MissingExtraError:
            continue  # an optional part that is not installed here
    found, waiting = [], [Algorithm]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("solekit.") and actions(kind):
            found.append(kind)
    return sorted(found, key=lambda algorithm: algorithm.__name__)


def actions(algorithm: type[Algorithm]) -> list[str]:
    """Return the public methods that ``algorithm`` adds to the base and that give itself back."""
    names = []
    for name, method in inspect.getmembers(algorithm, inspect.isfunction):
        returned = str(method.__annotations__.get("return", ""))
        returns_self = returned.endswith("Self") or returned == algorithm.__name__
        if returns_self and not name.startswith("_") and not hasattr(Algorithm, name):
            names.append(name)
    return names


def documented(algorithm: type[Algorithm], section: str) -> list[str]:
    """Return the names that a numpydoc section of the class lists, in their order."""
    text = inspect.getdoc(algorithm) or ""
    match = re.search(rf"^{section}\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", text, re.M | re.S)
    if match is None:
        return []
    heads = [line for line in match.group(1).splitlines() if line and not line.startswith(" ")]
    return [name.strip() for head in heads for name in head.split(":")[0].split(",")]


def same(one: Any, other: Any) -> bool:
    """Return whether two inputs hold the same, to the bit and the type."""
    if type(one) is not type(other):
        return False
    if isinstance(one, pd.DataFrame | pd.Series):
        return one.equals(other) and list(one.index) == list(other.index)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if dataclasses.is_dataclass(one) or isinstance(one, Algorithm):
        return same(vars(one), vars(other))
    return one == other or (one != one and other != other)


@pytest.mark.parametrize("algorithm", find_algorithms(), ids=lambda algorithm: algorithm.__name__)
class TestAlgorithmContract:
    def example(self, algorithm: type[Algorithm]) -> Example:
        make = EXAMPLES.get(algorithm.__name__)
        if make is None:
            pytest.fail(f"{algorithm.__name__} has no inputs to try: add it to EXAMPLES", False)
        return make()

    def run(self, algorithm: type[Algorithm]) -> Algorithm:
        action, arguments, options = self.example(algorithm)
        return getattr(algorithm(), action)(*arguments, **options)

    def test_parameters_are_keyword_only_and_have_defaults(self, algorithm):
        for name, parameter in inspect.signature(algorithm).parameters.items():
            assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, name
            assert parameter.default is not inspect.Parameter.empty, name

    def test_init_stores_every_parameter_untouched_and_nothing_else(self, algorithm):
        given = {name: object() for name in inspect.signature(algorithm).parameters}
        assert vars(algorithm(**given)) == given

    def test_documented_parameters_are_those_of_init_in_its_order(self, algorithm):
        names = list(inspect.signature(algorithm).parameters)
        assert documented(algorithm, "Parameters") == names

    def test_with_params_changes_one_parameter_of_a_new_instance(self, algorithm):
        first = algorithm()
        for name in first.params():
            changed = first.with_params(**{name: "changed"})
            assert changed is not first
            assert changed.params() == {**first.params(), name: "changed"}
            assert getattr(first, name) != "changed"

    def test_with_params_rejects_an_unknown_name_and_tells_the_known_ones(self, algorithm):
        with pytest.raises(ValueError, match="has no parameter 'no_such_parameter'"):
            algorithm().with_params(no_such_parameter=1)

    def test_it_has_one_action(self, algorithm):
        assert actions(algorithm) == [self.example(algorithm)[0]]

    def test_the_action_returns_self_and_leaves_the_parameters_alone(self, algorithm):
        action, arguments, options = self.example(algorithm)
        instance = algorithm()
        before = instance.params()
        assert getattr(instance, action)(*arguments, **options) is instance
        assert same(instance.params(), before)

    def test_the_action_does_not_modify_its_inputs(self, algorithm):
        action, arguments, options = self.example(algorithm)
        kept = copy.deepcopy((arguments, options))
        getattr(algorithm(), action)(*arguments, **options)
        assert same((arguments, options), kept)

    def test_results_end_in_an_underscore_and_are_documented(self, algorithm):
        ran = self.run(algorithm)
        results = {name for name in vars(ran) if not name.startswith("_")} - set(ran.params())
        assert results
        assert all(name.endswith("_") for name in results), results
        assert set(documented(algorithm, "Attributes")) == results

    def test_a_clone_has_the_parameters_and_none_of_the_results(self, algorithm):
        ran = self.run(algorithm)
        assert vars(ran.clone()) == ran.params()

    def test_the_same_inputs_give_the_same_results(self, algorithm):
        assert same(vars(self.run(algorithm)), vars(self.run(algorithm)))

    def test_it_writes_its_name_and_parameters_as_json(self, algorithm):
        assert f'"algorithm": "{algorithm.__name__}"' in algorithm().to_json()
