// See addon_kernel.cc.
#pragma once

#include "napi_values.h"

namespace inferward {

/// kernel(name, isa, inputs) of native/host/addon.ts.
napi_value kernel(napi_env env, napi_callback_info info);

}  // namespace inferward
