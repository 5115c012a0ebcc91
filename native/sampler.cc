#include "sampler.h"

#include <algorithm>
#include <cmath>

namespace inferward {

uint32_t Random::next() {
  const uint64_t old = state_;
  state_ = old * 6364136223846793005ull + 1442695040888963407ull;
  const auto shifted = uint32_t(((old >> 18) ^ old) >> 27);
  const auto turn = uint32_t(old >> 59);
  return (shifted >> turn) | (shifted << ((32 - turn) & 31));
}

Choice choose(const float* logits, int64_t vocabulary, const Sampling& sampling, Random& random) {
  Choice choice;
  int32_t best = -1;
  for (int32_t i = 0; i < vocabulary; i++) {
    if (std::isnan(logits[i]) || logits[i] == INFINITY) return choice;
    // The lowest id wins a tie.
    if (std::isfinite(logits[i]) && (best < 0 || logits[i] > logits[best])) best = i;
  }
  if (best < 0) return choice;
  double sum = 0;
  for (int32_t i = 0; i < vocabulary; i++) sum += std::exp(double(logits[i]) - logits[best]);
  const auto log_probability = [&](int32_t i) { return float(double(logits[i]) - logits[best] - std::log(sum)); };

  choice.token = best;
  if (sampling.temperature > 0) {
    thread_local std::vector<std::pair<float, int32_t>> ranked;
    ranked.clear();
    for (int32_t i = 0; i < vocabulary; i++) ranked.push_back({-logits[i], i});
    size_t keep = ranked.size();
    if (sampling.top_k > 0) keep = std::min<size_t>(keep, size_t(sampling.top_k));
    std::partial_sort(ranked.begin(), ranked.begin() + long(sampling.top_p < 1 ? ranked.size() : keep), ranked.end());
    thread_local std::vector<double> weight;
    weight.clear();
    double total = 0;
    for (size_t i = 0; i < keep; i++) {
      weight.push_back(std::exp((double(-ranked[i].first) - logits[best]) / sampling.temperature));
      total += weight.back();
    }
    if (sampling.top_p < 1) {
      // The smallest set of most likely tokens whose share reaches top_p; never empty.
      double reached = 0;
      size_t n = 0;
      while (n < keep && reached < double(sampling.top_p) * total) reached += weight[n++];
      keep = std::max<size_t>(1, n);
      total = 0;
      for (size_t i = 0; i < keep; i++) total += weight[i];
    }
    double mark = double(random.uniform()) * total;
    size_t pick = 0;
    while (pick + 1 < keep && mark >= weight[pick]) mark -= weight[pick++];
    choice.token = ranked[pick].second;
  }
  choice.probability = std::exp(log_probability(choice.token));
  if (sampling.top_logprobs > 0) {
    std::vector<std::pair<float, int32_t>> ranked;
    for (int32_t i = 0; i < vocabulary; i++) ranked.push_back({-logits[i], i});
    const auto n = std::min<size_t>(ranked.size(), size_t(sampling.top_logprobs));
    std::partial_sort(ranked.begin(), ranked.begin() + long(n), ranked.end());
    for (size_t i = 0; i < n; i++) choice.top.push_back({ranked[i].second, log_probability(ranked[i].second)});
  }
  return choice;
}

}  // namespace inferward
