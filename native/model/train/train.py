"""Trains the default model on the output of prepare.py, with checkpoints that a later run resumes from.

Usage: train.py --data DIR --out DIR --minutes M [--threads N]
The learning rate follows wall time, not steps, so a run ends well whatever the machine gives. Matrices use Muon (momentum made orthogonal by
five Newton-Schulz steps), everything else AdamW. Expert load is balanced without an auxiliary loss: after each step the bias of each expert
moves by the sign of its load error.
"""
import argparse, json, math, os, time

import numpy as np
import torch
import torch.nn.functional as F

from model import Model, Shape


def orthogonal(g):
    """Newton-Schulz iteration to the nearest semi-orthogonal matrix; batched over leading dimensions."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (g.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    flip = x.shape[-2] > x.shape[-1]
    x = x.mT if flip else x
    for _ in range(5):
        s = x @ x.mT
        x = a * x + (b * s + c * s @ s) @ x
    return x.mT if flip else x


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, dict(lr=lr, momentum=0.95))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                m = state.setdefault("m", torch.zeros_like(p))
                m.mul_(group["momentum"]).add_(p.grad)
                update = orthogonal(p.grad.add(m, alpha=group["momentum"]))
                p.mul_(1 - group["lr"] * 0.01)
                p.add_(update, alpha=-group["lr"] * max(1, p.shape[-2] / p.shape[-1]) ** 0.5)


def perplexity(model, data, length, limit):
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for start in range(0, min(len(data) - length - 1, limit), length * 8):
            rows = [data[start + i * length : start + (i + 1) * length + 1] for i in range(8)]
            rows = torch.from_numpy(np.stack([r for r in rows if len(r) == length + 1]).astype(np.int64))
            loss = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten(), reduction="sum")
            total, count = total + loss.item(), count + rows[:, 1:].numel()
    model.train()
    return math.exp(total / count), count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=80)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--length", type=int, default=256)
    args = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(args.threads)
    os.makedirs(args.out, exist_ok=True)
    data = np.fromfile(os.path.join(args.data, "train.bin"), dtype=np.uint16)
    heldout = np.fromfile(os.path.join(args.data, "heldout.bin"), dtype=np.uint16)
    model = Model(Shape())
    matrices = [p for n, p in model.named_parameters() if p.ndim >= 2 and "embedding" not in n and n != "head" and "router" not in n]
    others = [p for p in model.parameters() if not any(p is m for m in matrices)]
    optimizers = [Muon(matrices, lr=0.02), torch.optim.AdamW(others, lr=0.003, betas=(0.9, 0.95), weight_decay=0.0)]
    base = [0.02, 0.003]
    step, elapsed = 0, 0.0
    checkpoint = os.path.join(args.out, "checkpoint.pt")
    if os.path.exists(checkpoint):
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        for optimizer, state in zip(optimizers, saved["optimizers"]):
            optimizer.load_state_dict(state)
        step, elapsed = saved["step"], saved["elapsed"]
    rng = np.random.default_rng(11 + step)
    loads = torch.zeros(len(model.experts()), model.s.experts)
    log = open(os.path.join(args.out, "log.jsonl"), "a")
    last_save = last = time.time()
    while elapsed < args.minutes * 60:
        part = elapsed / (args.minutes * 60)
        scale = min(1, (step + 1) / 30) * (1 if part < 0.5 else max(0.02, (1 - part) / 0.5))
        for optimizer, lr in zip(optimizers, base):
            optimizer.param_groups[0]["lr"] = lr * scale
        starts = rng.integers(0, len(data) - args.length - 1, args.batch)
        rows = torch.from_numpy(np.stack([data[s : s + args.length + 1] for s in starts]).astype(np.int64))
        loss = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(others, 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        for i, experts in enumerate(model.experts()):
            experts.bias += 0.001 * scale * torch.sign(experts.load.mean() - experts.load)
            loads[i] = 0.99 * loads[i] + 0.01 * experts.load / experts.load.sum()
        step += 1
        now = time.time()
        elapsed, last = elapsed + now - last, now
        if step % 20 == 0:
            log.write(json.dumps({"step": step, "loss": round(loss.item(), 4), "seconds": round(elapsed), "tokens": step * args.batch * args.length}) + "\n")
            log.flush()
        if now - last_save > 240 or elapsed >= args.minutes * 60 or step == 50:
            state = {"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "step": step, "elapsed": elapsed}
            torch.save(state, checkpoint + ".tmp")
            os.replace(checkpoint + ".tmp", checkpoint)
            last_save = now
    ppl, count = perplexity(model, heldout, args.length, 10**9)
    result = {"heldout_perplexity": ppl, "heldout_tokens": count, "steps": step, "seconds": elapsed, "tokens": step * args.batch * args.length, "expert_load": loads.tolist()}
    json.dump(result, open(os.path.join(args.out, "result.json"), "w"), indent=1)


main()
