#include "catalog/model_ids.h"

#include <gtest/gtest.h>

namespace hearth::catalog {
namespace {

TEST(ModelIds, every_spelling_is_the_same_model) {
  for (const char* name :
       {"phi-4-mini", "PHI-4-mini", "Phi-4-mini-instruct", "phi-4-mini:3",
        "Phi-4-mini-instruct-generic-cpu:5", "phi-4-mini-instruct-GENERIC-CPU"}) {
    EXPECT_EQ(*alias_of(name), "phi-4-mini") << name;
  }
}

TEST(ModelIds, an_unknown_name_loses_its_version_only) {
  EXPECT_EQ(*alias_of("my-model:0"), "my-model");
  EXPECT_EQ(*alias_of("my-model:latest"), "my-model:latest");
  EXPECT_EQ(*alias_of("my-model:"), "my-model:");
  EXPECT_EQ(*alias_of(":7"), "");
  EXPECT_EQ(*alias_of("mine-generic-cpu"), "mine-generic-cpu");
}

TEST(ModelIds, each_known_model_is_found_by_its_id) {
  const auto known = known_models();
  ASSERT_TRUE(known);
  ASSERT_FALSE(known->empty());
  for (const KnownModel& model : *known) {
    EXPECT_EQ(*alias_of(model_id(model)), model.alias);
    EXPECT_EQ(*alias_of(model_name(model)), model.alias);
  }
  EXPECT_EQ(brought_model_id("mine"), "mine:0");
}

}  // namespace
}  // namespace hearth::catalog
