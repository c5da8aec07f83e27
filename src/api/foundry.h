// foundry.h - GET /foundry/list: the catalogue as the SDKs of Foundry Local 0.x read it.
//
// Each key below is demanded by at least one of them: Python wants every one, "version" a string
// and "fileSizeMb" an integer; Rust wants minFLVersion and maxOutputTokens non-null and an
// execution provider that it knows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hearth::api {

struct FoundryModel {
  std::string alias;
  std::string name;     // without the version: "Phi-4-mini-instruct-generic-cpu"
  std::string version;  // a whole number
  std::string publisher;
  std::string license;
  bool embeds = false;                 // else it chats
  bool tools = true;                   // it may be offered tools
  std::int64_t max_output_tokens = 0;  // 0: nobody knows before the file is there
  std::uint64_t bytes = 0;             // of the file; 0: nobody knows before it is there
};

std::string foundry_list(const std::vector<FoundryModel>& models);

}  // namespace hearth::api
