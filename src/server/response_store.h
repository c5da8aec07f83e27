// response_store.h - responses that clients may come back to: to go on from, to read, to delete.
//
// In memory, for as long as the service runs, and only so many: those used last. Any thread.
#pragma once

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "api/json.h"

namespace hearth::server {

struct StoredResponse {
  api::Json response;
  api::Json input;  // the items of its request alone
  api::Json items;  // the whole conversation: what preceded, the input, the output
};

class ResponseStore {
 public:
  static constexpr std::size_t kMaxResponses = 1000;
  static constexpr std::size_t kMaxBytes = std::size_t{64} << 20;  // of JSON text

  void put(const std::string& id, StoredResponse stored);
  std::optional<StoredResponse> get(const std::string& id);
  bool erase(const std::string& id);

 private:
  struct Entry {
    std::string id;
    StoredResponse stored;
    std::size_t n_bytes;
  };
  void drop(std::list<Entry>::iterator entry);

  std::mutex mutex_;
  std::list<Entry> entries_;  // used last first
  std::unordered_map<std::string, std::list<Entry>::iterator> index_;
  std::size_t n_bytes_ = 0;
};

}  // namespace hearth::server
