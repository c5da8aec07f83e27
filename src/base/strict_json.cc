#include "base/strict_json.h"

#include <algorithm>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/str.h"

namespace hearth {

namespace {

using Json = nlohmann::ordered_json;

// Builds the value bottom up. Members wait in a frame until their object ends and move into it
// once: ordered_json appends by copying the whole object when it grows, and searches linearly for
// each key, so that building through it costs time quadratic in what a stranger chooses.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view what, const JsonLimits& limits) : what_(what), limits_(limits) {}
  Json take() { return std::move(out_); }
  std::string take_fault() { return std::move(fault_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return fail(cat(what_, " holds binary data")); }

  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool key(string_t& name) override {
    Frame& frame = frames_.back();
    if (!frame.seen.insert(name).second) {
      return fail(cat(what_, " has the key ", quote(name), " twice in one object; send it once"));
    }
    frame.keys.push_back(std::move(name));
    return true;
  }
  bool end_object() override {
    Frame frame = close();
    Json::object_t members;
    members.reserve(frame.keys.size());
    using Members = std::vector<Json::object_t::value_type>;
    for (std::size_t i = 0; i < frame.keys.size(); ++i) {
      static_cast<Members&>(members).emplace_back(std::move(frame.keys[i]),
                                                  std::move(frame.values[i]));
    }
    return add(std::move(members));
  }
  bool end_array() override {
    Frame frame = close();
    return add(Json::array_t(std::move(frame.values)));
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error …; last read:
    // …". What was read last is the stranger's text, of any length: left out.
    std::string_view reason = e.what();
    if (const auto at = reason.find("at line "); at != std::string_view::npos) {
      reason.remove_prefix(at);
    } else if (const auto bracket = reason.find("] "); bracket != std::string_view::npos) {
      reason.remove_prefix(bracket + 2);
    }
    reason = reason.substr(0, std::min(reason.find("; last read"), reason.size()));
    if (reason.size() > 160) reason = reason.substr(0, 160);
    return fail(cat(what_, " is not valid JSON: ", reason));
  }

 private:
  struct Frame {
    std::vector<std::string> keys;  // of an object
    std::unordered_set<std::string> seen;
    std::vector<Json> values;
  };

  bool fail(std::string message) {
    if (fault_.empty()) fault_ = std::move(message);
    return false;
  }
  bool open() {
    if (frames_.size() >= limits_.max_depth) {
      return fail(cat(what_, " is nested deeper than ", limits_.max_depth, " levels"));
    }
    frames_.emplace_back();
    return true;
  }
  Frame close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    return frame;
  }
  bool add(Json value) {
    if (++n_values_ > limits_.max_values) {
      return fail(cat(what_, " holds more than ", limits_.max_values, " JSON values"));
    }
    if (frames_.empty()) {
      out_ = std::move(value);
    } else {
      frames_.back().values.push_back(std::move(value));
    }
    return true;
  }

  std::string_view what_;
  const JsonLimits& limits_;
  Json out_;
  std::vector<Frame> frames_;
  std::size_t n_values_ = 0;
  std::string fault_;
};

}  // namespace

Result<Json> parse_strict_json(std::string_view text, std::string_view what,
                               const JsonLimits& limits) {
  Builder builder(what, limits);
  if (Json::sax_parse(text.begin(), text.end(), &builder)) return builder.take();
  return Error{ErrorKind::invalid, builder.take_fault()};
}

}  // namespace hearth
