// block_pool.cc - see block_pool.h.
#include "engine/block_pool.h"

#include <cstddef>

#include "base/check.h"

namespace hearth::engine {

BlockPool::BlockPool(PrefixIndex& index)
    : index_(index), blocks_(static_cast<std::size_t>(index.n_blocks())), n_free_(n_total()) {
  for (BlockId block = n_total() - 1; block >= 0; --block) {
    at(block).next = first_free_;
    first_free_ = block;
  }
}

BlockPool::Block& BlockPool::at(BlockId block) {
  CHECK(block >= 0 && block < n_total(), "a block of this pool");
  return blocks_[static_cast<std::size_t>(block)];
}

std::int32_t BlockPool::references(BlockId block) const {
  CHECK(block >= 0 && block < n_total(), "a block of this pool");
  return blocks_[static_cast<std::size_t>(block)].n_references;
}

std::optional<BlockId> BlockPool::allocate() {
  BlockId block = first_free_;
  if (block >= 0) {
    first_free_ = at(block).next;
    --n_free_;
  } else {
    block = oldest_evictable_;
    if (block < 0) return std::nullopt;
    unlink_evictable(block);
    index_.forget(block);
  }
  at(block) = {.n_references = 1};
  return block;
}

void BlockPool::retain(BlockId block) {
  Block& b = at(block);
  CHECK(b.n_references > 0 || b.evictable, "a free block has no content to share");
  if (b.evictable) unlink_evictable(block);
  ++b.n_references;
}

void BlockPool::release(BlockId block) {
  Block& b = at(block);
  CHECK(b.n_references > 0, "released more often than retained");
  if (--b.n_references > 0) return;
  if (index_.contains(block)) {
    append_evictable(block);
  } else {
    b.next = first_free_;
    first_free_ = block;
    ++n_free_;
  }
}

void BlockPool::append_evictable(BlockId block) {
  Block& b = at(block);
  b.evictable = true;
  b.previous = newest_evictable_;
  b.next = -1;
  (b.previous >= 0 ? at(b.previous).next : oldest_evictable_) = block;
  newest_evictable_ = block;
  ++n_evictable_;
}

void BlockPool::unlink_evictable(BlockId block) {
  Block& b = at(block);
  (b.previous >= 0 ? at(b.previous).next : oldest_evictable_) = b.next;
  (b.next >= 0 ? at(b.next).previous : newest_evictable_) = b.previous;
  b.evictable = false;
  --n_evictable_;
}

}  // namespace hearth::engine
