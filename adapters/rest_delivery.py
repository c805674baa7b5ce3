"""One run through the calls that hand a letter to a REST system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.answers import Findings
from adapters.contract import Context, Delivered, Letter, Response
from adapters.mapping import Expression, MappingFault
from adapters.outcomes import AlreadyThereError
from adapters.recipe import Recipe, Step
from adapters.rest_calls import Call, Calls
from adapters.rest_files import chosen_files
from adapters.rest_judge import NO_JSON, decoded, judge, judged
from adapters.view import letter_view
from gateway.domain.errors import Ambiguous, Declined, Permanent

NOT_FOUND = "WASL-DLV-077"


@dataclass(frozen=True)
class RestDelivery:
    """One run through the recipe."""

    recipe: Recipe
    calls: Calls
    letter: Letter
    context: Context

    def run(self) -> Delivered:
        """Look up, create, upload, take further steps, confirm.

        Raises:
            AlreadyThereError: the target has this delivery.
            DeliveryError: it did not work.
        """
        view = letter_view(self.letter)
        view["target"] = _target(Findings())
        _check_later(self.recipe, view)
        findings = self._before(view)
        response, findings = self._create(view, findings)
        response, findings = self._upload(view, response, findings)
        for step in self.recipe.steps:
            response, findings = self._further(step, view, response, findings)
        response, findings = self._confirm(view, response, findings)
        return findings.delivered(response, self.letter.envelope)

    def _before(self, view: dict[str, Any]) -> Findings:
        findings = Findings()
        for step in self.recipe.before:
            with judged(self.recipe.phase(step)):
                if _wanted(step, view):
                    findings = findings.plus(self._looked_up(step, view, findings))
            view["target"] = _target(findings)
        return findings

    def _looked_up(self, step: Step, view: dict[str, Any], findings: Findings) -> Findings:
        """What a step before the letter found: what the target refuses here, it refuses of no letter."""
        response = self._call(step, view, findings).send(self.context.http)
        if step.absent_status and response.status == step.absent_status:
            answer = None
        else:
            answer = self._answer(step, response)
        found = step.reads.over(answer)
        missing = sorted(set(step.reads.keeps) - set(found.kept)) if step.required else []
        if missing:
            raise Permanent(NOT_FOUND, f"before.{step.name}: no {', '.join(missing)} found")
        return found

    def _answer(self, step: Step, response: Response) -> Any:
        try:
            return _accepted(step, response, self.context)
        except Declined:
            raise
        except Permanent as fault:
            raise Permanent(NOT_FOUND, f"before.{step.name}: {fault.detail}") from fault

    def _create(self, view: dict[str, Any], findings: Findings) -> tuple[Response, Findings]:
        create = self.recipe.create
        with judged(self.recipe.phase(create)):
            response, said = self._said(self._call(create, view, findings))
        findings = findings.plus(said)
        view["target"] = _target(findings)
        return response, findings

    def _upload(
        self, view: dict[str, Any], response: Response, findings: Findings
    ) -> tuple[Response, Findings]:
        upload = self.recipe.upload
        if upload is None:
            return response, findings
        with judged(self.recipe.phase(upload.step)):
            if not _wanted(upload.step, view):
                return response, findings
            values = self._values(upload.step, findings)
            for at, file in enumerate(chosen_files(upload.each, view)):
                call = self.calls.upload(upload, view | {"file": file}, at, values)
                response = call.send(self.context.http)
                answer = judge(upload.step, response, self.context)
                digest = upload.digest.over_answer(answer) if upload.digest else None
                findings = findings.plus(upload.step.reads.over(answer)).plus(_confirmed(digest, file))
        view["target"] = _target(findings)
        return response, findings

    def _further(
        self, step: Step, view: dict[str, Any], response: Response, findings: Findings
    ) -> tuple[Response, Findings]:
        with judged(self.recipe.phase(step)):
            if not _wanted(step, view):
                return response, findings
            response = self._call(step, view, findings).send(self.context.http)
            found = step.reads.over(_accepted(step, response, self.context))
            if step.required and self._lacks(step, found, view):
                raise Ambiguous("WASL-DLV-008", f"steps.{step.name}: the answer lacks what is required")
        findings = findings.plus(found)
        view["target"] = _target(findings)
        return response, findings

    def _lacks(self, step: Step, found: Findings, view: dict[str, Any]) -> bool:
        """Whether an answer lacks what its ``reads`` name: as digests, those of all files uploaded."""
        if set(step.reads.keeps) - set(found.kept):
            return True
        upload = self.recipe.upload
        files = view["attachments"] if upload is None else chosen_files(upload.each, view)
        return "digests" in step.reads.expressions and not {file["sha256"] for file in files} <= found.digests

    def _confirm(
        self, view: dict[str, Any], response: Response, findings: Findings
    ) -> tuple[Response, Findings]:
        confirm = self.recipe.confirm
        if confirm is None:
            return response, findings
        with judged(self.recipe.phase(confirm)):
            response, said = self._said(self._call(confirm, view, findings))
        return response, findings.plus(said)

    def _call(self, step: Step, view: dict[str, Any], findings: Findings) -> Call:
        return self.calls.call(step, view, self._values(step, findings))

    def _said(self, call: Call) -> tuple[Response, Findings]:
        response = call.send(self.context.http)
        answer = judge(call.step, response, self.context)
        return response, call.step.reads.over(answer)

    @staticmethod
    def _values(step: Step, findings: Findings) -> dict[str, str]:
        if findings.handle is None and "{handle}" in step.path:
            raise Ambiguous("WASL-DLV-008", "the answer to create names no handle for the next call")
        return _in_paths(findings)


def all_calls(recipe: Recipe, calls: Calls, view: dict[str, Any]) -> Iterator[Call]:
    """Every call of a recipe as it would be built, ``{handle}`` and the like standing for what is answered.

    Raises:
        DeliveryError: the letter does not fit the mapping.
    """
    kept = {name: f"{{{name}}}" for step in _every(recipe) for name in step.reads.keeps}
    findings = Findings(handle="{handle}", kept=kept)
    values, view = _in_paths(findings), view | {"target": _target(findings)}
    for step in (*recipe.before, recipe.create):
        if _shown(step, view):
            yield calls.call(step, view, values)
    if recipe.upload is not None and _shown(recipe.upload.step, view):
        for at, file in enumerate(chosen_files(recipe.upload.each, view)):
            yield calls.upload(recipe.upload, view | {"file": file}, at, values)
    for step in (*recipe.steps, *([recipe.confirm] if recipe.confirm else [])):
        if _shown(step, view):
            yield calls.call(step, view, values)


def _check_later(recipe: Recipe, view: dict[str, Any]) -> None:
    """Check that the letter fits the calls to come, as far as that does not depend on answers.

    Raises:
        MappingFault: it does not; nothing was sent.
    """
    if not (recipe.before or recipe.upload or recipe.steps or recipe.confirm):
        return
    if recipe.upload is not None and not recipe.upload.each.asks("target"):
        for file in chosen_files(recipe.upload.each, view):
            _check_step(recipe.upload.step, view | {"file": file})
    first = (recipe.create,) if recipe.before else ()  # otherwise it is the next thing that is mapped
    for step in (*first, *recipe.steps, *([recipe.confirm] if recipe.confirm else [])):
        _check_step(step, view)


def _check_step(step: Step, view: dict[str, Any]) -> None:
    try:
        if step.when is not None and not step.when.asks("target") and not step.when.over(view):
            return
        for mapping in (step.body, step.query, step.headers):
            if mapping is not None:
                mapping.apply(view)
    except MappingFault as fault:
        if "target" not in fault.expression:
            raise


def _every(recipe: Recipe) -> Iterator[Step]:
    yield from recipe.before
    yield recipe.create
    if recipe.upload is not None:
        yield recipe.upload.step
    yield from recipe.steps


def _wanted(step: Step, view: Mapping[str, Any]) -> bool:
    return step.when is None or _is_true(step.when, view)


def _shown(step: Step, view: Mapping[str, Any]) -> bool:
    """Whether a preview has it: what depends on answers may happen."""
    return step.when is None or step.when.asks("target") or _is_true(step.when, view)


def _is_true(when: Expression, view: Mapping[str, Any]) -> bool:
    # as JMESPath has it, 0 is true; an empty text, list or table is not
    value = when.over(view)
    return value is not None and value is not False and value not in ("", [], {})


def _accepted(step: Step, response: Response, context: Context) -> Any:
    """The answer to a step that is done; done before is as good."""
    try:
        return judge(step, response, context)
    except AlreadyThereError:
        answer = decoded(response)
        return None if answer is NO_JSON else answer


def _confirmed(digest: Any, file: Mapping[str, Any]) -> Findings:
    if not isinstance(digest, str):
        return Findings()
    if digest.strip().lower() != file["sha256"]:
        raise Ambiguous("WASL-DLV-008", f"the target stored something else than file {file['id']}")
    return Findings(digests=frozenset({file["sha256"]}))


def _target(findings: Findings) -> dict[str, Any]:
    return {
        "handle": findings.handle,
        "targetReference": findings.target_reference,
        "registerNumber": findings.register_number,
        **findings.kept,
    }


def _in_paths(findings: Findings) -> dict[str, str]:
    kept = {name: _path_text(value) for name, value in findings.kept.items()}
    return kept | ({} if findings.handle is None else {"handle": findings.handle})


def _path_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
