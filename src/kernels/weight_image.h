// weight_image.h - memory for a model's packed matrices that outlives a load: they lie one after
// another, in the order in which the model asks for them, each at a multiple of kImageUnit.
//
// A load fills an empty image; a later one of the same model finds it filled and packs nothing, but
// for a few panels by which it tells that the image is this model's, in this program's layout.
#pragma once

#include <cstdint>
#include <span>

namespace hearth::kernels {

inline constexpr std::int64_t kImageUnit = 4096;

class WeightImage {
 public:
  virtual ~WeightImage() = default;

  // [size() bytes], which stay where they are.
  virtual const std::uint8_t* data() const = 0;
  virtual std::int64_t size() const = 0;
  virtual bool filled() const = 0;

  // Of an image that is not filled; called by several threads at once. A failure shows in the
  // implementation's own interface.
  virtual void write(std::int64_t offset, std::span<const std::uint8_t> bytes) = 0;
  // These bytes will not be read again soon.
  virtual void release(std::int64_t offset, std::int64_t n_bytes) = 0;
};

}  // namespace hearth::kernels
