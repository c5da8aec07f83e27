// hub.h - models on a Hugging Face hub: how they are named, what its API says of a repository's
// files, and which file of one is meant.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::catalog {

// "hf:owner/repository[@revision][:file]"; file: a path, or a part of one that says which is meant
// ("Q4_K_M").
struct HubSource {
  std::string repository;
  std::string revision = "main";
  std::string file;
};

// nullopt: it does not begin with "hf:". Errors: invalid, with the form expected.
Result<std::optional<HubSource>> parse_hub_source(std::string_view text);

struct HubFile {
  std::string path;
  std::optional<std::uint64_t> bytes;  // nullopt: the hub does not say
  std::string sha256;                  // "": the hub does not say (small files)
  std::string git_id;  // of a file without sha256: its name in git, "" when the hub does not say
};

struct HubListing {
  std::string commit;
  std::vector<HubFile> files;
};

// The reply of /api/models/{repository}/revision/{revision}?blobs=true. Errors: corrupt.
Result<HubListing> parse_hub_listing(std::string_view json, std::string_view repository);

// The GGUF file that `wanted` names (HubSource::file), or if it names none the smallest loss for
// its size: Q4_K_M, else MXFP4, Q4_0, Q8_0, else the only one. Of a split model: all parts, in
// order. None, when the repository has no GGUF file, nothing is wanted, and it has a config.json: a
// Hugging Face folder. Errors: not_found, with what is there; unsupported (no model at all);
// corrupt (a part lacks).
Result<std::vector<HubFile>> choose_gguf(const HubListing& listing, std::string_view repository,
                                         std::string_view wanted);

// The files of a Hugging Face folder. index: the text of model.safetensors.index.json, when
// needs_index(). Errors: not_found (a file lacks), corrupt (the index).
bool needs_index(const HubListing& listing);
Result<std::vector<HubFile>> choose_folder(const HubListing& listing, std::string_view index);

// Paths of the hub's API and of a file, percent-encoded.
std::string listing_path(const HubSource& source);
std::string file_path(const HubSource& source, std::string_view commit, std::string_view file);

}  // namespace hearth::catalog
