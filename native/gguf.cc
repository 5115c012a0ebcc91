#include "gguf.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "../kernels/cpu/kernels.h"
#include "error.h"

namespace inferward {
namespace {

constexpr uint64_t max_entries = 1 << 20;
constexpr uint64_t max_array = 1 << 24;
constexpr uint64_t max_text = 1 << 24;
/// GGUF's own limit for keys; tensor names get the same.
constexpr uint64_t max_name = 65535;

/// A name as it may stand in a message: cut, so that a hostile file cannot fill a log.
std::string shown(const std::string& name) { return name.size() <= 100 ? name : name.substr(0, 100) + "..."; }

enum ValueType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, text, array, u64, i64, f64 };

/// Reads forward through the file; past the end it throws with the name of what was being read.
class Cursor {
 public:
  explicit Cursor(const MappedFile& file) : file_(file) {}

  template <typename T>
  T take(const std::string& what) {
    T value;
    std::memcpy(&value, bytes(sizeof(T), what), sizeof(T));
    return value;
  }
  std::string take_text(const std::string& what, uint64_t most = max_text) {
    const auto length = take<uint64_t>(what);
    if (length > most) invalid(file_.path() + ": " + what + ": text of " + std::to_string(length) + " bytes");
    const auto* at = reinterpret_cast<const char*>(bytes(length, what));
    return std::string(at, length);
  }
  const uint8_t* bytes(uint64_t count, const std::string& what) {
    if (count > file_.size() - at_) {
      invalid(file_.path() + ": cut short in " + what + " (the file has " + std::to_string(file_.size()) + " bytes)");
    }
    const uint8_t* found = file_.data() + at_;
    at_ += count;
    return found;
  }
  uint64_t at() const { return at_; }

 private:
  const MappedFile& file_;
  uint64_t at_ = 0;
};

double take_number(Cursor& cursor, uint32_t type, const std::string& what) {
  switch (type) {
    case u8: return cursor.take<uint8_t>(what);
    case i8: return cursor.take<int8_t>(what);
    case u16: return cursor.take<uint16_t>(what);
    case i16: return cursor.take<int16_t>(what);
    case u32: return cursor.take<uint32_t>(what);
    case i32: return cursor.take<int32_t>(what);
    case f32: return double(cursor.take<float>(what));
    case boolean: return cursor.take<uint8_t>(what) != 0 ? 1 : 0;
    case u64: return double(cursor.take<uint64_t>(what));
    case i64: return double(cursor.take<int64_t>(what));
    case f64: return cursor.take<double>(what);
    default: return NAN;
  }
}

GgufValue take_value(Cursor& cursor, const std::string& path, const std::string& key) {
  const std::string what = "key " + shown(key);
  GgufValue value;
  const auto type = cursor.take<uint32_t>(what);
  if (type == text) {
    value.kind = GgufValue::Kind::text;
    value.text = cursor.take_text(what);
  } else if (type == array) {
    const auto element = cursor.take<uint32_t>(what);
    const auto count = cursor.take<uint64_t>(what);
    if (count > max_array) invalid(path + ": " + what + ": array of " + std::to_string(count) + " elements");
    if (element == text) {
      value.kind = GgufValue::Kind::texts;
      for (uint64_t i = 0; i < count; i++) value.texts.push_back(cursor.take_text(what));
    } else if (element < array || (element > array && element <= f64)) {
      value.kind = GgufValue::Kind::numbers;
      for (uint64_t i = 0; i < count; i++) value.numbers.push_back(take_number(cursor, element, what));
    } else {
      invalid(path + ": " + what + ": array of unknown type " + std::to_string(element));
    }
  } else if (type <= f64) {
    value.number = take_number(cursor, type, what);
    value.kind = type == boolean ? GgufValue::Kind::boolean : GgufValue::Kind::number;
    value.boolean = value.number != 0;
  } else {
    invalid(path + ": " + what + ": unknown value type " + std::to_string(type));
  }
  return value;
}

struct TypeShape {
  uint32_t type;
  const char* name;
};
constexpr TypeShape known_types[] = {{0, "F32"},   {1, "F16"},   {2, "Q4_0"},  {3, "Q4_1"},  {6, "Q5_0"},  {7, "Q5_1"},
                                     {8, "Q8_0"},  {9, "Q8_1"},  {10, "Q2_K"}, {11, "Q3_K"}, {12, "Q4_K"}, {13, "Q5_K"},
                                     {14, "Q6_K"}, {15, "Q8_K"}, {24, "I8"},   {25, "I16"},  {26, "I32"},  {30, "BF16"}};

bool is_supported(uint32_t type) { return type == 0 || type == 1 || type == 8; }

}  // namespace

std::string tensor_type_name(uint32_t type) {
  for (const auto& known : known_types) {
    if (known.type == type) return known.name;
  }
  return "type " + std::to_string(type);
}

