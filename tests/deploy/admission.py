"""A ValidatingAdmissionPolicy as the API server evaluates it, with a real evaluator of CEL."""

import sys
from typing import Any, NamedTuple

from celpy import Environment
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError

Object = dict[str, Any]


def _environment() -> Environment:
    """It raises the limit of recursion for everybody, which other tests reach on purpose."""
    limit = sys.getrecursionlimit()
    try:
        return Environment()
    finally:
        sys.setrecursionlimit(limit)


_ENVIRONMENT = _environment()


class Review(NamedTuple):
    """What is asked for: `old` is None for CREATE."""

    new: Object
    old: Object | None = None
    # None: there is no such ConfigMap in the namespace.
    params: Object | None = None


class Policy:
    """A policy and its binding."""

    def __init__(self, policy: Object, binding: Object) -> None:
        assert binding["spec"]["policyName"] == policy["metadata"]["name"]
        self._spec = policy["spec"]
        self._missing = binding["spec"]["paramRef"]["parameterNotFoundAction"]

    def denials(self, review: Review) -> list[str]:
        """Why it is denied; empty if it is allowed."""
        values: Object = {"object": review.new, "oldObject": review.old}
        if review.params is None:
            # Conditions do not know the parameters, and come first all the same.
            denied = self._matches(values) and self._missing == "Deny"
            return ["no parameters"] if denied else []
        if not self._matches(values):
            return []
        values["params"] = review.params
        try:
            return [
                str(_evaluate(rule["messageExpression"], values))
                for rule in self._spec["validations"]
                if not _evaluate(rule["expression"], values)
            ]
        except CELEvalError as error:
            return [str(error)] if self._spec["failurePolicy"] == "Fail" else []

    def _matches(self, values: Object) -> bool:
        """One that is false decides, even beside others that cannot be evaluated."""
        failed = False
        for condition in self._spec["matchConditions"]:
            try:
                if not _evaluate(condition["expression"], values):
                    return False
            except CELEvalError:
                failed = True
        return not failed or self._spec["failurePolicy"] == "Fail"

    def is_asked(self, group: str, resource: str, operation: str) -> bool:
        """Whether the rules of the policy match a request."""
        return any(
            group in rule["apiGroups"]
            and resource in rule["resources"]
            and operation in rule["operations"]
            for rule in self._spec["matchConstraints"]["resourceRules"]
        )


def _evaluate(expression: str, values: Object) -> Any:
    program = _ENVIRONMENT.program(_ENVIRONMENT.compile(expression))
    return program.evaluate({name: json_to_cel(value) for name, value in values.items()})
