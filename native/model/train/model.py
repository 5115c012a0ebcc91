"""A small DeepSeek-V3-style transformer: multi-head latent attention and a mixture of experts with sigmoid gates and a load-balancing bias.

Shapes: D embedding, H heads, R key/value latent rank, N/P query-key dimensions without/with rotary position, V value dimension per head,
E experts of width M, K of them per token, one shared expert. Rotary pairs are interleaved (2i, 2i+1).
"""
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Shape:
    vocabulary: int = 2048
    context: int = 512
    layers: int = 4
    dense_layers: int = 1
    embedding: int = 256
    heads: int = 8
    q_rank: int = 96
    kv_rank: int = 64
    nope: int = 32
    rope: int = 32
    value: int = 32
    dense_width: int = 768
    experts: int = 16
    active: int = 4
    expert_width: int = 96
    theta: float = 10000.0
    eps: float = 1e-6


class Norm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def linear(inputs, outputs):
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(layer.weight, std=inputs**-0.5)
    return layer


def rotate(x, cos, sin):
    """x: [..., T, P]; pairs (2i, 2i+1)."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Attention(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        self.q_a, self.q_norm = linear(s.embedding, s.q_rank), Norm(s.q_rank, s.eps)
        self.q_b = linear(s.q_rank, s.heads * (s.nope + s.rope))
        self.kv_a, self.kv_norm = linear(s.embedding, s.kv_rank + s.rope), Norm(s.kv_rank, s.eps)
        self.k_b = nn.Parameter(torch.randn(s.heads, s.nope, s.kv_rank) * s.kv_rank**-0.5)
        self.v_b = nn.Parameter(torch.randn(s.heads, s.value, s.kv_rank) * s.kv_rank**-0.5)
        self.out = linear(s.heads * s.value, s.embedding)

    def forward(self, x, cos, sin):
        s, (b, t, _) = self.s, x.shape
        q = self.q_b(self.q_norm(self.q_a(x))).view(b, t, s.heads, s.nope + s.rope).transpose(1, 2)
        c, k_rope = self.kv_a(x).split([s.kv_rank, s.rope], -1)
        c = self.kv_norm(c)
        k_rope = rotate(k_rope.unsqueeze(1), cos, sin).expand(b, s.heads, t, s.rope)
        k = torch.cat((torch.einsum("btr,hnr->bhtn", c, self.k_b), k_rope), -1)
        v = torch.einsum("btr,hvr->bhtv", c, self.v_b)
        q = torch.cat((q[..., : s.nope], rotate(q[..., s.nope :], cos, sin)), -1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(b, t, -1))


class Dense(nn.Module):
    def __init__(self, s, width):
        super().__init__()
        self.gate, self.up, self.down = linear(s.embedding, width), linear(s.embedding, width), linear(width, s.embedding)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Experts(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        self.router = linear(s.embedding, s.experts)
        self.register_buffer("bias", torch.zeros(s.experts))
        init = lambda *shape: nn.Parameter(torch.randn(*shape) * shape[-1] ** -0.5)
        self.gate, self.up = init(s.experts, s.expert_width, s.embedding), init(s.experts, s.expert_width, s.embedding)
        self.down = init(s.experts, s.embedding, s.expert_width)
        self.shared = Dense(s, s.expert_width)
        self.load = torch.zeros(s.experts)

    def forward(self, x):
        s, shape = self.s, x.shape
        flat = x.reshape(-1, s.embedding)
        score = torch.sigmoid(self.router(flat))
        chosen = (score + self.bias).topk(s.active, -1).indices
        weight = score.gather(1, chosen)
        weight = weight / (weight.sum(-1, keepdim=True) + 1e-20)
        order = chosen.reshape(-1).argsort(stable=True)
        counts = torch.bincount(chosen.reshape(-1), minlength=s.experts)
        self.load = counts.float()
        token = order // s.active
        picked = flat.index_select(0, token)
        parts, start = [], 0
        for expert, count in enumerate(counts.tolist()):
            rows = picked[start : start + count]
            parts.append(F.linear(F.silu(F.linear(rows, self.gate[expert])) * F.linear(rows, self.up[expert]), self.down[expert]))
            start += count
        mixed = torch.cat(parts) * weight.reshape(-1).index_select(0, order).unsqueeze(1)
        out = torch.zeros_like(flat).index_add(0, token, mixed)
        return (out + self.shared(flat)).view(shape)


class Block(nn.Module):
    def __init__(self, s, dense):
        super().__init__()
        self.attention_norm, self.attention = Norm(s.embedding, s.eps), Attention(s)
        self.ffn_norm, self.ffn = Norm(s.embedding, s.eps), Dense(s, s.dense_width) if dense else Experts(s)

    def forward(self, x, cos, sin):
        x = x + self.attention(self.attention_norm(x), cos, sin)
        return x + self.ffn(self.ffn_norm(x))


class Model(nn.Module):
    def __init__(self, s: Shape):
        super().__init__()
        self.s = s
        self.embedding = nn.Parameter(torch.randn(s.vocabulary, s.embedding) * 0.7)
        self.blocks = nn.ModuleList(Block(s, i < s.dense_layers) for i in range(s.layers))
        self.norm = Norm(s.embedding, s.eps)
        self.head = nn.Parameter(torch.randn(s.vocabulary, s.embedding) * 0.02)
        angle = torch.outer(torch.arange(s.context).float(), s.theta ** (-torch.arange(0, s.rope, 2).float() / s.rope))
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(self, tokens):
        t = tokens.shape[1]
        x = F.embedding(tokens, self.embedding)
        for block in self.blocks:
            x = block(x, self.cos[:t], self.sin[:t])
        return F.linear(self.norm(x), self.head)

    def experts(self):
        return [block.ffn for block in self.blocks if isinstance(block.ffn, Experts)]
