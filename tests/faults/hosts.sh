#!/usr/bin/env bash
# Several hosts on this machine: each has a network, a name, processes and a /dev/shm of its own, and a cable to a bridge.
# While lockstep-run trains on them a cable is cut, a host loses its power, its daemon or a rank is killed, a rank is stopped;
# the run goes on with the hosts that are left, takes those that are back, and ends with the files of the run that nothing
# happened to.
#
# ROUNDS=N: how many runs (default 2; the target check_faults does 30); the first ones have one kind of fault each, in the order
# of `kinds`. Needs root, network namespaces and a bridge.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh
TMPDIR=${TMPDIR:-/tmp} source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

for tool in ip nsenter unshare; do
    command -v $tool >/dev/null || missing=$tool
done
if [[ $(id -u) != 0 || -n ${missing-} ]] || ! unshare --net ip link add br0 type bridge 2>/dev/null; then
    say 'SKIPPED: needs root, ip, nsenter, unshare, network namespaces and bridges'
    exit 77
fi

export HOSTS_FOLDER=$work/hosts LOCKSTEP=$lockstep LOCKSTEP_RSH=$root/tests/faults/agent
mkdir "$HOSTS_FOLDER"
net=10.$((BASHPID / 250 % 250)).$((BASHPID % 250)) prefix=ls$((BASHPID % 100000))
bridge=${prefix}br
rounds=${ROUNDS:-2}
seed=${LS_SEED:-$RANDOM}
RANDOM=$seed
say "LS_SEED=$seed ROUNDS=$rounds"

# N: makes host N, or gives it power again.
host_up() {
    ip netns add "$prefix-$1"
    ip link add "${prefix}v$1" type veth peer name e0 netns "$prefix-$1"
    ip link set "${prefix}v$1" master "$bridge" up
    ip -n "$prefix-$1" addr add "$net.$1/24" dev e0
    ip -n "$prefix-$1" link set e0 up
    ip -n "$prefix-$1" link set lo up
    # Its first process keeps the namespaces and buries the dead.
    # shellcheck disable=SC2016
    ip netns exec "$prefix-$1" unshare --uts --mount --pid --fork --kill-child --mount-proc \
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
    ip netns del "$prefix-$1" 2>/dev/null || true
    ip link del "${prefix}v$1" 2>/dev/null || true
}

cable() {
    ip link set "${prefix}v$1" "$2"
}

take_down() {
    local n
    for n in 1 2 3; do
        host_down $n
    done
    ip link del "$bridge" 2>/dev/null || true
}
trap 'code=$?; set +e; take_down; (exit $code); clean_up' EXIT

ip link add "$bridge" type bridge
ip addr add "$net.254/24" dev "$bridge"
ip link set "$bridge" up
for n in 1 2 3; do
    host_up $n
done
unset OMPI_MCA_btl # tests have no network, as a rule
export OMPI_MCA_plm_rsh_no_tree_spawn=1 OMPI_MCA_oob_tcp_if_include=$net.0/24 OMPI_MCA_btl_tcp_if_include=$net.0/24

cat >"$work/experiment.yaml" <<EOF
seed: 9
data: {file: $fashion_mnist, train: {x: /train/x, y: /train/y, rows: [0, 1000]}}
model:
  - flatten: {}
  - dense: {units: 32, activation: relu}
  - batch_normalization: {}
  - dense: {units: 10, activation: softmax}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy}
fit: {epochs: ${EPOCHS:-24}, batch_size: 20, microbatch: 5, checkpoint_every: 3, checkpoint_seconds: 0}
distributed: {timeout: 5}
EOF

# Processes of this job on host N whose names match.
on_host() {
    "$LOCKSTEP_RSH" "$net.$1" "pgrep '$2'" 2>/dev/null
}

kinds=(cable rank power daemon stop)
fault() {
    local n=$2
    case $1 in
    cable) cable "$n" down ;;
    power) host_down "$n" ;;
    daemon) "$LOCKSTEP_RSH" "$net.$n" 'pkill -KILL orted; pkill -KILL prted' || true ;;
    rank) "$LOCKSTEP_RSH" "$net.$n" 'pkill -KILL -x lockstep' || true ;;
    stop) "$LOCKSTEP_RSH" "$net.$n" 'pkill -STOP -x lockstep' || true ;;
    esac
}

mend() {
    case $1 in
    cable) cable "$2" up ;;
    power) host_up "$2" ;;
    stop) "$LOCKSTEP_RSH" "$net.$2" 'pkill -CONT -x lockstep' || true ;;
    esac
}

is_on() {
    [[ -n $(on_host "$1" lockstep) ]]
}

train 1 "$work/whole" "$work/experiment.yaml"
for ((round = 0; round < rounds; round++)); do
    kind=${kinds[round % ${#kinds[@]}]} n=$((RANDOM % 3 + 1))
    rm -rf "$work/run"
    start_command "$root/launch/lockstep-run" --hosts "$net.1:1,$net.2:2,$net.3:1" --check 1 --max-restarts 8 -- \
        train "$work/experiment.yaml" --output "$work/run" --verbose 2
    wait_until test -e "$work/run/checkpoint.h5"
    wait_until is_on $n
    fault "$kind" $n
    begun=$SECONDS
    wait_until grep -q 'starting again' "$work/err"
    noticed=$((SECONDS - begun))
    ((noticed <= 40)) || fail "$kind of host $n: noticed after $noticed s only"
    sleep $((RANDOM % 5))
    has_ended || mend "$kind" $n
    await
    [[ $kind != power || -e $HOSTS_FOLDER/$net.$n ]] || host_up $n
    cable $n up
    ((status == 0)) || fail "$kind of host $n (LS_SEED=$seed): exit status $status instead of 0"
    fingerprint >"$work/run/fingerprint.txt"
    same_run "$work/whole" "$work/run" "$kind of host $n (LS_SEED=$seed)"
    say "$kind of host $n: noticed after $noticed s; $(grep -c 'starting again' "$work/err") restarts, the same files"
    sed -n 's/^lockstep-run: /   /p' "$work/err"
    for i in 1 2 3; do
        [[ -z $(on_host $i 'lockstep|orted|prted') ]] || fail "host $i: processes are left"
        [[ -z $("$LOCKSTEP_RSH" "$net.$i" 'ls /dev/shm') ]] || fail "host $i: shared memory is left"
    done
    [[ -z $(find /tmp -maxdepth 1 -name "lockstep-run.*.$job.*") ]] || fail 'session folders are left'
done
say 'all the same'
