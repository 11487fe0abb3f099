#!/bin/sh
# Writes a recipe as YAML; when it is sent back, with what was missing.
asked=$(cat)
case "$asked" in
*additional_context*) salt='\n  - salt' ; what="with salt" ;;
*) salt='' ; what="a first draft" ;;
esac
printf '{"artefact_type": "RecipeYAML", "artefact_payload": "name: bolognese\\nsteps:\\n  - chop\\n  - simmer%s\\n", "summary": "%s"}\n' "$salt" "$what"
