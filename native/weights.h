// The weights of a model: views into the mapped file, found by name and checked against the shape that the configuration demands. Nothing
// is copied but norms and gate biases, which are small and used as floats.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../kernels/cpu/kernels.h"
#include "config.h"
#include "gguf.h"

namespace inferward {

/// `rows` rows of `columns` elements; for stacked experts or heads, `count` of such matrices one after another.
struct Matrix {
  WeightType type = WeightType::f32;
  const uint8_t* data = nullptr;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t count = 1;

  bool present() const { return data != nullptr; }
  const uint8_t* part(int64_t index) const { return data + index * rows * row_bytes(type, columns); }
};

struct LayerWeights {
  std::vector<float> attention_norm, ffn_norm, q_norm, kv_norm, gate_bias;
  Matrix q, k, v, out;              // llama
  Matrix q_a, q_b, kv_a, k_b, v_b;  // deepseek2; without query compression q_b takes the embedding
  Matrix gate, up, down;            // dense
  Matrix router, expert_gate, expert_up, expert_down, shared_gate, shared_up, shared_down;
};

struct Weights {
  Matrix embedding, head;
  std::vector<float> norm;
  std::vector<LayerWeights> layers;
  uint64_t bytes = 0;
  uint64_t parameters = 0;
  /// Weight type that holds the most bytes.
  std::string main_type;
};

Weights read_weights(const Gguf& file, const ModelConfig& config);

}  // namespace inferward
