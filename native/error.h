// The engine's only exception: a code from a closed list and words that name the file, tensor or key. Thrown at load and caught at the
// boundary; a step never throws it past the engine loop.
#pragma once

#include <stdexcept>
#include <string>

namespace inferward {

class EngineError : public std::runtime_error {
 public:
  EngineError(const char* code, const std::string& message) : std::runtime_error(message), code_(code) {}
  /// MODEL_NOT_FOUND, MODEL_INVALID, MODEL_UNSUPPORTED, OUT_OF_MEMORY or OPTION_INVALID.
  const char* code() const { return code_; }

 private:
  const char* code_;
};

[[noreturn]] inline void invalid(const std::string& message) { throw EngineError("MODEL_INVALID", message); }
[[noreturn]] inline void unsupported(const std::string& message) { throw EngineError("MODEL_UNSUPPORTED", message); }

}  // namespace inferward
