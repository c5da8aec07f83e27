// block_pool.h - who uses which block of keys and values. Holds no keys and values itself.
//
// A block is always in one of three states:
//   used       referenced by at least one sequence
//   evictable  referenced by none, but its content is in the PrefixIndex: kept until room is needed
//   free       holds nothing of use
//
//   free --allocate--> used --release, in the index------> evictable --allocate (forgotten)--> used
//                      used --release, not in the index--> free        --retain (reused)-----> used
//
// allocate() takes a free block, else the evictable one that was released longest ago, and makes
// the index forget it. Release a sequence's blocks from its last to its first: then the end of a
// chain is evicted before the beginning that it needs.
//
// Blocks found by PrefixIndex::match must be retained before the next allocate(), which could evict
// them. Not thread-safe. Allocates only when constructed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/prefix_index.h"

namespace hearth::engine {

class BlockPool {
 public:
  // One block for each that the index can name. The index must outlive the pool.
  explicit BlockPool(PrefixIndex& index);
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // A block with one reference and unspecified content; nullopt: all are used.
  std::optional<BlockId> allocate();
  // One more reference to a used or evictable block.
  void retain(BlockId block);
  // One reference less. The content stays readable for retain() as long as the index knows it.
  void release(BlockId block);

  std::int32_t references(BlockId block) const;
  std::int32_t n_total() const { return static_cast<std::int32_t>(blocks_.size()); }
  std::int32_t n_free() const { return n_free_; }
  std::int32_t n_evictable() const { return n_evictable_; }
  std::int32_t n_available() const {
    return n_free_ + n_evictable_;
  }  // allocate() succeeds this often
  std::int32_t n_used() const { return n_total() - n_available(); }

 private:
  struct Block {
    std::int32_t n_references = 0;
    bool evictable = false;
    BlockId previous = -1, next = -1;  // neighbours in the list it is in
  };
  Block& at(BlockId block);
  void append_evictable(BlockId block);
  void unlink_evictable(BlockId block);

  PrefixIndex& index_;
  std::vector<Block> blocks_;
  BlockId first_free_ = -1;                                // a stack, linked by next
  BlockId oldest_evictable_ = -1, newest_evictable_ = -1;  // released longest ago … last
  std::int32_t n_free_ = 0, n_evictable_ = 0;
};

}  // namespace hearth::engine
