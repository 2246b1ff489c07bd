"""Checks a prompt against node schemas before it is queued: pure, iterative, linear in nodes and links."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

import msgspec

from app.graph.errors import InputError, NodeErrors, PromptRefused
from app.graph.io_types import accepts
from app.graph.node_schema import MAX_SEED, InputSchema, NodeSchema, NodeSchemas
from app.graph.prompt import Link, as_link, as_object, literal

SHOWN_CHOICES = 20
"""A longer menu is named by its length only: nobody reads 2,000 file names in an error."""

SMALLEST_INTEGER = -(2**63)


class ChoiceSource(Protocol):
    """Menus that depend on files: the server knows them, the graph does not."""

    def choices(self, source: str) -> Sequence[str]:
        """Everything the menu offers now."""
        ...

    def accepts(self, source: str, value: str) -> bool:
        """Whether the value names something the menu stands for."""
        ...

    def hint(self, source: str) -> str:
        """A sentence that says how to make a missing value available; may be empty."""
        ...


class CheckedPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt that can run: literals converted, the valid output nodes, and what was wrong with others."""

    prompt: dict[str, Any]
    targets: tuple[str, ...]
    node_errors: dict[str, NodeErrors]


def check_prompt(
    prompt: Mapping[str, Any],
    schemas: NodeSchemas,
    sources: ChoiceSource,
    targets: Sequence[str] | None = None,
) -> CheckedPrompt:
    """Validate every node that an output node depends on.

    `targets` limits the run to these output nodes. Raises PromptRefused when nothing can run; when some
    output nodes are valid, they run and `node_errors` tells about the rest.
    """
    copied = {node_id: _copied(node_id, node, schemas) for node_id, node in prompt.items()}
    outputs = [
        node_id
        for node_id, node in copied.items()
        if schemas[node["class_type"]].output_node and (targets is None or node_id in targets)
    ]
    if not outputs:
        raise PromptRefused(
            "prompt_no_outputs", "The prompt has no output node; add one that saves or shows a result"
        )
    check = _Check(copied, schemas, sources)
    valid = tuple(node_id for node_id in outputs if check.is_valid(node_id))
    node_errors = check.node_errors(outputs)
    if not valid:
        raise PromptRefused(
            "prompt_outputs_failed_validation",
            "No output node of the prompt can run",
            details="\n".join(
                f"{error.message}: {error.details}"
                for node_id in outputs
                if node_id in node_errors
                for error in node_errors[node_id].errors
            ),
            node_errors=node_errors,
        )
    return CheckedPrompt(prompt=copied, targets=valid, node_errors=node_errors)


def _copied(node_id: str, node: object, schemas: NodeSchemas) -> dict[str, Any]:
    """A node whose inputs may be converted in place; refuses one without a known class."""
    fields = as_object(node) or {}
    class_type = fields.get("class_type")
    if not isinstance(class_type, str) or class_type not in schemas:
        title = (as_object(fields.get("_meta")) or {}).get("title")
        what = f"unknown class '{class_type}'" if isinstance(class_type, str) else "no class_type"
        raise PromptRefused(
            "missing_node_type",
            f"Node '{title or node_id}' has {what}; install the node pack it comes from or remove the node",
            details=f"Node ID '#{node_id}'",
            extra_info={
                "node_id": node_id,
                "class_type": class_type if isinstance(class_type, str) else None,
                "node_title": title if isinstance(title, str) else None,
            },
        )
    inputs = as_object(fields.get("inputs"))
    return {**fields} if inputs is None else {**fields, "inputs": {**inputs}}


