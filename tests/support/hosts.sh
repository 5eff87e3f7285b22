# shellcheck shell=bash
# Several hosts on this machine: each has a network, a name, processes and a /dev/shm of its own, and a cable to a bridge.
# With one name and one /dev/shm for all, Open MPI's files of different hosts would collide. Needs root. Sourced by
# tests/faults/hosts.sh and bench/hosts/run, which have a folder of their own, $work, and call hosts_end in the end.
#
# Sets net: host N has the address $net.N, this machine $net.254.
# shellcheck disable=SC2154,SC2034

# Sets why if there can be none.
can_have_hosts() {
    local tool
    why=
    for tool in ip nsenter unshare pgrep "$@"; do
        command -v "$tool" >/dev/null || why="needs $tool"
    done
    if [[ $(id -u) != 0 ]]; then
        why='needs root'
    elif [[ -z $why ]] && ! unshare --net ip link add br0 type bridge 2>/dev/null; then
        why='needs network namespaces and bridges'
    fi
    [[ -z $why ]]
}

host_cables=()

# COUNT [RATE [BURST]]: hosts 1 to COUNT. RATE (as tc takes it: 1gbit) is that of each cable, both ways.
hosts_begin() {
    local n
    host_count=$1 host_rate=${2-} host_burst=${3:-512kb}
    net=10.$((BASHPID / 250 % 250)).$((BASHPID % 250)) host_prefix=ls$((BASHPID % 100000))
    host_bridge=${host_prefix}br
    # What reaches a host as ssh would: the name of a host, a command line.
    export HOSTS_FOLDER=$work/hosts LOCKSTEP_RSH=$root/tests/support/host_agent
    mkdir "$HOSTS_FOLDER"
    ip link add "$host_bridge" type bridge
    ip addr add "$net.254/24" dev "$host_bridge"
    ip link set "$host_bridge" up
    for ((n = 1; n <= host_count; n++)); do
        host_up "$n"
    done
    export {OMPI,PRTE}_MCA_oob_tcp_if_include=$net.0/24 OMPI_MCA_btl_tcp_if_include=$net.0/24
    export OMPI_MCA_plm_rsh_agent=$LOCKSTEP_RSH PRTE_MCA_plm_ssh_agent=$LOCKSTEP_RSH
    export {OMPI_MCA_plm_rsh,PRTE_MCA_plm_ssh}_no_tree_spawn=1
}

# N: makes host N, or gives it power again.
host_up() {
    ip netns add "$host_prefix-$1"
    ip link add "${host_prefix}v$1" type veth peer name e0 netns "$host_prefix-$1"
    ip link set "${host_prefix}v$1" master "$host_bridge" up
    ip -n "$host_prefix-$1" addr add "$net.$1/24" dev e0
    ip -n "$host_prefix-$1" link set e0 up
    ip -n "$host_prefix-$1" link set lo up
    if [[ -n $host_rate ]]; then
        tc -n "$host_prefix-$1" qdisc add dev e0 root tbf rate "$host_rate" burst "$host_burst" latency 100ms
        tc qdisc add dev "${host_prefix}v$1" root tbf rate "$host_rate" burst "$host_burst" latency 100ms
    fi
    # Its first process keeps the namespaces and buries the dead.
    # shellcheck disable=SC2016
    ip netns exec "$host_prefix-$1" unshare --uts --mount --pid --fork --kill-child --mount-proc \
        sh -c 'hostname "$1"; mount -t tmpfs tmpfs /dev/shm; while :; do sleep 1 & wait; done' sh "host$1" \
        </dev/null >/dev/null 2>&1 &
    disown
    until pgrep -P $! >"$HOSTS_FOLDER/$net.$1"; do
        sleep 0.05
    done
}

host_down() {
    [[ ! -e $HOSTS_FOLDER/$net.$1 ]] || kill -KILL "$(<"$HOSTS_FOLDER/$net.$1")" 2>/dev/null || true
    rm -f "$HOSTS_FOLDER/$net.$1"
    ip netns del "$host_prefix-$1" 2>/dev/null || true
    ip link del "${host_prefix}v$1" 2>/dev/null || true
}

# N up|down
host_cable() {
    ip link set "${host_prefix}v$1" "$2"
}

# N PROGRAM DELAY_MS LOSS_PERCENT: another cable, which tests/faults/cable.c makes; it ends with the host, or hosts_end.
host_bad_cable() {
    local space=${host_prefix}-$1
    ip link del "${host_prefix}v$1"
    "$2" "${host_prefix}v$1" "/run/netns/$space" e0 "$3" "$4" >"$work/cable.$1" </dev/null 2>&1 &
    host_cables+=($!)
    disown
    until grep -qx up "$work/cable.$1"; do
        kill -0 $! || return 1
        sleep 0.05
    done
    ip link set "${host_prefix}v$1" master "$host_bridge" up
    ip -n "$space" addr add "$net.$1/24" dev e0
    ip -n "$space" link set e0 up
}

# N COMMAND WORD...: on host N.
on_host() {
    local n=$1
    shift
    "$LOCKSTEP_RSH" "$net.$n" "$(printf '%q ' "$@")"
}

# N: bytes that host N has sent, with the headers of every frame.
host_sent() {
    tc -s -n "$host_prefix-$1" qdisc show dev e0 | sed -n 's/^ Sent \([0-9]*\) bytes.*/\1/p'
}

hosts_end() {
    local n
    ((${#host_cables[@]} == 0)) || kill "${host_cables[@]}" 2>/dev/null || true
    for ((n = 1; n <= ${host_count:-0}; n++)); do
        host_down "$n"
    done
    [[ -z ${host_bridge-} ]] || ip link del "$host_bridge" 2>/dev/null || true
}
