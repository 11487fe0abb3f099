"""Demands that a model cannot meet: sampling parameters that it does not take, thoughts, answers that are too long, a budget of no dollars, or in
dollars without a price.

Recent models of Anthropic take no sampling parameters. A server that takes them lists them in `capabilities`.
"""

from __future__ import annotations

import re

from cogc.analysis.attribute_check import word_of
from cogc.diagnostics.edits import removal
from cogc.diagnostics.problems import Label
from cogc.diagnostics.suggest import did_you_mean, nearest, suggestion
from cogc.language.attributes import CAPABILITIES, USUAL
from cogc.language.limits import MOST_TOKENS
from cogc.names.model_lists import models_of
from cogc.syntax import nodes

_PROVIDER_OF = r"(?:(claude)|gpt|chatgpt)-\w"
_SWAPPED = r"(?:gtp|pgt|ptg|tgp|tpg)(?=-\w)"
"""The letters of `gpt` in another order: the catalogue has no models of `openai`, and their names are told by this alone."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Declared, Unit


def model_limits(checked: Checked) -> None:
    """Report a temperature and thinking for a model that takes none, answers longer than its longest, and a budget in dollars that buys nothing or has no price."""
    for unit in checked.world.units.values():
        if unit.is_std and unit not in checked.world.roots:
            continue
        for model in unit.all(nodes.Model):
            _own(checked, unit, model)
        for agent in unit.all(nodes.Agent):
            _user(checked, unit, agent.attributes)
            _choices(checked, unit, agent)
        for executor in unit.all(nodes.Executor):
            if executor.kind.id == "llm":
                _user(checked, unit, executor.attributes)


def _own(checked: Checked, unit: Unit, node: nodes.Model) -> None:
    found = {a.key.id: a for a in node.attributes}
    _known(checked, unit, node)
    for item in _items(found.get("capabilities")):
        if isinstance(item, nodes.Text) and item.value not in CAPABILITIES:
            help = did_you_mean(item.value, CAPABILITIES) or None
            known = ", ".join(f"`{w}`" for w in CAPABILITIES)
            checked.problems.add(
                "unknown-word", unit.span(item), help=help, what="capability", name=item.value, known=known
            )
    _room(checked, unit, found, [node])
    if "temperature" in found and not _samples(node):
        _no_sampling(checked, unit, found["temperature"], node)
    if "thinking" in found:
        _thinks(checked, unit, found["thinking"], node, found)


def _known(checked: Checked, unit: Unit, node: nodes.Model) -> None:
    """Report a name that is one or two letters off the name of a model in the catalogue, or has its words in another order."""
    catalogue, name = checked.world.catalogue, node.argument
    if name.template or "base_url" in _keys(node):
        return
    other = re.match(_PROVIDER_OF, name.value)
    if other is not None and node.provider.id in ("anthropic", "openai"):
        provider = "anthropic" if other[1] else "openai"
        if provider != node.provider.id:
            help = f"it is a model of `{provider}`; a server that has it too is named by `base_url`"
            checked.problems.add("unknown-model", unit.span(name), help=help, model=name.value)
            return
    if node.provider.id == "openai" and (swapped := re.match(_SWAPPED, name.value)) is not None:
        help = suggestion(name.value.replace(swapped[0], "gpt", 1))
        checked.problems.add("unknown-model", unit.span(name), help=help, model=name.value)
    if node.provider.id != "anthropic":
        return
    if catalogue.knows("anthropic", name.value):
        return
    words = sorted(name.value.split("-"))
    turned = [m for m in catalogue.data["models"] if sorted(m.split("-")) == words]  # `claude-5-5-sonnet`
    near = turned[0] if turned else nearest(name.value, catalogue.data["models"], most=2)
    digits = [c for c in name.value if c.isdigit()]
    if near is not None and [c for c in near if c.isdigit()] == digits:  # another number is another model
        checked.problems.add("unknown-model", unit.span(name), help=suggestion(near), model=name.value)


def _keys(node: nodes.Model) -> set[str]:
    return {a.key.id for a in node.attributes}


def _user(checked: Checked, unit: Unit, attributes: tuple[nodes.Attribute, ...]) -> None:
    found = {a.key.id: a for a in attributes}
    if "model" not in found:
        return
    declared = _declared(checked, unit, found["model"])
    if declared is None:
        return
    models = [one.of(nodes.Model) for one in models_of(checked.world, declared)]
    _room(checked, unit, found, models)
    deaf = next((m for m in models if not _samples(m)), None)
    if "temperature" in found and deaf is not None:
        _no_sampling(checked, unit, found["temperature"], deaf)
    for node in models:
        own = {a.key.id: a for a in node.attributes}
        thinking = found.get("thinking")
        if thinking is not None:
            _thinks(checked, unit, thinking, node, {**own, **found})
        elif "thinking" in own and word_of(own["thinking"].value) != "off":
            thinking = own["thinking"]
        forced = found.get("tool_choice")
        if thinking is not None and word_of(thinking.value) != "off" and forced and word_of(forced.value) == "any":
            reason = "`tool_choice: any` has the model ask for a tool at once"
            at = found.get("thinking", forced)
            checked.problems.add("no-thinking", unit.span(at.key), help="remove one of both", reason=reason)
            break
    budget = found["budget"].value if "budget" in found else None
    catalogue = checked.world.catalogue
    entry = _in_dollars(budget)
    if entry is None:
        return
    priceless = next((m for m in models if not catalogue.knows(m.provider.id, m.argument.value)), None)
    if priceless is not None:
        checked.problems.add("no-price", unit.span(entry), name=priceless.name.id, model=priceless.argument.value)
    elif isinstance(entry.value, nodes.Literal) and entry.value.value == 0:
        costs = [catalogue.price(m.provider.id, m.argument.value) for m in models]
        if all(price is not None and price.output for price in costs):
            wanted = f"more than 0: a request to `{declared.node.name.id}` costs something"
            checked.problems.add("out-of-range", unit.span(entry.value), name="usd", wanted=wanted)


def _room(checked: Checked, unit: Unit, given: dict[str, nodes.Attribute], models: list[nodes.Model]) -> None:
    """Report answers that are longer than one of the models can give. A server of its own may have other models of these names."""
    value = given["max_tokens"].value if "max_tokens" in given else None
    if not isinstance(value, nodes.Literal) or type(value.value) is not int:
        return
    for model in models:
        known = "base_url" not in _keys(model) and model.provider.id == "anthropic"
        most = checked.world.catalogue.longest_answer(model.argument.value) if known else None
        if most is not None and value.value > most:
            limit = f"at most {most:,}, the longest answer of `{model.argument.value}`"
            checked.problems.add("out-of-range", unit.span(value), name="max_tokens", wanted=limit)
            return


def _choices(checked: Checked, unit: Unit, agent: nodes.Agent) -> None:
    """Report a model that the start of a sub-agent may choose and that cannot meet the demands of one of the agents."""
    spawn = next((a for a in agent.attributes if a.key.id == "spawn"), None)
    block = {a.key.id: a for a in spawn.block} if spawn is not None else {}
    for item in _items(block.get("models")):
        declared = checked.world.lookup(unit, nodes.qualified_text(item) or "")
        models = models_of(checked.world, declared) if declared is not None and declared.kind == "model" else ()
        for started in _items(spawn):
            other = checked.world.lookup(unit, nodes.qualified_text(started) or "")
            if other is not None and other.kind == "agent":
                _choice(checked, unit, item, [m.of(nodes.Model) for m in models], other)


def _choice(checked: Checked, unit: Unit, item: nodes.Expr, models: list[nodes.Model], agent: Declared) -> None:
    found = {a.key.id: a for a in agent.of(nodes.Agent).attributes}
    deaf = next((m for m in models if not _samples(m)), None)
    if "temperature" in found and deaf is not None:
        related = [Label(agent.unit.span(found["temperature"].key), f"`{agent.node.name.id}` has it")]
        checked.problems.add("no-sampling", unit.span(item), related=related, name="temperature", model=deaf.name.id)
    budget = found["budget"].value if "budget" in found else None
    catalogue = checked.world.catalogue
    priceless = next((m for m in models if not catalogue.knows(m.provider.id, m.argument.value)), None)
    if priceless is not None and _in_dollars(budget):
        name, model = priceless.name.id, priceless.argument.value
        checked.problems.add("no-price", unit.span(item), name=name, model=model)


def _in_dollars(budget: nodes.Node | None) -> nodes.Entry | None:
    """Return the entry of a budget that bounds the dollars, or None."""
    for entry in budget.entries if isinstance(budget, nodes.RecordLiteral) else ():
        if isinstance(entry, nodes.Entry) and isinstance(entry.key, nodes.Name) and entry.key.id == "usd":
            return entry
    return None


def _declared(checked: Checked, unit: Unit, attribute: nodes.Attribute) -> Declared | None:
    name = unit.text(attribute.value)
    declared = checked.world.lookup(unit, name)
    return declared if declared is not None and declared.kind == "model" else None


def _items(attribute: nodes.Attribute | None) -> tuple[nodes.Expr, ...]:
    return attribute.value.items if attribute is not None and isinstance(attribute.value, nodes.ListLiteral) else ()


def _thinks(
    checked: Checked, unit: Unit, attribute: nodes.Attribute, node: nodes.Model, given: dict[str, nodes.Attribute]
) -> None:
    """Report thoughts that a model does not take, or that leave no room for its answer; `given` are the attributes that count."""
    model, provider, value = node.name.id, node.provider.id, attribute.value
    is_off = word_of(value) == "off"
    if provider == "openai" and not is_off:
        help = '`effort` says how much a model of `openai` thinks; `thinking: "off"` lets it answer at once'
        checked.problems.add(
            "no-thinking", unit.span(attribute.key), help=help, reason=f"model `{model}` takes no number of tokens"
        )
    elif not _can(node, "thinking") and not (is_off and provider == "openai" and _can(node, "effort")):
        checked.problems.add(
            "no-thinking", unit.span(attribute.key), reason=f"the capabilities of model `{model}` do not have it"
        )
    elif isinstance(value, nodes.Literal) and type(value.value) is int:
        most = given["max_tokens"].value if "max_tokens" in given else None
        bound = MOST_TOKENS if most is None else most.value if isinstance(most, nodes.Literal) else None
        if type(bound) is int and value.value >= bound:
            wanted = f"less than `max_tokens`, which is {bound:,}: thoughts are part of the answer"
            checked.problems.add("out-of-range", unit.span(value), name="thinking", wanted=wanted)


def _samples(node: nodes.Model) -> bool:
    return _can(node, "sampling")


def _can(node: nodes.Model, capability: str) -> bool:
    """Return whether a model has a capability, by its declaration or its provider."""
    found = {a.key.id: a for a in node.attributes}
    if "capabilities" not in found:
        return capability in USUAL.get(node.provider.id, (capability,))
    return any(isinstance(i, nodes.Text) and i.value == capability for i in _items(found.get("capabilities")))


def _no_sampling(checked: Checked, unit: Unit, attribute: nodes.Attribute, node: nodes.Model) -> None:
    edits = removal(unit.source, attribute.start, attribute.end)
    checked.problems.add(
        "no-sampling", unit.span(attribute.key), edits=edits, name=attribute.key.id, model=node.name.id
    )
