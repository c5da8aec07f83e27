#include "api/models.h"

#include <gtest/gtest.h>

namespace hearth::api {
namespace {

TEST(ModelList, is_the_protocols_list_object) {
  EXPECT_EQ(
      model_list({{"a", 5}}),
      R"({"object":"list","data":[{"id":"a","object":"model","created":5,"owned_by":"hearth"}]})");
  EXPECT_EQ(model_list({}), R"({"object":"list","data":[]})");
}

TEST(ModelObject, is_one_entry_of_the_list) {
  EXPECT_EQ(model_object({"org/name", 7}),
            R"({"id":"org/name","object":"model","created":7,"owned_by":"hearth"})");
}

}  // namespace
}  // namespace hearth::api
