#include "weights.h"

#include <cstring>
#include <map>

#include "error.h"

namespace inferward {
namespace {

std::string shape_text(const std::vector<int64_t>& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); i++) text += (i == 0 ? "" : ", ") + std::to_string(dims[i]);
  return text + "]";
}

class Reader {
 public:
  explicit Reader(const Gguf& file) : file_(file) {}

  Matrix matrix(const std::string& name, int64_t rows, int64_t columns, int64_t count = 1) const {
    const GgufTensor& tensor = need(name);
    std::vector<int64_t> expected = {columns, rows};
    if (count > 1 || tensor.dims.size() == 3) expected.push_back(count);
    if (tensor.dims != expected) {
      invalid(file_.path() + ": tensor " + name + " has shape " + shape_text(tensor.dims) + ", expected " + shape_text(expected));
    }
    return {WeightType(tensor.type), tensor.data, rows, columns, count};
  }

  std::vector<float> vector(const std::string& name, int64_t length) const {
    const Matrix m = matrix_of_one(name, length);
    std::vector<float> out(static_cast<size_t>(length));
    for (int64_t i = 0; i < length; i++) {
      if (m.type == WeightType::f32) {
        std::memcpy(&out[size_t(i)], m.data + 4 * i, 4);
      } else {
        uint16_t half;
        std::memcpy(&half, m.data + 2 * i, 2);
        out[size_t(i)] = half_to_float(half);
      }
    }
    return out;
  }

  const std::string& path() const { return file_.path(); }
  bool has(const std::string& name) const { return file_.tensors().count(name) != 0; }

 private:
  const GgufTensor& need(const std::string& name) const {
    const auto found = file_.tensors().find(name);
    if (found == file_.tensors().end()) invalid(file_.path() + ": tensor " + name + " is missing");
    return found->second;
  }
  Matrix matrix_of_one(const std::string& name, int64_t length) const {
    const GgufTensor& tensor = need(name);
    if (tensor.dims != std::vector<int64_t>{length}) {
      invalid(file_.path() + ": tensor " + name + " has shape " + shape_text(tensor.dims) + ", expected [" + std::to_string(length) + "]");
    }
    if (WeightType(tensor.type) == WeightType::q8_0) {
      unsupported(file_.path() + ": tensor " + name + " has type Q8_0; norms and biases must be F32 or F16");
    }
    return {WeightType(tensor.type), tensor.data, 1, length, 1};
  }

  const Gguf& file_;
};

void read_dense(const Reader& read, const std::string& p, const ModelConfig& c, LayerWeights& layer) {
  if (c.dense_width == 0) {
    const char* prefix = c.architecture == Architecture::llama ? "llama" : "deepseek2";
    invalid(read.path() + ": key " + prefix + ".feed_forward_length is missing, and a layer is dense");
  }
  layer.gate = read.matrix(p + "ffn_gate.weight", c.dense_width, c.embedding);
  layer.up = read.matrix(p + "ffn_up.weight", c.dense_width, c.embedding);
  layer.down = read.matrix(p + "ffn_down.weight", c.embedding, c.dense_width);
}

void read_experts(const Reader& read, const std::string& p, const ModelConfig& c, LayerWeights& layer) {
  layer.router = read.matrix(p + "ffn_gate_inp.weight", c.experts, c.embedding);
  if (read.has(p + "exp_probs_b.bias")) layer.gate_bias = read.vector(p + "exp_probs_b.bias", c.experts);
  layer.expert_gate = read.matrix(p + "ffn_gate_exps.weight", c.expert_width, c.embedding, c.experts);
  layer.expert_up = read.matrix(p + "ffn_up_exps.weight", c.expert_width, c.embedding, c.experts);
  layer.expert_down = read.matrix(p + "ffn_down_exps.weight", c.embedding, c.expert_width, c.experts);
  if (c.shared_experts == 0) return;
  const int64_t width = c.expert_width * c.shared_experts;
  layer.shared_gate = read.matrix(p + "ffn_gate_shexp.weight", width, c.embedding);
  layer.shared_up = read.matrix(p + "ffn_up_shexp.weight", width, c.embedding);
  layer.shared_down = read.matrix(p + "ffn_down_shexp.weight", c.embedding, width);
}

