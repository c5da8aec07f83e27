#include "catalog/http_client.h"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "base/ascii.h"
#include "base/str.h"
#include "catalog/egress.h"

namespace hearth::catalog {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kMaxRedirects = 8;
constexpr int kMaxTries = 5;  // in a row without a new byte
constexpr long kConnectSeconds = 20;
constexpr long kStallSeconds = 30;  // below a byte a second for so long: the connection is dead
constexpr milliseconds kLongestWait{60'000};
constexpr std::size_t kMaxUnreadBytes = 64 * 1024;  // of the page beside an error or a redirect

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

void initialise_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

bool has_proxy(const std::string& scheme) {
  for (const std::string& name : {scheme + "_proxy", std::string("all_proxy"),
                                  std::string("ALL_PROXY"), std::string("HTTPS_PROXY")}) {
    const char* value = std::getenv(name.c_str());
    const bool for_https_only = name == "HTTPS_PROXY" && scheme != "https";
    if (value != nullptr && *value != '\0' && !for_https_only) return true;
  }
  return false;
}

// One GET of one URL, without redirects.
class Transfer {
 public:
  // on_body sees what is no redirect and no error; it returns false to end the transfer.
  using OnBody = std::function<bool(std::span<const std::byte>)>;

  // Errors: invalid, when it is no URL that may be asked for.
  static Result<std::unique_ptr<Transfer>> make(const HttpOptions& options, const std::string& url,
                                                const std::string& range, OnBody on_body) {
    HEARTH_TRY(const Url target, parse_url(url));
    HEARTH_TRY(const Url trusted, parse_url(options.trusted_url));
    if (target.scheme == "http" && trusted.scheme == "https") {
      return Error{ErrorKind::invalid, cat("refused to leave https for ", quote(url, 120),
                                           ", where anybody could "
                                           "change what is downloaded")};
    }
    const bool is_trusted_host = target.host == trusted.host;
    if (!is_trusted_host && target.host == "localhost") return private_place(target.host);
    auto transfer = std::unique_ptr<Transfer>(new Transfer(url, target.host, std::move(on_body)));
    CURL* easy = transfer->easy_.get();
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "hearth");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer.get());
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer.get());
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer.get());
    if (!range.empty()) curl_easy_setopt(easy, CURLOPT_RANGE, range.c_str());
    // A proxy resolves names itself, and is where the user said.
    if (!is_trusted_host && !has_proxy(target.scheme)) {
      curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Transfer::open_socket);
      curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer.get());
    }
    if (!options.token.empty() && target.authority == trusted.authority &&
        target.scheme == trusted.scheme) {
      transfer->headers_.reset(
          curl_slist_append(nullptr, cat("Authorization: Bearer ", options.token).c_str()));
      curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers_.get());
    }
    return transfer;
  }

  CURL* easy() { return easy_.get(); }
  const std::string& url() const { return url_; }
  long status() const {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    return status;
  }
  std::string redirect() const {
    char* url = nullptr;
    curl_easy_getinfo(easy_.get(), CURLINFO_REDIRECT_URL, &url);
    return url == nullptr ? std::string() : std::string(url);
  }
  std::string header_value(std::string_view name) const {
    for (const auto& [key, value] : reply_headers_) {
      if (key == name) return value;
    }
    return {};
  }

  static Error private_place(std::string_view host) {
    return {ErrorKind::invalid,
            cat("refused to go to ", quote(host),
                ": it is an address inside a private network, and not the configured HF_ENDPOINT")};
  }

  // What went wrong, if anything did; `may_pass`: another try can succeed.
  struct Fault {
    Error error;
    bool may_pass = false;
    milliseconds wait{0};
  };
  std::optional<Fault> fault(CURLcode code) const {
    if (refused_) return Fault{private_place(host_)};
    if (code != CURLE_OK && code != CURLE_WRITE_ERROR) {
      return Fault{
          {ErrorKind::io, cat("cannot download from ", host_, ": ", curl_easy_strerror(code))},
          code != CURLE_URL_MALFORMAT && code != CURLE_PEER_FAILED_VERIFICATION};
    }
    const long status = this->status();
    if (status < 400 && n_unread_ > kMaxUnreadBytes) {
      return Fault{{ErrorKind::io, cat(host_, " answered ", status, " with a page without end")}};
    }
    if (status < 400) return std::nullopt;
    const std::string where = cat(host_, " answered ", status);
    if (status == 404)
      return Fault{{ErrorKind::not_found, cat(where, ": it has nothing at ", quote(url_, 200))}};
    if (status == 401 || status == 403) {
      return Fault{{ErrorKind::invalid,
                    cat(where,
                        ": it wants a token, or other rights than the token has; accept the "
                        "model's licence on its page, and set HF_TOKEN")}};
    }
    const bool may_pass = status == 408 || status == 429 || status >= 500;
    const auto seconds = parse_int(header_value("retry-after"));
    const milliseconds wait{seconds && *seconds >= 0 ? std::min<std::int64_t>(*seconds, 60) * 1000
                                                     : 0};
    return Fault{{ErrorKind::io, cat(where, may_pass ? ": it is overloaded or out of order" : "")},
                 may_pass,
                 wait};
  }

 private:
  Transfer(std::string url, std::string host, OnBody on_body)
      : url_(std::move(url)),
        host_(std::move(host)),
        on_body_(std::move(on_body)),
        easy_(curl_easy_init()) {}

  static std::size_t write(char* data, std::size_t, std::size_t size, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    if (transfer->status() >= 300) {
      transfer->n_unread_ += size;
      return transfer->n_unread_ > kMaxUnreadBytes ? 0 : size;
    }
    const bool go_on = transfer->on_body_(std::as_bytes(std::span(data, size)));
    return go_on ? size : 0;
  }

  static std::size_t header(char* data, std::size_t, std::size_t size, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    const std::string_view line(data, size);
    const std::size_t colon = line.find(':');
    if (line.starts_with("HTTP/")) transfer->reply_headers_.clear();
    if (colon == line.npos || transfer->reply_headers_.size() > 200) return size;
    std::string name = ascii_lower(line.substr(0, colon));
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
      value.remove_prefix(1);
    while (!value.empty() &&
           (value.back() == '\r' || value.back() == '\n' || value.back() == ' ')) {
      value.remove_suffix(1);
    }
    transfer->reply_headers_.emplace_back(std::move(name), value);
    return size;
  }

  // The address is the one that is connected to: no name can mean another by then.
  static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* address) {
    if (!is_public_address(address->addr)) {
      static_cast<Transfer*>(self)->refused_ = true;
      return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  std::string url_, host_;
  OnBody on_body_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  std::vector<std::pair<std::string, std::string>> reply_headers_;
  std::size_t n_unread_ = 0;
  bool refused_ = false;
  Easy easy_;  // the last member: gone first, it calls no more
};

// "bytes 0-0/12345" or "bytes */12345".
std::optional<std::uint64_t> total_of(std::string_view content_range) {
  const std::size_t slash = content_range.find('/');
  if (slash == content_range.npos) return std::nullopt;
  const auto n = parse_int(content_range.substr(slash + 1));
  return n && *n >= 0 ? std::optional(static_cast<std::uint64_t>(*n)) : std::nullopt;
}

// Sleeps, unless asked to stop.
void pause(milliseconds how_long, const std::stop_token& stop) {
  const auto end = Clock::now() + std::min(how_long, kLongestWait);
  while (Clock::now() < end && !stop.stop_requested())
    std::this_thread::sleep_for(milliseconds(20));
}

milliseconds backoff(int n_failures, milliseconds asked) {
  return std::max(asked, milliseconds(250 << std::min(n_failures, 5)));
}

Error cancelled() { return {ErrorKind::cancelled, "the download was stopped; it can go on later"}; }

int stop_transfer(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

// Runs one GET after the other until there is no redirect; faults that may pass are tried again.
Result<std::unique_ptr<Transfer>> follow(const HttpOptions& options, const std::string& from,
                                         const std::string& range, const Transfer::OnBody& on_body,
                                         const std::function<void()>& begin_again,
                                         std::stop_token stop) {
  initialise_curl();
  std::string url = from;
  int n_redirects = 0, n_failures = 0;
  for (;;) {
    if (stop.stop_requested()) return cancelled();
    begin_again();
    HEARTH_TRY(auto transfer, Transfer::make(options, url, range, on_body));
    curl_easy_setopt(transfer->easy(), CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(transfer->easy(), CURLOPT_XFERINFOFUNCTION, stop_transfer);
    curl_easy_setopt(transfer->easy(), CURLOPT_XFERINFODATA, &stop);
    const CURLcode code = curl_easy_perform(transfer->easy());
    if (stop.stop_requested()) return cancelled();
    if (auto fault = transfer->fault(code)) {
      if (!fault->may_pass || ++n_failures >= kMaxTries) return fault->error;
      pause(backoff(n_failures, fault->wait), stop);
      continue;
    }
    const std::string next = transfer->redirect();
    if (next.empty()) return transfer;
    if (++n_redirects > kMaxRedirects) {
      return Error{ErrorKind::io,
                   cat("more than ", kMaxRedirects, " redirects from ", quote(from, 200))};
    }
    url = next;
  }
}

// Several ranges of one file at once.
class RangeFetch {
 public:
  RangeFetch(const HttpOptions& options, std::string url, PartFile& part,
             const std::function<void()>& progress, std::stop_token stop)
      : options_(options),
        url_(std::move(url)),
        part_(part),
        progress_(progress),
        stop_(std::move(stop)),
        multi_(curl_multi_init()) {
    for (std::size_t i = 0; i < part.n_segments(); ++i) {
      if (!part.is_whole(i)) waiting_.push_back(i);
    }
  }
  ~RangeFetch() {
    for (const auto& job : running_) curl_multi_remove_handle(multi_.get(), job->transfer->easy());
  }

  // The address of the file may have run out: nullopt when all is there, else the fault.
  std::optional<Transfer::Fault> run() {
    while (!waiting_.empty() || !running_.empty()) {
      if (stop_.stop_requested()) return Transfer::Fault{cancelled()};
      while (!waiting_.empty() &&
             running_.size() < static_cast<std::size_t>(options_.n_connections)) {
        if (auto fault = begin(waiting_.front())) return fault;
        waiting_.pop_front();
      }
      int n_running = 0;
      curl_multi_perform(multi_.get(), &n_running);
      curl_multi_poll(multi_.get(), nullptr, 0, 100, nullptr);
      int n_left = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &n_left)) {
        if (message->msg != CURLMSG_DONE) continue;
        if (auto fault = end(message->easy_handle, message->data.result)) return fault;
      }
      progress_();
    }
    return std::nullopt;
  }
  bool wrote_anything() const { return wrote_anything_; }

 private:
  struct Job {
    std::size_t segment = 0;
    std::unique_ptr<Transfer> transfer;
    std::optional<Error> error;
  };

  std::optional<Transfer::Fault> begin(std::size_t segment) {
    auto job = std::make_unique<Job>();
    job->segment = segment;
    const std::uint64_t from = part_.segment_begin(segment) + part_.written(segment);
    const std::uint64_t last = part_.segment_begin(segment) + part_.segment_bytes(segment) - 1;
    Job* mine = job.get();
    auto transfer =
        Transfer::make(options_, url_, cat(from, "-", last),
                       [this, mine](std::span<const std::byte> b) { return take(*mine, b); });
    if (!transfer) return Transfer::Fault{transfer.error()};
    job->transfer = *std::move(transfer);
    curl_multi_add_handle(multi_.get(), job->transfer->easy());
    running_.push_back(std::move(job));
    return std::nullopt;
  }

  bool take(Job& job, std::span<const std::byte> bytes) {
    if (job.transfer->status() != 206) return false;  // all of the file: not what was asked
    const auto total = total_of(job.transfer->header_value("content-range"));
    const std::uint64_t room = part_.segment_bytes(job.segment) - part_.written(job.segment);
    if (!total || *total != part_.bytes() || bytes.size() > room) {
      job.error = Error{ErrorKind::corrupt,
                        cat("the server sends other bytes than it announced: the file had ",
                            part_.bytes(), " bytes and now has ", total.value_or(0))};
      return false;
    }
    if (auto appended = part_.append(job.segment, bytes); !appended) {
      job.error = appended.error();
      return false;
    }
    wrote_anything_ = true;
    return true;
  }

  std::optional<Transfer::Fault> end(CURL* easy, CURLcode code) {
    const auto at = std::find_if(running_.begin(), running_.end(),
                                 [&](const auto& job) { return job->transfer->easy() == easy; });
    const std::unique_ptr<Job> job = std::move(*at);
    running_.erase(at);
    curl_multi_remove_handle(multi_.get(), easy);
    if (job->error) return Transfer::Fault{*job->error};
    if (auto fault = job->transfer->fault(code)) return fault;
    const long status = job->transfer->status();
    if (status == 200) {
      return Transfer::Fault{{ErrorKind::io, "the server has stopped to give parts of the file"},
                             true};
    }
    if (status != 206) {
      return Transfer::Fault{
          {ErrorKind::io, cat("the server answered ", status, " for a part of the file")}, true};
    }
    if (!part_.is_whole(job->segment)) {
      return Transfer::Fault{{ErrorKind::io, "the server ended a part of the file early"}, true};
    }
    return std::nullopt;
  }

  const HttpOptions& options_;
  std::string url_;
  PartFile& part_;
  const std::function<void()>& progress_;
  std::stop_token stop_;
  std::deque<std::size_t> waiting_;
  bool wrote_anything_ = false;
  std::unique_ptr<CURLM, FreeMulti> multi_;
  std::vector<std::unique_ptr<Job>> running_;
};

// From a server that gives no parts: all of it, from the start.
Result<void> fetch_in_one(const HttpOptions& options, const std::string& url, PartFile& part,
                          const std::function<void()>& progress, std::stop_token stop) {
  std::optional<Error> error;
  std::size_t segment = 0;
  const auto begin_again = [&] {
    for (std::size_t i = 0; i < part.n_segments() && !error; ++i) {
      if (auto forgotten = part.forget(i); !forgotten) error = forgotten.error();
    }
    segment = 0;
  };
  const auto take = [&](std::span<const std::byte> bytes) {
    while (!bytes.empty() && !error) {
      if (segment == part.n_segments()) {
        error = Error{ErrorKind::corrupt,
                      cat("the server sends more than the ", part.bytes(), " bytes it announced")};
        break;
      }
      const std::uint64_t room = part.segment_bytes(segment) - part.written(segment);
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), room));
      if (auto appended = part.append(segment, bytes.first(n)); !appended) error = appended.error();
      bytes = bytes.subspan(n);
      if (part.is_whole(segment)) ++segment;
    }
    progress();
    return !error;
  };
  for (int tries = 1;; ++tries) {
    const auto done = follow(options, url, "", take, begin_again, stop);
    if (error) return *error;
    if (!done) return done.error();
    if (segment == part.n_segments()) return {};
    if (tries == kMaxTries)
      return Error{ErrorKind::io, "the server ends the file early, again and again"};
    pause(backoff(tries, {}), stop);
  }
}

}  // namespace

