// download.h - a model from somewhere into the cache.
//
// From a Hugging Face hub (HF_ENDPOINT, HF_TOKEN), where a known model's catalogue entry or
// "hf:owner/repository[:file]" says, or from any URL. What arrives lies in .download-ALIAS of the
// cache until it is whole and has the hash that the hub gave; a download that was cut, killed or
// stopped goes on where it was. One process at a time downloads an alias; others wait.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "catalog/catalog.h"

namespace hearth::catalog {

struct DownloadRequest {
  std::string name;   // of the catalogue, "hf:…", or a URL
  std::string alias;  // "": the catalogue's, or the file's name
  std::string token;  // "": HF_TOKEN of the environment
  // Whether `name` may be a URL, which may lead to this machine's own network: only where its user
  // typed it.
  bool may_be_url = false;
};

struct DownloadProgress {
  std::string file;  // what is downloaded
  std::uint64_t done = 0, total = 0;
  bool verifying = false;  // done counts the bytes hashed
};

// Where a request would take the model from, for people: "hf:owner/repository:file of HOST".
Result<std::string> describe_download(const DownloadRequest& request);

// The model that is in the cache afterwards; a whole one that is there already is returned at once.
// Errors: not_found, invalid, unsupported, corrupt (a size or hash that is not what was announced:
// nothing is kept), conflict (the alias is another model's), too_large (the disk), io, cancelled.
Result<CachedModel> download_model(const DownloadRequest& request,
                                   const std::function<void(const DownloadProgress&)>& progress,
                                   std::stop_token stop = {});

}  // namespace hearth::catalog
