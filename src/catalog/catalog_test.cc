// catalog_test.cc - the cache on a real file system, with the small golden models.
#include "catalog/catalog.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

namespace hearth::catalog {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLlama = HEARTH_SOURCE_DIR "/tests/golden/hf/llama/model.gguf";
constexpr const char* kTied = HEARTH_SOURCE_DIR "/tests/golden/hf/llama_tied/model.gguf";

// Each test has a cache of its own.
class Catalog : public testing::Test {
 protected:
  Catalog() {
    std::string pattern = (fs::temp_directory_path() / "hearth_catalog_XXXXXX").string();
    home_ = ::mkdtemp(pattern.data());
    ::setenv("HEARTH_HOME", home_.c_str(), 1);
  }
  ~Catalog() override { fs::remove_all(home_); }

  fs::path home_;
};

void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

std::string read(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(Catalog, an_imported_model_is_listed_and_found_in_any_case) {
  const auto made = import_model(kTied, "tiny");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->bytes, fs::file_size(kTied));
  EXPECT_EQ(made->path, (home_ / "models/tiny/model.gguf").string());
  EXPECT_EQ(read(made->path), read(kTied));

  const auto models = list_models();
  ASSERT_TRUE(models);
  ASSERT_EQ(models->size(), 1U);
  EXPECT_EQ(models->front().alias, "tiny");
  EXPECT_EQ(models->front().sha256, made->sha256);
  EXPECT_EQ(models->front().imported_at, made->imported_at);
  EXPECT_EQ(resolve("TINY")->path, made->path);
}

TEST_F(Catalog, the_default_alias_is_the_stem_in_lower_case) {
  const fs::path source = home_ / "SmolLM2 Instruct.Q4_1.gguf";
  fs::copy_file(kTied, source);
  EXPECT_EQ(import_model(source.string(), "")->alias, "smollm2-instruct.q4_1");
}

TEST_F(Catalog, importing_the_same_file_again_is_no_error_and_another_file_is_a_conflict) {
  const auto first = import_model(kTied, "tiny");
  const auto again = import_model(kTied, "tiny");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->imported_at, first->imported_at);
  const auto other = import_model(kLlama, "tiny");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::conflict);
  EXPECT_EQ(resolve("tiny")->sha256, first->sha256);
}

TEST_F(Catalog, an_alias_cannot_leave_the_cache) {
  for (const std::string alias : {"../out", "a/b", "..", ".hidden", "", "Upper", "a b", "-x"}) {
    EXPECT_NE(alias_problem(alias), "") << alias;
  }
  EXPECT_NE(alias_problem(std::string(65, 'a')), "");
  EXPECT_EQ(alias_problem(std::string(64, 'a')), "");
  EXPECT_EQ(alias_problem("qwen2.5-0.5b_q8"), "");
  const auto refused = import_model(kTied, "../out");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_FALSE(fs::exists(home_ / "out"));
}

TEST_F(Catalog, a_file_that_is_no_model_is_refused_and_leaves_nothing) {
  const fs::path source = home_ / "notes.gguf";
  write(source, "not a model");
  const auto refused = import_model(source.string(), "notes");
  ASSERT_FALSE(refused);
  EXPECT_FALSE(fs::exists(home_ / "models/notes"));
  EXPECT_EQ(import_model((home_ / "absent.gguf").string(), "x").error().kind, ErrorKind::not_found);
  EXPECT_EQ(import_model(home_.string(), "x").error().kind, ErrorKind::invalid);
}

TEST_F(Catalog, a_damaged_entry_is_skipped_and_can_be_replaced_or_removed) {
  ASSERT_TRUE(import_model(kTied, "tiny"));
  ASSERT_TRUE(import_model(kLlama, "other"));
  fs::resize_file(home_ / "models/tiny/model.gguf", 100);
  ASSERT_EQ(list_models()->size(), 1U);
  EXPECT_EQ(list_models()->front().alias, "other");
  const auto found = resolve("tiny");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::corrupt);
  EXPECT_NE(found.error().message.find("100 bytes"), std::string::npos) << found.error().message;

  ASSERT_TRUE(import_model(kTied, "tiny"));
  EXPECT_TRUE(resolve("tiny"));
  write(home_ / "models/tiny/hearth.json", "{");
  ASSERT_TRUE(remove_model("tiny"));
  EXPECT_FALSE(fs::exists(home_ / "models/tiny"));
}

TEST_F(Catalog, a_card_cannot_name_a_file_elsewhere_or_hold_wrong_types) {
  ASSERT_TRUE(import_model(kTied, "tiny"));
  const fs::path card = home_ / "models/tiny/hearth.json";
  const std::string whole = read(card);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = whole;
    text.replace(text.find(from), from.size(), to);
    write(card, text);
    return resolve("tiny");
  };
  EXPECT_FALSE(with("\"model.gguf\"", "\"../../../etc/passwd\""));
  EXPECT_FALSE(with("\"tiny\"", "\"other\""));
  EXPECT_FALSE(with("\"bytes\": ", "\"bytes\": -"));
  EXPECT_FALSE(with("\"imported_at\": ", "\"imported_at\": [], \"x\": "));
  EXPECT_TRUE(with("\"tiny\"", "\"tiny\""));
}

