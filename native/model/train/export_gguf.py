"""Writes a checkpoint of train.py as a GGUF file (architecture deepseek2, Q8_0 matrices, F32 norms, gates and bias).

Usage: export_gguf.py --data DIR --checkpoint FILE --out FILE
"""
import argparse, json, os

import gguf
import numpy as np
import torch

from model import Model, Shape

TEMPLATE = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    s = Shape()
    model = Model(s)
    model.load_state_dict(torch.load(args.checkpoint, map_location="cpu")["model"])
    tokenizer = json.load(open(os.path.join(args.data, "tokenizer.json"), encoding="utf-8"))
    vocabulary = sorted(tokenizer["model"]["vocab"].items(), key=lambda item: item[1])
    merges = [m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]]

    writer = gguf.GGUFWriter(args.out, "deepseek2")
    writer.add_name("inferward-default")
    writer.add_block_count(s.layers)
    writer.add_context_length(s.context)
    writer.add_embedding_length(s.embedding)
    writer.add_feed_forward_length(s.dense_width)
    writer.add_head_count(s.heads)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(s.eps)
    writer.add_rope_freq_base(s.theta)
    writer.add_rope_dimension_count(s.rope)
    writer.add_vocab_size(s.vocabulary)
    writer.add_leading_dense_block_count(s.dense_layers)
    writer.add_q_lora_rank(s.q_rank)
    writer.add_kv_lora_rank(s.kv_rank)
    writer.add_key_length(s.kv_rank + s.rope)
    writer.add_value_length(s.kv_rank)
    writer.add_key_length_mla(s.nope + s.rope)
    writer.add_value_length_mla(s.value)
    writer.add_expert_count(s.experts)
    writer.add_expert_used_count(s.active)
    writer.add_expert_shared_count(1)
    writer.add_expert_feed_forward_length(s.expert_width)
    writer.add_expert_weights_scale(1.0)
    writer.add_expert_weights_norm(True)
    writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([token for token, _ in vocabulary])
    writer.add_token_types([gguf.TokenType.CONTROL if token == "<|endoftext|>" else gguf.TokenType.NORMAL for token, _ in vocabulary])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_chat_template(TEMPLATE)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)

    def add(name, tensor, keep=False):
        array = tensor.detach().float().contiguous().numpy()
        if keep or array.ndim == 1:
            writer.add_tensor(name, array.astype(np.float32))
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(array, kind), raw_dtype=kind)

    add("token_embd.weight", model.embedding)
    add("output_norm.weight", model.norm.weight)
    add("output.weight", model.head)
    for i, block in enumerate(model.blocks):
        a, f, p = block.attention, block.ffn, f"blk.{i}."
        add(p + "attn_norm.weight", block.attention_norm.weight)
        add(p + "attn_q_a.weight", a.q_a.weight)
        add(p + "attn_q_a_norm.weight", a.q_norm.weight)
        add(p + "attn_q_b.weight", a.q_b.weight)
        add(p + "attn_kv_a_mqa.weight", a.kv_a.weight)
        add(p + "attn_kv_a_norm.weight", a.kv_norm.weight)
        add(p + "attn_k_b.weight", a.k_b.transpose(1, 2))
        add(p + "attn_v_b.weight", a.v_b)
        add(p + "attn_output.weight", a.out.weight)
        add(p + "ffn_norm.weight", block.ffn_norm.weight)
        if i < s.dense_layers:
            for name in ("gate", "up", "down"):
                add(f"{p}ffn_{name}.weight", getattr(f, name).weight)
            continue
        add(p + "ffn_gate_inp.weight", f.router.weight, keep=True)
        add(p + "exp_probs_b.bias", f.bias)
        for name in ("gate", "up", "down"):
            add(f"{p}ffn_{name}_exps.weight", getattr(f, name))
            add(f"{p}ffn_{name}_shexp.weight", getattr(f.shared, name).weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main()
