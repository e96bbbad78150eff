#!/usr/bin/env bash
# Stands in for the program wrangler in tests: wrangler.sh <port> <wrangler's arguments>. What it does is in wrangler.mjs.
set -euo pipefail
port=$1
shift
exec 3<>"/dev/tcp/127.0.0.1/$port"
{
  printf '%s\n' "$#" "$@" "${WRANGLER_OUTPUT_FILE_PATH-}"
  if [[ "$*" =~ ^(versions )?secret\ bulk ]]; then cat; fi
  printf '\004'
} >&3
read -r status <&3
if [[ $status == 0 ]]; then cat <&3; else cat <&3 >&2; fi
exit "$status"
