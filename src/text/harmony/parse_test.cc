// parse_test.cc - completions as the reference library takes them apart, and the decisions about
// those that break the format.
#include "text/harmony/parse.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/growth_for_tests.h"
#include "base/utf8.h"
#include "text/harmony/harmony_for_tests.h"

namespace hearth::harmony {
namespace {

// "channel>recipient[type]: text", with a role that is not the assistant's in front.
std::string summary(const Json& message) {
  std::string out;
  if (message["role"] != "assistant") out = message["role"].get<std::string>() + " ";
  if (!message["name"].is_null()) out += message["name"].get<std::string>() + " ";
  out += message.value("channel", "");
  if (message.contains("recipient")) out += ">" + message["recipient"].get<std::string>();
  if (message.contains("content_type"))
    out += "[" + message["content_type"].get<std::string>() + "]";
  return out + ": " + message["content"][0]["text"].get<std::string>();
}

using Summaries = std::vector<std::string>;

Summaries parsed(std::string_view text) {
  Summaries out;
  for (const Json& message : parse(ids_of(text))) out.push_back(summary(message));
  return out;
}

// The completions of the golden file that break the format, where Hearth does better: by name, with
// the messages it makes of them.
const std::map<std::string, Summaries>& decisions() {
  static const std::map<std::string, Summaries> all = {
      {"empty input", {}},
      {"ends in header", {}},
      {"stop in header", {"final: hello there"}},
      {"garbage between messages", {"analysis: x", ": oops", "final: y"}},
      {"garbage between messages, not strict", {"analysis: x", ": oops", "final: y"}},
      {"text before the channel", {": Sure!", "final: y"}},
      {"final with constrain only", {"final[<|constrain|>json]: {\"a\":1}"}},
      {"too many header words", {"commentary: extra words", "commentary>functions.f[json]: {}"}},
      {"two channels", {"final: y"}},
      {"channel twice in sequence", {"analysis: a", "final: b"}},
      {"start inside content", {"final: a", "final: b"}},
      {"reserved token inside content", {"final: ab"}},
      {"end of text inside content", {"final: ab"}},
      {"unknown role", {"analysis: x", "tool robot final: y"}},
  };
  return all;
}

// Two completions are ids that spell no text; they need the real vocabulary (parse_real_test.cc).
TEST(HarmonyParse, gives_the_reference_messages_for_well_formed_completions) {
  std::size_t n_equal = 0, n_decided = 0;
  for (const Json& c : golden()["parsing"]) {
    const std::string text = c["text"];
    if (text.empty() && !c["ids"].empty()) continue;
    SCOPED_TRACE(c["name"]);
    std::string spelt = text;  // the small vocabulary has one reserved token
    if (const auto at = spelt.find("<|reserved_200013|>"); at != spelt.npos) {
      spelt.replace(at, 19, "<|reserved_1|>");
    }
    const Json messages = parse(ids_of(spelt));
    const auto decision = decisions().find(c["name"]);
    if (decision == decisions().end()) {
      ASSERT_TRUE(c.contains("messages"));
      EXPECT_EQ(messages, c["messages"]);
      ++n_equal;
      continue;
    }
    ++n_decided;
    Summaries found;
    for (const Json& message : messages) found.push_back(summary(message));
    EXPECT_EQ(found, decision->second);
  }
  EXPECT_EQ(n_equal, 21u);
  EXPECT_EQ(n_decided, decisions().size());
}

TEST(HarmonyParse, an_answer_without_a_header_is_an_answer) {
  EXPECT_EQ(parsed("Hello, how are you?\nFine."), Summaries{": Hello, how are you?\nFine."});
  EXPECT_EQ(parsed(" \n Hello"), Summaries{":  \n Hello"});
  EXPECT_EQ(parsed("assistants are kind<|return|>"), Summaries{": assistants are kind"});
  EXPECT_EQ(parsed("assist me"), Summaries{": assist me"});
  EXPECT_EQ(parsed("assistant Hello"), Summaries{": Hello"});
  EXPECT_EQ(parsed("to"), Summaries{": to"});
  EXPECT_EQ(parsed("<|message|>plain<|end|>more"), (Summaries{": plain", ": more"}));
}

TEST(HarmonyParse, text_comes_out_as_soon_as_it_cannot_be_a_header) {
  auto parser = *StreamParser::create(small_tokenizer());
  const auto after = [&](MessageLog& log, std::string_view text) {
    for (const text::TokenId id : ids_of(text)) parser.push(id, log);
    return log.is_open() ? log.text_so_far() : "(nothing)";
  };
  MessageLog plain;
  EXPECT_EQ(after(plain, "assist"), "(nothing)");
  EXPECT_EQ(after(plain, "ed"), "assisted");
  parser.finish(plain);
  MessageLog unmarked;
  EXPECT_EQ(after(unmarked, "<|channel|>final Hello"), "(nothing)");  // it may be a content type
  EXPECT_EQ(after(unmarked, " w"), "Hello w");
  parser.finish(unmarked);
  MessageLog call;  // held back: it must not become the beginning of the arguments
  EXPECT_EQ(after(call, "<|channel|>commentary to=functions.f json and more"), "(nothing)");
}

TEST(HarmonyParse, recipients_may_stand_before_or_behind_the_channel) {
  EXPECT_EQ(parsed(" to=functions.f<|channel|>commentary<|message|>{}<|call|>"),
            Summaries{"commentary>functions.f: {}"});
  EXPECT_EQ(parsed("<|channel|>commentary functions.f json<|message|>{}<|call|>"),
            Summaries{"commentary>functions.f[json]: {}"});
  EXPECT_EQ(parsed("<|channel|>commentary to=functions.f <|constrain|> json <|message|>{}<|call|>"),
            Summaries{"commentary>functions.f[<|constrain|>json]: {}"});
  EXPECT_EQ(parsed("<|start|>assistant to=python<|message|>1<|call|>"), Summaries{">python: 1"});
  EXPECT_EQ(parsed("<|start|>user:tomoko<|message|>hi<|end|>"), Summaries{"user tomoko : hi"});
}

TEST(HarmonyParse, a_header_without_message_is_a_header_all_the_same) {
  EXPECT_EQ(parsed("<|channel|>commentary to=functions.f {\"a\": 1}<|call|>"),
            Summaries{"commentary>functions.f: {\"a\": 1}"});
  EXPECT_EQ(parsed("<|channel|>commentary to=functions.f json {\"a\": 1}<|call|>"),
            Summaries{"commentary>functions.f[json]: {\"a\": 1}"});
  // A call without arguments is one; a header that was cut off is none.
  EXPECT_EQ(parsed("<|channel|>commentary to=functions.f json<|call|>"),
            Summaries{"commentary>functions.f[json]: "});
  EXPECT_EQ(parsed("<|channel|>commentary to=functions.f json"), Summaries{});
  EXPECT_EQ(parsed("<|channel|>final Yes<|return|>"), Summaries{"final: Yes"});
  EXPECT_EQ(parsed("<|channel|>analysis<|start|>assistant<|channel|>final<|message|>x"),
            Summaries{"final: x"});
}

TEST(HarmonyParse, headers_without_start_are_read) {
  EXPECT_EQ(parsed("<|channel|>analysis<|message|>a<|end|><|channel|>final<|message|>b<|return|>"),
            (Summaries{"analysis: a", "final: b"}));
  EXPECT_EQ(parsed("<|channel|>analysis<|message|>a<|end|>assistant<|channel|>final<|message|>b"),
            (Summaries{"analysis: a", "final: b"}));
  EXPECT_EQ(parsed("<|channel|>final<|message|>a<|end|>\n <|return|>"), Summaries{"final: a"});
}

TEST(HarmonyParse, a_second_message_token_parts_texts_but_not_calls) {
  EXPECT_EQ(parsed("<|channel|>final<|message|>a<|message|>b"),
            (Summaries{"final: a", "final: b"}));
  EXPECT_EQ(parsed("<|channel|>final Here it is:<|message|>b"),
            (Summaries{"final: Here it is:", "final: b"}));
  EXPECT_EQ(
      parsed("<|channel|>commentary to=functions.f<|message|>{<|message|>}<|constrain|><|call|>"),
      Summaries{"commentary>functions.f: {}"});
}

TEST(HarmonyParse, nothing_is_held_back_for_long) {
  const std::string word(300, 'x'), many(3000, 'x');
  EXPECT_EQ(parsed("<|channel|>" + word + "<|message|>y"), (Summaries{": " + word, ": y"}));
  EXPECT_EQ(parsed("<|channel|>commentary to=functions.f {" + many),
            Summaries{"commentary>functions.f: {" + many});
  EXPECT_EQ(parsed("<|start|>assistant" + std::string(5000, ' ') + "<|message|>y").back(), ": y");
}

TEST(HarmonyParse, broken_characters_become_one_mark_each) {
  const text::Tokenizer& tokenizer = small_tokenizer();
  std::vector<text::TokenId> ids = ids_of("<|channel|>final<|message|>a");
  const auto euro = ids_of("€");
  ASSERT_GE(euro.size(), 2u);
  ids.push_back(euro[0]);
  const auto end = ids_of("<|end|>b");
  ids.insert(ids.end(), end.begin(), end.end());
  const Json messages = parse(ids, tokenizer);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(summary(messages[0]), "final: a\xef\xbf\xbd");
  EXPECT_EQ(summary(messages[1]), ": b");
}

// Of the text between harmony's tokens; a character does not go on behind one.
std::size_t n_decoded_bytes(const std::vector<text::TokenId>& ids) {
  const text::Tokenizer& tokenizer = small_tokenizer();
  std::size_t n_bytes = 0;
  std::string run;
  for (const text::TokenId id : ids) {
    const std::string_view name = tokenizer.token_bytes(id, true);
    const bool parts = name.starts_with("<|") && name != "<|reserved_1|>";
    if (parts) n_bytes += to_valid_utf8(std::exchange(run, {})).size();
    run += tokenizer.token_bytes(id, false);
  }
  return n_bytes + to_valid_utf8(run).size();
}

TEST(HarmonyParse, hostile_completions_take_linear_time) {
  const text::Tokenizer& tokenizer = small_tokenizer();
  for (const std::string_view begin : {"", "<|channel|>", "<|channel|>commentary to=functions.f"}) {
    for (const std::string_view part :
         {" ", "x", "<|start|>", "<|channel|>", "<|message|>", "<|constrain|>", " to=", "\xe2\x82",
          "<|channel|>final<|message|>a<|end|>", "<|start|>assistant<|channel|>analysis"}) {
      const std::vector<text::TokenId> head = ids_of(begin), ids = ids_of(part);
      const auto parse_many = [&](int n_tokens) {
        auto parser = *StreamParser::create(tokenizer);
        MessageLog log;
        for (const text::TokenId id : head) parser.push(id, log);
        for (int n = 0; n < n_tokens; n += static_cast<int>(ids.size())) {
          for (const text::TokenId id : ids) parser.push(id, log);
        }
        parser.finish(log);
      };
      EXPECT_LT(growth_by_eight(parse_many, 4096), kLinearGrowth) << begin << " " << part;
    }
  }
}

// Any tokens: no crash, valid text, no control token in it, every byte accounted for.
TEST(HarmonyParse, random_tokens_lose_nothing) {
  const text::Tokenizer& tokenizer = small_tokenizer();
  const std::vector<std::string> parts = {
      "<|start|>", "<|message|>", "<|channel|>",    "<|constrain|>", "<|end|>",
      "<|call|>",  "<|return|>",  "<|reserved_1|>", "assistant",     "final",
      "analysis",  "commentary",  " to=",           "functions.f",   " json",
      " ",         "\n",          "{\"a\": 1}",     "Hello",         "€"};
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::vector<text::TokenId> ids;
    const std::size_t n_parts = random() % 12;
    for (std::size_t i = 0; i < n_parts; ++i) {
      std::vector<text::TokenId> part = ids_of(parts[random() % parts.size()]);
      if (random() % 8 == 0) part.resize(1);
      ids.insert(ids.end(), part.begin(), part.end());
    }
    SCOPED_TRACE(tokenizer.decode(ids, true));
    auto parser = *StreamParser::create(tokenizer);
    MessageLog log;
    for (const text::TokenId id : ids) parser.push(id, log);
    parser.finish(log);
    EXPECT_FALSE(log.is_open());
    EXPECT_EQ(log.n_bytes, n_decoded_bytes(ids));
    for (const Json& message : log.messages) {
      const std::string text = message["content"][0]["text"];
      EXPECT_TRUE(is_valid_utf8(text));
      EXPECT_EQ(text.find("<|"), text.npos);
    }
  }
}

}  // namespace
}  // namespace hearth::harmony
