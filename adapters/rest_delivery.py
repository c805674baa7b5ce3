"""One run through the calls that hand a letter to a REST system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.answers import Findings
from adapters.contract import Context, Delivered, Letter, Response
from adapters.recipe import Recipe, Step
from adapters.rest_calls import Call, Calls
from adapters.rest_judge import judge, judged
from adapters.view import letter_view
from gateway.domain.errors import Ambiguous, Permanent


@dataclass(frozen=True)
class RestDelivery:
    """One run through the recipe."""

    recipe: Recipe
    calls: Calls
    letter: Letter
    context: Context

    def run(self) -> Delivered:
        """Create, upload, confirm.

        Raises:
            AlreadyThereError: the target has this delivery.
            DeliveryError: it did not work.
        """
        view = letter_view(self.letter)
        response, findings = self._create(view)
        view["target"] = _target(findings)
        response, findings = self._upload(view, response, findings)
        response, findings = self._confirm(view, response, findings)
        return findings.delivered(response, self.letter.envelope)

    def _create(self, view: dict[str, Any]) -> tuple[Response, Findings]:
        with judged(self.recipe.phase(self.recipe.create)):
            return self._said(self.calls.json(self.recipe.create, view))

    def _upload(
        self, view: dict[str, Any], response: Response, findings: Findings
    ) -> tuple[Response, Findings]:
        upload = self.recipe.upload
        if upload is None:
            return response, findings
        with judged(self.recipe.phase(upload.step)):
            handle = self._handle(upload.step, findings)
            for at, file in enumerate(_files(upload.each.over(view))):
                call = self.calls.form(upload, view | {"file": file}, at, handle)
                response = call.send(self.context.http)
                answer = judge(upload.step, response, self.context)
                digest = upload.digest.over_answer(answer) if upload.digest else None
                findings = findings.plus(upload.step.reads.over(answer)).plus(_confirmed(digest, file))
        return response, findings

    def _confirm(
        self, view: dict[str, Any], response: Response, findings: Findings
    ) -> tuple[Response, Findings]:
        confirm = self.recipe.confirm
        if confirm is None:
            return response, findings
        with judged(self.recipe.phase(confirm)):
            handle = self._handle(confirm, findings)
            response, said = self._said(self.calls.json(confirm, view, handle))
        return response, findings.plus(said)

    def _said(self, call: Call) -> tuple[Response, Findings]:
        response = call.send(self.context.http)
        answer = judge(call.step, response, self.context)
        return response, call.step.reads.over(answer)

    @staticmethod
    def _handle(step: Step, findings: Findings) -> str | None:
        if findings.handle is None and "{handle}" in step.path:
            raise Ambiguous("WASL-DLV-008", "the answer to create names no handle for the next call")
        return findings.handle


def all_calls(recipe: Recipe, calls: Calls, view: dict[str, Any]) -> Iterator[Call]:
    """Every call of a recipe as it would be built, ``{handle}`` standing for what create answers.

    Raises:
        DeliveryError: the letter does not fit the mapping.
    """
    yield calls.json(recipe.create, view)
    unknown = "{handle}"
    view = view | {"target": _target(Findings(handle=unknown))}
    if recipe.upload is not None:
        for at, file in enumerate(_files(recipe.upload.each.over(view))):
            yield calls.form(recipe.upload, view | {"file": file}, at, unknown)
    if recipe.confirm is not None:
        yield calls.json(recipe.confirm, view, unknown)


def _files(chosen: Any) -> list[dict[str, Any]]:
    if isinstance(chosen, list) and all(isinstance(file, dict) and "content" in file for file in chosen):
        return chosen
    raise Permanent("WASL-DLV-074", f"upload.each: found {type(chosen).__name__}, takes a list of files")


def _confirmed(digest: Any, file: Mapping[str, Any]) -> Findings:
    if not isinstance(digest, str):
        return Findings()
    if digest.strip().lower() != file["sha256"]:
        raise Ambiguous("WASL-DLV-008", f"the target stored something else than file {file['id']}")
    return Findings(digests=frozenset({file["sha256"]}))


def _target(findings: Findings) -> dict[str, str | None]:
    return {
        "handle": findings.handle,
        "targetReference": findings.target_reference,
        "registerNumber": findings.register_number,
    }
