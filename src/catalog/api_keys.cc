#include "catalog/api_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "base/str.h"
#include "catalog/catalog.h"
#include "catalog/json_file.h"
#include "catalog/settings.h"
#include "catalog/sha256.h"

namespace hearth::catalog {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kSaltBytes = 16, kKeyBytes = 32, kDigestDigits = 64;

Result<std::string> random_digits(std::size_t n_bytes) {
  std::array<unsigned char, kKeyBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(n_bytes)) != 1) {
    return Error{ErrorKind::io, "the system gives no random bytes to make a key of"};
  }
  return hex_of(std::span(bytes).first(n_bytes));
}

std::string salted_hash(std::string_view salt, std::string_view key) {
  const std::string text = cat(salt, key);
  Sha256 hash;
  hash.update(std::as_bytes(std::span(text.data(), text.size())));
  return hash.finish();
}

bool is_text(const Json& object, const char* name) {
  return object.contains(name) && object[name].is_string();
}

Result<ApiKey> read_key(const Json& object) {
  const bool good = object.is_object() && is_text(object, "name") && is_text(object, "salt") &&
                    is_text(object, "sha256") && object.contains("created_at") &&
                    object["created_at"].is_number_integer() &&
                    object["sha256"].get_ref<const std::string&>().size() == kDigestDigits;
  if (!good) {
    return Error{ErrorKind::invalid, cat(quote(api_keys_path(), 300),
                                         " holds something that is no key; make new ones with "
                                         "hearth service key add NAME after removing the file")};
  }
  return ApiKey{object["name"], object["salt"], object["sha256"], object["created_at"]};
}

Result<std::vector<ApiKey>> keys_of(const Json& json) {
  if (!json.is_object() || !json.contains("keys") || !json["keys"].is_array()) {
    return Error{ErrorKind::invalid,
                 cat(quote(api_keys_path(), 300), ": expected {\"keys\": [...]}")};
  }
  std::vector<ApiKey> keys;
  for (const Json& object : json["keys"]) {
    HEARTH_TRY(ApiKey key, read_key(object));
    keys.push_back(std::move(key));
  }
  return keys;
}

Json json_of(const std::vector<ApiKey>& keys) {
  Json all = Json::array();
  for (const ApiKey& key : keys) {
    all.push_back(Json{{"name", key.name},
                       {"salt", key.salt},
                       {"sha256", key.sha256},
                       {"created_at", key.created_at}});
  }
  Json json = {{"keys", all}};
  return json;
}

Result<void> change_keys(const std::function<Result<void>(std::vector<ApiKey>&)>& change) {
  const JsonFile file{.path = api_keys_path(), .lock = ".keys.lock", .is_private = true};
  return change_json_file(file, json_of({}), [&](Json& json) -> Result<void> {
    HEARTH_TRY(std::vector<ApiKey> keys, keys_of(json));
    HEARTH_TRY_VOID(change(keys));
    json = json_of(keys);
    return {};
  });
}

auto named(const std::string& name) {
  return [&name](const ApiKey& key) { return key.name == name; };
}

}  // namespace

std::string api_keys_path() { return config_folder() + "/keys.json"; }

Result<std::vector<ApiKey>> list_api_keys() {
  HEARTH_TRY(const std::optional<Json> json, read_json_file(api_keys_path()));
  return json ? keys_of(*json) : std::vector<ApiKey>();
}

Result<std::string> add_api_key(const std::string& name) {
  if (!alias_problem(name).empty()) {
    return Error{
        ErrorKind::invalid,
        cat("a key's name has 1 to 64 characters of a-z 0-9 . _ - and begins with a letter "
            "or digit; this is ",
            quote(name))};
  }
  HEARTH_TRY(const std::string digits, random_digits(kKeyBytes));
  const std::string secret = cat("hearth-", digits);
  HEARTH_TRY(const ApiKey key, hashed_key(name, secret));
  HEARTH_TRY_VOID(change_keys([&](std::vector<ApiKey>& keys) -> Result<void> {
    if (std::any_of(keys.begin(), keys.end(), named(name))) {
      return Error{ErrorKind::conflict,
                   cat("there is a key ", quote(name),
                       " already; remove it with: hearth service key remove ", name)};
    }
    keys.push_back(key);
    return {};
  }));
  return secret;
}

Result<void> remove_api_key(const std::string& name) {
  return change_keys([&](std::vector<ApiKey>& keys) -> Result<void> {
    if (std::erase_if(keys, named(name)) > 0) return {};
    return Error{ErrorKind::not_found,
                 cat("there is no key ", quote(name), " (hearth service key list shows all)")};
  });
}

Result<ApiKey> hashed_key(const std::string& name, std::string_view secret) {
  HEARTH_TRY(const std::string salt, random_digits(kSaltBytes));
  return ApiKey{name, salt, salted_hash(salt, secret), std::time(nullptr)};
}

bool is_key(const ApiKey& key, std::string_view given) {
  const std::string hash = salted_hash(key.salt, given);
  return hash.size() == key.sha256.size() &&
         CRYPTO_memcmp(hash.data(), key.sha256.data(), hash.size()) == 0;
}

}  // namespace hearth::catalog