Result<std::string> HttpClient::get(const std::string& url, std::size_t max_bytes,
                                    std::stop_token stop) {
  std::string body;
  bool too_long = false;
  const auto take = [&](std::span<const std::byte> bytes) {
    too_long = body.size() + bytes.size() > max_bytes;
    if (!too_long) body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return !too_long;
  };
  HEARTH_TRY(const auto done, follow(options_, url, "", take, [&] { body.clear(); }, stop));
  if (too_long) {
    return Error{ErrorKind::corrupt, cat("the answer of ", quote(url, 120), " is longer than ",
                                         human_bytes(max_bytes))};
  }
  return body;
}

Result<RemoteFile> HttpClient::probe(const std::string& url, std::stop_token stop) {
  // A server without ranges sends all of the file: its first bytes are enough to know.
  const auto take = [](std::span<const std::byte>) { return false; };
  HEARTH_TRY(const auto done, follow(options_, url, "0-0", take, [] {}, stop));
  RemoteFile file{.url = done->url(),
                  .bytes = 0,
                  .takes_ranges = done->status() == 206,
                  .tag = done->header_value("etag")};
  const auto total = file.takes_ranges ? total_of(done->header_value("content-range"))
                                       : total_of(cat("/", done->header_value("content-length")));
  if (!total) {
    return Error{ErrorKind::unsupported,
                 cat("the server does not say how large ", quote(url, 120), " is")};
  }
  file.bytes = *total;
  return file;
}

Result<void> HttpClient::fetch(const std::string& url, PartFile& part,
                               const std::function<void()>& progress, std::stop_token stop) {
  int n_failures = 0;
  while (part.n_written() < part.bytes()) {
    // Anew after each fault: a signed address behind the redirect may have run out.
    HEARTH_TRY(const RemoteFile remote, probe(url, stop));
    if (remote.bytes != part.bytes()) {
      return Error{ErrorKind::corrupt, cat("the file has ", remote.bytes, " bytes, but ",
                                           part.bytes(), " were announced")};
    }
    if (!remote.takes_ranges) return fetch_in_one(options_, url, part, progress, stop);
    RangeFetch ranges(options_, remote.url, part, progress, stop);
    const auto fault = ranges.run();
    if (!fault) break;
    const bool expired =
        fault->error.kind == ErrorKind::invalid || fault->error.kind == ErrorKind::not_found;
    if (!fault->may_pass && !(expired && ranges.wrote_anything())) return fault->error;
    n_failures = ranges.wrote_anything() ? 1 : n_failures + 1;
    if (n_failures >= kMaxTries) return fault->error;
    pause(backoff(n_failures, fault->wait), stop);
  }
  return {};
}

}  // namespace hearth::catalog
