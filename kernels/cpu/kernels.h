// The table of compute kernels: one row of function pointers per instruction set, chosen once at load. Every kernel has a scalar reference
// (ref.cc) that defines its result; the others may differ in rounding only.
//
// Invariant: the result for one activation row does not depend on how many rows are computed together, so that a request gives the same
// tokens alone and in a batch.
#pragma once

#include <cstddef>
#include <cstdint>

namespace inferward {

enum class WeightType : uint32_t { f32 = 0, f16 = 1, q8_0 = 8 };

/// Elements and bytes of one block of a weight type (ggml's layouts).
constexpr int64_t block_elements(WeightType type) { return type == WeightType::q8_0 ? 32 : 1; }
constexpr int64_t block_bytes(WeightType type) {
  return type == WeightType::f32 ? 4 : type == WeightType::f16 ? 2 : 34;
}
constexpr int64_t row_bytes(WeightType type, int64_t columns) {
  return columns / block_elements(type) * block_bytes(type);
}

struct Kernels {
  const char* name;
  /// out[t * out_stride + r] = dot(weights row r, x + t * columns) for r in [0, rows), t in [0, count).
  /// weights: `rows` rows of `columns` elements of `type`, contiguous. columns is a multiple of the type's block.
  void (*matmul)(WeightType type, const uint8_t* weights, int64_t rows, int64_t columns, const float* x, int64_t count,
                 float* out, int64_t out_stride);
  /// Sum of a[i] * b[i], i in [0, n).
  float (*dot)(const float* a, const float* b, int64_t n);
  /// y[i] += a * x[i].
  void (*axpy)(float a, const float* x, float* y, int64_t n);
  /// out[i] = x[i] / rms(x) * weight[i]; rms over n elements with eps inside the root. out may be x.
  void (*rms_norm)(const float* x, const float* weight, float eps, float* out, int64_t n);
  /// gate[i] = silu(gate[i]) * up[i].
  void (*silu_mul)(float* gate, const float* up, int64_t n);
};

extern const Kernels kernels_scalar;
/// Null where the compiler or the CPU has no AVX2, FMA and F16C.
const Kernels* kernels_avx2();

float half_to_float(uint16_t half);
uint16_t float_to_half(float value);

}  // namespace inferward
