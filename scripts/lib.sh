# shellcheck shell=bash
# What the scripts share. Sourced, not run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
state=${DEPLOYCTL_DEV_STATE:-${XDG_CACHE_HOME:-$HOME/.cache}/deployctl-dev}
# shellcheck disable=SC2034
registry=127.0.0.1:5000
mkdir -p "$state"

say() { echo "${0##*/}: $*"; }
die() { echo "${0##*/}: $*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# need COMMAND PACKAGE: installs Debian's package unless the command is there.
need() {
    command -v "$1" >/dev/null && return
    command -v apt-get >/dev/null || die "$1 is missing, and this is no Debian: install $2"
    say "installing $2"
    if [ ! -e "$state/apt-updated" ]; then
        as_root apt-get update -qq || die "apt-get update failed"
        touch "$state/apt-updated"
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >"$state/apt.log" 2>&1 \
        || die "cannot install $2: see $state/apt.log"
}

# until_true SECONDS WHAT COMMAND...: polls until the command succeeds.
until_true() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || die "$what: no answer in time"
        read -rt 0.1 <> <(:) || true
    done
}
