#include "model.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace inferward {
namespace {

void embed(const Matrix& table, int32_t token, float* out) {
  const uint8_t* row = table.data + token * row_bytes(table.type, table.columns);
  for (int64_t i = 0; i < table.columns; i++) {
    switch (table.type) {
      case WeightType::f32:
        std::memcpy(&out[i], row + 4 * i, 4);
        break;
      case WeightType::f16: {
        uint16_t half;
        std::memcpy(&half, row + 2 * i, 2);
        out[i] = half_to_float(half);
        break;
      }
      case WeightType::q8_0: {
        uint16_t half;
        std::memcpy(&half, row + i / 32 * 34, 2);
        out[i] = half_to_float(half) * float(int8_t(row[i / 32 * 34 + 2 + i % 32]));
        break;
      }
    }
  }
}

/// Softmax in place, shifted by the maximum.
void softmax(float* x, int64_t n) {
  float top = x[0];
  for (int64_t i = 1; i < n; i++) top = std::max(top, x[i]);
  float sum = 0;
  for (int64_t i = 0; i < n; i++) {
    x[i] = std::exp(x[i] - top);
    sum += x[i];
  }
  for (int64_t i = 0; i < n; i++) x[i] /= sum;
}

}  // namespace

Model::Model(const ModelConfig& config, const Weights& weights, const Kernels& kernels, Workers& workers, KvPool& pool,
             int64_t max_rows, int64_t max_logits)
    : config_(config), weights_(weights), kernels_(kernels), workers_(workers), pool_(pool) {
  const auto& c = config_;
  const bool llama = c.architecture == Architecture::llama;
  const int64_t q_width = llama ? c.heads * c.head : c.heads * (c.nope + c.rope);
  const int64_t value_width = llama ? c.heads * c.head : c.heads * c.value;
  const int64_t widest = std::max({c.dense_width, c.expert_width * std::max<int64_t>(1, c.shared_experts), int64_t(1)});
  const int64_t picked_rows = max_rows * std::max<int64_t>(1, c.active_experts);
  const auto size = [](std::vector<float>& v, int64_t n) { v.assign(size_t(n), 0.0f); };
  size(x_, max_rows * c.embedding);
  size(normed_, max_rows * c.embedding);
  size(q_, max_rows * q_width);
  size(q_low_, max_rows * std::max<int64_t>(1, c.q_rank));
  size(kv_, max_rows * (llama ? 2 * c.kv_heads * c.head : c.kv_rank + c.rope));
  size(attended_, max_rows * value_width);
  size(projected_, max_rows * c.embedding);
  size(gate_, picked_rows * widest);
  size(up_, picked_rows * widest);
  size(logits_, max_logits * c.vocabulary);
  size(head_rows_, max_logits * c.embedding);
  if (!llama) {
    size(latent_query_, int64_t(workers.threads()) * c.kv_rank);
    size(latent_sum_, int64_t(workers.threads()) * c.kv_rank);
  }
  if (c.experts > 0) {
    size(router_, max_rows * c.experts);
    size(picked_, picked_rows * c.embedding);
    size(mixed_, picked_rows * c.embedding);
    chosen_.resize(size_t(picked_rows));
    order_.resize(size_t(picked_rows));
    chosen_weight_.resize(size_t(picked_rows));
  }
  scores_.resize(size_t(workers.threads()));
  // No request is longer than the pool, whatever context the file claims.
  for (auto& row : scores_) row.resize(size_t(std::min(c.context, pool.total_blocks() * KvPool::block_tokens)));
  score_scale_ = float(1.0 / std::sqrt(double(llama ? c.head : c.nope + c.rope)));
  for (int64_t i = 0; i < c.rope / 2; i++) {
    rope_frequency_.push_back(std::pow(double(c.rope_theta), -2.0 * double(i) / double(c.rope)));
  }
}

uint64_t Model::scratch_bytes() const {
  uint64_t floats = 0;
  for (const auto* v : {&x_, &normed_, &q_, &q_low_, &kv_, &attended_, &projected_, &gate_, &up_, &router_, &picked_, &mixed_, &logits_}) {
    floats += v->size();
  }
  return floats * sizeof(float);
}

