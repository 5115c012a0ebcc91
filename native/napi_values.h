// JavaScript values in and out of C++: checked getters that name the field, and makers. The only place that knows Node-API's value calls.
#pragma once

#define NAPI_VERSION 8
#include <node_api.h>

#include <cstdint>
#include <string>
#include <vector>

namespace inferward {

/// Thrown after a JavaScript exception is pending.
struct Pending {};

void check(napi_env env, napi_status status);
napi_value make_error(napi_env env, const std::string& code, const std::string& message);

napi_value get(napi_env env, napi_value object, const char* name);
/// A finite number; faults name the field.
double number(napi_env env, napi_value object, const char* name);
/// A whole number in [low, high]; faults name the field.
int64_t whole(napi_env env, napi_value object, const char* name, int64_t low, int64_t high);
std::string text_of(napi_env env, napi_value value, const char* name);
std::vector<int32_t> tokens_of(napi_env env, napi_value value, const char* name);

napi_value of(napi_env env, double value);
napi_value of(napi_env env, const std::string& value);
napi_value null_of(napi_env env);
napi_value boolean_of(napi_env env, bool value);
napi_value object_of(napi_env env);
napi_value texts_of(napi_env env, const std::vector<std::string>* values);
napi_value floats_of(napi_env env, const std::vector<float>& values);
void put(napi_env env, napi_value object, const char* name, napi_value value);

}  // namespace inferward
