#include "catalog/hub.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/str.h"
#include "base/strict_json.h"
#include "catalog/model_files.h"
#include "formats/gguf/gguf_parts.h"
#include "formats/hugging_face/hugging_face.h"
#include "formats/open_folder.h"

namespace hearth::catalog {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kScheme = "hf:";
constexpr std::string_view kPreferred[] = {"q4_k_m", "mxfp4", "q4_0", "q8_0"};

bool is_name(std::string_view text) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= 96 && text.front() != '.' &&
         text.find("..") == text.npos && std::all_of(text.begin(), text.end(), good);
}

bool is_path(std::string_view text) {
  return text.size() <= 512 && text.front() != '/' && text.find("..") == text.npos &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return c == '\\' || (c >= 0 && c < 32); });
}

std::string encoded(std::string_view text, bool keep_slashes) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-' || c == '~' || (keep_slashes && c == '/');
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

bool is_gguf(const HubFile& file) { return ascii_lower(file.path).ends_with(".gguf"); }

std::string base_name(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

bool is_model(const HubFile& file) {
  return is_gguf(file) && !is_later_part(base_name(file.path)) && !is_companion(file.path);
}

std::string names_of(const std::vector<HubFile>& files) {
  std::vector<std::string_view> names;
  for (const HubFile& file : files) {
    if (names.size() == 20) {
      names.push_back("…");
      break;
    }
    names.push_back(file.path);
  }
  return joined(names);
}

const HubFile* find_file(const HubListing& listing, std::string_view path) {
  const auto at = std::find_if(listing.files.begin(), listing.files.end(),
                               [&](const HubFile& file) { return file.path == path; });
  return at == listing.files.end() ? nullptr : &*at;
}

Result<std::vector<HubFile>> all_parts(const HubListing& listing, const HubFile& first) {
  const std::string name = base_name(first.path);
  const std::int64_t n = n_parts_of_name(name);
  if (n == 1) return std::vector{first};
  HEARTH_TRY(const auto names, formats::gguf_part_names(name, n));
  std::vector<HubFile> parts;
  for (const std::string& part : names) {
    const std::string path = first.path.substr(0, first.path.size() - name.size()) + part;
    const HubFile* file = find_file(listing, path);
    if (file == nullptr) {
      return Error{ErrorKind::corrupt, cat(quote(path), " is not in the repository, but ",
                                           quote(name), " is one of ", n, " parts")};
    }
    parts.push_back(*file);
  }
  return parts;
}

bool is_hex(std::string_view text, std::size_t size) {
  return text.size() == size && text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::string text_member(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace

Result<std::optional<HubSource>> parse_hub_source(std::string_view text) {
  if (!text.starts_with(kScheme)) return std::optional<HubSource>();
  std::string_view rest = text.substr(kScheme.size());
  HubSource source;
  if (const std::size_t colon = rest.find(':'); colon != rest.npos) {
    source.file = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  if (const std::size_t at = rest.find('@'); at != rest.npos) {
    source.revision = rest.substr(at + 1);
    rest = rest.substr(0, at);
  }
  source.repository = rest;
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const bool good = slash < rest.size() && is_name(rest.substr(0, slash)) &&
                    is_name(rest.substr(slash + 1)) && !source.revision.empty() &&
                    is_path(source.revision) && (source.file.empty() || is_path(source.file));
  if (!good) {
    return Error{
        ErrorKind::invalid,
        cat(quote(text), ": expected hf:OWNER/REPOSITORY, with @REVISION and :FILE if wanted")};
  }
  return std::optional(std::move(source));
}

Result<HubListing> parse_hub_listing(std::string_view text, std::string_view repository) {
  const std::string what = cat("the hub's answer about ", repository);
  auto json = parse_strict_json(text, what);
  if (!json) return Error{ErrorKind::corrupt, json.error().message};
  const auto corrupt = [&](std::string_view why) {
    return Error{ErrorKind::corrupt, cat(what, ": ", why)};
  };
  if (!json->is_object()) return corrupt("it is no JSON object");
  HubListing listing;
  listing.commit = text_member(*json, "sha");
  const auto siblings = json->find("siblings");
  if (listing.commit.empty() || !is_name(listing.commit)) return corrupt("it names no commit");
  if (siblings == json->end() || !siblings->is_array()) return corrupt("it lists no files");
  for (const Json& sibling : *siblings) {
    if (!sibling.is_object()) return corrupt("a file is no JSON object");
    HubFile file;
    file.path = text_member(sibling, "rfilename");
    if (file.path.empty() || !is_path(file.path)) continue;
    const auto size = sibling.find("size");
    if (size != sibling.end() && size->is_number_unsigned())
      file.bytes = size->get<std::uint64_t>();
    if (const auto lfs = sibling.find("lfs"); lfs != sibling.end() && lfs->is_object()) {
      file.sha256 = text_member(*lfs, "sha256");
      if (file.sha256.empty()) file.sha256 = text_member(*lfs, "oid");
    }
    file.git_id = text_member(sibling, "blobId");
    if (!is_hex(file.git_id, 40)) file.git_id.clear();
    if (!file.sha256.empty() && !is_hex(file.sha256, 64)) {
      return corrupt(cat("the hash of ", quote(file.path), " is no SHA-256"));
    }
    listing.files.push_back(std::move(file));
  }
  return listing;
}

Result<std::vector<HubFile>> choose_gguf(const HubListing& listing, std::string_view repository,
                                         std::string_view wanted) {
  std::vector<HubFile> models;
  std::copy_if(listing.files.begin(), listing.files.end(), std::back_inserter(models), is_model);
  const bool is_folder = find_file(listing, "config.json") != nullptr;
  if (models.empty() && wanted.empty() && is_folder) return std::vector<HubFile>();
  if (models.empty()) {
    return Error{ErrorKind::unsupported,
                 cat("the repository ", repository, " has no GGUF file",
                     is_folder ? "; leave the file out to take its safetensors"
                               : " and no config.json with safetensors")};
  }
  std::vector<HubFile> fitting;
  const auto collect = [&](std::string_view part) {
    const std::string needle = ascii_lower(part);
    for (const HubFile& file : models) {
      if (file.path == part) {
        fitting = {file};
        return;
      }
      if (ascii_lower(file.path).find(needle) != std::string::npos) fitting.push_back(file);
    }
  };
  if (!wanted.empty()) {
    collect(wanted);
  } else {
    for (const std::string_view part : kPreferred) {
      if (fitting.empty()) collect(part);
    }
    if (fitting.empty()) fitting = models;
  }
  if (fitting.empty()) {
    return Error{ErrorKind::not_found, cat("no GGUF file of ", repository, " is named ",
                                           quote(wanted), "; there are ", names_of(models))};
  }
  // "Q4_K_M" is in "Q4_K_M_L" too: the shortest name is the plain one.
  const auto shortest = std::min_element(
      fitting.begin(), fitting.end(),
      [](const HubFile& a, const HubFile& b) { return a.path.size() < b.path.size(); });
  const bool ambiguous = wanted.empty() && fitting.size() > 1 && fitting.size() == models.size();
  if (ambiguous) {
    return Error{ErrorKind::not_found, cat("which file of ", repository, "? Say hf:", repository,
                                           ":FILE, where FILE is one of ", names_of(models))};
  }
  return all_parts(listing, *shortest);
}

bool needs_index(const HubListing& listing) {
  return find_file(listing, formats::kFolderWeights) == nullptr;
}

Result<std::vector<HubFile>> choose_folder(const HubListing& listing, std::string_view index) {
  std::vector<std::string> names{std::string(formats::kFolderWeights)};
  if (needs_index(listing)) {
    HEARTH_TRY(names, formats::shard_names(index));
    names.emplace_back(formats::kFolderIndex);
  }
  std::vector<HubFile> files;
  for (const std::string& name : names) {
    const HubFile* file = find_file(listing, name);
    if (file == nullptr) {
      return Error{ErrorKind::not_found,
                   cat("the repository has no ", quote(name), ", which its index names")};
    }
    files.push_back(*file);
  }
  for (const std::string_view name : formats::folder_settings()) {
    if (const HubFile* file = find_file(listing, name)) files.push_back(*file);
  }
  return files;
}

std::string listing_path(const HubSource& source) {
  return cat("/api/models/", source.repository, "/revision/", encoded(source.revision, false),
             "?blobs=true");
}

std::string file_path(const HubSource& source, std::string_view commit, std::string_view file) {
  return cat("/", source.repository, "/resolve/", encoded(commit, false), "/", encoded(file, true));
}

}  // namespace hearth::catalog
