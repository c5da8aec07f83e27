// http_client.h - GET over HTTP, by libcurl, for downloads: bounded, patient with faults that pass,
// and careful about where it goes (egress.h). Proxies come from the environment, as curl reads it.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/part_file.h"

namespace hearth::catalog {

struct HttpOptions {
  // The place that the user configured or named: it alone gets the token, and its host may be a
  // private address.
  std::string trusted_url;
  std::string token;  // "": none
  int n_connections = 4;
};

struct RemoteFile {
  std::string url;  // behind all redirects
  std::uint64_t bytes = 0;
  bool takes_ranges = false;
  std::string tag;  // the server's ETag, or ""
};

class HttpClient {
 public:
  explicit HttpClient(HttpOptions options) : options_(std::move(options)) {}

  // The body of a small reply. Errors: not_found (404), invalid (401, 403: what to do about it), io
  // with the reason; a fault that may pass is tried again, five times.
  Result<std::string> get(const std::string& url, std::size_t max_bytes, std::stop_token stop);

  // What a GET of the URL would bring, without bringing it.
  Result<RemoteFile> probe(const std::string& url, std::stop_token stop);

  // Fills the part from the file, several ranges at once. progress() is called now and then.
  // Errors: as get; corrupt (the server sends other than it announced); cancelled.
  Result<void> fetch(const std::string& url, PartFile& part, const std::function<void()>& progress,
                     std::stop_token stop);

 private:
  HttpOptions options_;
};

}  // namespace hearth::catalog