TEST_F(Catalog, a_hugging_face_folder_is_used_where_it_lies_and_imported) {
  const std::string folder = HEARTH_SOURCE_DIR "/tests/golden/hf/llama";
  for (const std::string& path : {folder, folder + "/", folder + "/../llama"}) {
    const auto model = resolve(path);
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->alias, "llama") << path;
    EXPECT_GT(model->bytes, 100000u);
  }
  const auto imported = import_model(folder, "");
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_EQ(imported->path, (home_ / "models/llama").string());
  EXPECT_TRUE(verify_model(*imported));
}

TEST_F(Catalog, an_unknown_model_is_answered_with_the_nearest_alias) {
  ASSERT_TRUE(import_model(kTied, "smollm2-135m"));
  const auto found = resolve("smolm2-135m");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::not_found);
  EXPECT_NE(found.error().message.find("did you mean \"smollm2-135m\"?"), std::string::npos)
      << found.error().message;
  EXPECT_NE(resolve("phi-4-mni").error().message.find("did you mean \"phi-4-mini\"?"),
            std::string::npos)
      << "the catalogue's names are near, too";
  EXPECT_EQ(remove_model("nothing").error().kind, ErrorKind::not_found);
}

TEST_F(Catalog, a_path_is_used_as_it_is) {
  const auto model = resolve(kTied);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->path, kTied);
  EXPECT_EQ(model->alias, "model");
  EXPECT_EQ(resolve("absent.gguf").error().kind, ErrorKind::not_found);
  EXPECT_EQ(resolve("/").error().kind, ErrorKind::invalid);
  EXPECT_EQ(resolve("").error().kind, ErrorKind::invalid);
  EXPECT_EQ(resolve(std::string("a\0b", 3)).error().kind, ErrorKind::invalid);
}

TEST_F(Catalog, what_is_skipped_is_told_once_however_often_one_looks) {
  fs::create_directories(home_ / "models");
  write(home_ / "models/page.gguf", "<!doctype html>");
  testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(list_models());
    EXPECT_FALSE(resolve("nosuch"));
  }
  const std::string said = testing::internal::GetCapturedStderr();
  const std::size_t first = said.find("page.gguf");
  ASSERT_NE(first, said.npos);
  EXPECT_EQ(said.find("skipped", first), said.npos) << said;
}

TEST_F(Catalog, another_cache_is_searched_on_its_own) {
  ASSERT_TRUE(import_model(kTied, "tiny"));
  EXPECT_TRUE(resolve_in((home_ / "models").string(), "tiny"));
  const auto elsewhere = resolve_in((home_ / "empty").string(), "tiny");
  ASSERT_FALSE(elsewhere);
  EXPECT_NE(elsewhere.error().message.find("/empty"), std::string::npos);
}

TEST_F(Catalog, what_an_interrupted_import_left_is_no_model_and_does_no_harm) {
  fs::create_directories(home_ / "models/.part-tiny");
  write(home_ / "models/.part-tiny/model.gguf", "half");
  EXPECT_TRUE(list_models()->empty());
  ASSERT_TRUE(import_model(kTied, "tiny"));
  EXPECT_FALSE(fs::exists(home_ / "models/.part-tiny"));
  EXPECT_EQ(read(resolve("tiny")->path), read(kTied));
}

TEST_F(Catalog, imports_at_the_same_time_take_turns) {
  std::vector<std::thread> threads;
  std::atomic<int> n_good = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      n_good += import_model(kTied, i % 2 == 0 ? "tiny" : "other").has_value() ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(n_good, 8);
  EXPECT_EQ(list_models()->size(), 2U);
}

TEST_F(Catalog, progress_ends_at_the_size_of_the_file) {
  std::uint64_t last = 0;
  std::uint64_t whole = 0;
  ASSERT_TRUE(import_model(kTied, "tiny", [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GE(done, last);
    last = done;
    whole = total;
  }));
  EXPECT_EQ(last, fs::file_size(kTied));
  EXPECT_EQ(whole, last);
}

TEST(CacheFolder, follows_hearth_home_then_xdg_then_home) {
  ::setenv("HEARTH_HOME", "/a", 1);
  EXPECT_EQ(cache_folder(), "/a/models");
  ::unsetenv("HEARTH_HOME");
  ::setenv("XDG_CACHE_HOME", "/b", 1);
  EXPECT_EQ(cache_folder(), "/b/hearth/models");
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  ::setenv("HOME", "/c", 1);
  EXPECT_EQ(cache_folder(), "/c/.cache/hearth/models");
}

}  // namespace
}  // namespace hearth::catalog
