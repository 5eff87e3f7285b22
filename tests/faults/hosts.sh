#!/usr/bin/env bash
# Several hosts on this machine (tests/support/hosts.sh). First, two ranks on each of two hosts add up by every algorithm, to
# the same bits. Then, while lockstep-run trains on three of them, a cable is cut, a host loses its power, its daemon or a rank
# is killed, a rank is stopped; the run goes on with the hosts that are left, takes those that are back, and ends with the
# files of the run that nothing happened to.
#
# ROUNDS=N: how many runs (default 2; the target check_faults does 30); the first ones have one kind of fault each, in the order
# of `kinds`. Needs root, network namespaces and a bridge.
# shellcheck source-path=SCRIPTDIR source=../support/lib.sh source=../support/hosts.sh
TMPDIR=${TMPDIR:-/tmp} source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"

source "$root/tests/support/hosts.sh"
if ! can_have_hosts; then
    say "SKIPPED: $why"
    exit 77
fi

export LOCKSTEP=$lockstep
rounds=${ROUNDS:-2}
seed=${LS_SEED:-$RANDOM}
RANDOM=$seed
say "LS_SEED=$seed ROUNDS=$rounds"

trap 'code=$?; set +e; hosts_end; (exit $code); clean_up' EXIT
hosts_begin 3
unset OMPI_MCA_btl OMPI_MCA_btl_vader_backing_directory OMPI_MCA_odls_base_sigkill_timeout # tests of one machine have these

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
processes_on() {
    on_host "$1" pgrep "$2" 2>/dev/null
}

kinds=(cable rank power daemon stop)
fault() {
    local n=$2
    case $1 in
    cable) host_cable "$n" down ;;
    power) host_down "$n" ;;
    daemon) on_host "$n" pkill -KILL 'orted|prted' || true ;;
    rank) on_host "$n" pkill -KILL -x lockstep || true ;;
    stop) on_host "$n" pkill -STOP -x lockstep || true ;;
    esac
}

mend() {
    case $1 in
    cable) host_cable "$2" up ;;
    power) host_up "$2" ;;
    stop) on_host "$2" pkill -CONT -x lockstep || true ;;
    esac
}

is_on() {
    [[ -n $(processes_on "$1" lockstep) ]]
}

# A network that leads nowhere, as those of containers and of management do, and Open MPI is told to take it.
other=172.30.$((RANDOM % 256))
for n in 1 2; do
    ip link add "${host_prefix}d$n" type veth peer name d0 netns "$host_prefix-$n"
    ip link set "${host_prefix}d$n" up
    ip -n "$host_prefix-$n" addr add "$other.$n/24" dev d0
    ip -n "$host_prefix-$n" link set d0 up
    ip -n "$host_prefix-$n" neigh add "$other.$((3 - n))" lladdr 02:00:00:00:00:01 dev d0
done
OMPI_MCA_btl_tcp_if_include=$other.0/24 start_command mpirun --host "$net.1:2,$net.2:2" "$lockstep" doctor
await
((status == 1)) || fail "doctor over a network that leads nowhere: exit status $status instead of 1"
expect_message 'rank 0 on host1 got no message from rank 3 on host2' "btl_tcp_if_include $net.0/24"
for n in 1 2; do
    ip -n "$host_prefix-$n" link del d0
done
start_command mpirun --host "$net.1:2,$net.2:2" "$lockstep" doctor
await
((status == 0)) || fail "doctor over two hosts: exit status $status instead of 0"
grep -q '^   host  *host2: 2 ranks' "$work/out" || fail 'doctor does not see host2'
say 'doctor names the hosts that no message joins, and the network that would'

train 1 "$work/short" "$work/experiment.yaml" --set fit.epochs=1
for algorithm in ring halving hierarchical; do
    start_command mpirun --host "$net.1:2,$net.2:2" "$lockstep" train "$work/experiment.yaml" --output "$work/run" \
        --overwrite --set fit.epochs=1 --set distributed.allreduce=$algorithm
    await
    ((status == 0)) || fail "$algorithm over two hosts: exit status $status instead of 0"
    fingerprint >"$work/run/fingerprint.txt"
    same_run "$work/short" "$work/run" "$algorithm over two hosts of two ranks"
done
say 'two hosts of two ranks: the same files by ring, halving and hierarchical'

train 1 "$work/whole" "$work/experiment.yaml"

# DELAY_MS LOSS_PERCENT: a run over a cable that is slow and loses frames is the same, and needs nobody's help; so is one
# whose cable is out for less than the timeout.
bad_cable() {
    host_bad_cable 2 "$(dirname "$lockstep")/tests/cable" "$1" "$2" || fail "no cable: $(<"$work/cable.2")"
    rm -rf "$work/run"
    start_command "$root/launch/lockstep-run" --hosts "$net.1:1,$net.2:1,$net.3:1" --check 5 -- train "$work/experiment.yaml" \
        --output "$work/run" --set fit.epochs=1 --set distributed.timeout=60
    wait_until test -e "$work/run/checkpoint.h5"
    host_cable 2 down
    sleep 3
    host_cable 2 up
    begun=$SECONDS
    await
    ((status == 0)) || fail "$1 ms, $2 % lost: exit status $status instead of 0"
    fingerprint >"$work/run/fingerprint.txt"
    same_run "$work/short" "$work/run" "$1 ms, $2 % lost"
    ! grep -q 'starting again' "$work/err" || fail "$1 ms, $2 % lost: it started again"
    say "a cable with $1 ms that loses $2 %, and is out for 3 s: the same files, $((SECONDS - begun)) s after that"
    host_down 2
    host_up 2
}
if ((rounds > 2)) && [[ -x $(dirname "$lockstep")/tests/cable && -c /dev/net/tun ]]; then
    bad_cable 200 10
fi

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
    host_cable $n up
    ((status == 0)) || fail "$kind of host $n (LS_SEED=$seed): exit status $status instead of 0"
    fingerprint >"$work/run/fingerprint.txt"
    same_run "$work/whole" "$work/run" "$kind of host $n (LS_SEED=$seed)"
    say "$kind of host $n: noticed after $noticed s; $(grep -c 'starting again' "$work/err") restarts, the same files"
    sed -n 's/^lockstep-run: /   /p' "$work/err"
    for i in 1 2 3; do
        # A daemon that was cut off learns of it in its own time (oob_tcp_keepalive), and then takes its job away.
        for ((k = 0; k < 300; k++)); do
            [[ -n $(processes_on $i 'lockstep|orted|prted')$(on_host $i ls /dev/shm) ]] || break
            sleep 0.1
        done
        [[ -z $(processes_on $i 'lockstep|orted|prted') ]] || fail "host $i: processes are left"
        [[ -z $(on_host $i ls /dev/shm) ]] || fail "host $i: shared memory is left: $(on_host $i ls /dev/shm)"
    done
    [[ -z $(find /tmp -maxdepth 1 -name "lockstep-run.*.$job.*") ]] || fail 'session folders are left'
done
say 'all the same'
