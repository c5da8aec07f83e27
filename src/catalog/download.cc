#include "catalog/download.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/descriptor.h"
#include "base/str.h"
#include "catalog/copy_file.h"
#include "catalog/file_lock.h"
#include "catalog/http_client.h"
#include "catalog/hub.h"
#include "catalog/known_models.h"
#include "catalog/model_ids.h"

namespace hearth::catalog {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxListingBytes = std::size_t{16} << 20;

std::string environment(const char* name, const char* otherwise = "") {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

std::string endpoint() {
  std::string url = environment("HF_ENDPOINT", "https://huggingface.co");
  while (url.ends_with('/')) url.pop_back();
  return url;
}

// What is asked for, before anything was asked of a server.
struct Plan {
  std::string alias;  // "": from the file's name
  std::optional<HubSource> hub;
  std::string url;  // without a hub
};

Result<Plan> plan_of(const DownloadRequest& request) {
  Plan plan;
  plan.alias = request.alias;
  HEARTH_TRY(plan.hub, parse_hub_source(request.name));
  if (plan.hub) return plan;
  if (request.name.starts_with("http://") || request.name.starts_with("https://")) {
    if (!request.may_be_url) {
      return Error{
          ErrorKind::invalid,
          "a URL is downloaded only by hearth model download, where its user types it; name "
          "a model of the catalogue or hf:owner/repository"};
    }
    plan.url = request.name;
    return plan;
  }
  HEARTH_TRY(const std::string alias, alias_of(request.name));
  HEARTH_TRY(const auto known, find_known_model(alias));
  if (!known) {
    return Error{
        ErrorKind::not_found,
        cat("no model ", quote(request.name),
            " in the catalogue (hearth model list --available); a model of the Hugging Face "
            "hub is named hf:owner/repository")};
  }
  if (known->hub.empty()) {
    return Error{ErrorKind::unsupported,
                 cat("the catalogue does not say where ", quote(known->alias),
                     " can be had; bring its "
                     "file with: hearth model import FILE --alias ",
                     known->alias)};
  }
  HEARTH_TRY(plan.hub, parse_hub_source(known->hub));
  if (plan.alias.empty()) plan.alias = known->alias;
  return plan;
}

// What is to be downloaded, as its server says.
struct Target {
  std::string alias;
  std::string url;
  std::string source;  // for people, and to tell whether a part belongs to it
  std::string file;
  std::uint64_t bytes = 0;
  std::string sha256;  // "": nobody says
};

Result<Target> target_of(const Plan& plan, HttpClient& client, std::stop_token stop) {
  Target target;
  target.alias = plan.alias;
  if (plan.hub) {
    const std::string listing_url = endpoint() + listing_path(*plan.hub);
    auto listing = client.get(listing_url, kMaxListingBytes, stop);
    if (!listing && listing.error().kind == ErrorKind::not_found) {
      return Error{ErrorKind::not_found, cat("there is no repository ", plan.hub->repository,
                                             " (revision ", plan.hub->revision, ") on ", endpoint(),
                                             ", or it needs a token (HF_TOKEN)")};
    }
    if (!listing) return listing.error();
    HEARTH_TRY(const HubListing files, parse_hub_listing(*listing, plan.hub->repository));
    HEARTH_TRY(const HubFile file, choose_file(files, plan.hub->repository, plan.hub->file));
    target.url = endpoint() + file_path(*plan.hub, files.commit, file.path);
    target.source = cat("hf:", plan.hub->repository, "@", files.commit, ":", file.path);
    target.file = file.path;
    target.bytes = file.bytes;
    target.sha256 = file.sha256;
  } else {
    target.url = plan.url;
    target.source = plan.url;
    const std::string path = plan.url.substr(0, plan.url.find_first_of("?#"));
    target.file = path.substr(path.rfind('/') + 1);
  }
  if (target.bytes == 0) {
    HEARTH_TRY(const RemoteFile remote, client.probe(target.url, stop));
    target.bytes = remote.bytes;
    if (!remote.tag.empty()) target.source += cat(" ", remote.tag);
  }
  if (target.bytes == 0)
    return Error{ErrorKind::corrupt, cat(quote(target.source, 200), " is empty")};
  if (target.alias.empty()) target.alias = default_alias(target.file);
  if (const std::string problem = alias_problem(target.alias); !problem.empty()) {
    return Error{ErrorKind::invalid, problem};
  }
  return target;
}

void remove_quietly(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

// Brings all bytes of the target and proves that they are its own.
Result<void> bring(const Target& target, const std::string& path, HttpClient& client,
                   const std::function<void(const DownloadProgress&)>& progress,
                   std::stop_token stop) {
  const std::string identity = cat(target.source, "\n", target.sha256);
  HEARTH_TRY(PartFile part, PartFile::open(path, identity, target.bytes));
  const auto tell = [&] {
    if (progress) progress({target.file, part.n_written(), target.bytes, false});
  };
  tell();
  HEARTH_TRY_VOID(client.fetch(target.url, part, tell, stop));
  HEARTH_TRY_VOID(part.sync());
  if (target.sha256.empty()) return {};
  HEARTH_TRY(const FileDigest digest, hash_file(path, [&](std::uint64_t done, std::uint64_t total) {
               if (progress) progress({target.file, done, total, true});
             }));
  if (digest.sha256 == target.sha256) return {};
  return Error{ErrorKind::corrupt, cat("what came for ", quote(target.source, 200),
                                       " has the SHA-256 ", digest.sha256, ", but ", target.sha256,
                                       " was announced; it was thrown away. Try again, and if it "
                                       "stays so, do not trust the server")};
}

}  // namespace

Result<std::string> describe_download(const DownloadRequest& request) {
  HEARTH_TRY(const Plan plan, plan_of(request));
  if (!plan.hub) return plan.url;
  return cat("hf:", plan.hub->repository, plan.hub->file.empty() ? "" : ":", plan.hub->file, " of ",
             endpoint());
}

Result<CachedModel> download_model(const DownloadRequest& request,
                                   const std::function<void(const DownloadProgress&)>& progress,
                                   std::stop_token stop) {
  HEARTH_TRY(const Plan plan, plan_of(request));
  if (!plan.alias.empty()) {
    if (const std::string problem = alias_problem(plan.alias); !problem.empty()) {
      return Error{ErrorKind::invalid, problem};
    }
    auto cached = find_cached(plan.alias);
    if (cached || cached.error().kind != ErrorKind::not_found) return cached;
  }
  const std::string token = request.token.empty() ? environment("HF_TOKEN") : request.token;
  HttpClient client(
      {.trusted_url = plan.hub ? endpoint() : plan.url, .token = plan.hub ? token : std::string()});
  HEARTH_TRY(const Target target, target_of(plan, client, stop));

  const std::string folder = download_folder(target.alias);
  HEARTH_TRY_VOID(make_cache_folder(folder));
  HEARTH_TRY(const FileLock lock, FileLock::take(folder + ".lock"));
  auto cached = find_cached(target.alias);  // another process may have been at it
  if (cached || cached.error().kind != ErrorKind::not_found) return cached;
  HEARTH_TRY_VOID(make_cache_folder(folder));

  const std::string path = folder + "/model.gguf";
  if (auto brought = bring(target, path, client, progress, stop); !brought) {
    if (brought.error().kind == ErrorKind::corrupt) remove_quietly(folder);
    return brought.error();
  }
  remove_quietly(PartFile::record_path(path));
  auto adopted = adopt_folder(folder, {.alias = target.alias,
                                       .path = path,
                                       .bytes = target.bytes,
                                       .sha256 = target.sha256,
                                       .source = target.source,
                                       .imported_at = std::time(nullptr)});
  if (!adopted && adopted.error().kind != ErrorKind::conflict) remove_quietly(folder);
  return adopted;
}

}  // namespace hearth::catalog
