#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "text/byte_spelling.h"

namespace hearth::text {
namespace {

using Ids = std::vector<TokenId>;

// All 256 bytes (id = byte), then a few words and two control tokens.
constexpr TokenId kHe = 256, kLl = 257, kHell = 258, kHello = 259, kEnd = 260, kBos = 261;
constexpr TokenId kThink = 262;

TokenizerSpec make_spec() {
  TokenizerSpec spec;
  for (int byte = 0; byte < 256; ++byte) {
    append_utf8(spec.tokens.emplace_back(), spelling_of(static_cast<std::uint8_t>(byte)));
  }
  for (const char* text : {"he", "ll", "hell", "hello", "<|end|>", "<s>", "<think>"}) {
    spec.tokens.emplace_back(text);
  }
  spec.kinds.assign(spec.tokens.size(), TokenKind::normal);
  spec.kinds[kEnd] = spec.kinds[kBos] = TokenKind::control;
  spec.kinds[kThink] = TokenKind::user_defined;
  spec.merges = {"h e", "l l", "he ll", "hell o"};
  spec.bos = kBos;
  spec.eos = kEnd;
  spec.end_of_generation = {kEnd};
  return spec;
}

std::shared_ptr<const Tokenizer> make(TokenizerSpec spec = make_spec()) {
  auto built = Tokenizer::build(std::move(spec));
  EXPECT_TRUE(built) << (built ? "" : built.error().message);
  return *built;
}

Ids encode(const Tokenizer& tokenizer, std::vector<TextSpan> spans, EncodeOptions options = {}) {
  const auto encoding = tokenizer.encode(spans, options);
  EXPECT_TRUE(encoding) << (encoding ? "" : encoding.error().message);
  return encoding->ids;
}

TEST(Tokenizer, merges_words_and_gives_their_bytes_back) {
  const auto tokenizer = make();
  EXPECT_EQ(encode(*tokenizer, {{"hello", false}}), Ids{kHello});
  EXPECT_EQ(encode(*tokenizer, {{"hell he", false}}), (Ids{kHell, ' ', kHe}));
  EXPECT_EQ(tokenizer->decode(Ids{kHello, ' ', kLl}, true), "hello ll");
  EXPECT_EQ(encode(*tokenizer, {}), Ids{});
}

TEST(Tokenizer, a_users_text_never_becomes_a_control_token) {
  const auto tokenizer = make();
  EXPECT_EQ(encode(*tokenizer, {{"<|end|>", true}}), Ids{kEnd});
  EXPECT_EQ(encode(*tokenizer, {{"<|end|>", false}}), (Ids{'<', '|', 'e', 'n', 'd', '|', '>'}));
  EXPECT_EQ(encode(*tokenizer, {{"<think>", false}}), (Ids{'<', 't', 'h', 'i', 'n', 'k', '>'}));
  EXPECT_EQ(encode(*tokenizer, {{"<think>", true}}), Ids{kThink});
}

TEST(Tokenizer, a_control_token_is_not_put_together_across_a_border) {
  const auto tokenizer = make();
  const Ids plain = {'<', '|', 'e', 'n', 'd', '|', '>'};
  EXPECT_EQ(encode(*tokenizer, {{"<|", true}, {"end|>", false}}), plain);
  EXPECT_EQ(encode(*tokenizer, {{"<|end|", false}, {">", true}}), plain);
  EXPECT_EQ(encode(*tokenizer, {{"<|", true}, {"end", false}, {"|>", true}}), plain);
  EXPECT_EQ(encode(*tokenizer, {{"<|", true}, {"", false}, {"end|>", true}}), Ids{kEnd});
}

TEST(Tokenizer, spans_are_one_text) {
  const auto tokenizer = make();
  EXPECT_EQ(encode(*tokenizer, {{"he", true}, {"ll", false}, {"o", true}}), Ids{kHello});
  EXPECT_EQ(encode(*tokenizer, {{"he<|end|>", true}, {"hello", false}, {"<|end|>", true}}),
            (Ids{kHe, kEnd, kHello, kEnd}));
}

TEST(Tokenizer, adds_beginning_and_end_when_asked_and_the_vocabulary_wants_it) {
  TokenizerSpec spec = make_spec();
  spec.add_bos = spec.add_eos = true;
  const auto tokenizer = make(spec);
  EXPECT_EQ(encode(*tokenizer, {{"he", false}}, {.add_special = true}), (Ids{kBos, kHe, kEnd}));
  EXPECT_EQ(encode(*tokenizer, {{"he", false}}), Ids{kHe});
  EXPECT_EQ(encode(*make(), {{"he", false}}, {.add_special = true}), Ids{kHe});
}

TEST(Tokenizer, ignore_merges_takes_a_whole_word_that_no_merge_reaches) {
  TokenizerSpec spec = make_spec();
  spec.merges.pop_back();
  EXPECT_EQ(encode(*make(spec), {{"hello", false}}), (Ids{kHell, 'o'}));
  spec.ignore_merges = true;
  EXPECT_EQ(encode(*make(spec), {{"hello", false}}), Ids{kHello});
  spec.tokens[kHello] = "end";
  spec.kinds[kHello] = TokenKind::control;
  EXPECT_EQ(encode(*make(spec), {{"end", false}}), (Ids{'e', 'n', 'd'}));
}

TEST(Tokenizer, nfc_composes_between_added_tokens) {
  TokenizerSpec spec = make_spec();
  spec.normalizer = {{NormalizerStep::Kind::nfc, {}, {}}};
  const auto tokenizer = make(spec);
  EXPECT_EQ(encode(*tokenizer, {{"e\u0301", false}}), encode(*tokenizer, {{"é", false}}));
  EXPECT_EQ(encode(*tokenizer, {{"<|end|>\u0338", true}}), (Ids{kEnd, 0xcc, 0xb8}));
  EXPECT_EQ(encode(*tokenizer, {{"<think>e\u0301te\u0301 hello<think>e\u0301", true}}),
            encode(*tokenizer, {{"<think>été hello<think>é", true}}));
}

// ---- bytes without a token ----------------------------------------------------------------------

TokenizerSpec spec_without(char byte) {
  TokenizerSpec spec = make_spec();
  spec.tokens[static_cast<unsigned char>(byte)] = "(no byte)";
  spec.kinds[static_cast<unsigned char>(byte)] = TokenKind::unused;
  return spec;
}

TEST(UnspellableByte, is_an_error_with_byte_and_offset_when_exactness_is_asked) {
  const auto tokenizer = make(spec_without('\x04'));
  const auto encoding = tokenizer->encode("hello \x04!", false, {.exact = true});
  ASSERT_FALSE(encoding);
  EXPECT_EQ(encoding.error().kind, ErrorKind::invalid);
  EXPECT_NE(encoding.error().message.find("byte 0x04 at offset 6"), std::string::npos)
      << encoding.error().message;
  EXPECT_TRUE(tokenizer->encode("hello !", false, {.exact = true}));
}

TEST(UnspellableByte, becomes_the_unknown_token_and_is_counted) {
  TokenizerSpec spec = spec_without('\x04');
  spec.unknown = 4;
  spec.kinds[4] = TokenKind::unknown;
  const auto encoding = make(spec)->encode("a\x04\x04z", false);
  EXPECT_EQ(encoding->ids, (Ids{'a', 4, 4, 'z'}));
  EXPECT_EQ(encoding->n_unspellable_bytes, 2u);
}

TEST(UnspellableByte, never_becomes_a_control_token) {
  TokenizerSpec spec = spec_without('\x04');
  spec.unknown = kEnd;
  const auto encoding = make(spec)->encode("a\x04z", false);
  EXPECT_EQ(encoding->ids, (Ids{'a', 'z'}));
  EXPECT_EQ(encoding->n_unspellable_bytes, 1u);
}

TEST(UnspellableByte, is_counted_each_time) {
  const auto encoding = make(spec_without('\x04'))->encode("he \x04! he \x04! \x04", false);
  ASSERT_TRUE(encoding);
  EXPECT_EQ(encoding->n_unspellable_bytes, 3u);
}

// ---- properties ---------------------------------------------------------------------------------

TEST(Tokenizer, decoding_gives_every_text_back_whatever_its_bytes) {
  std::mt19937 random(11);
  for (const Pretokenizer kind : {Pretokenizer::gpt2, Pretokenizer::smollm, Pretokenizer::llama3,
                                  Pretokenizer::qwen2, Pretokenizer::o200k}) {
    TokenizerSpec spec = make_spec();
    spec.pretokenizer = kind;
    const auto tokenizer = make(spec);
    for (int round = 0; round < 200; ++round) {
      std::string text(random() % 3000, '\0');
      for (char& c : text) {
        c = random() % 2 == 0 ? "hello \n1'"[random() % 9] : static_cast<char>(random());
      }
      std::string bytes;
      for (const TokenId id : encode(*tokenizer, {{text, false}})) {
        bytes += tokenizer->token_bytes(id, true);
      }
      ASSERT_EQ(bytes, text);
    }
  }
}

TEST(Tokenizer, finds_tokens_by_their_spelling_and_knows_the_ends) {
  const auto tokenizer = make();
  EXPECT_EQ(tokenizer->find("hello"), kHello);
  EXPECT_EQ(tokenizer->find("Ġ"), ' ');
  EXPECT_EQ(tokenizer->find(" "), std::nullopt);
  EXPECT_TRUE(tokenizer->is_end_of_generation(kEnd));
  EXPECT_FALSE(tokenizer->is_end_of_generation(kBos));
  EXPECT_EQ(tokenizer->n_vocab(), 263u);
  EXPECT_EQ(tokenizer->longest_token_bytes(), 7u);
}

TEST(Tokenizer, hides_control_tokens_and_has_nothing_for_foreign_ids) {
  const auto tokenizer = make();
  EXPECT_EQ(tokenizer->token_bytes(kEnd, true), "<|end|>");
  EXPECT_EQ(tokenizer->token_bytes(kEnd, false), "");
  EXPECT_EQ(tokenizer->token_bytes(kThink, false), "<think>");
  EXPECT_EQ(tokenizer->token_bytes(-1, true), "");
  EXPECT_EQ(tokenizer->token_bytes(263, true), "");
  EXPECT_EQ(tokenizer->decode(Ids{kBos, kHe, kEnd}, false), "he");
}

// ---- building -----------------------------------------------------------------------------------

void expect_corrupt(TokenizerSpec spec, std::string_view part) {
  const auto built = Tokenizer::build(std::move(spec));
  ASSERT_FALSE(built) << part;
  EXPECT_EQ(built.error().kind, ErrorKind::corrupt);
  EXPECT_NE(built.error().message.find(part), std::string::npos) << built.error().message;
}

TEST(TokenizerBuild, refuses_what_contradicts_itself) {
  expect_corrupt({}, "vocabulary is empty");
  TokenizerSpec spec = make_spec();
  spec.kinds.pop_back();
  expect_corrupt(spec, "expected one each");
  spec = make_spec();
  spec.tokens[kLl] = "he";
  expect_corrupt(spec, "token 257 \"he\" has the same text as token 256");
  spec = make_spec();
  spec.tokens[kLl] = "";
  expect_corrupt(spec, "has no text");
  spec = make_spec();
  spec.eos = 263;
  expect_corrupt(spec, "end-of-text token 263 is not in the vocabulary of 263");
  spec = make_spec();
  spec.end_of_generation.push_back(-1);
  expect_corrupt(spec, "end-of-generation token -1");
  spec = make_spec();
  spec.merges.emplace_back("h x");
  expect_corrupt(spec, "merge 4");
}

TEST(TokenizerBuild, holes_of_a_vocabulary_have_no_text) {
  TokenizerSpec spec = make_spec();
  for (int i = 0; i < 2; ++i) {
    spec.tokens.emplace_back();
    spec.kinds.push_back(TokenKind::unused);
  }
  EXPECT_EQ(make(spec)->token_bytes(264, true), "");
}

// ---- streaming ----------------------------------------------------------------------------------

std::string stream(const Tokenizer& tokenizer, const std::string& bytes) {
  StreamingDecoder decoder(tokenizer);
  std::string out;
  for (const char c : bytes) {
    decoder.push(static_cast<unsigned char>(c), out);
    EXPECT_TRUE(is_valid_utf8(out));
  }
  decoder.finish(out);
  return out;
}

TEST(StreamingDecoder, holds_a_character_back_until_it_is_whole) {
  const auto tokenizer = make();
  StreamingDecoder decoder(*tokenizer);
  std::string out;
  for (const TokenId id : {0xf0, 0x9f, 0x99}) decoder.push(id, out);
  EXPECT_EQ(out, "");
  decoder.push(0x82, out);
  EXPECT_EQ(out, "🙂");
  decoder.push(kEnd, out);
  decoder.push(kHello, out);
  EXPECT_EQ(out, "🙂hello");
}

TEST(StreamingDecoder, gives_what_decoding_at_once_gives) {
  const auto tokenizer = make();
  for (const std::string bytes :
       {"\xf0\x9f\x99", "a\xed\xa0\x80z", "\xff\xfe", "é\xe2\x82", "\xf0\x9f\xf0\x9f\x99\x82"}) {
    EXPECT_EQ(stream(*tokenizer, bytes), to_valid_utf8(bytes));
  }
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes)
      c = "\xf0\x9f\x99\x82\xe2\xc3\xa9\xed"
          "a"[random() % 9];
    ASSERT_EQ(stream(*tokenizer, bytes), to_valid_utf8(bytes));
  }
}

}  // namespace
}  // namespace hearth::text
