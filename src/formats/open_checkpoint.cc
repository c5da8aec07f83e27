// open_checkpoint.cc - from a path to a Checkpoint. Not part of the portable core: it maps files.
//
// People point a program at all sorts of things, so a file that is no model is told apart by its
// first bytes: each sentence below says what it is and what to do instead.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/str.h"
#include "formats/checkpoint.h"
#include "formats/gguf/gguf.h"
#include "formats/gguf/gguf_parts.h"
#include "formats/open_folder.h"

namespace hearth::formats {

namespace {

std::string_view head_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 256)};
}

// { u64 length of a JSON header, '{' … }; lengths above 100 MB are not used.
bool looks_like_safetensors(std::string_view head) {
  if (head.size() < 9 || head[8] != '{') return false;
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, head.data(), sizeof header_bytes);
  return header_bytes >= 2 && header_bytes <= 100'000'000;
}

// A protobuf ModelProto: field 1 (ir_version, a small number), then another field of the message.
bool looks_like_onnx(std::string_view head) {
  return head.size() >= 3 && head[0] == 0x08 && head[1] >= 1 && head[1] <= 32 &&
         (head[2] == 0x12 || head[2] == 0x3a || head[2] == 0x42);
}

bool looks_like_html(std::string_view head) {
  const std::size_t start = head.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return false;
  std::string text(head.substr(start, 15));
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text.starts_with("<!doctype html") || text.starts_with("<html");
}

// What a file without GGUF's magic seems to be; a whole clause.
std::string what_it_is(std::span<const std::byte> bytes) {
  const std::string_view head = head_of(bytes);
  if (head.empty()) return "the file is empty; the download may have failed, fetch it again";
  if (head.starts_with("version https://git-lfs")) {
    return "this is a Git LFS pointer, a few lines of text in place of the model; run \"git lfs "
           "pull\" "
           "in its repository, or download the file itself";
  }
  if (looks_like_html(head)) {
    return "this is a web page (HTML), not a model; the download saved an error or login page";
  }
  if (head.starts_with("PK\x03\x04")) {
    return "this is a zip archive (as PyTorch checkpoints are too); unpack it, or use a GGUF file "
           "of "
           "the model";
  }
  if (head.starts_with("\x1f\x8b")) return "this is a gzip archive; unpack it first";
  if (looks_like_safetensors(head)) {
    return "this looks like a safetensors file, but no config.json lies beside it; fetch the other "
           "files of the model into the same folder";
  }
  if (looks_like_onnx(head)) {
    return "this looks like an ONNX model, which Hearth does not read; use a GGUF file of the "
           "model";
  }
  if (head.starts_with("tjgg") || head.starts_with("lmgg") || head.starts_with("fmgg")) {
    return "this is a GGML file from before GGUF (2023); use a GGUF file of the model";
  }
  return cat("the file begins with ", quote(head.substr(0, 8)), ", expected \"GGUF\"");
}

Error at_path(const std::string& path, ErrorKind kind, std::string_view message) {
  return {kind, cat(quote(path, 200), ": ", message)};
}

// A file, or the part of a split model, and what was read of it.
struct OpenedGguf {
  std::shared_ptr<const MappedFile> file;
  Checkpoint checkpoint;
};

Result<OpenedGguf> open_gguf(const std::string& path) {
  HEARTH_TRY(auto file, MappedFile::open(path));
  const std::span<const std::byte> bytes = file->bytes();
  if (!head_of(bytes).starts_with("GGUF")) {
    return at_path(path, bytes.empty() ? ErrorKind::corrupt : ErrorKind::unsupported,
                   what_it_is(bytes));
  }
  auto parsed = parse_gguf(bytes);
  if (!parsed) return at_path(path, parsed.error().kind, parsed.error().message);
  return OpenedGguf{std::move(file), *std::move(parsed)};
}

// The other parts lie beside the one that was named.
Result<std::vector<OpenedGguf>> open_parts(const std::string& path, OpenedGguf first) {
  auto n = n_gguf_parts(first.checkpoint);
  if (!n) return at_path(path, n.error().kind, n.error().message);
  std::vector<OpenedGguf> parts;
  if (*n == 1) {
    parts.push_back(std::move(first));
    return parts;
  }
  const std::filesystem::path whole(path);
  const auto names = gguf_part_names(whole.filename().string(), *n);
  if (!names) return at_path(path, names.error().kind, names.error().message);
  for (const std::string& name : *names) {
    HEARTH_TRY(OpenedGguf part, open_gguf((whole.parent_path() / name).string()));
    parts.push_back(std::move(part));
  }
  return parts;
}

using Files = std::vector<std::shared_ptr<const MappedFile>>;

Result<std::shared_ptr<const Checkpoint>> open_gguf_model(const std::string& path) {
  HEARTH_TRY(OpenedGguf first, open_gguf(path));
  HEARTH_TRY(auto opened, open_parts(path, std::move(first)));
  Files files;
  std::vector<Checkpoint> parts;
  for (OpenedGguf& part : opened) {
    files.push_back(std::move(part.file));
    parts.push_back(std::move(part.checkpoint));
  }
  std::shared_ptr<Checkpoint> out;
  if (parts.size() == 1) {
    out = std::make_shared<Checkpoint>(std::move(parts.front()));
  } else {
    auto joined = join_gguf_parts(std::move(parts));
    if (!joined) return at_path(path, joined.error().kind, joined.error().message);
    out = std::make_shared<Checkpoint>(*std::move(joined));
  }
  out->path = path;
  for (const auto& file : files) out->files.push_back(file->path());
  out->storage = std::make_shared<Files>(files);
  out->release = [files](const Tensor& t) { release_pages(files, t.bytes); };
  return std::shared_ptr<const Checkpoint>(std::move(out));
}

bool is_safetensors_file(const std::string& path) {
  const auto file = MappedFile::open(path);
  return file && looks_like_safetensors(head_of((*file)->bytes()));
}

}  // namespace

Result<std::shared_ptr<const Checkpoint>> open_checkpoint(const std::string& path) {
  std::error_code ignored;  // whatever else is wrong with the path, opening it says better
  if (std::filesystem::is_directory(path, ignored)) {
    if (is_model_folder(path)) return open_model_folder(path);
    return at_path(path, ErrorKind::unsupported,
                   "this is a folder without a config.json, expected a model file or a Hugging "
                   "Face folder; name the .gguf file in it");
  }
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const std::string beside = folder.empty() ? "." : folder;
  if (is_safetensors_file(path) && is_model_folder(beside)) return open_model_folder(beside);
  return open_gguf_model(path);
}

}  // namespace hearth::formats
