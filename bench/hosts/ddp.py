#!/usr/bin/env python3
"""PyTorch's side of bench/hosts/run: DistributedDataParallel over gloo, one process of one thread for each rank.

    ddp.py RANK RANKS ADDRESS:PORT LAYERS BATCH SAMPLES DATA.h5

LAYERS: "784,512,10", with relu between them. Rank 0 answers each line on standard input with the seconds that one epoch
took on the slowest rank. BATCH is that of all ranks together, and data are float32 in memory before the clock starts, as
in bench/peers/peer.py.
"""
import os
import sys
import time

rank, ranks, address, layers, batch, samples, file = sys.argv[1:]
rank, ranks, batch, samples = int(rank), int(ranks), int(batch), int(samples)
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["GLOO_SOCKET_IFNAME"] = "e0"

import h5py  # noqa: E402
import torch  # noqa: E402
import torch.distributed as dist  # noqa: E402
from torch import nn  # noqa: E402

torch.set_num_threads(1)
torch.manual_seed(42)
with h5py.File(file) as data:
    x = torch.from_numpy(data["train/x"][:samples].reshape(samples, -1).astype("float32") / 255)
    y = torch.from_numpy(data["train/y"][:samples].astype("int64").reshape(-1))
dist.init_process_group("gloo", init_method="tcp://" + address, rank=rank, world_size=ranks)
units = [int(word) for word in layers.split(",")]
body = []
for i in range(len(units) - 1):
    body += [nn.Linear(units[i], units[i + 1])] + ([nn.ReLU()] if i + 2 < len(units) else [])
model = nn.parallel.DistributedDataParallel(nn.Sequential(*body), gradient_as_bucket_view=True)
optimizer = torch.optim.RMSprop(model.parameters(), lr=0.001, alpha=0.9, eps=1e-7)
loss_of = nn.CrossEntropyLoss()
own = batch // ranks


def train():
    order = torch.randperm(samples, generator=torch.Generator().manual_seed(7))
    correct = torch.zeros((), dtype=torch.long)
    for at in range(0, samples, batch):
        chosen = order[at + rank * own:at + (rank + 1) * own]
        target = y[chosen]
        output = model(x[chosen])
        loss = loss_of(output, target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        correct += (output.detach().argmax(1) == target).sum()


go = torch.zeros(1)
if rank == 0:
    print("PyTorch " + torch.__version__, flush=True)
while True:
    if rank == 0:
        go[0] = bool(sys.stdin.readline())
    dist.broadcast(go, 0)
    if go[0] == 0:
        break
    begun = time.perf_counter()
    train()
    spent = torch.tensor([time.perf_counter() - begun], dtype=torch.float64)
    dist.all_reduce(spent, dist.ReduceOp.MAX)
    if rank == 0:
        print(f"{float(spent):.6f}", flush=True)
dist.destroy_process_group()
