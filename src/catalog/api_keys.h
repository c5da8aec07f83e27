// api_keys.h - keys that clients of the service may present, kept only as salted hashes.
//
// $HEARTH_HOME/keys.json (without it: beside config.json), readable by its user alone: {"keys":
// [{"name", "salt", "sha256", "created_at"}]}. A key is 32 random bytes: nobody can try so many, so
// one SHA-256 keeps it as well as a slow hash of a password would, and costs a request nothing. The
// salt keeps equal hashes from telling of equal keys, should one be copied in by hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::catalog {

struct ApiKey {
  std::string name;
  std::string salt;             // hex
  std::string sha256;           // hex, of the salt's text and the key
  std::int64_t created_at = 0;  // seconds since 1970, UTC
};

std::string api_keys_path();

// None, when there is certainly no file: a service that cannot tell must not be open to all.
// Errors: invalid (the file), io.
Result<std::vector<ApiKey>> list_api_keys();
// The new key, which is kept nowhere. Errors: invalid (a name is as an alias is), conflict (it is
// taken), io.
Result<std::string> add_api_key(const std::string& name);
// Errors: not_found, io.
Result<void> remove_api_key(const std::string& name);

// The key as it is kept: its hash with a salt of its own. Errors: io (no random bytes).
Result<ApiKey> hashed_key(const std::string& name, std::string_view secret);

// What is compared are hashes, always whole, so the time tells neither where a wrong key differs
// nor how long the right one is.
bool is_key(const ApiKey& key, std::string_view given);

}  // namespace hearth::catalog
