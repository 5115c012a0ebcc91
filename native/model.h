// The forward pass over a ragged batch: rows of any requests at any positions, one after another. All scratch memory is taken at
// construction; a step allocates nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "../kernels/cpu/kernels.h"
#include "config.h"
#include "kv_pool.h"
#include "weights.h"
#include "workers.h"

namespace inferward {

/// One position of one request in a step. Rows of a request come in order of position.
struct Row {
  int32_t token = 0;
  int64_t position = 0;
  /// Block table of the request: entry i holds positions [16 i, 16 i + 16).
  const int32_t* blocks = nullptr;
  /// Where in the logits this row's go, or -1 when nobody asks.
  int32_t logits = -1;
};

class Model {
 public:
  Model(const ModelConfig& config, const Weights& weights, const Kernels& kernels, Workers& workers, KvPool& pool,
        int64_t max_rows, int64_t max_logits);

  void forward(const Row* rows, int64_t count);
  /// `vocabulary` floats.
  float* logits(int64_t index) { return logits_.data() + index * config_.vocabulary; }
  uint64_t scratch_bytes() const;

 private:
  void multiply(const Matrix& matrix, int64_t part, const float* x, int64_t count, float* out, int64_t out_stride);
  void multiply(const Matrix& matrix, const float* x, int64_t count, float* out) {
    multiply(matrix, 0, x, count, out, matrix.rows);
  }
  void norm_rows(const float* x, const std::vector<float>& weight, float* out, int64_t count, int64_t width, int64_t stride);
  void rotate(float* head, int64_t position) const;
  void llama_attention(const LayerWeights& layer, int64_t index, const Row* rows, int64_t count);
  void latent_attention(const LayerWeights& layer, int64_t index, const Row* rows, int64_t count);
  void dense(const Matrix& gate, const Matrix& up, const Matrix& down, const float* x, int64_t count, float* out);
  void experts(const LayerWeights& layer, int64_t count);
  void route(const LayerWeights& layer, const float* scores, int32_t* chosen, float* weight) const;
  float* slot(int64_t layer, const Row& row) const {
    const int64_t in_block = row.position % KvPool::block_tokens;
    return pool_.at(layer, row.blocks[row.position / KvPool::block_tokens]) + in_block * pool_.width();
  }

  const ModelConfig config_;
  const Weights& weights_;
  const Kernels& kernels_;
  Workers& workers_;
  KvPool& pool_;
  float score_scale_ = 1;
  std::vector<double> rope_frequency_;
  std::vector<float> x_, normed_, q_, q_low_, kv_, attended_, projected_, gate_, up_, router_, picked_, mixed_, logits_;
  std::vector<float> latent_query_, latent_sum_, head_rows_;
  /// One row of attention scores per thread, as long as the longest request.
  std::vector<std::vector<float>> scores_;
  std::vector<int32_t> chosen_, order_;
  std::vector<float> chosen_weight_;
};

}  // namespace inferward
