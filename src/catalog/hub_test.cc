// hub_test.cc - names, listings, and the file that is meant.
#include "catalog/hub.h"

#include <gtest/gtest.h>

#include "base/str.h"

namespace hearth::catalog {
namespace {

TEST(Hub, sources) {
  const auto plain = parse_hub_source("hf:Qwen/Qwen3-0.6B-GGUF");
  ASSERT_TRUE(plain && *plain);
  EXPECT_EQ((*plain)->repository, "Qwen/Qwen3-0.6B-GGUF");
  EXPECT_EQ((*plain)->revision, "main");
  EXPECT_EQ((*plain)->file, "");
  const auto full = parse_hub_source("hf:a/b@v1.0:dir/x q.gguf");
  ASSERT_TRUE(full && *full);
  EXPECT_EQ((*full)->revision, "v1.0");
  EXPECT_EQ((*full)->file, "dir/x q.gguf");
  EXPECT_EQ(listing_path(**full), "/api/models/a/b/revision/v1.0?blobs=true");
  EXPECT_EQ(file_path(**full, "abc", "dir/x q.gguf"), "/a/b/resolve/abc/dir/x%20q.gguf");
  const auto other = parse_hub_source("phi-4-mini");
  ASSERT_TRUE(other);
  EXPECT_FALSE(*other);
  for (const char* text : {"hf:", "hf:a", "hf:a/", "hf:/b", "hf:../b", "hf:a/b/c", "hf:a/b:../x",
                           "hf:a/b:/etc/passwd", "hf:a/b@", "hf:a b/c", "hf:a/b@../..:x"}) {
    EXPECT_FALSE(parse_hub_source(text)) << text;
  }
}

std::string listing_json(std::initializer_list<const char*> names) {
  std::string files;
  for (const char* name : names) {
    files += cat(files.empty() ? "" : ",", "{\"rfilename\":\"", name, "\",\"size\":5}");
  }
  return cat("{\"sha\":\"c0ffee\",\"siblings\":[", files, "]}");
}

std::string chosen(std::initializer_list<const char*> names, std::string_view wanted = "") {
  const auto listing = parse_hub_listing(listing_json(names), "a/b");
  EXPECT_TRUE(listing) << (listing ? "" : listing.error().message);
  const auto files = choose_gguf(*listing, "a/b", wanted);
  if (!files) return files.error().message;
  std::vector<std::string_view> paths;
  for (const HubFile& file : *files) paths.push_back(file.path);
  return joined(paths);
}

TEST(Hub, the_file_that_is_meant) {
  EXPECT_EQ(chosen({"README.md", "m-Q8_0.gguf", "m-Q4_K_M.gguf"}), "m-Q4_K_M.gguf");
  EXPECT_EQ(chosen({"m-Q8_0.gguf", "m-f16.gguf"}), "m-Q8_0.gguf");
  EXPECT_EQ(chosen({"gpt-oss-mxfp4.gguf"}), "gpt-oss-mxfp4.gguf");
  EXPECT_EQ(chosen({"only.gguf", "mmproj-only.gguf"}), "only.gguf");
  EXPECT_EQ(chosen({"m-Q4_K_M.gguf", "m-Q8_0.gguf"}, "q8_0"), "m-Q8_0.gguf");
  EXPECT_EQ(chosen({"m-Q4_K_M_L.gguf", "m-Q4_K_M.gguf"}, "Q4_K_M"), "m-Q4_K_M.gguf");
  EXPECT_EQ(chosen({"a/m.gguf", "b/m.gguf"}, "b/m.gguf"), "b/m.gguf");
  EXPECT_NE(chosen({"m-Q4_K_M.gguf"}, "Q2").find("is named \"Q2\"; there are m-Q4_K_M.gguf"),
            std::string::npos);
  EXPECT_NE(chosen({"one.gguf", "two.gguf"}).find("which file of a/b?"), std::string::npos);
  EXPECT_NE(chosen({"model.safetensors"}).find("has no GGUF file"), std::string::npos);
}

TEST(Hub, a_split_model_is_all_its_parts) {
  EXPECT_EQ(chosen({"q/m-Q4_K_M-00002-of-00002.gguf", "q/m-Q4_K_M-00001-of-00002.gguf"}),
            "q/m-Q4_K_M-00001-of-00002.gguf, q/m-Q4_K_M-00002-of-00002.gguf");
  EXPECT_EQ(
      chosen({"m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf", "m-Q2_K.gguf"}, "Q8"),
      "m-Q8_0-00001-of-00002.gguf, m-Q8_0-00002-of-00002.gguf");
  EXPECT_NE(chosen({"m-00001-of-00003.gguf", "m-00003-of-00003.gguf"})
                .find("\"m-00002-of-00003.gguf\" is not in the repository"),
            std::string::npos);
}

TEST(Hub, a_folder_is_its_settings_and_its_weights) {
  EXPECT_EQ(chosen({"config.json", "model.safetensors", "README.md"}), "");
  EXPECT_NE(chosen({"config.json", "model.safetensors"}, "Q4").find("leave the file out"),
            std::string::npos);
  const auto listing = parse_hub_listing(
      listing_json({"config.json", "pytorch_model.bin", "consolidated.safetensors", "a.safetensors",
                    "b.safetensors", "model.safetensors.index.json", "tokenizer.json",
                    "1_Pooling/config.json", "onnx/model.onnx"}),
      "a/b");
  ASSERT_TRUE(listing && needs_index(*listing));
  const auto files =
      choose_folder(*listing, R"({"weight_map":{"x":"a.safetensors","y":"b.safetensors"}})");
  ASSERT_TRUE(files) << files.error().message;
  std::vector<std::string_view> paths;
  for (const HubFile& file : *files) paths.push_back(file.path);
  EXPECT_EQ(joined(paths),
            "a.safetensors, b.safetensors, model.safetensors.index.json, config.json, "
            "tokenizer.json, 1_Pooling/config.json");
  EXPECT_FALSE(choose_folder(*listing, R"({"weight_map":{"x":"absent.safetensors"}})"));
  EXPECT_FALSE(choose_folder(*listing, R"({"weight_map":{"x":"../../a.safetensors"}})"));
}

TEST(Hub, listings_are_read_with_suspicion) {
  const auto listing = parse_hub_listing(
      R"({"sha":"abc","siblings":[{"rfilename":"../x.gguf","size":1},{"rfilename":"m.gguf","size":7,
          "lfs":{"sha256":"b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"}}]})",
      "a/b");
  ASSERT_TRUE(listing);
  ASSERT_EQ(listing->files.size(), 1u) << "a path out of the repository is no file";
  EXPECT_EQ(listing->files[0].bytes, 7u);
  EXPECT_EQ(listing->files[0].sha256.substr(0, 4), "b179");
  for (const char* json :
       {"", "[]", "{}", R"({"sha":"../..","siblings":[]})", R"({"sha":"abc"})",
        R"({"sha":"abc","siblings":[1]})",
        R"({"sha":"abc","siblings":[{"rfilename":"m","lfs":{"sha256":"../../x"}}]})",
        R"({"sha":"abc","siblings":[{"rfilename":"m","lfs":{"sha256":"sha256:..%2f"}}]})"}) {
    EXPECT_FALSE(parse_hub_listing(json, "a/b")) << json;
  }
}

}  // namespace
}  // namespace hearth::catalog
