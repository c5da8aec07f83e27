#include "catalog/download.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/descriptor.h"
#include "base/mapped_file.h"
#include "base/str.h"
#include "catalog/copy_file.h"
#include "catalog/entry.h"
#include "catalog/file_lock.h"
#include "catalog/http_client.h"
#include "catalog/hub.h"
#include "catalog/known_models.h"
#include "catalog/model_files.h"
#include "catalog/model_ids.h"
#include "catalog/part_file.h"
#include "catalog/sha256.h"
#include "formats/open_folder.h"

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

struct TargetFile {
  std::string url;
  std::string name;            // in the entry
  std::uint64_t bytes = 0;     // 0: not known yet
  std::string sha256, git_id;  // "": nobody says
};

// What is to be downloaded, as its server says.
struct Target {
  std::string alias;
  std::string source;  // for people, and to tell whether a part belongs to it
  std::string title;   // what is shown while it comes
  std::string opens;   // the name of the file to open; "" for a folder
  std::vector<TargetFile> files;
};

Result<HubListing> read_listing(const HubSource& hub, HttpClient& client, std::stop_token stop) {
  auto listing = client.get(endpoint() + listing_path(hub), kMaxListingBytes, stop);
  if (!listing && listing.error().kind == ErrorKind::not_found) {
    return Error{ErrorKind::not_found,
                 cat("there is no repository ", hub.repository, " (revision ", hub.revision,
                     ") on ", endpoint(), ", or it needs a token (HF_TOKEN)")};
  }
  if (!listing) return listing.error();
  return parse_hub_listing(*listing, hub.repository);
}

TargetFile target_file(const HubSource& hub, const HubListing& listing, const HubFile& file,
                       std::string name) {
  return {.url = endpoint() + file_path(hub, listing.commit, file.path),
          .name = std::move(name),
          .bytes = file.bytes.value_or(0),
          .sha256 = file.sha256,
          .git_id = file.git_id};
}

Result<void> target_folder(const HubSource& hub, const HubListing& listing, HttpClient& client,
                           std::stop_token stop, Target& target) {
  std::string index;
  if (needs_index(listing)) {
    const std::string url = endpoint() + file_path(hub, listing.commit, formats::kFolderIndex);
    HEARTH_TRY(index, client.get(url, kMaxListingBytes, stop));
  }
  HEARTH_TRY(const auto files, choose_folder(listing, index));
  for (const HubFile& file : files) {
    if (file.bytes != std::uint64_t{0})
      target.files.push_back(target_file(hub, listing, file, file.path));
  }
  target.title = hub.repository.substr(hub.repository.find('/') + 1);
  if (target.alias.empty()) target.alias = alias_of_name(target.title);
  return {};
}

Result<Target> hub_target(const HubSource& hub, HttpClient& client, std::stop_token stop) {
  HEARTH_TRY(const HubListing listing, read_listing(hub, client, stop));
  HEARTH_TRY(const auto files, choose_gguf(listing, hub.repository, hub.file));
  Target target;
  target.source = cat("hf:", hub.repository, "@", listing.commit);
  if (files.empty()) {
    HEARTH_TRY_VOID(target_folder(hub, listing, client, stop, target));
    return target;
  }
  const auto names = gguf_names(static_cast<std::int64_t>(files.size()));
  for (std::size_t i = 0; i < files.size(); ++i) {
    target.files.push_back(target_file(hub, listing, files[i], names[i]));
  }
  target.opens = names.front();
  target.title = files.front().path;
  target.source += cat(":", target.title);
  return target;
}

Target url_target(const std::string& url) {
  const std::string path = url.substr(0, url.find_first_of("?#"));
  return {.alias = {},
          .source = url,
          .title = path.substr(path.rfind('/') + 1),
          .opens = "model.gguf",
          .files = {{.url = url, .name = "model.gguf", .sha256 = {}, .git_id = {}}}};
}

Result<Target> target_of(const Plan& plan, HttpClient& client, std::stop_token stop) {
  Target target = url_target(plan.url);
  if (plan.hub) {
    HEARTH_TRY(target, hub_target(*plan.hub, client, stop));
  }
  for (TargetFile& file : target.files) {
    if (file.bytes > 0) continue;
    HEARTH_TRY(const RemoteFile remote, client.probe(file.url, stop));
    file.bytes = remote.bytes;
    if (!remote.tag.empty()) target.source += cat(" ", remote.tag);
    if (file.bytes == 0)
      return Error{ErrorKind::corrupt, cat(quote(target.source, 200), " is empty")};
  }
  if (!plan.alias.empty()) target.alias = plan.alias;
  if (target.alias.empty()) target.alias = default_alias(target.title);
  if (const std::string problem = alias_problem(target.alias); !problem.empty()) {
    return Error{ErrorKind::invalid, problem};
  }
  return target;
}

