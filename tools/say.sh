# say.sh - sourced by the scripts: how they speak. step: what begins; note: a detail; die: why it ended.
# shellcheck shell=bash
step() { printf '\n== %s\n' "$*" >&2; }
note() { printf '   %s\n' "$*" >&2; }
die() {
  printf '\n!! %s\n' "$1" >&2
  shift
  local line
  for line in "$@"; do printf '   %s\n' "$line" >&2; done
  exit 1
}

# quietly LOG COMMAND…: the command's output goes to LOG; when it fails, the last lines of LOG are shown.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 && return
  local code=$?
  tail -n 25 "$log" >&2
  note "(all of it: $log)"
  return "$code"
}