void Model::multiply(const Matrix& m, int64_t part, const float* x, int64_t count, float* out, int64_t out_stride) {
  const uint8_t* weights = m.part(part);
  const int64_t bytes = row_bytes(m.type, m.columns);
  // A thread is worth waking for some ten thousand multiplications.
  const int64_t grain = std::max<int64_t>(1, 32768 / (m.columns * count));
  workers_.split(m.rows, grain, [&](int64_t begin, int64_t end, int) {
    kernels_.matmul(m.type, weights + begin * bytes, end - begin, m.columns, x, count, out + begin, out_stride);
  });
}

void Model::norm_rows(const float* x, const std::vector<float>& weight, float* out, int64_t count, int64_t width, int64_t stride) {
  for (int64_t t = 0; t < count; t++) kernels_.rms_norm(x + t * stride, weight.data(), config_.eps, out + t * stride, width);
}

/// Rotates the pairs (2i, 2i+1) of `rope` floats.
void Model::rotate(float* head, int64_t position) const {
  for (size_t i = 0; i < rope_frequency_.size(); i++) {
    const double angle = double(position) * rope_frequency_[i];
    const auto cosine = float(std::cos(angle)), sine = float(std::sin(angle));
    const float a = head[2 * i], b = head[2 * i + 1];
    head[2 * i] = a * cosine - b * sine;
    head[2 * i + 1] = a * sine + b * cosine;
  }
}

void Model::forward(const Row* rows, int64_t count) {
  const auto& c = config_;
  for (int64_t t = 0; t < count; t++) embed(weights_.embedding, rows[t].token, &x_[size_t(t * c.embedding)]);
  for (int64_t l = 0; l < c.layers; l++) {
    const LayerWeights& layer = weights_.layers[size_t(l)];
    norm_rows(x_.data(), layer.attention_norm, normed_.data(), count, c.embedding, c.embedding);
    if (c.architecture == Architecture::llama) {
      llama_attention(layer, l, rows, count);
    } else {
      latent_attention(layer, l, rows, count);
    }
    multiply(layer.out, attended_.data(), count, projected_.data());
    for (int64_t i = 0; i < count * c.embedding; i++) x_[size_t(i)] += projected_[size_t(i)];
    norm_rows(x_.data(), layer.ffn_norm, normed_.data(), count, c.embedding, c.embedding);
    if (layer.gate.present()) {
      dense(layer.gate, layer.up, layer.down, normed_.data(), count, projected_.data());
    } else {
      experts(layer, count);
    }
    for (int64_t i = 0; i < count * c.embedding; i++) x_[size_t(i)] += projected_[size_t(i)];
  }
  int64_t wanted = 0;
  for (int64_t t = 0; t < count; t++) {
    if (rows[t].logits < 0) continue;
    kernels_.rms_norm(&x_[size_t(t * c.embedding)], weights_.norm.data(), c.eps,
                      &head_rows_[size_t(int64_t(rows[t].logits) * c.embedding)], c.embedding);
    wanted = std::max<int64_t>(wanted, rows[t].logits + 1);
  }
  if (wanted > 0) multiply(weights_.head, head_rows_.data(), wanted, logits_.data());
}

void Model::llama_attention(const LayerWeights& layer, int64_t index, const Row* rows, int64_t count) {
  const auto& c = config_;
  const int64_t kv_width = c.kv_heads * c.head, q_width = c.heads * c.head;
  multiply(layer.q, normed_.data(), count, q_.data());
  // Keys and values go into one row of the cache: keys first.
  multiply(layer.k, 0, normed_.data(), count, kv_.data(), 2 * kv_width);
  multiply(layer.v, 0, normed_.data(), count, kv_.data() + kv_width, 2 * kv_width);
  for (int64_t t = 0; t < count; t++) {
    float* kv = &kv_[size_t(t * 2 * kv_width)];
    for (int64_t h = 0; h < c.kv_heads; h++) rotate(kv + h * c.head, rows[t].position);
    for (int64_t h = 0; h < c.heads; h++) rotate(&q_[size_t(t * q_width + h * c.head)], rows[t].position);
    std::memcpy(slot(index, rows[t]), kv, size_t(2 * kv_width) * sizeof(float));
  }
  workers_.split(count * c.heads, 1, [&](int64_t begin, int64_t end, int thread) {
    float* scores = scores_[size_t(thread)].data();
    for (int64_t item = begin; item < end; item++) {
      const Row& row = rows[item / c.heads];
      const int64_t h = item % c.heads, kv_at = h / (c.heads / c.kv_heads) * c.head;
      const float* q = &q_[size_t(item * c.head)];
      const int64_t length = row.position + 1;
      for (int64_t p = 0; p < length; p++) {
        const float* cached = pool_.at(index, row.blocks[p / KvPool::block_tokens]) + p % KvPool::block_tokens * pool_.width();
        scores[p] = kernels_.dot(q, cached + kv_at, c.head) * score_scale_;
      }
      softmax(scores, length);
      float* out = &attended_[size_t(item * c.head)];
      std::fill(out, out + c.head, 0.0f);
      for (int64_t p = 0; p < length; p++) {
        const float* cached = pool_.at(index, row.blocks[p / KvPool::block_tokens]) + p % KvPool::block_tokens * pool_.width();
        kernels_.axpy(scores[p], cached + kv_width + kv_at, out, c.head);
      }
    }
  });
}

