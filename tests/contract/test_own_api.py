"""Our own API keeps what its OpenAPI document says: generated requests, checked answers."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from app.api.v1 import jobs, nodes, system, templates
from tests.integration.server.live import Live

EXAMPLES = 15
"""Requests per operation; always the same ones."""

KNOWN = {"job_id": "known", "class_type": "KSampler", "name": "txt2img"}
"""Names that exist, which generated requests would hardly find."""


def operations(server: Live) -> dict[str, Any]:
    document = f"http://127.0.0.1:{server.port}/api/v1/openapi.json"
    results: list[Any] = list(schemathesis.openapi.from_url(document).get_all_operations())
    found = [each.ok() for each in results]  # raises for an operation that the document describes wrongly
    return {operation.label: operation for operation in found}


def labels() -> list[str]:
    """`GET /api/v1/jobs` and so on, from the routers themselves."""
    routes: list[Any] = [route for each in (jobs, nodes, system, templates) for route in each.router.routes]
    return [
        f"{method} /api/v1{route.path.replace(':path', '')}"
        for route in routes
        for method in sorted(route.methods)
    ]


def test_document_lists_every_route(threaded: Live) -> None:
    assert sorted(operations(threaded)) == sorted(labels())


@pytest.mark.parametrize("label", labels())
def test_generated_requests_get_answers_that_the_document_describes(threaded: Live, label: str) -> None:
    operation = operations(threaded)[label]

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        case.call_and_validate()

    ask()


@pytest.mark.parametrize("label", [each for each in labels() if "{" in each])
def test_names_that_exist_get_answers_that_the_document_describes(threaded: Live, label: str) -> None:
    operation = operations(threaded)[label]
    named = {each.name: KNOWN[each.name] for each in operation.path_parameters}
    answer = operation.Case(path_parameters=named).call_and_validate()
    assert answer.status_code == 200