void read_latent_attention(const Reader& read, const std::string& p, const ModelConfig& c, LayerWeights& layer) {
  const int64_t q_width = c.heads * (c.nope + c.rope);
  if (c.q_rank > 0) {
    layer.q_a = read.matrix(p + "attn_q_a.weight", c.q_rank, c.embedding);
    layer.q_norm = read.vector(p + "attn_q_a_norm.weight", c.q_rank);
    layer.q_b = read.matrix(p + "attn_q_b.weight", q_width, c.q_rank);
  } else {
    layer.q_b = read.matrix(p + "attn_q.weight", q_width, c.embedding);
  }
  layer.kv_a = read.matrix(p + "attn_kv_a_mqa.weight", c.kv_rank + c.rope, c.embedding);
  layer.kv_norm = read.vector(p + "attn_kv_a_norm.weight", c.kv_rank);
  layer.k_b = read.matrix(p + "attn_k_b.weight", c.kv_rank, c.nope, c.heads);
  layer.v_b = read.matrix(p + "attn_v_b.weight", c.value, c.kv_rank, c.heads);
  layer.out = read.matrix(p + "attn_output.weight", c.embedding, c.heads * c.value);
}

}  // namespace

Weights read_weights(const Gguf& file, const ModelConfig& c) {
  const Reader read(file);
  for (const char* name : {"rope_freqs.weight", "blk.0.attn_q.bias", "blk.0.attn_kv_b.weight"}) {
    if (read.has(name)) unsupported(file.path() + ": tensor " + name + " is not supported");
  }
  Weights weights;
  weights.embedding = read.matrix("token_embd.weight", c.vocabulary, c.embedding);
  weights.norm = read.vector("output_norm.weight", c.embedding);
  // Tied embeddings: the head is the embedding.
  weights.head = read.has("output.weight") ? read.matrix("output.weight", c.vocabulary, c.embedding) : weights.embedding;
  for (int64_t i = 0; i < c.layers; i++) {
    const std::string p = "blk." + std::to_string(i) + ".";
    LayerWeights layer;
    layer.attention_norm = read.vector(p + "attn_norm.weight", c.embedding);
    layer.ffn_norm = read.vector(p + "ffn_norm.weight", c.embedding);
    if (c.architecture == Architecture::llama) {
      layer.q = read.matrix(p + "attn_q.weight", c.heads * c.head, c.embedding);
      layer.k = read.matrix(p + "attn_k.weight", c.kv_heads * c.head, c.embedding);
      layer.v = read.matrix(p + "attn_v.weight", c.kv_heads * c.head, c.embedding);
      layer.out = read.matrix(p + "attn_output.weight", c.embedding, c.heads * c.head);
      read_dense(read, p, c, layer);
    } else {
      read_latent_attention(read, p, c, layer);
      if (i < c.dense_layers) {
        read_dense(read, p, c, layer);
      } else {
        read_experts(read, p, c, layer);
      }
    }
    weights.layers.push_back(std::move(layer));
  }
  std::map<uint32_t, uint64_t> by_type;
  for (const auto& [name, tensor] : file.tensors()) {
    uint64_t elements = 1;
    for (const int64_t size : tensor.dims) elements *= uint64_t(size);
    weights.parameters += elements;
    weights.bytes += tensor.bytes;
    by_type[tensor.type] += tensor.bytes;
  }
  uint64_t most = 0;
  for (const auto& [type, bytes] : by_type) {
    if (bytes >= most) {
      most = bytes;
      weights.main_type = tensor_type_name(type);
    }
  }
  return weights;
}

}  // namespace inferward
