#!/bin/sh
# Lets a recipe pass if it has salt in it.
case "$(cat)" in
*'- salt'*) printf '{"artefact_type": "Review", "artefact_payload": {}, "summary": "fine"}\n' ;;
*) printf '{"artefact_type": "Review", "artefact_payload": {"missing": "salt"}, "summary": "there is no salt"}\n' ;;
esac
