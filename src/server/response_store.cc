#include "server/response_store.h"

#include <utility>

namespace hearth::server {

void ResponseStore::put(const std::string& id, StoredResponse stored) {
  const std::size_t n_bytes = api::dump(stored.response).size() + api::dump(stored.input).size() +
                              api::dump(stored.items).size();
  const std::lock_guard lock(mutex_);
  entries_.push_front({id, std::move(stored), n_bytes});
  index_[id] = entries_.begin();
  n_bytes_ += n_bytes;
  while (!entries_.empty() && (entries_.size() > kMaxResponses || n_bytes_ > kMaxBytes)) {
    drop(std::prev(entries_.end()));
  }
}

std::optional<StoredResponse> ResponseStore::get(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(id);
  if (found == index_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->stored;
}

bool ResponseStore::erase(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = index_.find(id);
  if (found == index_.end()) return false;
  drop(found->second);
  return true;
}

void ResponseStore::drop(std::list<Entry>::iterator entry) {
  n_bytes_ -= entry->n_bytes;
  index_.erase(entry->id);
  entries_.erase(entry);
}

}  // namespace hearth::server
