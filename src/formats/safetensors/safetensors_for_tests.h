// safetensors_for_tests.h - writes safetensors files, good and bad.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/str.h"

namespace hearth::formats {

inline std::string safetensors_file(const std::string& header, const std::string& data) {
  std::string out(8, '\0');
  const std::uint64_t size = header.size();
  std::memcpy(out.data(), &size, sizeof size);
  return out + header + data;
}

struct TensorForTest {
  std::string name, dtype;
  std::vector<std::int64_t> shape;
  std::string bytes;
};

inline std::string safetensors_file(const std::vector<TensorForTest>& tensors) {
  std::string header = "{", data;
  for (const TensorForTest& t : tensors) {
    header += cat(header.size() == 1 ? "" : ",", "\"", t.name, "\":{\"dtype\":\"", t.dtype,
                  "\",\"shape\":[");
    for (std::size_t i = 0; i < t.shape.size(); ++i) header += cat(i == 0 ? "" : ",", t.shape[i]);
    header += cat("],\"data_offsets\":[", data.size(), ",", data.size() + t.bytes.size(), "]}");
    data += t.bytes;
  }
  return safetensors_file(header + "}", data);
}

inline std::string f32_bytes(const std::vector<float>& values) {
  std::string out(values.size() * sizeof(float), '\0');
  std::memcpy(out.data(), values.data(), out.size());
  return out;
}

}  // namespace hearth::formats
