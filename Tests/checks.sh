# For scripts that check one thing after another: `check` each, and at the end `report`.
export LC_ALL=C
checks=0 failures=0
suite=$(basename "$(dirname "$0")")

# check WHAT COMMAND...: count it, and say what is wrong when the command fails.
check() {
  local what=$1
  shift
  checks=$((checks + 1))
  "$@" || { echo "$suite: wrong: $what"; failures=$((failures + 1)); }
}

# same A B: show how they differ, when they do.
same() { diff <(echo "$1") <(echo "$2"); }

report() {
  echo "$suite: $((checks - failures)) of $checks checks passed"
  [ "$failures" = 0 ]
}
