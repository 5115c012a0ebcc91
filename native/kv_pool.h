// Memory for attention: blocks of 16 positions in segments of 64 blocks. A segment is mapped when its first block is needed and given back
// when its last one is free, so `reserved` and `active` are what the system and the requests really hold.
//
// Invariant: a block is free or belongs to exactly one request; active + free + unmapped = total.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace inferward {

class KvPool {
 public:
  static constexpr int64_t block_tokens = 16;
  static constexpr int64_t segment_blocks = 64;

  /// `width` floats per token and layer; `tokens` is rounded up to whole blocks.
  KvPool(int64_t layers, int64_t width, int64_t tokens);
  ~KvPool();
  KvPool(const KvPool&) = delete;
  KvPool& operator=(const KvPool&) = delete;

  /// A block, or -1 when the pool is spent. Throws std::bad_alloc when the system gives no memory for a segment.
  int32_t allocate();
  void release(int32_t block);

  /// First float of slot 0 of a block in a layer; slots follow each other, `width` floats each.
  float* at(int64_t layer, int32_t block) const {
    float* segment = segments_[size_t(block / segment_blocks)];
    return segment + (layer * segment_blocks + block % segment_blocks) * block_tokens * width_;
  }

  int64_t width() const { return width_; }
  int64_t total_blocks() const { return total_; }
  int64_t active_blocks() const { return active_; }
  int64_t free_blocks() const { return total_ - active_; }
  int64_t reserved_blocks() const { return mapped_ * segment_blocks; }
  int64_t block_bytes() const { return layers_ * block_tokens * width_ * int64_t(sizeof(float)); }

 private:
  size_t segment_bytes() const { return size_t(block_bytes() * segment_blocks); }

  int64_t layers_, width_, total_;
  int64_t active_ = 0, mapped_ = 0;
  std::vector<float*> segments_;
  std::vector<int32_t> used_in_segment_;
  /// Free blocks of mapped segments, and per segment a flag for each block.
  std::vector<std::vector<int32_t>> free_;
};

}  // namespace inferward
