#!/bin/sh
# ./rollback.sh [TAG]
cd "$(dirname "$0")" && exec ./deployctl rollback "$@"
