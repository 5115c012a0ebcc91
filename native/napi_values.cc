#include "napi_values.h"

#include <algorithm>
#include <cmath>

#include "error.h"

namespace inferward {

void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) napi_throw_error(env, "INTERNAL", "a Node-API call failed");
  throw Pending{};
}

napi_value make_error(napi_env env, const std::string& code, const std::string& message) {
  napi_value code_value, text, error;
  napi_create_string_utf8(env, code.c_str(), code.size(), &code_value);
  napi_create_string_utf8(env, message.c_str(), message.size(), &text);
  napi_create_error(env, code_value, text, &error);
  return error;
}

napi_value get(napi_env env, napi_value object, const char* name) {
  napi_value value;
  check(env, napi_get_named_property(env, object, name, &value));
  return value;
}
double number(napi_env env, napi_value object, const char* name) {
  double value = 0;
  if (napi_get_value_double(env, get(env, object, name), &value) != napi_ok || !std::isfinite(value)) {
    throw EngineError("OPTION_INVALID", std::string(name) + " is not a number");
  }
  return value;
}
int64_t whole(napi_env env, napi_value object, const char* name, int64_t low, int64_t high) {
  const double value = number(env, object, name);
  if (value != std::floor(value) || value < double(low) || value > double(high)) {
    throw EngineError("OPTION_INVALID", std::string(name) + " is not a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return int64_t(value);
}
std::string text_of(napi_env env, napi_value value, const char* name) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) {
    throw EngineError("OPTION_INVALID", std::string(name) + " is not a text");
  }
  std::string out(length, '\0');
  napi_get_value_string_utf8(env, value, out.data(), length + 1, &length);
  return out;
}
std::vector<int32_t> tokens_of(napi_env env, napi_value value, const char* name) {
  napi_typedarray_type type;
  size_t length;
  void* data;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok || type != napi_int32_array) {
    throw EngineError("OPTION_INVALID", std::string(name) + " is not an Int32Array");
  }
  const auto* at = static_cast<const int32_t*>(data);
  return std::vector<int32_t>(at, at + length);
}

napi_value of(napi_env env, double value) {
  napi_value out;
  check(env, napi_create_double(env, value, &out));
  return out;
}
napi_value of(napi_env env, const std::string& value) {
  napi_value out;
  check(env, napi_create_string_utf8(env, value.c_str(), value.size(), &out));
  return out;
}
napi_value null_of(napi_env env) {
  napi_value out;
  check(env, napi_get_null(env, &out));
  return out;
}
napi_value boolean_of(napi_env env, bool value) {
  napi_value out;
  check(env, napi_get_boolean(env, value, &out));
  return out;
}
void put(napi_env env, napi_value object, const char* name, napi_value value) {
  check(env, napi_set_named_property(env, object, name, value));
}
napi_value object_of(napi_env env) {
  napi_value out;
  check(env, napi_create_object(env, &out));
  return out;
}
napi_value texts_of(napi_env env, const std::vector<std::string>* values) {
  napi_value out;
  check(env, napi_create_array(env, &out));
  if (values == nullptr) return out;
  for (size_t i = 0; i < values->size(); i++) check(env, napi_set_element(env, out, uint32_t(i), of(env, (*values)[i])));
  return out;
}

napi_value floats_of(napi_env env, const std::vector<float>& values) {
  napi_value buffer, array;
  void* data;
  check(env, napi_create_arraybuffer(env, values.size() * 4, &data, &buffer));
  std::copy(values.begin(), values.end(), static_cast<float*>(data));
  check(env, napi_create_typedarray(env, napi_float32_array, values.size(), buffer, 0, &array));
  return array;
}

}  // namespace inferward
