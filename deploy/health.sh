#!/bin/bash
# Asks a port of this machine for a path: 0 where the answer is 200. With bash alone, because the image has no other program that could.
#   health.sh PORT PATH
set -u
exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
read -r -t 2 _ status _ <&3 && [ "$status" = 200 ]
