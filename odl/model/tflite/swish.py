"""A value times its own sigmoid, which a converter writes as two operators, as one on each value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from odl.model.tflite.moved import SWISH
from odl.model.tflite.network import Operator


def with_swish(operators: Sequence[Operator]) -> list[Operator]:
    """The operators with `SWISH` in place of each LOGISTIC that only multiplies its own input."""
    uses = Counter(t for o in operators for t in o.inputs)
    made = list[Operator]()
    for operator in operators:
        sigmoid = next((o for o in made if o.name == "LOGISTIC" and o.output in operator.inputs), None)
        if operator.name == "MUL" and sigmoid is not None and uses[sigmoid.output] == 1:
            pair = (sigmoid.tensor(0), sigmoid.output)
            if operator.inputs in (pair, pair[::-1]) and sigmoid.output.shape == operator.output.shape:
                made.remove(sigmoid)
                operator = replace(operator, name=SWISH, inputs=pair[:1])
        made.append(operator)
    return made
