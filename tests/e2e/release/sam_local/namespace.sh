#!/bin/sh
# Starts Debian's container engine as process 1 of new namespaces: `unshare --net --mount --pid --fork …`. Nothing of the
# system changes, and nothing stays: the kernel ends all processes with this one, and takes back the mounts.
#
# namespace.sh ENGINE CHECKOUT GROUP: the folder of debian_docker.py, the checkout, and a name for the control group of
# the containers. It ends when its standard input does.
set -eu
engine=$1 checkout=$2 group=$3

busybox ip link set lo up
mount -t tmpfs tmpfs /run
# What is written there is written to memory. The engine writes its key to /etc, its containerd makes a folder in /opt,
# and the documents' commands write to the checkout.
for folder in /etc /opt "$checkout"; do
    mkdir -p "/run/over$folder" "/run/work$folder"
    mount -t overlay overlay -o "lowerdir=$folder,upperdir=/run/over$folder,workdir=/run/work$folder" "$folder"
done
# What the user has made with the same commands, or says about a real account.
rm -rf "$checkout/.aws-sam" "$checkout/env.json" "$checkout/samconfig.toml"

# The namespace has no way out, so the engine needs no rules for packets. Containers are reached through docker-proxy.
dockerd --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false \
    --userland-proxy-path "$engine/usr/sbin/docker-proxy" \
    --data-root /run/docker-data --exec-root /run/docker-exec --cgroup-parent "/$group" &

# `cat` waits for the end of the tests, however they end.
cat >/dev/null