/// Absorbed form: the query is carried into the latent space, so that the cache is read as it is stored and never expanded.
void Model::latent_attention(const LayerWeights& layer, int64_t index, const Row* rows, int64_t count) {
  const auto& c = config_;
  const int64_t q_head = c.nope + c.rope, kv_width = c.kv_rank + c.rope;
  if (c.q_rank > 0) {
    multiply(layer.q_a, normed_.data(), count, q_low_.data());
    norm_rows(q_low_.data(), layer.q_norm, q_low_.data(), count, c.q_rank, c.q_rank);
    multiply(layer.q_b, q_low_.data(), count, q_.data());
  } else {
    multiply(layer.q_b, normed_.data(), count, q_.data());
  }
  multiply(layer.kv_a, normed_.data(), count, kv_.data());
  norm_rows(kv_.data(), layer.kv_norm, kv_.data(), count, c.kv_rank, kv_width);
  for (int64_t t = 0; t < count; t++) {
    float* kv = &kv_[size_t(t * kv_width)];
    rotate(kv + c.kv_rank, rows[t].position);
    for (int64_t h = 0; h < c.heads; h++) rotate(&q_[size_t((t * c.heads + h) * q_head + c.nope)], rows[t].position);
    std::memcpy(slot(index, rows[t]), kv, size_t(kv_width) * sizeof(float));
  }
  workers_.split(count * c.heads, 1, [&](int64_t begin, int64_t end, int thread) {
    float* scores = scores_[size_t(thread)].data();
    float* query = &latent_query_[size_t(thread * c.kv_rank)];
    float* sum = &latent_sum_[size_t(thread * c.kv_rank)];
    for (int64_t item = begin; item < end; item++) {
      const Row& row = rows[item / c.heads];
      const int64_t h = item % c.heads;
      const float* q = &q_[size_t(item * q_head)];
      kernels_.matmul(layer.k_b.type, layer.k_b.part(h), c.kv_rank, c.nope, q, 1, query, c.kv_rank);
      const int64_t length = row.position + 1;
      for (int64_t p = 0; p < length; p++) {
        const float* cached = pool_.at(index, row.blocks[p / KvPool::block_tokens]) + p % KvPool::block_tokens * pool_.width();
        const float latent = kernels_.dot(query, cached, c.kv_rank);
        scores[p] = (latent + kernels_.dot(q + c.nope, cached + c.kv_rank, c.rope)) * score_scale_;
      }
      softmax(scores, length);
      std::fill(sum, sum + c.kv_rank, 0.0f);
      for (int64_t p = 0; p < length; p++) {
        const float* cached = pool_.at(index, row.blocks[p / KvPool::block_tokens]) + p % KvPool::block_tokens * pool_.width();
        kernels_.axpy(scores[p], cached, sum, c.kv_rank);
      }
      kernels_.matmul(layer.v_b.type, layer.v_b.part(h), c.value, c.kv_rank, sum, 1, &attended_[size_t(item * c.value)], c.value);
    }
  });
}

void Model::dense(const Matrix& gate, const Matrix& up, const Matrix& down, const float* x, int64_t count, float* out) {
  multiply(gate, x, count, gate_.data());
  multiply(up, x, count, up_.data());
  kernels_.silu_mul(gate_.data(), up_.data(), count * gate.rows);
  multiply(down, gate_.data(), count, out);
}

