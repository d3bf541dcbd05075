// The subcommands, one file each. AddX registers the command with its options, help and callback;
// `context` must outlive `app`.
#pragma once

#include "lts/cli/app.h"

namespace lts::cli {

void AddSearch(CLI::App& app, Context& context);
void AddCount(CLI::App& app, Context& context);
void AddMeasure(CLI::App& app, Context& context);
void AddCalibrate(CLI::App& app, Context& context);
void AddPredict(CLI::App& app, Context& context);
void AddProfile(CLI::App& app, Context& context);
void AddBench(CLI::App& app, Context& context);
void AddExport(CLI::App& app, Context& context);
void AddGenerate(CLI::App& app, Context& context);
void AddPick(CLI::App& app, Context& context);
void AddRank(CLI::App& app, Context& context);
void AddFitLaw(CLI::App& app, Context& context);
void AddReport(CLI::App& app, Context& context);
void AddVerify(CLI::App& app, Context& context);
void AddCompare(CLI::App& app, Context& context);
void AddSpaces(CLI::App& app, Context& context);
void AddRuntimes(CLI::App& app, Context& context);
void AddRoofline(CLI::App& app, Context& context);
void AddTokenize(CLI::App& app, Context& context);
void AddTrain(CLI::App& app, Context& context);
void AddCompletion(CLI::App& app, Context& context);
void AddMemoryProbe(CLI::App& app, Context& context);  // hidden: the child of a memory measurement

}  // namespace lts::cli
