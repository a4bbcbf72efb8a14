# Carries out what the inputs ask for, and writes the outputs of the action (action.yml). It ends as chatbench does.
set -uo pipefail

refuse() {
    local text="${1//'%'/%25}"
    echo "::error title=chatbench::${text//$'\n'/%0A}" >&2
    echo "exit-code=104" >>"$GITHUB_OUTPUT"
    exit 104
}

# Words as a shell takes them apart, without its variables and substitutions: what they hold may be anybody's text.
words=()
if [ -n "${INPUT_ARGS:-}" ]; then
    split='import shlex, sys; sys.stdout.write("".join(word + "\0" for word in shlex.split(sys.argv[1], comments=True)))'
    taken_apart=$(mktemp "$RUNNER_TEMP/chatbench-args-XXXXXX")
    python3 -c "$split" "$INPUT_ARGS" >"$taken_apart" 2>/dev/null || refuse "args: expected words as for a shell, got an open quotation"
    mapfile -t -d '' words <"$taken_apart"
fi

budgets=()
while IFS= read -r line; do
    line="${line#"${line%%[![:space:]]*}"}"
    [ -z "$line" ] || budgets+=(--budget "$line")
done <<<"${INPUT_BUDGETS:-}"

mode="${INPUT_MODE:-run}"
directory=$(mktemp -d "$RUNNER_TEMP/chatbench-$mode-XXXXXX")
case "$mode" in
run)
    document=result.json
    chatbench run --out "$directory" "${budgets[@]}" "${words[@]}" -- "${INPUT_SCENARIO:-smoke}"
    ;;
ab)
    document=ab.json
    sides=()
    [ -z "${INPUT_BASE:-}" ] || sides+=(--base "$INPUT_BASE")
    [ -z "${INPUT_HEAD:-}" ] || sides+=(--head "$INPUT_HEAD")
    [ -z "${INPUT_PAIRS:-}" ] || sides+=(--pairs "$INPUT_PAIRS")
    chatbench ab --out "$directory" "${sides[@]}" "${budgets[@]}" "${words[@]}" -- "${INPUT_SCENARIO:-smoke}"
    ;;
compare)
    document=compare.json
    files=(--html "$directory/compare.html" --markdown "$directory/summary.md" --junit "$directory/junit.xml")
    chatbench compare --json "${files[@]}" "${words[@]}" -- "${INPUT_BASE:-}" "${INPUT_HEAD:-}" >"$directory/$document"
    ;;
*)
    refuse "mode: expected run, ab or compare, got $mode"
    ;;
esac
code=$?
[ "$mode" != run ] || [ ! -e "$directory/sweep.json" ] || document=sweep.json
[ "$mode" != compare ] || [ ! -e "$directory/summary.md" ] || cat "$directory/summary.md"

read_document='
import json, sys
document = json.load(open(sys.argv[1], encoding="utf-8"))
if "compare" in document:
    verdict = document["compare"]["verdict"]
    p99_ms = next((row["new_ms"] for row in document["times"] if row["metric"] == "delivery_time p99"), None)
elif "sweep" in document:
    verdict = {0: "pass", 97: "invalid", 99: "fail"}.get(document["sweep"]["exit_code"], "")
    p99_ms = None
else:
    verdict = document["verdict"] or ""
    p99_ms = (document["metrics"].get("delivery_time") or {}).get("p99")
print(f"verdict={verdict}")
print("p99_ms=" if p99_ms is None else f"p99_ms={p99_ms:.3f}")
'
echo "exit-code=$code" >>"$GITHUB_OUTPUT"
if [ -s "$directory/$document" ]; then
    python3 -c "$read_document" "$directory/$document" >>"$GITHUB_OUTPUT"
    echo "run-directory=$directory" >>"$GITHUB_OUTPUT"
fi
exit "$code"
