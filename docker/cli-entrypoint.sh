#!/bin/sh
# Accepts both `docker run IMAGE run ...` and `docker run IMAGE stablecog-archive run ...`.
set -eu
if [ "${1:-}" = stablecog-archive ]; then
    shift
fi
exec stablecog-archive "$@"
