#!/bin/sh
# Sets a recipe in Markdown.
cat >/dev/null
printf '{"artefact_type": "RecipeMarkdown", "artefact_payload": "# Bolognese\\n\\n1. Chop\\n2. Simmer\\n3. Salt\\n"}\n'
