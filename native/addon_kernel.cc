// One call of one kernel under a named instruction set, for tests: what the fast ones compute is compared with the scalar reference.
#include "addon_kernel.h"

#include "engine.h"
#include "error.h"

namespace inferward {
namespace {

constexpr double max_elements = 1 << 26;

/// The inputs of a call, read by position and checked.
class Inputs {
 public:
  Inputs(napi_env env, napi_value list) : env_(env), list_(list) {}

  int64_t count(uint32_t i) const {
    double value = 0;
    if (napi_get_value_double(env_, element(i), &value) != napi_ok || !(value >= 1 && value <= max_elements)) {
      throw EngineError("OPTION_INVALID", "input " + std::to_string(i) + " is not a number from 1 to 2^26");
    }
    return int64_t(value);
  }
  float scalar(uint32_t i) const {
    double value = 0;
    if (napi_get_value_double(env_, element(i), &value) != napi_ok) {
      throw EngineError("OPTION_INVALID", "input " + std::to_string(i) + " is not a number");
    }
    return float(value);
  }
  std::vector<float> floats(uint32_t i) const { return list<float>(i, napi_float32_array, "a Float32Array"); }
  std::vector<uint8_t> bytes(uint32_t i) const { return list<uint8_t>(i, napi_uint8_array, "a Uint8Array"); }

 private:
  napi_value element(uint32_t i) const {
    napi_value value;
    check(env_, napi_get_element(env_, list_, i, &value));
    return value;
  }
  template <typename T>
  std::vector<T> list(uint32_t i, napi_typedarray_type wanted, const char* name) const {
    napi_typedarray_type type;
    size_t length;
    void* data;
    if (napi_get_typedarray_info(env_, element(i), &type, &length, &data, nullptr, nullptr) != napi_ok || type != wanted) {
      throw EngineError("OPTION_INVALID", "input " + std::to_string(i) + " is not " + name);
    }
    const auto* at = static_cast<const T*>(data);
    return std::vector<T>(at, at + length);
  }

  napi_env env_;
  napi_value list_;
};

void same_length(size_t a, size_t b) {
  if (a != b || a == 0) throw EngineError("OPTION_INVALID", "the inputs have different lengths, or none");
}

/// matmul: weight type, rows, columns, weights, activations (one or more rows of `columns`) -> [activation, row].
std::vector<float> matmul(const Kernels& kernels, const Inputs& in) {
  const float type = in.scalar(0);
  if (type != 0 && type != 1 && type != 8) throw EngineError("OPTION_INVALID", "input 0 is not a weight type: 0, 1 or 8");
  const auto kind = WeightType(uint32_t(type));
  const int64_t rows = in.count(1), columns = in.count(2);
  const auto weights = in.bytes(3);
  const auto x = in.floats(4);
  if (columns % block_elements(kind) != 0) throw EngineError("OPTION_INVALID", "the columns are no whole blocks");
  if (int64_t(weights.size()) != rows * row_bytes(kind, columns)) throw EngineError("OPTION_INVALID", "the weights have another size");
  if (x.empty() || int64_t(x.size()) % columns != 0) throw EngineError("OPTION_INVALID", "the activations have another size");
  const int64_t count = int64_t(x.size()) / columns;
  std::vector<float> out(size_t(rows * count));
  kernels.matmul(kind, weights.data(), rows, columns, x.data(), count, out.data(), rows);
  return out;
}

std::vector<float> call(const std::string& name, const Kernels& kernels, const Inputs& in) {
  if (name == "matmul") return matmul(kernels, in);
  if (name == "dot") {
    const auto a = in.floats(0), b = in.floats(1);
    same_length(a.size(), b.size());
    return {kernels.dot(a.data(), b.data(), int64_t(a.size()))};
  }
  if (name == "axpy") {
    const auto x = in.floats(1);
    auto y = in.floats(2);
    same_length(x.size(), y.size());
    kernels.axpy(in.scalar(0), x.data(), y.data(), int64_t(y.size()));
    return y;
  }
  if (name == "rms_norm") {
    const auto x = in.floats(0), weight = in.floats(1);
    same_length(x.size(), weight.size());
    std::vector<float> out(x.size());
    kernels.rms_norm(x.data(), weight.data(), in.scalar(2), out.data(), int64_t(x.size()));
    return out;
  }
  if (name == "silu_mul") {
    auto gate = in.floats(0);
    const auto up = in.floats(1);
    same_length(gate.size(), up.size());
    kernels.silu_mul(gate.data(), up.data(), int64_t(gate.size()));
    return gate;
  }
  throw EngineError("OPTION_INVALID", "kernel " + name.substr(0, 100) + ": unknown");
}

}  // namespace

napi_value kernel(napi_env env, napi_callback_info info) {
  size_t count = 3;
  napi_value values[3];
  check(env, napi_get_cb_info(env, info, &count, values, nullptr, nullptr));
  const std::string name = text_of(env, values[0], "name");
  return floats_of(env, call(name, pick_kernels(text_of(env, values[1], "isa")), Inputs(env, values[2])));
}

}  // namespace inferward
