// GGUF version 3, read and checked. Everything a file says of itself is doubted: every count, length, type, offset and overlap is compared
// with the bytes that are there before it is believed; a fault names the file and the key or tensor.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mapped_file.h"

namespace inferward {

struct GgufValue {
  enum class Kind { number, boolean, text, numbers, texts };
  Kind kind = Kind::number;
  double number = 0;
  bool boolean = false;
  std::string text;
  std::vector<double> numbers;
  std::vector<std::string> texts;
};

struct GgufTensor {
  std::string name;
  /// Fastest dimension first, as in the file; 1 to 4 of them.
  std::vector<int64_t> dims;
  uint32_t type = 0;
  const uint8_t* data = nullptr;
  uint64_t bytes = 0;
};

class Gguf {
 public:
  explicit Gguf(const MappedFile& file);

  const std::string& path() const { return path_; }
  const std::map<std::string, GgufValue>& values() const { return values_; }
  const std::map<std::string, GgufTensor>& tensors() const { return tensors_; }

  std::string text(const std::string& key) const;
  std::optional<std::string> maybe_text(const std::string& key) const;
  /// A whole number in [low, high]; faults name the key.
  int64_t integer(const std::string& key, int64_t low, int64_t high) const;
  std::optional<int64_t> maybe_integer(const std::string& key, int64_t low, int64_t high) const;
  std::optional<double> maybe_number(const std::string& key) const;
  std::optional<bool> maybe_boolean(const std::string& key) const;
  const std::vector<std::string>* maybe_texts(const std::string& key) const;
  const std::vector<double>* maybe_numbers(const std::string& key) const;

 private:
  const GgufValue* find(const std::string& key) const;

  std::string path_;
  std::map<std::string, GgufValue> values_;
  std::map<std::string, GgufTensor> tensors_;
};

/// ggml's name of a tensor type, e.g. `Q4_0`; `type 99` for one nobody knows.
std::string tensor_type_name(uint32_t type);

}  // namespace inferward
