#include "kv_pool.h"

#include <sys/mman.h>

#include <new>

namespace inferward {

KvPool::KvPool(int64_t layers, int64_t width, int64_t tokens)
    : layers_(layers), width_(width), total_((tokens + block_tokens - 1) / block_tokens) {
  const auto count = size_t((total_ + segment_blocks - 1) / segment_blocks);
  segments_.assign(count, nullptr);
  used_in_segment_.assign(count, 0);
  free_.resize(count);
  for (auto& list : free_) list.reserve(segment_blocks);
}

KvPool::~KvPool() {
  for (float* segment : segments_) {
    if (segment != nullptr) ::munmap(segment, segment_bytes());
  }
}

int32_t KvPool::allocate() {
  if (active_ == total_) return -1;
  // The lowest segment with room: requests gather at the front, so that segments at the end empty and can be given back.
  for (size_t s = 0; s < segments_.size(); s++) {
    const auto first = int64_t(s) * segment_blocks;
    const auto size = first + segment_blocks <= total_ ? segment_blocks : total_ - first;
    if (used_in_segment_[s] == size) continue;
    if (segments_[s] == nullptr) {
      void* mapped = ::mmap(nullptr, segment_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (mapped == MAP_FAILED) throw std::bad_alloc();
      segments_[s] = static_cast<float*>(mapped);
      mapped_++;
      for (int64_t b = size - 1; b >= 0; b--) free_[s].push_back(int32_t(first + b));
    }
    const int32_t block = free_[s].back();
    free_[s].pop_back();
    used_in_segment_[s]++;
    active_++;
    return block;
  }
  return -1;
}

void KvPool::release(int32_t block) {
  const auto s = size_t(block / segment_blocks);
  free_[s].push_back(block);
  used_in_segment_[s]--;
  active_--;
  // One segment stays mapped, so that a lone request after another does not map and unmap each time.
  if (used_in_segment_[s] == 0 && mapped_ > 1) {
    ::munmap(segments_[s], segment_bytes());
    segments_[s] = nullptr;
    free_[s].clear();
    mapped_--;
  }
}

}  // namespace inferward