/// Picks the experts of one token. Scores are router outputs; weights are the gate's own values, never those with the bias.
void Model::route(const LayerWeights& layer, const float* scores, int32_t* chosen, float* weight) const {
  const auto& c = config_;
  thread_local std::vector<float> value, choice;
  thread_local std::vector<std::pair<float, int32_t>> group;
  value.assign(scores, scores + c.experts);
  if (c.gate == Gate::softmax) {
    softmax(value.data(), c.experts);
  } else {
    for (float& v : value) v = 1.0f / (1.0f + std::exp(-v));
  }
  choice = value;
  if (!layer.gate_bias.empty()) {
    for (size_t e = 0; e < choice.size(); e++) choice[e] += layer.gate_bias[e];
  }
  if (c.active_groups < c.groups) {
    // A group counts by its two best choices under sigmoid gates, by its best under softmax.
    const int64_t size = c.experts / c.groups;
    group.clear();
    for (int64_t g = 0; g < c.groups; g++) {
      float first = -INFINITY, second = -INFINITY;
      for (int64_t e = g * size; e < (g + 1) * size; e++) {
        const float v = choice[size_t(e)];
        if (v > first) {
          second = first;
          first = v;
        } else {
          second = std::max(second, v);
        }
      }
      const bool two = c.gate == Gate::sigmoid && size > 1;
      group.push_back({-(two ? first + second : first), int32_t(g)});
    }
    std::sort(group.begin(), group.end());
    for (size_t i = size_t(c.active_groups); i < group.size(); i++) {
      const int64_t g = group[i].second;
      for (int64_t e = g * size; e < (g + 1) * size; e++) choice[size_t(e)] = -INFINITY;
    }
  }
  for (int64_t k = 0; k < c.active_experts; k++) {
    int32_t best = 0;
    for (int32_t e = 1; e < c.experts; e++) {
      if (choice[size_t(e)] > choice[size_t(best)]) best = e;
    }
    chosen[k] = best;
    weight[k] = value[size_t(best)];
    choice[size_t(best)] = -INFINITY;
  }
  if (c.expert_norm) {
    float sum = 1e-20f;
    for (int64_t k = 0; k < c.active_experts; k++) sum += weight[k];
    for (int64_t k = 0; k < c.active_experts; k++) weight[k] /= sum;
  }
  for (int64_t k = 0; k < c.active_experts; k++) weight[k] *= c.expert_scale;
}

void Model::experts(const LayerWeights& layer, int64_t count) {
  const auto& c = config_;
  const int64_t d = c.embedding, k = c.active_experts;
  multiply(layer.router, normed_.data(), count, router_.data());
  for (int64_t t = 0; t < count; t++) {
    route(layer, &router_[size_t(t * c.experts)], &chosen_[size_t(t * k)], &chosen_weight_[size_t(t * k)]);
  }
  if (layer.shared_gate.present()) {
    dense(layer.shared_gate, layer.shared_up, layer.shared_down, normed_.data(), count, projected_.data());
  } else {
    std::fill(projected_.begin(), projected_.begin() + count * d, 0.0f);
  }
  // Expert by expert, tokens gathered; a token's shares are added in order of expert, whatever else is in the batch.
  for (int64_t e = 0; e < c.experts; e++) {
    int64_t n = 0;
    for (int64_t i = 0; i < count * k; i++) {
      if (chosen_[size_t(i)] != e) continue;
      order_[size_t(n)] = int32_t(i);
      std::memcpy(&picked_[size_t(n * d)], &normed_[size_t(i / k * d)], size_t(d) * sizeof(float));
      n++;
    }
    if (n == 0) continue;
    multiply(layer.expert_gate, e, picked_.data(), n, gate_.data(), c.expert_width);
    multiply(layer.expert_up, e, picked_.data(), n, up_.data(), c.expert_width);
    kernels_.silu_mul(gate_.data(), up_.data(), n * c.expert_width);
    multiply(layer.expert_down, e, gate_.data(), n, mixed_.data(), d);
    for (int64_t j = 0; j < n; j++) {
      const int32_t i = order_[size_t(j)];
      kernels_.axpy(chosen_weight_[size_t(i)], &mixed_[size_t(j * d)], &projected_[size_t(i / k * d)], d);
    }
  }
}

}  // namespace inferward
