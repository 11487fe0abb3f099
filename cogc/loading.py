"""A spec, or a program that `cogc build` has written, to a bundle."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from cogc import built, ir
from cogc.analysis.checked import Options
from cogc.compile import analyse, program
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span
from cogc.disk.files import main_spec, read, read_whole
from cogc.language.attributes import PROVIDERS
from cogc.names.catalogue import Catalogue


def bundle_of(
    path: str, root: str | None, allowed: frozenset[str], problems: Problems, served: bool = False
) -> ir.Bundle | None:
    """Return the program of a spec, or one that `cogc build` has written. Return None, with problems, if there is
    none. One that is served may have nothing but exports."""
    path = main_spec(path)
    if path.endswith(".json"):
        try:
            return built.decode(read_whole(path))
        except (OSError, ValueError) as error:
            reason = str(error.strerror).lower() if isinstance(error, OSError) else str(error)
            slug = "unreadable-file" if isinstance(error, OSError) else "bad-build"
            problems.add(slug, Span(Source(path, ""), 0, 0), path=path, reason=reason)
            return None
    checked = analyse([path], read, problems, Options(allowed))
    return None if problems.errors else program(checked, root, served)


def with_models(bundle: ir.Bundle, given: Iterable[tuple[str, str]]) -> ir.Bundle:
    """Return a program in which other models stand for some of its models, each as `PROVIDER:WHAT`.

    Raise ValueError for an unknown provider, and KeyError with the text for a model that the program does not have.
    """
    models = dict(bundle.models)
    for name, other in given:
        provider, _, what = other.partition(":")
        if provider not in PROVIDERS or not what:
            raise ValueError(f"write NAME=PROVIDER:WHAT; a provider is {' or '.join(PROVIDERS)}")
        known = [k for k, m in models.items() if m.name == name]
        if not known:
            names = ", ".join(f"`{n}`" for n in sorted(m.name for m in models.values()))
            raise KeyError(f"the program has no model `{name}`; it has {names or 'none'}")
        found = Catalogue(read).price(provider, what)
        for key in known:
            price = models[key].price if provider == "scripted" else found  # a rehearsal costs what the model would
            same = models[key].attributes if models[key].provider == provider else {}
            models[key] = replace(
                models[key], provider=provider, argument=what, folder="", attributes=same, price=price
            )
    return replace(bundle, models=models)
