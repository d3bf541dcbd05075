#include "lts/train/checkpoint.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "lts/base/enum_table.h"
#include "lts/base/error.h"
#include "lts/base/files.h"
#include "lts/io/safetensors.h"

namespace lts {
namespace {

constexpr std::string_view kFormat = "lts-training-1";
constexpr std::string_view kStateFile = "state.json";
constexpr std::string_view kTensorsPrefix = "step-";
constexpr std::string_view kTensorsSuffix = ".safetensors";
constexpr EnumTable<LearnerPart, 3> kStoredParts{"part",
                                                 {{{LearnerPart::kWeight, "weight"},
                                                   {LearnerPart::kFirstMoment, "first_moment"},
                                                   {LearnerPart::kSecondMoment, "second_moment"}}}};

std::string StatePath(const std::string& folder) {
  return fmt::format("{}/{}", folder, kStateFile);
}

std::string NameOf(LearnerPart part, const TensorSpec& tensor) {
  return fmt::format("{}/{}", kStoredParts.Name(part), tensor.name);
}

bool IsTensorsFile(std::string_view name) {
  return name.size() > kTensorsPrefix.size() + kTensorsSuffix.size() &&
         name.starts_with(kTensorsPrefix) && name.ends_with(kTensorsSuffix) &&
         name.find('/') == std::string_view::npos;
}

// Calls visit(part, id, tensor) for all that a checkpoint stores, in the order of its file.
template <typename Visit>
void ForStoredTensors(const Graph& graph, const Visit& visit) {
  for (const auto& entry : kStoredParts.entries) {
    for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
      visit(entry.value, static_cast<TensorId>(i), graph.tensors[i]);
    }
  }
}

}  // namespace

TrainingState ParseTrainingState(const Json& json, const std::string& name) {
  ObjectReader reader(json, name);
  if (const std::string& format = reader.String("format"); format != kFormat) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: field 'format': got '{}', expected '{}'; was it written by "
                            "another version?",
                            name, format, kFormat));
  }
  constexpr double kMost = std::numeric_limits<double>::max();
  TrainingState state;
  state.step = reader.Int("step", 0, std::int64_t{1} << 53);
  state.tensors = reader.String("tensors");
  if (!IsTensorsFile(state.tensors)) {
    reader.Fail("tensors", "expected the name of a file, step-N.safetensors");
  }
  state.seconds = reader.Double("seconds", 0, kMost);
  if (reader.Has("best_loss")) state.best_loss = reader.Double("best_loss", -kMost, kMost);
  state.best_step = reader.IntOr("best_step", 0, std::int64_t{1} << 53, 0);
  state.run = reader.Member("run");
  if (!state.run.is_object()) reader.Fail("run", "expected an object");
  return state;
}

Json ToJson(const TrainingState& state) {
  Json json = Json::MakeObject();
  json["format"] = kFormat;
  json["step"] = state.step;
  json["tensors"] = state.tensors;
  json["seconds"] = state.seconds;
  json["best_loss"] = state.best_loss ? Json(*state.best_loss) : Json();
  json["best_step"] = state.best_loss ? Json(state.best_step) : Json();
  json["run"] = state.run;
  return json;
}

void SaveTrainingState(const std::string& folder, const TrainingState& state,
                       const Learner& learner) {
  EnsureWritableFolder(folder);
  TrainingState saved = state;
  saved.tensors = fmt::format("{}{}{}", kTensorsPrefix, state.step, kTensorsSuffix);
  std::vector<SafetensorsWriter::Entry> entries;
  ForStoredTensors(learner.graph(), [&](LearnerPart part, TensorId, const TensorSpec& tensor) {
    entries.push_back({NameOf(part, tensor), {tensor.shape.begin(), tensor.shape.end()}});
  });
  SafetensorsWriter writer(folder + "/" + saved.tensors, entries);
  std::vector<float> values;
  ForStoredTensors(learner.graph(), [&](LearnerPart part, TensorId id, const TensorSpec& tensor) {
    values.resize(static_cast<std::size_t>(tensor.count()));
    learner.Read(part, id, values);
    writer.Append(values);
  });
  writer.Commit();
  WriteFileAtomic(StatePath(folder), WriteJson(ToJson(saved)) + "\n");
  RemoveStaleTensors(folder, &saved);
}

std::optional<TrainingState> ReadTrainingState(const std::string& folder) {
  const std::string path = StatePath(folder);
  if (!std::filesystem::exists(path)) return std::nullopt;
  return ParseTrainingState(ReadJsonFile(path), path);
}

void RestoreLearner(const std::string& folder, const TrainingState& state, Learner& learner) {
  const std::string path = folder + "/" + state.tensors;
  const StoredTensors stored = ReadSafetensors(path);
  std::map<std::string_view, const StoredTensor*> by_name;
  for (const StoredTensor& tensor : stored.tensors) by_name[tensor.name] = &tensor;
  std::vector<float> values;
  ForStoredTensors(learner.graph(), [&](LearnerPart part, TensorId id, const TensorSpec& spec) {
    const std::string name = NameOf(part, spec);
    const std::vector<std::int64_t> shape(spec.shape.begin(), spec.shape.end());
    const auto found = by_name.find(name);
    if (found == by_name.end() || found->second->shape != shape) {
      throw Error(ErrorCode::kCorrupt,
                  fmt::format("{}: tensor '{}': got {}, expected {}", path, name,
                              found == by_name.end() ? "none" : ShapeText(found->second->shape),
                              ShapeText(shape)));
    }
    const StoredMatrix matrix = AsMatrix(*found->second);
    values.resize(static_cast<std::size_t>(spec.count()));
    CopyAsFloat32(matrix, name, values.data(), matrix.columns);
    learner.Write(part, id, values);
  });
}

void RemoveStaleTensors(const std::string& folder, const TrainingState* state) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const bool temporary = name.starts_with(".lts-") && name.ends_with(".tmp");
    const bool stale = IsTensorsFile(name) && (state == nullptr || name != state->tensors);
    if (temporary || stale) std::filesystem::remove(entry.path(), ignored);
  }
}

}  // namespace lts
