// AVX2 + FMA + F16C kernels. Compiled with its own flags; nothing here may run before the CPU was asked (kernels_avx2()).
// Order of sums: eight lanes over the row, lanes folded pairwise at the end; the same for every number of activation rows.
#include "kernels.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <immintrin.h>

#include <cstring>

namespace inferward {
namespace {

inline float fold(__m256 v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  s = _mm_add_ss(s, _mm_shuffle_ps(s, s, 1));
  return _mm_cvtss_f32(s);
}

inline __m256 load_q8(const int8_t* q) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(q))));
}

/// One weight row against T activation rows: weights are unpacked once for all of them.
template <int T>
void q8_row(const uint8_t* row, int64_t columns, const float* x, float* out, int64_t out_stride) {
  __m256 sum[T];
  for (int t = 0; t < T; t++) sum[t] = _mm256_setzero_ps();
  for (int64_t b = 0; b < columns / 32; b++, row += 34) {
    uint16_t h;
    std::memcpy(&h, row, 2);
    const __m256 scale = _mm256_set1_ps(_cvtsh_ss(h));
    const auto* q = reinterpret_cast<const int8_t*>(row + 2);
    const __m256 w0 = load_q8(q), w1 = load_q8(q + 8), w2 = load_q8(q + 16), w3 = load_q8(q + 24);
    for (int t = 0; t < T; t++) {
      const float* at = x + t * columns + b * 32;
      __m256 block = _mm256_mul_ps(w0, _mm256_loadu_ps(at));
      block = _mm256_fmadd_ps(w1, _mm256_loadu_ps(at + 8), block);
      block = _mm256_fmadd_ps(w2, _mm256_loadu_ps(at + 16), block);
      block = _mm256_fmadd_ps(w3, _mm256_loadu_ps(at + 24), block);
      sum[t] = _mm256_fmadd_ps(scale, block, sum[t]);
    }
  }
  for (int t = 0; t < T; t++) out[t * out_stride] = fold(sum[t]);
}

template <int T, bool Half>
void float_row(const uint8_t* row, int64_t columns, const float* x, float* out, int64_t out_stride) {
  __m256 sum[T];
  for (int t = 0; t < T; t++) sum[t] = _mm256_setzero_ps();
  int64_t i = 0;
  for (; i + 8 <= columns; i += 8) {
    const __m256 w = Half ? _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row + 2 * i)))
                          : _mm256_loadu_ps(reinterpret_cast<const float*>(row + 4 * i));
    for (int t = 0; t < T; t++) sum[t] = _mm256_fmadd_ps(w, _mm256_loadu_ps(x + t * columns + i), sum[t]);
  }
  for (int t = 0; t < T; t++) {
    float total = fold(sum[t]);
    for (int64_t j = i; j < columns; j++) {
      float w;
      if (Half) {
        uint16_t h;
        std::memcpy(&h, row + 2 * j, 2);
        w = _cvtsh_ss(h);
      } else {
        std::memcpy(&w, row + 4 * j, 4);
      }
      total += w * x[t * columns + j];
    }
    out[t * out_stride] = total;
  }
}

template <int T>
void row(WeightType type, const uint8_t* weights, int64_t columns, const float* x, float* out, int64_t out_stride) {
  switch (type) {
    case WeightType::q8_0:
      return q8_row<T>(weights, columns, x, out, out_stride);
    case WeightType::f16:
      return float_row<T, true>(weights, columns, x, out, out_stride);
    case WeightType::f32:
      return float_row<T, false>(weights, columns, x, out, out_stride);
  }
}

void matmul(WeightType type, const uint8_t* weights, int64_t rows, int64_t columns, const float* x, int64_t count,
            float* out, int64_t out_stride) {
  const int64_t bytes = row_bytes(type, columns);
  for (int64_t r = 0; r < rows; r++) {
    const uint8_t* at = weights + r * bytes;
    int64_t t = 0;
    for (; t + 4 <= count; t += 4) row<4>(type, at, columns, x + t * columns, out + t * out_stride + r, out_stride);
    for (; t < count; t++) row<1>(type, at, columns, x + t * columns, out + t * out_stride + r, out_stride);
  }
}

float dot(const float* a, const float* b, int64_t n) {
  __m256 sum = _mm256_setzero_ps();
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) sum = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sum);
  float total = fold(sum);
  for (; i < n; i++) total += a[i] * b[i];
  return total;
}

void axpy(float a, const float* x, float* y, int64_t n) {
  const __m256 factor = _mm256_set1_ps(a);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    _mm256_storeu_ps(y + i, _mm256_fmadd_ps(factor, _mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
  }
  for (; i < n; i++) y[i] += a * x[i];
}

}  // namespace

const Kernels* kernels_avx2() {
  static const Kernels table = {"avx2", matmul, dot, axpy, kernels_scalar.rms_norm, kernels_scalar.silu_mul};
  const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  return has ? &table : nullptr;
}

}  // namespace inferward

#else

namespace inferward {
const Kernels* kernels_avx2() { return nullptr; }
}  // namespace inferward

#endif
