// Scalar reference of every kernel: the definition of what the fast ones must compute, and the fallback where there is no other.
#include <cmath>
#include <cstring>

#include "kernels.h"

namespace inferward {

float half_to_float(uint16_t half) {
  const uint32_t sign = uint32_t(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & 0x1f;
  uint32_t mantissa = half & 0x3ff;
  uint32_t bits;
  if (exponent == 0x1f) {
    bits = sign | 0x7f800000 | (mantissa << 13);
  } else if (exponent != 0) {
    bits = sign | ((exponent + 112) << 23) | (mantissa << 13);
  } else if (mantissa == 0) {
    bits = sign;
  } else {
    // Denormal: shift until the hidden bit appears.
    exponent = 113;
    while ((mantissa & 0x400) == 0) {
      mantissa <<= 1;
      exponent--;
    }
    bits = sign | (exponent << 23) | ((mantissa & 0x3ff) << 13);
  }
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

uint16_t float_to_half(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  const uint16_t sign = uint16_t((bits >> 16) & 0x8000);
  const int32_t exponent = int32_t((bits >> 23) & 0xff) - 112;
  uint32_t mantissa = bits & 0x7fffff;
  if (((bits >> 23) & 0xff) == 0xff) return uint16_t(sign | 0x7c00 | (mantissa != 0 ? 0x200 : 0));
  if (exponent >= 31) return uint16_t(sign | 0x7c00);
  if (exponent <= 0) {
    if (exponent < -10) return sign;
    mantissa |= 0x800000;
    const uint32_t shift = uint32_t(14 - exponent);
    const uint32_t rounded = (mantissa + (1u << (shift - 1)) - 1 + ((mantissa >> shift) & 1)) >> shift;
    return uint16_t(sign | rounded);
  }
  const uint32_t rounded = ((uint32_t(exponent) << 23) | mantissa) + 0xfff + ((mantissa >> 13) & 1);
  return uint16_t(sign | (rounded >> 13));
}

namespace {

float row_dot(WeightType type, const uint8_t* row, const float* x, int64_t n) {
  float sum = 0;
  switch (type) {
    case WeightType::f32:
      for (int64_t i = 0; i < n; i++) {
        float w;
        std::memcpy(&w, row + 4 * i, 4);
        sum += w * x[i];
      }
      return sum;
    case WeightType::f16:
      for (int64_t i = 0; i < n; i++) {
        uint16_t h;
        std::memcpy(&h, row + 2 * i, 2);
        sum += half_to_float(h) * x[i];
      }
      return sum;
    case WeightType::q8_0:
      for (int64_t b = 0; b < n / 32; b++, row += 34) {
        uint16_t h;
        std::memcpy(&h, row, 2);
        const auto* q = reinterpret_cast<const int8_t*>(row + 2);
        float block = 0;
        for (int i = 0; i < 32; i++) block += float(q[i]) * x[b * 32 + i];
        sum += half_to_float(h) * block;
      }
      return sum;
  }
  return 0;
}

void matmul(WeightType type, const uint8_t* weights, int64_t rows, int64_t columns, const float* x, int64_t count,
            float* out, int64_t out_stride) {
  const int64_t bytes = row_bytes(type, columns);
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t t = 0; t < count; t++) {
      out[t * out_stride + r] = row_dot(type, weights + r * bytes, x + t * columns, columns);
    }
  }
}

float dot(const float* a, const float* b, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

void axpy(float a, const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

void rms_norm(const float* x, const float* weight, float eps, float* out, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += double(x[i]) * x[i];
  const float scale = float(1.0 / std::sqrt(sum / double(n) + eps));
  for (int64_t i = 0; i < n; i++) out[i] = x[i] * scale * weight[i];
}

void silu_mul(float* gate, const float* up, int64_t n) {
  for (int64_t i = 0; i < n; i++) gate[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}

}  // namespace

const Kernels kernels_scalar = {"scalar", matmul, dot, axpy, rms_norm, silu_mul};

}  // namespace inferward
