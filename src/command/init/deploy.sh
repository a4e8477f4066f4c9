#!/bin/sh
# ./deploy.sh sha-abc123
cd "$(dirname "$0")" && exec ./deployctl deploy "$@"