void remove_quietly(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

Error wrong_hash(const Target& target, const TargetFile& file, std::string_view came,
                 std::string_view announced) {
  return {ErrorKind::corrupt,
          cat("what came for ", quote(target.source, 200),
              target.files.size() > 1 ? cat(" (", file.name, ")") : std::string(), " has the hash ",
              came, ", but ", announced,
              " was announced; it was thrown away. Try again, and if it stays so, do not trust the "
              "server")};
}

// Brings a target's files, one after the other, and proves that they are its own.
class Bringing {
 public:
  Bringing(const Target& target, const std::string& folder,
           const std::function<void(const DownloadProgress&)>& progress, std::stop_token stop)
      : target_(target), folder_(folder), progress_(progress), stop_(std::move(stop)) {
    for (const TargetFile& file : target.files) total_ += file.bytes;
  }

  Result<void> run(HttpClient& client) {
    std::vector<PartFile> parts;
    for (const TargetFile& file : target_.files) {
      HEARTH_TRY_VOID(make_cache_folder(fs::path(path_of(file)).parent_path().string()));
      const std::string identity = cat(target_.source, " ", file.name, "\n", file.sha256);
      HEARTH_TRY(PartFile part, PartFile::open(path_of(file), identity, file.bytes));
      arrived_ += part.n_written();
      parts.push_back(std::move(part));
    }
    HEARTH_TRY_VOID(check_room(folder_, total_ - arrived_));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      HEARTH_TRY_VOID(fetch(target_.files[i], parts[i], client));
    }
    std::uint64_t verified = 0;
    for (const TargetFile& file : target_.files) {
      HEARTH_TRY_VOID(verify(file, verified));
      verified += file.bytes;
    }
    return {};
  }

  std::string path_of(const TargetFile& file) const { return cat(folder_, "/", file.name); }

 private:
  void tell(std::uint64_t done, bool verifying) const {
    if (progress_) progress_({target_.title, done, total_, verifying});
  }

  Result<void> fetch(const TargetFile& file, PartFile& part, HttpClient& client) {
    const std::uint64_t others = arrived_ - part.n_written();
    const auto told = [&] { tell(others + part.n_written(), false); };
    told();
    HEARTH_TRY_VOID(client.fetch(file.url, part, told, stop_));
    arrived_ = others + part.n_written();
    return part.sync();
  }

  Result<void> verify(const TargetFile& file, std::uint64_t before) const {
    if (!file.sha256.empty()) {
      const auto told = [&](std::uint64_t done, std::uint64_t) { tell(before + done, true); };
      HEARTH_TRY(const FileDigest digest, hash_file(path_of(file), told));
      if (digest.sha256 != file.sha256) {
        return wrong_hash(target_, file, digest.sha256, file.sha256);
      }
    } else if (!file.git_id.empty()) {
      HEARTH_TRY(const auto mapped, MappedFile::open(path_of(file)));
      const std::string id = git_blob_id(mapped->bytes());
      if (id != file.git_id) return wrong_hash(target_, file, id, file.git_id);
    }
    return {};
  }

  const Target& target_;
  const std::string& folder_;
  const std::function<void(const DownloadProgress&)>& progress_;
  std::stop_token stop_;
  std::uint64_t total_ = 0, arrived_ = 0;
};

// What an earlier download of the alias left there is not this model's.
void remove_others(const std::string& folder, const Target& target) {
  std::error_code failed;
  std::vector<fs::path> others;
  for (fs::recursive_directory_iterator at(folder, failed);
       !failed && at != fs::recursive_directory_iterator(); at.increment(failed)) {
    const std::string name = at->path().lexically_relative(folder).string();
    const auto is_own = [&](const TargetFile& file) {
      return name == file.name || name == PartFile::record_path(file.name);
    };
    if (at->is_directory(failed) || std::any_of(target.files.begin(), target.files.end(), is_own)) {
      continue;
    }
    others.push_back(at->path());
  }
  for (const fs::path& path : others) fs::remove(path, failed);
}

void remove_records(const Target& target) {
  for (const TargetFile& file : target.files) {
    remove_quietly(PartFile::record_path(cat(entry_folder(target.alias), "/", file.name)));
  }
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
    HEARTH_TRY_VOID(check_place(plan.alias));
  }
  const std::string token = request.token.empty() ? environment("HF_TOKEN") : request.token;
  HttpClient client(
      {.trusted_url = plan.hub ? endpoint() : plan.url, .token = plan.hub ? token : std::string()});
  HEARTH_TRY(const Target target, target_of(plan, client, stop));

  HEARTH_TRY_VOID(check_place(target.alias));
  const std::string folder = download_folder(target.alias);
  HEARTH_TRY_VOID(make_cache_folder(folder));
  HEARTH_TRY(const FileLock lock, FileLock::take(folder + ".lock"));
  auto cached = find_cached(target.alias);  // another process may have been at it
  if (cached || cached.error().kind != ErrorKind::not_found) return cached;
  HEARTH_TRY_VOID(make_cache_folder(folder));

  remove_others(folder, target);

  Bringing bringing(target, folder, progress, stop);
  if (auto brought = bringing.run(client); !brought) {
    if (brought.error().kind == ErrorKind::corrupt) remove_quietly(folder);
    return brought.error();
  }
  CachedModel model{.alias = target.alias,
                    .path = target.opens.empty() ? folder : cat(folder, "/", target.opens),
                    .sha256 = {},
                    .source = target.source,
                    .imported_at = std::time(nullptr)};
  for (const TargetFile& file : target.files) {
    model.files.push_back({bringing.path_of(file), file.bytes, file.sha256});
  }
  auto adopted = adopt_folder(folder, std::move(model));
  // The records go last: what could not be shown this time needs not come again.
  if (adopted) remove_records(target);
  const bool stays = !adopted && (adopted.error().kind == ErrorKind::conflict ||
                                  adopted.error().kind == ErrorKind::io);
  if (!stays) remove_quietly(folder);
  return adopted;
}

}  // namespace hearth::catalog
