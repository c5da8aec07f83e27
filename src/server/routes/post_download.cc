// post_download.cc - POST /openai/download: a model of the catalogue into the cache, as Foundry
// Local's SDKs ask for it and follow it.
//
//   Total 45.67% Downloading model.gguf
//   [DONE] All Completed!
//   {
//   "success": true,
//   "errorMessage": null
//   }
//
// Each line is a chunk of its own and the object the last one: one SDK reads chunks, not lines, and
// takes for the object only what begins what it reads at once; Node and browsers join chunks that
// have come before they are read, hence a pause before the object. A fault comes as an object with
// success false, its words in errorMessage and in error.
#include <atomic>
#include <cstdio>
#include <optional>

#include "base/str.h"
#include "catalog/model_ids.h"
#include "server/local_change.h"
#include "server/routes.h"

namespace hearth::server {

namespace {

struct Wish {
  std::string name, token;
};

// {"model": "NAME" or {"Name", "Uri", …}, "token", "IgnorePipeReport", "Force"}.
std::variant<Wish, api::ApiError> read_wish(std::string_view body) {
  api::Json json;
  if (auto fault = api::parse_json(body, json)) return *std::move(fault);
  const auto wrong = [](std::string_view what) {
    return api::ApiError{.message = std::string(what), .param = "model", .code = {}};
  };
  if (!json.is_object() || !json.contains("model")) {
    return wrong("'model' is required: a name, or an object with 'Name'");
  }
  api::Fields fields(json);
  Wish wish;
  const api::Json& model = json["model"];
  if (model.is_string()) {
    wish.name = model.get<std::string>();
  } else if (model.is_object() && model.contains("Name") && model["Name"].is_string()) {
    wish.name = model["Name"].get<std::string>();
  } else {
    return wrong("'model' must be a name, or an object with 'Name'");
  }
  bool ignored = false;
  fields.find("model");
  fields.text("token", wish.token);
  fields.boolean("IgnorePipeReport", ignored);
  fields.boolean("Force", ignored);
  if (auto fault = fields.finish()) return *std::move(fault);
  return wish;
}

std::string progress_line(const catalog::DownloadProgress& p) {
  const double share =
      p.total == 0 ? 0 : 100.0 * static_cast<double>(p.done) / static_cast<double>(p.total);
  char percent[16];
  std::snprintf(percent, sizeof percent, "%.2f", p.verifying ? 100.0 : share);
  return cat("Total ", percent, "% Downloading ", p.file, "\n");
}

std::string outcome(const std::optional<Error>& error) {
  const api::Json message = error ? api::Json(error->message) : api::Json();
  std::string out = cat("{\n\"success\": ", !error, ",\n\"errorMessage\": ", api::dump(message));
  if (error) out += cat(",\n\"error\": ", api::dump(message));
  return out + "\n}";
}

class DownloadStream final : public EventStream {
 public:
  explicit DownloadStream(std::shared_ptr<Download> download) : download_(std::move(download)) {}
  ~DownloadStream() override {
    if (listener_) download_->leave(*listener_);
  }

  void on_ready(std::function<void()> wake) override {
    listener_ = download_->listen(std::move(wake));
  }
  void interrupt() override { interrupted_ = true; }

  State poll(std::string& out, std::size_t) override {
    const Download::State state = download_->state();
    if (!state.result && !interrupted_) {
      const std::string line = progress_line(state.progress);
      const bool is_new = state.progress.total > 0 && line != last_line_;
      if (is_new) out += line;
      last_line_ = line;
      return State::waiting;
    }
    if (object_.empty()) {
      std::optional<Error> fault;
      if (!state.result) {
        fault = {ErrorKind::busy, "the service is stopping; ask again to go on"};
      } else if (!*state.result) {
        fault = state.result->error();
      } else {
        out += last_lines((*state.result)->alias);
      }
      object_ = outcome(fault);
      return State::apart;
    }
    out += object_;
    return State::done;
  }

 private:
  std::string last_lines(const std::string& alias) const {
    const std::string_view end = "[DONE] All Completed!\n";
    if (last_line_.find(" 100.00%") != std::string::npos) return std::string(end);
    return cat("Total 100.00% Downloading ", alias, "\n", end);
  }

  std::shared_ptr<Download> download_;
  std::optional<int> listener_;
  std::string last_line_;
  std::string object_;  // what the stream ends with; empty: that is not decided yet
  std::atomic<bool> interrupted_{false};
};

}  // namespace

Reply post_download(Service& service, const Request& request) {
  if (auto refusal = check_local_change(request)) return *std::move(refusal);
  const auto read = read_wish(request.body);
  if (const auto* fault = std::get_if<api::ApiError>(&read)) return error_response(*fault);
  const Wish& wish = std::get<Wish>(read);
  auto download = service.downloads.start({.name = wish.name, .alias = {}, .token = wish.token});
  if (!download) {
    // The SDKs read faults here, too, and none of them looks at the status.
    return Response{
        200, {{"Content-Type", "text/plain; charset=utf-8"}}, outcome(download.error())};
  }
  return std::unique_ptr<EventStream>(std::make_unique<DownloadStream>(*std::move(download)));
}

}  // namespace hearth::server
