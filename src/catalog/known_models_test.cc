#include "catalog/known_models.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "catalog/catalog.h"
#include "formats/presets.h"

namespace hearth::catalog {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModel =
    R"({"alias": "phi-4-mini", "names": ["Mine"], "family": "phi-4-mini", "architecture": "phi3",
        "task": "chat", "publisher": "me", "license": "MIT", "parameters": "3.8B", "context": 99})";

std::string with(const std::string& model) { return "{\"models\": [" + model + "]}"; }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

class KnownModels : public testing::Test {
 protected:
  KnownModels() {
    std::string pattern = (fs::temp_directory_path() / "hearth_known_XXXXXX").string();
    home_ = ::mkdtemp(pattern.data());
    ::setenv("HEARTH_HOME", home_.c_str(), 1);
  }
  ~KnownModels() override { fs::remove_all(home_); }

  fs::path home_;
};

TEST_F(KnownModels, the_built_in_catalogue_is_whole) {
  const auto models = known_models();
  ASSERT_TRUE(models) << models.error().message;
  EXPECT_GE(models->size(), 25U);
  for (const KnownModel& model : *models) {
    EXPECT_GT(model.context, 0) << model.alias;
    EXPECT_FALSE(model.license.empty()) << model.alias;
    if (model.task != "chat") continue;
    // What the catalogue says of a model is what its name alone would tell.
    const formats::Preset* preset = formats::preset_named(model.architecture, model.alias);
    ASSERT_NE(preset, nullptr) << model.alias;
    EXPECT_EQ(preset->family, model.family) << model.alias;
    for (const std::string& name : model.names) {
      EXPECT_EQ((*find_known_model(name))->alias, model.alias);
    }
  }
}

TEST_F(KnownModels, names_are_found_in_any_case) {
  EXPECT_EQ((*find_known_model("Phi-4-Mini-INSTRUCT"))->alias, "phi-4-mini");
  EXPECT_EQ((*find_known_model("GPT-OSS-20B"))->family, "gpt-oss");
  EXPECT_FALSE(*find_known_model("gpt-5"));
}

TEST_F(KnownModels, a_users_file_adds_and_replaces) {
  std::ofstream(home_ / "catalog.json") << with(kModel);
  EXPECT_EQ((*find_known_model("mine"))->alias, "phi-4-mini");
  EXPECT_EQ((*find_known_model("phi-4-mini"))->context, 99);
  EXPECT_FALSE(*find_known_model("Phi-4-mini-instruct"));
  std::ofstream(home_ / "catalog.json") << "{";
  const auto found = find_known_model("mine");
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("catalog.json"), std::string::npos);
}

TEST_F(KnownModels, a_name_of_the_catalogue_finds_the_model_in_the_cache) {
  const auto absent = resolve("phi-4-mini-instruct");
  ASSERT_FALSE(absent);
  EXPECT_NE(absent.error().message.find("model download phi-4-mini"), std::string::npos)
      << absent.error().message;
  ASSERT_TRUE(import_model(HEARTH_SOURCE_DIR "/tests/golden/hf/phi3/model.gguf", "phi-4-mini"));
  EXPECT_EQ(resolve("phi-4-mini-instruct")->alias, "phi-4-mini");
}

TEST_F(KnownModels, what_is_wrong_is_named) {
  const std::pair<std::string, std::string> cases[] = {
      {"[]", "expected {\"models\""},
      {with("7"), "no object"},
      {with(replaced(kModel, "\"MIT\"", "7")), "license: expected a string"},
      {with(replaced(kModel, "99", "-1")), "context: expected a whole number"},
      {with(replaced(kModel, "[\"Mine\"]", "[7]")), "names: expected an array of strings"},
      {with(replaced(kModel, "\"alias\": \"phi", "\"alias\": \"../phi")), "alias: an alias has"},
      {with(replaced(kModel, "\"family\": \"phi", "\"family\": \"chi")), "no family is called"},
      {with(replaced(kModel, "\"chat\"", "\"dance\"")), "task: expected chat or embeddings"},
      {with(replaced(kModel, "\"context\"", "\"contxt\"")), "context: missing"},
      {with(replaced(kModel, "99", "99, \"more\": 1")), "\"more\": no such field"},
      {with(std::string(kModel) + "," + kModel), "twice"},
  };
  for (const auto& [text, expected] : cases) {
    const auto parsed = parse_known_models(text, "it");
    ASSERT_FALSE(parsed) << expected;
    EXPECT_NE(parsed.error().message.find(expected), std::string::npos) << parsed.error().message;
  }
}

}  // namespace
}  // namespace hearth::catalog
