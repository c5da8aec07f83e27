// conformance_test.cc - runs tests/conformance/*.cases, requests and what must come back, against a
// server over the fake engine. The format is described in tests/conformance/README.md.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "server/http_client_for_tests.h"

namespace hearth::server {
namespace {

using Json = nlohmann::ordered_json;

struct Case {
  std::string name, request_line, headers, body;
  std::vector<std::string> expectations;
};

bool is_rule(std::string_view line, std::string_view rule) { return line.substr(0, 3) == rule; }

std::vector<Case> read_cases(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::vector<Case> cases;
  enum class Part { none, request, headers, body, expectations } part = Part::none;
  for (std::string line; std::getline(file, line);) {
    if (is_rule(line, "===")) {
      cases.push_back({.name = line.substr(4),
                       .request_line = {},
                       .headers = {},
                       .body = {},
                       .expectations = {}});
      part = Part::request;
    } else if (is_rule(line, "---")) {
      part = Part::expectations;
    } else if (part == Part::request) {
      cases.back().request_line = line;
      part = Part::headers;
    } else if (part == Part::headers && line.empty()) {
      part = Part::body;
    } else if (part == Part::headers) {
      cases.back().headers += line + "\r\n";
    } else if (part == Part::body) {
      cases.back().body += line;
    } else if (part == Part::expectations && !line.empty() && line.front() != '#') {
      cases.back().expectations.push_back(line);
    }
  }
  return cases;
}

std::string wire(const Case& c) {
  const std::string method = c.request_line.substr(0, c.request_line.find(' '));
  const std::string lower = "\n" + lower_case(c.headers);
  std::string out = c.request_line + " HTTP/1.1\r\n" + c.headers;
  if (lower.find("\nhost:") == std::string::npos) out += "Host: localhost\r\n";
  if (method == "POST") {
    if (lower.find("\ncontent-type:") == std::string::npos)
      out += "Content-Type: application/json\r\n";
    out += cat("Content-Length: ", c.body.size(), "\r\n");
  }
  return out + "\r\n" + c.body;
}

// The JSON of each "data:" event but [DONE].
std::vector<Json> events_of(const std::string& body) {
  std::vector<Json> events;
  std::istringstream lines(body);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("data: {")) events.push_back(Json::parse(line.substr(6)));
  }
  return events;
}

// The value at a pointer, or a text that says it is absent.
Json at(const Json& json, const std::string& pointer) {
  const Json::json_pointer path(pointer);
  return json.contains(path) ? json.at(path) : Json("(absent)");
}

class Checker {
 public:
  explicit Checker(const ClientReply& reply) : reply_(reply), events_(events_of(reply.body)) {}

  void check(const std::string& line) {
    std::istringstream words(line);
    std::string what;
    words >> what;
    if (what == "status") {
      int status = 0;
      words >> status;
      EXPECT_EQ(reply_.status, status) << reply_.body;
    } else if (what == "header") {
      check_header(words);
    } else if (what == "json") {
      check_value(Json::parse(reply_.body, nullptr, false), words);
    } else if (what == "event") {
      int index = 0;
      words >> index;
      const std::ptrdiff_t i = index < 0 ? std::ssize(events_) + index : index;
      ASSERT_TRUE(i >= 0 && i < std::ssize(events_)) << line << "\n" << reply_.body;
      check_value(events_[static_cast<std::size_t>(i)], words);
    } else if (what == "events") {
      int n = 0;
      words >> n;
      EXPECT_EQ(std::ssize(events_), n) << reply_.body;
    } else if (what == "joined") {
      check_joined(words);
    } else if (what == "contains") {
      EXPECT_NE(reply_.body.find(rest(words)), std::string::npos) << line << "\n" << reply_.body;
    } else if (what == "ends") {
      EXPECT_TRUE(reply_.body.ends_with(Json::parse(rest(words)).get<std::string>()))
          << reply_.body;
    } else {
      FAIL() << "unknown expectation: " << line;
    }
  }

 private:
  static std::string rest(std::istringstream& words) {
    std::string text;
    std::getline(words >> std::ws, text);
    return text;
  }

  void check_header(std::istringstream& words) {
    std::string name;
    words >> name;
    const auto found = reply_.headers.find(name);
    const std::string value = found == reply_.headers.end() ? "(absent)" : found->second;
    EXPECT_EQ(value, rest(words)) << name;
  }

  void check_value(const Json& json, std::istringstream& words) {
    std::string pointer;
    words >> pointer;
    const std::string expected = rest(words);
    const Json value = at(json, pointer);
    if (expected == "(absent)" || expected == "(any)") {
      EXPECT_EQ(value == "(absent)", expected == "(absent)") << pointer << "\n" << reply_.body;
    } else if (expected.starts_with("~ ")) {  // a part of a string
      ASSERT_TRUE(value.is_string()) << pointer << "\n" << reply_.body;
      EXPECT_NE(value.get<std::string>().find(expected.substr(2)), std::string::npos)
          << pointer << ": " << value;
    } else {
      EXPECT_EQ(value, Json::parse(expected)) << pointer << "\n" << reply_.body;
    }
  }

  // "joined 0 TEXT": the texts of all deltas of choice 0.
  void check_joined(std::istringstream& words) {
    int index = 0;
    words >> index;
    std::string text;
    for (const Json& event : events_) {
      if (!event.contains("choices")) continue;  // an error
      for (const Json& choice : event["choices"]) {
        if (choice["index"] != index) continue;
        if (choice.contains("text")) text += choice["text"].get<std::string>();
        if (choice.contains("delta")) text += choice["delta"].value("content", "");
      }
    }
    EXPECT_EQ(Json(text), Json::parse(rest(words)));
  }

  const ClientReply& reply_;
  std::vector<Json> events_;
};

class Conformance : public testing::TestWithParam<std::string> {};

TEST_P(Conformance, every_case_gets_what_it_expects) {
  const std::vector<Case> cases = read_cases(GetParam());
  ASSERT_FALSE(cases.empty()) << GetParam();
  TestServer server;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    ASSERT_FALSE(c.expectations.empty());
    Client client(server.port());
    client.send(wire(c));
    const ClientReply reply = client.read(!c.request_line.starts_with("HEAD "));
    EXPECT_TRUE(reply.whole);
    EXPECT_TRUE(reply.headers.contains("x-request-id"));
    Checker checker(reply);
    for (const std::string& expectation : c.expectations) {
      SCOPED_TRACE(expectation);
      checker.check(expectation);
    }
  }
}

std::vector<std::string> case_files() {
  std::vector<std::string> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(HEARTH_SOURCE_DIR "/tests/conformance")) {
    if (entry.path().extension() == ".cases") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

INSTANTIATE_TEST_SUITE_P(Files, Conformance, testing::ValuesIn(case_files()), [](const auto& file) {
  return std::filesystem::path(file.param).stem().string();
});

}  // namespace
}  // namespace hearth::server
