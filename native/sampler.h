// Choosing the next token from logits: greedy, temperature, top-k, top-p, with a random stream of its own per request, so that a request
// gives the same text whoever shares its batch.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace inferward {

struct Sampling {
  float temperature = 0;
  int32_t top_k = 0;
  float top_p = 1;
  int32_t top_logprobs = 0;
};

struct Choice {
  /// -1: the logits hold a NaN or an infinity, or nothing finite (minus infinity alone is a token that cannot be).
  int32_t token = -1;
  /// Probability under temperature 1.
  float probability = 0;
  std::vector<std::pair<int32_t, float>> top;
};

/// PCG-XSH-RR 64/32: small, seeded, the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 6364136223846793005ull + 1442695040888963407ull) { next(); }
  uint32_t next();
  /// Uniform in [0, 1).
  float uniform() { return float(next() >> 8) * (1.0f / 16777216.0f); }

 private:
  uint64_t state_;
};

Choice choose(const float* logits, int64_t vocabulary, const Sampling& sampling, Random& random);

}  // namespace inferward