Gguf::Gguf(const MappedFile& file) : path_(file.path()) {
  Cursor cursor(file);
  if (std::memcmp(cursor.bytes(4, "the magic"), "GGUF", 4) != 0) {
    invalid(path_ + ": not a GGUF file (it does not begin with GGUF)");
  }
  const auto version = cursor.take<uint32_t>("the version");
  if (version != 3) unsupported(path_ + ": GGUF version " + std::to_string(version) + "; supported: 3");
  const auto tensor_count = cursor.take<uint64_t>("the tensor count");
  const auto value_count = cursor.take<uint64_t>("the key count");
  if (tensor_count > max_entries) invalid(path_ + ": says it has " + std::to_string(tensor_count) + " tensors");
  if (value_count > max_entries) invalid(path_ + ": says it has " + std::to_string(value_count) + " keys");

  for (uint64_t i = 0; i < value_count; i++) {
    const std::string key = cursor.take_text("key " + std::to_string(i), max_name);
    if (!values_.emplace(key, take_value(cursor, path_, key)).second) invalid(path_ + ": key " + shown(key) + " appears twice");
  }

  struct Entry {
    GgufTensor tensor;
    uint64_t offset;
  };
  std::vector<Entry> entries;
  for (uint64_t i = 0; i < tensor_count; i++) {
    Entry entry;
    entry.tensor.name = cursor.take_text("tensor " + std::to_string(i), max_name);
    const std::string what = "tensor " + shown(entry.tensor.name);
    const auto dims = cursor.take<uint32_t>(what);
    if (dims < 1 || dims > 4) invalid(path_ + ": " + what + " has " + std::to_string(dims) + " dimensions");
    uint64_t elements = 1;
    for (uint32_t d = 0; d < dims; d++) {
      const auto size = cursor.take<uint64_t>(what);
      if (size == 0 || size > (uint64_t(1) << 40) || elements > (uint64_t(1) << 40) / size) {
        invalid(path_ + ": " + what + " has an impossible size");
      }
      elements *= size;
      entry.tensor.dims.push_back(int64_t(size));
    }
    entry.tensor.type = cursor.take<uint32_t>(what);
    entry.offset = cursor.take<uint64_t>(what);
    if (!is_supported(entry.tensor.type)) {
      unsupported(path_ + ": " + what + " has type " + tensor_type_name(entry.tensor.type) + "; supported: F32, F16, Q8_0");
    }
    const auto type = WeightType(entry.tensor.type);
    if (entry.tensor.dims[0] % block_elements(type) != 0) {
      invalid(path_ + ": " + what + " has rows of " + std::to_string(entry.tensor.dims[0]) + " elements, not a multiple of " +
              std::to_string(block_elements(type)));
    }
    entry.tensor.bytes = elements / uint64_t(block_elements(type)) * uint64_t(block_bytes(type));
    entries.push_back(std::move(entry));
  }

  const int64_t alignment = maybe_integer("general.alignment", 1, 1 << 20).value_or(32);
  if ((alignment & (alignment - 1)) != 0) invalid(path_ + ": key general.alignment is not a power of two");
  const uint64_t begin = (cursor.at() + uint64_t(alignment) - 1) / uint64_t(alignment) * uint64_t(alignment);
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.offset < b.offset; });
  uint64_t end = 0;
  for (auto& entry : entries) {
    const std::string what = "tensor " + shown(entry.tensor.name);
    if (entry.offset % uint64_t(alignment) != 0) invalid(path_ + ": " + what + " is not aligned");
    if (entry.offset < end) invalid(path_ + ": " + what + " overlaps the one before it");
    if (begin > file.size() || entry.offset > file.size() - begin || entry.tensor.bytes > file.size() - begin - entry.offset) {
      invalid(path_ + ": " + what + " reaches past the end of the file: the file is cut short");
    }
    end = entry.offset + entry.tensor.bytes;
    entry.tensor.data = file.data() + begin + entry.offset;
    const std::string name = entry.tensor.name;
    if (!tensors_.emplace(name, std::move(entry.tensor)).second) invalid(path_ + ": " + what + " appears twice");
  }
}

const GgufValue* Gguf::find(const std::string& key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

std::optional<std::string> Gguf::maybe_text(const std::string& key) const {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind != GgufValue::Kind::text) invalid(path_ + ": key " + key + " is not a text");
  return value->text;
}

std::string Gguf::text(const std::string& key) const {
  auto value = maybe_text(key);
  if (!value) invalid(path_ + ": key " + key + " is missing");
  return *value;
}

std::optional<double> Gguf::maybe_number(const std::string& key) const {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind != GgufValue::Kind::number || !std::isfinite(value->number)) {
    invalid(path_ + ": key " + key + " is not a finite number");
  }
  return value->number;
}

std::optional<int64_t> Gguf::maybe_integer(const std::string& key, int64_t low, int64_t high) const {
  const auto number = maybe_number(key);
  if (!number) return std::nullopt;
  if (*number != std::floor(*number) || *number < double(low) || *number > double(high)) {
    invalid(path_ + ": key " + key + " is " + std::to_string(*number) + ", expected a whole number from " + std::to_string(low) +
            " to " + std::to_string(high));
  }
  return int64_t(*number);
}

int64_t Gguf::integer(const std::string& key, int64_t low, int64_t high) const {
  const auto value = maybe_integer(key, low, high);
  if (!value) invalid(path_ + ": key " + key + " is missing");
  return *value;
}

std::optional<bool> Gguf::maybe_boolean(const std::string& key) const {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind != GgufValue::Kind::boolean) invalid(path_ + ": key " + key + " is not true or false");
  return value->boolean;
}

const std::vector<std::string>* Gguf::maybe_texts(const std::string& key) const {
  const auto* value = find(key);
  if (value == nullptr) return nullptr;
  if (value->kind == GgufValue::Kind::texts) return &value->texts;
  invalid(path_ + ": key " + key + " is not a list of texts");
}

const std::vector<double>* Gguf::maybe_numbers(const std::string& key) const {
  const auto* value = find(key);
  if (value == nullptr) return nullptr;
  if (value->kind == GgufValue::Kind::numbers) return &value->numbers;
  invalid(path_ + ": key " + key + " is not a list of numbers");
}

}  // namespace inferward
