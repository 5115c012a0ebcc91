// The shape of a model: one record for both architectures, read from GGUF keys and checked against each other.
#pragma once

#include <cstdint>
#include <string>

#include "gguf.h"

namespace inferward {

enum class Architecture { llama, deepseek2 };
enum class Gate { softmax, sigmoid };

struct ModelConfig {
  Architecture architecture = Architecture::llama;
  std::string name;
  int64_t vocabulary = 0;
  int64_t layers = 0;
  int64_t embedding = 0;
  int64_t context = 0;
  int64_t heads = 0;
  float eps = 1e-5f;
  float rope_theta = 10000;
  /// Dimensions of a head that are rotated, in interleaved pairs (2i, 2i+1).
  int64_t rope = 0;
  int64_t dense_width = 0;

  // llama: grouped-query attention.
  int64_t kv_heads = 0;
  int64_t head = 0;

  // deepseek2: multi-head latent attention. q_rank 0 = no query compression.
  int64_t q_rank = 0;
  int64_t kv_rank = 0;
  int64_t nope = 0;
  int64_t value = 0;

  // deepseek2: mixture of experts, in layers from dense_layers on.
  int64_t dense_layers = 0;
  int64_t experts = 0;
  int64_t active_experts = 0;
  int64_t shared_experts = 0;
  int64_t expert_width = 0;
  int64_t groups = 1;
  int64_t active_groups = 1;
  float expert_scale = 1;
  bool expert_norm = false;
  Gate gate = Gate::softmax;

  /// Floats that one token keeps in one layer: keys and values, or the latent and its rotated key.
  int64_t cache_width() const {
    return architecture == Architecture::llama ? 2 * kv_heads * head : kv_rank + rope;
  }
};

ModelConfig read_config(const Gguf& file);

}  // namespace inferward
