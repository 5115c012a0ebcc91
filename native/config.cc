#include "config.h"

#include "error.h"

namespace inferward {
namespace {

constexpr int64_t max_width = 1 << 20;

void refuse_rope_scaling(const Gguf& file, const std::string& prefix) {
  const auto type = file.maybe_text(prefix + "rope.scaling.type");
  if (type && *type != "none") {
    unsupported(file.path() + ": key " + prefix + "rope.scaling.type is " + *type + "; supported: none");
  }
}

void read_llama(const Gguf& file, const std::string& p, ModelConfig& c) {
  c.kv_heads = file.maybe_integer(p + "attention.head_count_kv", 1, 4096).value_or(c.heads);
  if (c.heads % c.kv_heads != 0) invalid(file.path() + ": key " + p + "attention.head_count_kv does not divide the heads");
  const auto head = file.maybe_integer(p + "attention.key_length", 1, 4096);
  if (!head && c.embedding % c.heads != 0) invalid(file.path() + ": the heads do not divide the embedding length");
  c.head = head.value_or(c.embedding / c.heads);
  if (file.maybe_integer(p + "attention.value_length", 1, 4096).value_or(c.head) != c.head) {
    unsupported(file.path() + ": key " + p + "attention.value_length differs from the key length");
  }
  c.rope = file.maybe_integer(p + "rope.dimension_count", 2, c.head).value_or(c.head);
  if (file.maybe_integer(p + "expert_count", 0, 4096).value_or(0) != 0) {
    unsupported(file.path() + ": key " + p + "expert_count: experts are supported in architecture deepseek2 only");
  }
}

void read_deepseek(const Gguf& file, const std::string& p, ModelConfig& c) {
  c.q_rank = file.maybe_integer(p + "attention.q_lora_rank", 0, max_width).value_or(0);
  c.kv_rank = file.integer(p + "attention.kv_lora_rank", 1, max_width);
  c.rope = file.integer(p + "rope.dimension_count", 2, 4096);
  const auto key = file.maybe_integer(p + "attention.key_length_mla", 1, 8192);
  const auto value = file.maybe_integer(p + "attention.value_length_mla", 1, 8192);
  if (!key || !value) {
    unsupported(file.path() + ": keys " + p + "attention.key_length_mla and value_length_mla are missing; convert the model again " +
                "with a converter that splits attn_kv_b");
  }
  if (*key <= c.rope) invalid(file.path() + ": key " + p + "attention.key_length_mla is not larger than the rotated part");
  c.nope = *key - c.rope;
  c.value = *value;
  c.dense_layers = file.maybe_integer(p + "leading_dense_block_count", 0, c.layers).value_or(0);
  if (c.dense_layers == c.layers) return;
  c.experts = file.integer(p + "expert_count", 1, 4096);
  c.active_experts = file.integer(p + "expert_used_count", 1, c.experts);
  c.shared_experts = file.maybe_integer(p + "expert_shared_count", 0, 64).value_or(0);
  c.expert_width = file.integer(p + "expert_feed_forward_length", 1, max_width);
  c.groups = file.maybe_integer(p + "expert_group_count", 0, c.experts).value_or(1);
  if (c.groups == 0) c.groups = 1;
  c.active_groups = file.maybe_integer(p + "expert_group_used_count", 0, c.groups).value_or(c.groups);
  if (c.active_groups == 0) c.active_groups = c.groups;
  if (c.experts % c.groups != 0) invalid(file.path() + ": key " + p + "expert_group_count does not divide the experts");
  if (c.active_experts > c.experts / c.groups * c.active_groups) {
    invalid(file.path() + ": key " + p + "expert_used_count is larger than the experts in the groups that are kept");
  }
  c.expert_scale = float(file.maybe_number(p + "expert_weights_scale").value_or(1.0));
  c.expert_norm = file.maybe_boolean(p + "expert_weights_norm").value_or(false);
  const auto gate = file.maybe_integer(p + "expert_gating_func", 0, 16).value_or(1);
  if (gate > 2) unsupported(file.path() + ": key " + p + "expert_gating_func is " + std::to_string(gate) + "; supported: 1 softmax, 2 sigmoid");
  c.gate = gate == 2 ? Gate::sigmoid : Gate::softmax;
}

}  // namespace

ModelConfig read_config(const Gguf& file) {
  ModelConfig c;
  const std::string architecture = file.text("general.architecture");
  if (architecture == "llama") {
    c.architecture = Architecture::llama;
  } else if (architecture == "deepseek2") {
    c.architecture = Architecture::deepseek2;
  } else {
    unsupported(file.path() + ": architecture " + architecture.substr(0, 100) + "; supported: llama, deepseek2");
  }
  const std::string p = architecture + ".";
  c.name = file.maybe_text("general.name").value_or(architecture);
  c.layers = file.integer(p + "block_count", 1, 1024);
  c.embedding = file.integer(p + "embedding_length", 1, max_width);
  c.context = file.integer(p + "context_length", 1, 1 << 24);
  c.heads = file.integer(p + "attention.head_count", 1, 4096);
  c.dense_width = file.maybe_integer(p + "feed_forward_length", 1, max_width).value_or(0);
  c.eps = float(file.maybe_number(p + "attention.layer_norm_rms_epsilon").value_or(1e-5));
  c.rope_theta = float(file.maybe_number(p + "rope.freq_base").value_or(10000.0));
  if (!(c.eps > 0) || !(c.rope_theta > 1)) invalid(file.path() + ": the norm epsilon or the rope base is not positive");
  const auto* tokens = file.maybe_texts("tokenizer.ggml.tokens");
  if (tokens == nullptr || tokens->empty()) invalid(file.path() + ": key tokenizer.ggml.tokens is missing");
  c.vocabulary = int64_t(tokens->size());
  refuse_rope_scaling(file, p);
  if (c.architecture == Architecture::llama) {
    read_llama(file, p, c);
  } else {
    read_deepseek(file, p, c);
  }
  if (c.rope % 2 != 0) invalid(file.path() + ": key " + p + "rope.dimension_count is odd");
  return c;
}

}  // namespace inferward