class _Check:
    """One validation run: results are remembered per node, so that shared ancestors are judged once."""

    def __init__(
        self, prompt: dict[str, dict[str, Any]], schemas: NodeSchemas, sources: ChoiceSource
    ) -> None:
        self._prompt = prompt
        self._schemas = schemas
        self._sources = sources
        self._valid: dict[str, bool] = {}
        self._errors: dict[str, list[InputError]] = {}

    def is_valid(self, output: str) -> bool:
        """Judge an output node and everything above it, depth first without recursion."""
        if output in self._valid:
            return self._valid[output]
        path: dict[str, Iterator[tuple[str, Link]]] = {output: self._declared_links(output)}
        arrived_by: dict[str, tuple[str, str]] = {}
        while path:
            node_id, links = next(reversed(path.items()))
            step = next(links, None)
            if step is None:
                del path[node_id]
                self._judge(node_id, arrived_by.get(node_id))
                continue
            name, link = step
            if link.node_id in path:
                self._report_cycle(list(path), link.node_id)
            elif link.node_id not in self._valid and link.node_id in self._prompt:
                arrived_by[link.node_id] = (node_id, name)
                path[link.node_id] = self._declared_links(link.node_id)
        return self._valid[output]

    def node_errors(self, outputs: Sequence[str]) -> dict[str, NodeErrors]:
        """Errors by node, each with the output nodes that stand on it."""
        blocked: dict[str, list[str]] = {node_id: [] for node_id in self._errors}
        for output in outputs:
            if not self._valid[output]:
                for node_id in self._ancestors(output):
                    if node_id in blocked:
                        blocked[node_id].append(output)
        return {
            node_id: NodeErrors(
                errors=errors,
                dependent_outputs=blocked[node_id],
                class_type=self._prompt[node_id]["class_type"],
            )
            for node_id, errors in self._errors.items()
        }

    def _ancestors(self, node_id: str) -> Iterator[str]:
        seen = {node_id}
        stack = [node_id]
        while stack:
            current = stack.pop()
            yield current
            for _, link in self._declared_links(current):
                if link.node_id in self._prompt and link.node_id not in seen:
                    seen.add(link.node_id)
                    stack.append(link.node_id)

    def _schema(self, node_id: str) -> NodeSchema:
        return self._schemas[self._prompt[node_id]["class_type"]]

    def _declared_links(self, node_id: str) -> Iterator[tuple[str, Link]]:
        inputs = as_object(self._prompt[node_id].get("inputs")) or {}
        for declared in self._schema(node_id).inputs:
            link = as_link(inputs.get(declared.name))
            if link is not None:
                yield declared.name, link

    def _judge(self, node_id: str, arrived_by: tuple[str, str] | None) -> None:
        """Decide about a node whose sources have all been decided."""
        errors = list(self._errors.get(node_id, []))
        try:
            errors += self._input_errors(node_id)
        except (KeyError, IndexError, TypeError) as exc:
            errors.append(self._unreadable(node_id, exc, arrived_by))
        if errors:
            self._errors[node_id] = errors
        sources_valid = all(self._valid.get(link.node_id, False) for _, link in self._declared_links(node_id))
        self._valid[node_id] = not errors and sources_valid

    def _unreadable(self, node_id: str, exc: Exception, arrived_by: tuple[str, str] | None) -> InputError:
        text = str(exc.args[0]) if exc.args else str(exc)
        info: dict[str, Any] = {"exception_type": type(exc).__name__, "traceback": []}
        if arrived_by is None:
            return InputError(
                type="exception_during_validation",
                message="The node could not be checked",
                details=text,
                extra_info=info,
            )
        asking_node, input_name = arrived_by
        declared = self._schema(asking_node).input(input_name)
        info |= {
            "input_name": input_name,
            "input_config": self._config(declared) if declared else None,
            "exception_message": text,
            "linked_node": self._prompt[asking_node]["inputs"][input_name],
        }
        return InputError(
            type="exception_during_inner_validation",
            message="The node could not be checked",
            details=text,
            extra_info=info,
        )

    def _report_cycle(self, path: list[str], back_to: str) -> None:
        cycle = path[path.index(back_to) :]
        shown = " -> ".join(
            f"{node_id} ({self._prompt[node_id]['class_type']})" for node_id in [*cycle, back_to]
        )
        for node_id in cycle:
            known = self._errors.setdefault(node_id, [])
            if not any(error.type == "dependency_cycle" for error in known):
                known.append(
                    InputError(
                        type="dependency_cycle",
                        message="Nodes depend on each other in a circle; remove one of the links",
                        details=shown,
                        extra_info={"node_id": node_id, "cycle_nodes": cycle},
                    )
                )

    def _input_errors(self, node_id: str) -> Iterator[InputError]:
        schema = self._schema(node_id)
        inputs = as_object(self._prompt[node_id].get("inputs"))
        if inputs is None:
            raise KeyError("the node has no 'inputs'")
        for declared in schema.inputs:
            if declared.name not in inputs:
                if declared.required:
                    yield self._missing(declared)
                continue
            value = inputs[declared.name]
            if isinstance(value, list):
                error = self._link_error(declared, cast("list[Any]", value))
            else:
                error = self._literal_error(schema, declared, inputs)
            if error is not None:
                yield error

    def _missing(self, declared: InputSchema) -> InputError:
        return InputError(
            type="required_input_missing",
            message="A required input is missing; connect it or give it a value",
            details=declared.name,
            extra_info={"input_name": declared.name},
        )

    def _link_error(self, declared: InputSchema, value: list[Any]) -> InputError | None:
        link = as_link(value)
        if link is None:
            return InputError(
                type="bad_linked_input",
                message="A link must be a list of node id and output index",
                details=declared.name,
                extra_info={
                    "input_name": declared.name,
                    "input_config": self._config(declared),
                    "received_value": value,
                },
            )
        if link.node_id not in self._prompt:
            raise KeyError(
                f"input '{declared.name}' is linked to node '{link.node_id}', which does not exist"
            )
        outputs = self._schema(link.node_id).outputs
        if not 0 <= link.slot < len(outputs):
            raise IndexError(
                f"input '{declared.name}' is linked to output {link.slot} of node '{link.node_id}', "
                f"which has {len(outputs)}"
            )
        received = outputs[link.slot].type
        if accepts(declared.type, received):
            return None
        return InputError(
            type="return_type_mismatch",
            message="The linked output has another type than the input takes",
            details=f"{declared.name}, received_type({received}) mismatch input_type({declared.type})",
            extra_info={
                "input_name": declared.name,
                "input_config": self._config(declared),
                "received_type": received,
                "linked_node": value,
            },
        )

    def _literal_error(
        self, schema: NodeSchema, declared: InputSchema, inputs: dict[str, Any]
    ) -> InputError | None:
        value = literal(inputs[declared.name])
        try:
            value = _converted(declared.type, value)
        except (ValueError, TypeError, OverflowError) as exc:
            return InputError(
                type="invalid_input_type",
                message=f"The value cannot be read as {declared.type}",
                details=f"{declared.name}, {value}, {exc}",
                extra_info={
                    "input_name": declared.name,
                    "input_config": self._config(declared),
                    "received_value": value,
                    "exception_message": str(exc),
                },
            )
        inputs[declared.name] = value
        if schema.validates is not None and declared.name in schema.validates:
            return self._named_file_error(declared, value)
        return self._range_error(declared, value) or self._choice_error(declared, value)

    def _named_file_error(self, declared: InputSchema, value: Any) -> InputError | None:
        """The check of a node that names a file (LoadImage): the file has to be there."""
        source = declared.choices_from
        if source is None or self._sources.accepts(source, str(value)):
            return None
        return InputError(
            type="custom_validation_failed",
            message="The node refuses the value",
            details=f"{declared.name} - there is no file '{value}'. {self._sources.hint(source)}".rstrip(),
            extra_info={"input_name": declared.name},
        )

    def _range_error(self, declared: InputSchema, value: Any) -> InputError | None:
        if declared.type not in ("INT", "FLOAT"):
            return None
        low, high = declared.options.get("min"), declared.options.get("max")
        if low is not None and value < low:
            kind, message = (
                "value_smaller_than_min",
                f"The value {value} is below the smallest allowed, {low}",
            )
        elif high is not None and value > high:
            kind, message = "value_bigger_than_max", f"The value {value} is above the largest allowed, {high}"
        else:
            return None
        return InputError(
            type=kind,
            message=message,
            details=declared.name,
            extra_info={
                "input_name": declared.name,
                "input_config": self._config(declared),
                "received_value": value,
            },
        )

    def _choice_error(self, declared: InputSchema, value: Any) -> InputError | None:
        hint = ""
        if declared.choices_from is not None:
            if self._sources.accepts(declared.choices_from, str(value)):
                return None
            choices: Sequence[Any] = self._sources.choices(declared.choices_from)
            hint = self._sources.hint(declared.choices_from)
        elif declared.choices is not None:
            choices = declared.choices
            if value in choices:
                return None
        else:
            return None
        many = len(choices) > SHOWN_CHOICES
        listed = f"(list of length {len(choices)})" if many else str(list(choices))
        return InputError(
            type="value_not_in_list",
            message=f"The value is not among the choices. {hint}".rstrip(),
            details=f"{declared.name}: '{value}' not in {listed}",
            extra_info={
                "input_name": declared.name,
                "input_config": None if many else self._config(declared),
                "received_value": value,
            },
        )

    def _config(self, declared: InputSchema) -> list[Any]:
        """The declaration as clients know it: [type, options]; a menu has its choices as type."""
        kind: Any = declared.type
        if declared.choices is not None:
            kind = list(declared.choices)
        elif declared.choices_from is not None:
            kind = list(self._sources.choices(declared.choices_from))
        return [kind, declared.options]


def _converted(slot_type: str, value: Any) -> Any:
    """A literal as the widget type wants it; raises ValueError, TypeError or OverflowError."""
    match slot_type:
        case "INT":
            number = int(value)
            if not SMALLEST_INTEGER <= number <= MAX_SEED:
                raise OverflowError("the integer does not fit into 64 bits")
            return number
        case "FLOAT":
            real = float(value)
            if not math.isfinite(real):
                raise ValueError("the number is not finite")
            return real
        case "STRING":
            return str(value)
        case "BOOLEAN":
            return bool(value)
        case _:
            return value
