#!/usr/bin/env bash
# Stands in for the command: keeps its arguments, one a NUL, and leaves a document where a run would.
printf '%s\0' "$@" >"$FAKE_ARGUMENTS"
case "$1" in
run) echo '{"verdict": "fail", "metrics": {"delivery_time": {"p99": 12.3456}}}' >"$3/result.json" ;;
ab) echo '{"compare": {"verdict": "worse"}, "times": [{"metric": "delivery_time p99", "new_ms": 7.5}]}' >"$3/ab.json" ;;
compare) echo '{"compare": {"verdict": "cannot tell"}, "times": []}' && echo "**Cannot tell**" >"$6" ;;
esac
exit "${FAKE_CODE:-0}"
